#include "main/daemon.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <future>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/disk_space.h"
#include "base/event_loop.h"
#include "base/failpoint.h"
#include "base/guarded.h"
#include "base/limits.h"
#include "base/small_file.h"
#include "base/unique_fd.h"
#include "core/audit/audit_trail.h"
#include "core/disk.h"
#include "core/identity/identity.h"
#include "core/object/objects.h"
#include "core/object/quotas.h"
#include "core/object/storage_usage.h"
#include "core/object/system_objects.h"
#include "core/object/uploads.h"
#include "core/process/process_folder.h"
#include "core/process/processes.h"
#include "core/request/requests.h"
#include "core/retention_clock.h"
#include "gateway/http_server.h"
#include "host/batch_scheduling.h"
#include "host/content_sha256.h"
#include "host/crc32c.h"
#include "host/data_disk.h"
#include "host/hs256_signer.h"
#include "host/json_logger.h"
#include "host/loop_scheduler.h"
#include "host/loopback_peers.h"
#include "host/password_hasher.h"
#include "host/secret_file.h"
#include "host/sha256.h"
#include "host/startup_code.h"
#include "main/adapters.h"
#include "main/check.h"
#include "main/library_logs.h"
#include "main/metrics.h"
#include "main/sys_folder.h"
#include "protocol/system_identity.h"
#include "runtime/log_reader.h"
#include "runtime/supervision_client.h"
#include "server/grpc_server.h"
#include "server/peer_socket.h"
#include "services/auth_service.h"
#include "services/event_service.h"
#include "services/filesystem_service.h"
#include "services/process_service.h"
#include "services/system_service.h"
#include "store/blob/blob_files.h"
#include "store/sqlite/sqlite_clean_stop.h"
#include "store/sqlite/sqlite_database.h"
#include "store/store.h"

namespace grpc_os {
namespace {

constexpr int64_t kTickMs = 1000;
constexpr int64_t kSettleMs = 5000;
constexpr int64_t kSettlePollMs = 2;
constexpr int64_t kStopGraceMs = 5000;
constexpr int64_t kSaveClockEveryMs = 600'000;
constexpr char kClockFile[] = "retention-clock";  // below the data directory

absl::Status MakeDirectory(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot make the directory ", path, ": ",
                                             strerror(errno), "; choose another with --data-dir"));
}

absl::StatusOr<UniqueFd> TakeLock(const std::string& path) {
  UniqueFd lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock)
    return absl::UnavailableError(absl::StrCat("cannot write ", path, ": ", strerror(errno),
                                               "; is the data directory read-only?"));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::UnavailableError(
        absl::StrCat("another grpc-osd runs on this data directory (it holds ", path,
                     "); stop it first, or choose another --data-dir"));
  }
  return lock;
}

// Empty: it is not there, or cannot be read.
std::string ReadFile(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  char text[256];
  const ssize_t size = file ? read(file.get(), text, sizeof text) : -1;
  return std::string(text, static_cast<size_t>(std::max<ssize_t>(size, 0)));
}

// Who is admin by peer credentials: root, and, where nothing shields processes anyway, the account
// that runs the system.
std::set<int64_t> AdminUids(bool shielded) {
  std::set<int64_t> uids = {0};
  if (!shielded) uids.insert(geteuid());
  return uids;
}

}  // namespace

// Members in the order in which they start; they are destroyed in reverse.
class Daemon::Impl {
 public:
  Impl(const DaemonOptions& options, std::function<void()> on_shutdown)
      : options_(options),
        run_(options.data_directory + "/run"),
        database_path_(options.data_directory + "/grpc-os.db"),
        on_shutdown_(std::move(on_shutdown)),
        scheduler_(loop_) {}
  ~Impl() { Stop(); }

  absl::Status Start() {
    for (const auto step :
         {&Impl::OpenFiles, &Impl::OpenStore, &Impl::OpenIdentity, &Impl::MakeCore, &Impl::Serve}) {
      if (absl::Status status = (this->*step)(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status OpenFiles() {
    for (const char* directory : {"", "/run", "/logs", "/logs/system", "/secrets"}) {
      if (absl::Status status = MakeDirectory(options_.data_directory + directory, 0700);
          !status.ok())
        return status;
    }
    if (absl::Status status = host::CheckSecretDirectory(options_.data_directory + "/secrets");
        !status.ok())
      return status;
    auto lock = TakeLock(run_ + "/osd.lock");
    if (!lock.ok()) return lock.status();
    lock_ = *std::move(lock);
    directory_.Reset(open(options_.data_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto level = options_.settings.debug ? core::LogLevel::kDebug : core::LogLevel::kInfo;
    auto logger = host::JsonLogger::Open(options_.data_directory + "/logs/system/osd.jsonl", level);
    logger_ = logger.ok() ? *std::move(logger) : host::JsonLogger::ToStandardError(level);
    if (!logger.ok()) {
      Warn(absl::StrCat("the log goes to logs/system/osd.log: ",
                        std::string(logger.status().message())));
    }
    library_logs_ = std::make_unique<LibraryLogs>(*logger_);
    logger_->Write(core::LogLevel::kInfo, "starting",
                   {{"version", GRPC_OS_VERSION}, {"pid", absl::StrCat(getpid())}});
    if (!options_.settings.warning.empty())
      logger_->Write(core::LogLevel::kWarning, options_.settings.warning, {});
    return ReadIdentity();
  }

  // grpc-os-init has written it by now, and in it whether this is a copy.
  absl::Status ReadIdentity() {
    auto identity = protocol::ReadSystemIdentity(directory_.get());
    if (!identity.ok()) return identity.status();
    if (identity->has_value()) system_identity_ = **std::move(identity);
    return absl::OkStatus();
  }

  void Tell(const std::string& note) {
    logger_->Write(core::LogLevel::kWarning, note, {});
    options_.say(absl::StrCat("note: ", note));
  }

  // What was copied while it ran can be of several moments, of which only a look at all of it tells
  // something.
  absl::Status CheckCopy() {
    if (system_identity_.held.empty() || access(database_path_.c_str(), F_OK) != 0 ||
        store::WasStoppedCleanly(database_path_)) {
      return absl::OkStatus();
    }
    Tell(absl::StrCat("Reads all of ", options_.data_directory, " before it is used, because ",
                      system_identity_.held, ", and was not stopped cleanly."));
    if (access((database_path_ + "-wal").c_str(), F_OK) != 0) {
      Tell(absl::StrCat(
          "Its log ", database_path_,
          "-wal was not copied along: the last changes of the original may be missing."));
    }
    const auto report = CheckLockedDirectory(options_.data_directory);
    if (!report.ok() && !absl::IsDataLoss(report.status())) return report.status();
    if (report.ok() && report->findings.empty()) return absl::OkStatus();
    constexpr size_t kShownBytes = 200;  // of what may be a long list
    const std::string damage =
        report.ok() ? report->findings.front() : std::string(report.status().message());
    return absl::DataLossError(absl::StrCat(
        "the copy in ", options_.data_directory, " is damaged (", damage.substr(0, kShownBytes),
        "), because it was made while the system ran; end the original's control plane, whose "
        "processes go on, with: grpc-os-init --data-dir ORIGINAL --stop, and copy it again"));
  }

  // A system that is held is so until `resume`, or until a setting says that copies are meant.
  absl::Status HoldCopy() {
    if (system_identity_.held.empty()) return absl::OkStatus();
    if (!options_.settings.held_on_copy) return EndHold();
    processes_->Hold(system_identity_.held);
    Tell(absl::StrCat("This system's processes are held, because ", system_identity_.held,
                      ": `stop NAME` what must not run here, then `resume` lets the others run."));
    return absl::OkStatus();
  }

  absl::Status EndHold() {
    protocol::SystemIdentity identity = system_identity_;
    identity.held.clear();
    absl::Status status = protocol::WriteSystemIdentity(directory_.get(), identity);
    if (status.ok()) system_identity_ = std::move(identity);
    return status;
  }

  absl::Status OpenStore() {
    MakeClocks();
    const std::string mark = options_.data_directory + "/in-use";
    const std::string key = options_.data_directory + "/secrets/jwt.key";
    // The key is there without the mark in directories of before there was one.
    const bool marked = access(mark.c_str(), F_OK) == 0;
    if (absl::Status status = CheckCopy(); !status.ok()) return status;
    auto database = store::OpenSqlite(database_path_, marked ? mark : key);
    if (!database.ok()) return WithRoomAsCure(database.status());
    store::ForgetCleanStop(database_path_);
    store::StoreOptions store_options;
    store_options.kept.revisions = options_.settings.events_kept;
    store_options.now_ms = [this] { return retention_clock_->NowMs(); };
    store_options.retired_from_ms = [this] { return retention_clock_->LatestMs(); };
    store_options.begin_writer = host::UseNormalScheduling;
    auto store = store::Store::Open(*std::move(database), store_options);
    if (!store.ok()) return WithRoomAsCure(store.status());
    store_ = *std::move(store);
    if (!store_->statistics().reserve_is_supported) {
      logger_->Write(
          core::LogLevel::kWarning,
          "the file system of the data directory keeps no room for a full disk: stop and "
          "delete will be refused then, too; put it on ext4, xfs or tmpfs",
          {});
    }
    if (!marked) {
      WriteForOthers("in-use",
                     "This data directory is in use: without grpc-os.db beside this file, grpc-osd "
                     "does not start, so that a lost database is not taken for a new one.\n");
    }
    return absl::OkStatus();
  }

  // Of a store that cannot be opened, so that nobody can ask us to free anything.
  absl::Status WithRoomAsCure(const absl::Status& status) const {
    if (!absl::IsResourceExhausted(status)) return status;
    return absl::UnavailableError(
        absl::StrCat(std::string(status.message()),
                     ", and grpc-os.db cannot be opened without any: free some there"));
  }

  // What people and other programs read, and we do without: where there is no room for it, it is
  // tried again each second. `name` below the data directory.
  void WriteForOthers(const std::string& name, const std::string& text) {
    const int error = ReplaceSmallFile(directory_.get(), name, text, 0644);
    if (error == 0) return;
    unlinkat(directory_.get(), name.c_str(), 0);  // what an old one says is wrong
    Warn(absl::StrCat("cannot write ", name, " yet, and serves without it: ",
                      IsDiskFull(error) ? DescribeDiskFull(options_.data_directory, error)
                                        : std::string(strerror(error))));
    unwritten_.Lock()->emplace(name, text);
  }
  void WriteAgain() {
    auto unwritten = unwritten_.Lock();
    std::erase_if(*unwritten, [this](const auto& file) {
      return ReplaceSmallFile(directory_.get(), file.first, file.second, 0644) == 0;
    });
  }

  // What of the start we do without.
  void Warn(const std::string& text) {
    logger_->Write(core::LogLevel::kWarning, text, {});
    options_.say(absl::StrCat("warning: ", text));
  }

  absl::Status OpenIdentity() {
    std::string key = options_.settings.jwt_secret;
    if (key.empty()) {
      auto made = host::LoadOrMakeKey(options_.data_directory + "/secrets/jwt.key");
      if (!made.ok()) return made.status();
      key = *std::move(made);
    }
    signer_ = std::make_unique<host::Hs256Signer>(std::move(key));
    hasher_ = std::make_unique<host::PasswordHasher>();
    identity_ = std::make_unique<core::Identity>(
        core::Identity::Parts{*store_, *signer_, *hasher_, digest_, scheduler_,
                              AdminUids(options_.shielded), *retention_clock_});
    return identity_->Load(store_->NewestRevision());
  }

  // At the first start. A generated password is in its file before anyone can log in with it, and
  // one that is there from a start that did not get so far is taken.
  absl::Status MakeFirstAdmin() {
    std::string password = std::exchange(options_.settings.admin_password, "");
    if (identity_->HasAdmin()) return absl::OkStatus();
    if (password.empty()) {
      const std::string path = options_.data_directory + "/secrets/admin.password";
      auto made = host::LoadOrMakePassword(path);
      if (!made.ok()) return made.status();
      password = *std::move(made);
      options_.say(absl::StrCat("note: The first admin: `login admin` with the password in ", path,
                                "; set another with `user passwd admin`, then remove the file."));
    }
    std::promise<absl::StatusOr<std::string>> hashed;
    hasher_->Hash(std::move(password), [&hashed](absl::StatusOr<std::string> hash) {
      hashed.set_value(std::move(hash));
    });
    auto hash = hashed.get_future().get();
    if (!hash.ok()) return hash.status();
    Failpoint("osd.start.first_password");
    return identity_->MakeAdmin(*hash);
  }

  absl::Status MakeCore() {
    logs_ = std::make_unique<runtime::LogReader>(options_.data_directory + "/logs");
    log_source_ = std::make_unique<LogAdapter>(*logs_);
    facts_.start_time_ms = scheduler_.NowMs();
    facts_.shielded = options_.shielded;
    disk_ = std::make_unique<host::DataDisk>(host::DataDisk::Parts{
        .directory = options_.data_directory,
        .clock = scheduler_,
        .logger = *logger_,
        .refused_ago_ms = [this] {
          const int64_t refused_ms = store_->statistics().disk_full_ms.load();
          return refused_ms == 0 ? INT64_MAX : EventLoop::NowMs() - refused_ms;
        }});
    supervision_ = std::make_unique<runtime::SupervisionClient>(
        loop_, runtime::SupervisionClient::Options{
                   .data_directory = options_.data_directory,
                   .on_init =
                       [this](const std::string& cgroup_mode, bool shielded) {
                         facts_.cgroup_mode = cgroup_mode;
                         facts_.shielded = shielded;
                       },
                   .on_shutdown = on_shutdown_,
                   .on_error =
                       [this](const std::string& message) {
                         logger_->Write(core::LogLevel::kError, message, {});
                       }});
    usage_ = std::make_unique<UsageAdapter>(*supervision_);
    processes_ = std::make_unique<core::Processes>(*store_, *supervision_, scheduler_);
    processes_->SetRoomCheck([this] {
      const core::DiskState disk = disk_->Look();
      if (disk.total_bytes == 0 || disk.free_bytes >= limits::kDiskFullBytes)
        return absl::OkStatus();
      return core::DiskFullError(DescribeDiskFull(disk.directory, ENOSPC), "nothing was started");
    });
    auto stored = store_->LoadProcesses();
    if (!stored.ok()) return stored.status();
    const auto last_boot = store_->LoadBootId();
    if (!last_boot.ok()) return last_boot.status();
    const bool rebooted = !last_boot->empty() && *last_boot != options_.boot_id;
    logger_->Write(
        core::LogLevel::kInfo, "loaded",
        {{"processes", absl::StrCat(stored->size())}, {"rebooted", rebooted ? "true" : "false"}});
    if (absl::Status status = HoldCopy(); !status.ok()) return status;
    processes_->Load(*std::move(stored), store_->NewestRevision(), rebooted);
    Failpoint("osd.start.loaded");
    boot_id_saved_ = *last_boot == options_.boot_id;
    objects_ = std::make_unique<core::Objects>(*store_, scheduler_);
    quotas_ = std::make_unique<core::Quotas>(*store_, scheduler_);
    core::SystemObjects::Folders folders;
    folders["/proc/"] =
        std::make_unique<core::ProcessFolder>(*processes_, *usage_, *log_source_, scheduler_);
    folders["/sys/"] = MakeSysFolder(scheduler_);
    system_objects_ = std::make_unique<core::SystemObjects>(std::move(folders), scheduler_);
    auto blobs = store::BlobFiles::Open({.files = store::FilesIn(options_.data_directory),
                                         .hashes = {content_hash_, checksum_},
                                         .clock = scheduler_,
                                         .index = *store_});
    if (!blobs.ok()) return blobs.status();
    blobs_ = *std::move(blobs);
    return MakeFirstFolders();
  }

  // Those that were begun under daemons before this one too.
  absl::Status OpenUploads() {
    uploads_ = std::make_unique<core::Uploads>(core::Uploads::Parts{
        .files = *blobs_,
        .requests = *requests_,
        .committed = *store_,
        .clock = scheduler_,
        .put =
            [this](core::PutObject change, core::Objects::By by, core::Objects::Done done) {
              objects_->Put(std::move(change), std::move(by), std::move(done));
            },
        .get =
            [this](const std::string& id, const core::ObjectAccess& access,
                   core::Objects::Done done) {
              objects_->Get(id, 0, false, {}, access, std::move(done));
            }});
    storage_ = std::make_unique<core::StorageMeter>(core::StorageMeter::Parts{
        .store = *store_,
        .index = *store_,
        .uploads = *uploads_,
        .uptime_ms = EventLoop::NowMs,
        .changes = [this] { return StoreChanges(); },
        .add_files = [this](core::StorageUsage& usage) { AddFiles(usage); }});
    return uploads_->Load();
  }

  // Another number after each change of what is stored.
  int64_t StoreChanges() const {
    return store_->NewestRevision() + store_->statistics().swept_rows.load();
  }

  void AddFiles(core::StorageUsage& usage) const {
    const store::DatabaseSize size = store_->SizeOnDisk();
    usage.database_bytes = size.database_bytes;
    usage.database_log_bytes = size.log_bytes;
    usage.unused_bytes += blobs_->stray_bytes();
  }

  absl::Status MakeFirstFolders() {
    std::promise<absl::Status> made;
    objects_->MakeFirstFolders(
        [&made](const absl::StatusOr<bool>& done) { made.set_value(done.status()); });
    const absl::Status status = made.get_future().get();
    if (!core::IsDiskFullError(status)) return status;
    Warn(std::string(status.message()));  // the next start makes them
    return absl::OkStatus();
  }

  absl::Status Serve() {
    auto methods = services::MethodTable::BuildApi();
    if (!methods.ok()) return methods.status();
    audit_ = std::make_unique<core::AuditTrail>(*store_, *logger_);
    requests_ = std::make_unique<core::Requests>(*store_);
    if (absl::Status status = OpenUploads(); !status.ok()) return status;
    environment_ = std::make_unique<services::CallEnvironment>(
        services::CallEnvironment::Parts{*identity_, *audit_, *requests_, digest_, *logger_,
                                         scheduler_, &loopback_},
        *std::move(methods));
    funnel_ = std::make_unique<services::Funnel>(*environment_);
    auth_ = std::make_unique<services::AuthService>(*funnel_, *identity_, *store_);
    process_ = std::make_unique<services::ProcessService>(services::ProcessService::Parts{
        *funnel_, scheduler_, *processes_, *usage_, *log_source_, *store_, facts_});
    event_ = std::make_unique<services::EventService>(
        services::EventService::Parts{*funnel_, scheduler_, *processes_, *identity_, *store_});
    filesystem_ = std::make_unique<services::FilesystemService>(services::FilesystemService::Parts{
        *funnel_, *objects_, *quotas_, *store_, *blobs_, *uploads_, digest_, checksum_,
        *system_objects_, *store_, content_hash_, *storage_});
    system_ = std::make_unique<services::SystemService>(
        services::SystemService::Parts{*funnel_, scheduler_, *processes_, *store_, *environment_,
                                       facts_, *disk_, *storage_, [this] { return EndHold(); }});
    if (absl::Status status = server::GrpcServer::CheckPort(options_.grpc_port); !status.ok()) {
      return status;  // before anything is launched
    }
    auto http = gateway::HttpServer::Listen(options_.http_port);
    if (!http.ok()) return http.status();
    if (absl::Status status = MakeFirstAdmin(); !status.ok()) return status;
    Settle();
    auto server = server::GrpcServer::Start(
        {.socket_path = run_ + "/api.sock", .port = options_.grpc_port},
        {auth_.get(), process_.get(), event_.get(), filesystem_.get(), system_.get()});
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    loopback_.SetPort(server_->port());
    loop_.Post([this] {
      ticked_server_ = server_.get();
      WakeServer();
    });
    if (absl::Status status = ListenForPeers(); !status.ok()) return status;
    WriteForOthers("run/grpc.port", absl::StrCat(server_->port(), "\n"));
    if (absl::Status status = ServeHttp(*std::move(http)); !status.ok()) return status;
    loop_.Post([this] { supervision_->ReportReady(); });
    server_->SetServing(true);
    logger_->Write(core::LogLevel::kInfo, "serving", {{"port", absl::StrCat(server_->port())}});
    host::ForgetStartupCode();
    return absl::OkStatus();
  }

  absl::Status ServeHttp(UniqueFd listener) {
    metrics_ = std::make_unique<Metrics>(
        Metrics::Parts{*environment_, scheduler_, *processes_, *store_, *disk_, *storage_});
    auto http = gateway::HttpServer::Start(
        std::move(listener),
        {{"/metrics", [this](const auto& exchange) { metrics_->Serve(exchange); }}});
    if (!http.ok()) return http.status();
    http_ = *std::move(http);
    WriteForOthers("run/http.port", absl::StrCat(http_->port(), "\n"));
    return absl::OkStatus();
  }

  // Before anyone is answered, supervisors tell what happened while there was no daemon. Bounded:
  // one that hangs must not keep the others from being served.
  void Settle() {
    auto settled = std::make_shared<std::promise<void>>();
    auto waited = settled->get_future();
    loop_.Post(
        [this, settled, until = EventLoop::NowMs() + kSettleMs] { CheckSettled(settled, until); });
    loop_thread_ = std::thread([this] { RunLoop(); });
    waited.get();
  }

  void CheckSettled(const std::shared_ptr<std::promise<void>>& settled, int64_t until_ms) {
    const bool done = processes_->Settled();
    if (done || EventLoop::NowMs() >= until_ms) {
      if (!done)
        logger_->Write(core::LogLevel::kWarning, "some supervisors have not answered yet", {});
      SaveBootId([settled] { settled->set_value(); });
      return;
    }
    loop_.After(kSettlePollMs, [this, settled, until_ms] { CheckSettled(settled, until_ms); });
  }

  // On the loop's thread, which owns the socket.
  absl::Status ListenForPeers() {
    std::promise<absl::Status> listened;
    loop_.Post([this, &listened] {
      auto peer = server::PeerSocket::Listen(run_ + "/peer.sock", loop_, *identity_);
      const absl::Status status = peer.status();
      if (status.ok()) peer_socket_ = *std::move(peer);
      listened.set_value(status);
    });
    return listened.get_future().get();
  }

  void RunLoop() {
    pthread_setname_np(pthread_self(), "runtime");
    supervision_->Start(*processes_);
    Tick();
    loop_.Run();
  }

  void Tick() {
    environment_->Tick();
    disk_->Look();
    WriteAgain();
    SaveBootId([] {});
    if (ticked_server_ != nullptr) ticked_server_->Tick(environment_->counters.Calls());
    objects_->Tick(expiry_clock_->NowMs());
    uploads_->Tick(retention_clock_->NowMs());
    CollectBlobs();
    BoundStandardError();
    if (EventLoop::NowMs() >= next_clock_save_ms_) SaveClock();
    loop_.After(kTickMs, [this] { Tick(); });
  }

  // Once what follows from a reboot is committed; until then the next daemon must see it too.
  // `then` is called in any case.
  void SaveBootId(std::function<void()> then) {
    if (boot_id_saved_ || !processes_->Settled() || processes_->TotalUnsaved().reports > 0)
      return then();
    boot_id_saved_ = true;
    store_->SaveBootId(options_.boot_id,
                       [this, then = std::move(then)](const absl::Status& status) {
                         if (!status.ok()) loop_.Post([this] { boot_id_saved_ = false; });
                         then();
                       });
  }

  void WakeServer() {
    ticked_server_->Wake();
    loop_.After(server::CallbackThreads::kWakeMs, [this] { WakeServer(); });
  }

  // What nothing names goes as soon as something has changed, a put was refused, or a reader lets
  // go of it; strays of a crash are looked for once an hour.
  void CollectBlobs() {
    const int64_t now = EventLoop::NowMs();
    const int64_t changes = StoreChanges();
    const bool strays = now >= next_stray_look_ms_;
    const bool due = strays || changes != collected_changes_ || blobs_in_use_ ||
                     blobs_->AnyLetGo() || now >= next_collection_ms_;
    if (!due || collecting_.exchange(true)) return;
    collected_changes_ = changes;
    next_collection_ms_ = now + limits::kPressureCollectEveryMs;
    if (strays) next_stray_look_ms_ = now + limits::kCollectEveryMs;
    blobs_->Collect(strays ? retention_clock_->NowMs() - limits::kBlobGraceMs : 0,
                    [this](const auto& collected) { EndCollection(collected); });
  }

  void EndCollection(const absl::StatusOr<store::BlobFiles::Collected>& collected) {
    blobs_in_use_ = collected.ok() && collected->in_use > 0;
    if (!collected.ok()) {
      // The store refuses what a stop interrupts; the next start goes on.
      if (!stopping_)
        logger_->Write(core::LogLevel::kWarning,
                       "files of contents that nothing has could not be removed",
                       {{"error", std::string(collected.status().message())}});
    } else if (collected->removed > 0) {
      logger_->Write(core::LogLevel::kInfo, "files of contents removed",
                     {{"count", absl::StrCat(collected->removed)}});
    }
    collecting_.store(false);
  }

  // ---- The time by which things are destroyed --------------------------------------------------

  void MakeClocks() {
    const core::RetentionClock::Sources sources{.wall_ms = [this] { return scheduler_.NowMs(); },
                                                .uptime_ms = EventLoop::NowMs,
                                                .boot_id = options_.boot_id};
    const auto mark = core::RetentionClock::Mark::FromText(
        ReadFile(absl::StrCat(options_.data_directory, "/", kClockFile)));
    retention_clock_ =
        std::make_unique<core::RetentionClock>(sources, limits::kClockJumpLastsMs, mark);
    expiry_clock_ =
        std::make_unique<core::RetentionClock>(sources, limits::kExpiryJumpLastsMs, mark);
  }

  // Where it cannot be written, less is destroyed after the next start.
  void SaveClock() {
    next_clock_save_ms_ = EventLoop::NowMs() + kSaveClockEveryMs;
    ReplaceSmallFile(directory_.get(), kClockFile, retention_clock_->mark().ToText(), 0600);
  }

  void Stop() {
    stopping_ = true;
    http_.reset();
    if (server_ != nullptr) {
      logger_->Write(core::LogLevel::kInfo, "stopping", {});
      server_->SetServing(false);
      environment_->ShutDown();
      server_->Stop(kStopGraceMs);
    }
    if (hasher_ != nullptr) hasher_->Stop();
    if (loop_thread_.joinable()) {
      loop_.Stop();
      loop_thread_.join();
    }
    if (retention_clock_ != nullptr) SaveClock();  // which was the loop's until now
    // What the store still has to say goes to a loop that runs no more.
    server_.reset();
    event_.reset();  // it hears of the store's commits
    peer_socket_.reset();
    logs_.reset();
    if (audit_ != nullptr) audit_->Finish();
    if (store_ != nullptr) store_->FinishReads();  // their answers begin uploads and read files
    uploads_.reset();   // what is being finished still needs the files and the store
    blobs_.reset();     // and what is being collected the store
    requests_.reset();  // what ends from here on asks the store nothing
    if (store_ == nullptr) return;
    const int64_t revision = store_->NewestRevision();
    store_.reset();
    store::RecordCleanStop(database_path_, revision);
  }

  DaemonOptions options_;
  Guarded<std::map<std::string, std::string>>
      unwritten_;  // files for others: what is to be in them
  const std::string run_;
  const std::string database_path_;
  const std::function<void()> on_shutdown_;
  UniqueFd directory_;
  UniqueFd lock_;
  protocol::SystemIdentity system_identity_;  // as recorded; on the core's thread once that runs
  std::unique_ptr<host::JsonLogger> logger_;
  std::unique_ptr<LibraryLogs> library_logs_;
  EventLoop loop_;
  host::LoopScheduler scheduler_;
  std::unique_ptr<core::RetentionClock> retention_clock_;
  std::unique_ptr<core::RetentionClock> expiry_clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<host::Hs256Signer> signer_;
  std::unique_ptr<host::PasswordHasher> hasher_;
  host::LoopbackPeers loopback_;
  std::unique_ptr<core::Identity> identity_;
  std::unique_ptr<runtime::LogReader> logs_;
  std::unique_ptr<LogAdapter> log_source_;
  bool boot_id_saved_ = true;    // or on its way; of the loop's thread, once that runs
  services::SystemFacts facts_;  // written on the loop's thread once that runs
  std::unique_ptr<host::DataDisk> disk_;
  std::unique_ptr<runtime::SupervisionClient> supervision_;
  std::unique_ptr<UsageAdapter> usage_;
  std::unique_ptr<core::Processes> processes_;
  std::unique_ptr<core::Objects> objects_;
  std::unique_ptr<core::Quotas> quotas_;
  std::unique_ptr<core::SystemObjects> system_objects_;
  host::Sha256 digest_;
  host::Crc32c checksum_;
  host::ContentSha256 content_hash_;
  std::unique_ptr<store::BlobFiles> blobs_;
  // Of the loop's thread.
  int64_t next_collection_ms_ = 0;
  int64_t next_stray_look_ms_ = 0;
  int64_t next_clock_save_ms_ = 0;
  int64_t collected_changes_ = -1;
  std::atomic<bool> collecting_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> blobs_in_use_{false};  // of those that nothing names: to be looked at again
  std::unique_ptr<core::AuditTrail> audit_;
  std::unique_ptr<core::Requests> requests_;
  std::unique_ptr<core::Uploads> uploads_;
  std::unique_ptr<core::StorageMeter> storage_;
  std::unique_ptr<services::CallEnvironment> environment_;
  std::unique_ptr<services::Funnel> funnel_;
  std::unique_ptr<services::AuthService> auth_;
  std::unique_ptr<services::ProcessService> process_;
  std::unique_ptr<services::EventService> event_;
  std::unique_ptr<services::FilesystemService> filesystem_;
  std::unique_ptr<services::SystemService> system_;
  std::unique_ptr<server::PeerSocket> peer_socket_;
  std::unique_ptr<server::GrpcServer> server_;
  server::GrpcServer* ticked_server_ = nullptr;  // of the loop's thread, once there is one
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<gateway::HttpServer> http_;
  std::thread loop_thread_;
};

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Daemon::~Daemon() = default;

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const DaemonOptions& options,
                                                      std::function<void()> on_shutdown) {
  auto impl = std::make_unique<Impl>(options, std::move(on_shutdown));
  if (absl::Status status = impl->Start(); !status.ok()) return status;
  return std::unique_ptr<Daemon>(new Daemon(std::move(impl)));
}

}  // namespace grpc_os
