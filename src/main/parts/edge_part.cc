#include "main/parts/edge_part.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "edge/access_log_files.h"
#include "edge/domain_file.h"
#include "edge/nginx_file.h"
#include "host/acl.h"
#include "host/free_port.h"
#include "host/port_owner.h"
#include "host/secret_file.h"
#include "main/parts/domains_file.h"
#include "manifest/read_text.h"

namespace grpc_os {
namespace {

constexpr char kEdgeDirectory[] = "edge";
constexpr char kNginxMissing[] =
    "nginx is not installed: `apt-get install nginx libnginx-mod-http-lua`, or name another one "
    "with EDGE_NGINX";
constexpr char kLuaModule[] = "/usr/lib/nginx/modules/ngx_http_lua_module.so";
constexpr size_t kTemplateBytes = 1 << 20;
constexpr int64_t kServedMs = 25'000;
constexpr int64_t kSilentMs = 5'000;
constexpr int64_t kSettleMs = 10'000;
constexpr int64_t kLookMs = 20;

}  // namespace

absl::Status EdgePart::Start() {
  const std::string directory = needs_.directory.PathOf(kEdgeDirectory);
  // Kept, so that a new grpc-osd knows what an nginx that goes on says.
  const auto secret = host::LoadOrMakeKey(needs_.directory.PathOf("secrets/edge.key"));
  if (!secret.ok()) return secret.status();
  secret_ = absl::BytesToHexString(*secret);
  ports_ = ChooseEdgePorts(needs_.settings, needs_.directory.PathOf("run"));
  auto nginx = NginxProcessFor(directory, needs_.settings, ports_, needs_.shielded);
  if (!nginx.ok()) return nginx.status();
  const auto uid = FindEdgeAccount(nginx->spec.account, needs_.shielded);
  if (uid.ok()) uid_ = *uid;
  directory_ = uid.ok() ? MakeEdgeDirectory(directory, uid_) : uid.status();
  if (!directory_.ok()) needs_.log.Warn(std::string(directory_.message()));
  Make(*std::move(nginx));
  auto live = plane_->ReadLive();
  if (!live.ok()) return live.status();
  for (auto& [id, file] : *live) {
    const auto domain = needs_.domains.domains().Find(id);
    if (!domain.ok()) continue;
    file = std::make_shared<const core::PlaneFile>(
        core::PlaneFile{domain->status.active_generation, file->text});
  }
  reconciler_->rounds().Adopt(*std::move(live));
  needs_.processes.processes().SetTraffic(*this);
  needs_.domains.domains().SetChanged([this] { OnDomains(); });
  return absl::OkStatus();
}

void EdgePart::Make(core::Process nginx) {
  const std::string directory = needs_.directory.PathOf(kEdgeDirectory);
  core::Scheduler& scheduler = needs_.scheduler;
  slow_ = std::make_unique<WorkerThread>();
  quick_ = std::make_unique<WorkerThread>();
  socket_ = std::make_unique<edge::PrivateSocket>(directory + "/run");
  process_ = std::make_unique<edge::NginxProcess>(edge::NginxProcess::Parts{
      needs_.processes.processes(), needs_.processes.tasks(), scheduler, std::move(nginx)});
  endpoints_ = std::make_unique<edge::NginxEndpoints>(edge::NginxEndpoints::Parts{
      directory, *quick_, scheduler, *socket_, [this] { return process_->Runs(); }});
  targets_ = std::make_unique<core::Targets>(core::Targets::Parts{
      needs_.processes.processes(), scheduler, *endpoints_, [this] { return AllDomains(); }});
  plane_ = std::make_unique<edge::NginxPlane>(edge::NginxPlane::Parts{
      .directory = directory,
      .worker = *slow_,
      .scheduler = scheduler,
      .process = *process_,
      .socket = *socket_,
      .main_file = [this](int64_t generation) { return RenderMain(generation); },
      .check_host = [this] { return CheckHost(); },
      .check_ports = [this] { return CheckPorts(); },
      .share =
          [this](int fd) {
            return uid_ ? host::GrantAccess(fd, *uid_, host::Access::kFile) : absl::OkStatus();
          },
      .prepare = [this](std::function<void()> then) { targets_->WhenSet(std::move(then)); }});
  reconciler_ =
      std::make_unique<core::Reconciler<core::Domain>>(core::Reconciler<core::Domain>::Parts{
          .scheduler = scheduler,
          .plane = *plane_,
          .wanted = [this] { return AllDomains(); },
          .render = [this](const core::Domain& domain) { return Render(domain); },
          .report =
              [this](const std::string& id, const core::PlaneOutcome& outcome) {
                needs_.domains.domains().OnOutcome(id, outcome);
              }});
  access_logs_ = std::make_unique<edge::AccessLogs>(directory + "/logs");
}

void EdgePart::Stop() {
  reconciler_->rounds().Stop();
  access_logs_.reset();
  slow_->Stop();
  quick_->Stop();
}

// ---- What is served -----------------------------------------------------------------------------

std::vector<core::Domain> EdgePart::AllDomains() const {
  return needs_.domains.domains().List("", std::numeric_limits<int>::max());
}

absl::StatusOr<core::PlaneFile> EdgePart::Render(const core::Domain& domain) const {
  const std::string& address = needs_.settings.edge_address;
  return edge::RenderDomain(domain,
                            {.http = ListenAddresses(address, ports_.http),
                             .https = ListenAddresses(address, ports_.https),
                             .grpc = ListenAddresses(address, ports_.grpc)},
                            secret_);
}

std::string EdgePart::api_socket() const {
  if (!directory_.ok()) return "";
  return absl::StrCat(needs_.directory.PathOf(kEdgeDirectory), "/", edge::kApiSocket);
}

absl::StatusOr<std::string> EdgePart::RenderMain(int64_t generation) const {
  const manifest::Settings& settings = needs_.settings;
  std::string text(edge::kNginxTemplate);
  if (!settings.edge_template.empty()) {
    auto own = manifest::ReadText(settings.edge_template, "EDGE_TEMPLATE", kTemplateBytes);
    if (!own.ok()) return absl::FailedPreconditionError(own.status().message());
    text = *std::move(own);
  }
  const std::string& address = settings.edge_address;
  return edge::RenderNginx(text, {.generation = generation,
                                  .http = ListenAddresses(address, ports_.http),
                                  .https = ListenAddresses(address, ports_.https),
                                  .grpc = ListenAddresses(address, ports_.grpc),
                                  .domains = static_cast<int64_t>(AllDomains().size()),
                                  .trusted_proxies = settings.edge_trusted_proxies,
                                  .as_root = !needs_.shielded && geteuid() == 0});
}

absl::Status EdgePart::CheckHost() const {
  if (!directory_.ok()) return directory_;
  if (access(needs_.settings.edge_nginx.c_str(), X_OK) != 0 || access(kLuaModule, R_OK) != 0)
    return absl::FailedPreconditionError(kNginxMissing);
  return absl::OkStatus();
}

// Who else has them, while nginx does not run.
absl::Status EdgePart::CheckPorts() const {
  const std::pair<int, const char*> all[] = {{ports_.http, "EDGE_HTTP_PORT"},
                                             {ports_.https, "EDGE_HTTPS_PORT"},
                                             {ports_.grpc, "EDGE_GRPC_PORT"}};
  for (const auto& [port, setting] : all) {
    if (host::IsPortFreeAt(port, needs_.settings.edge_address)) continue;
    const std::string owner = host::OwnerOfPort(port);
    if (owner.empty() && port < 1024) continue;  // we may not listen there; nginx may
    return absl::UnavailableError(
        absl::StrCat("port ", port, " is in use", owner.empty() ? "" : absl::StrCat(" by ", owner),
                     "; stop that, or set ", setting, " to another port"));
  }
  return absl::OkStatus();
}

// One supervisor that is silent keeps nobody else's requests for long.
void EdgePart::AwaitProcesses(int64_t patience_ms) {
  if (needs_.processes.processes().Settled() || patience_ms <= 0) return Begin();
  needs_.scheduler.After(kLookMs, [this, patience_ms] { AwaitProcesses(patience_ms - kLookMs); });
}

void EdgePart::Begin() {
  begun_ = true;
  needs_.domains.domains().SyncAll();
  ReloadFile(false, [this](const absl::StatusOr<core::Domains::FileChanges>& changes) {
    if (!changes.ok()) needs_.log.Warn(std::string(changes.status().message()));
  });
  if (AllDomains().empty()) process_->Stop();  // it is kept for a domain as long as we live
  OnDomains();
  for (auto& answer : std::exchange(early_waiters_, {}))
    reconciler_->rounds().WhenCaughtUp(std::move(answer));
  for (const auto& [id, done] : std::exchange(early_drains_, {})) {
    const core::Process* process = needs_.processes.processes().Find(id);
    if (process == nullptr || !Drain(*process, done)) done();
  }
}

void EdgePart::OnDomains() {
  if (!begun_) return;
  needs_.files.Write("run/edge.http.port", absl::StrCat(ports_.http, "\n"));
  needs_.files.Write("run/edge.https.port", absl::StrCat(ports_.https, "\n"));
  needs_.files.Write("run/edge.grpc.port", absl::StrCat(ports_.grpc, "\n"));
  targets_->OnDomains();
  reconciler_->rounds().Wake();
}

void EdgePart::Tick(int64_t /*now_ms*/) {
  if (!begun_) {
    if (!std::exchange(awaiting_, true)) AwaitProcesses(kSettleMs);
    return;
  }
  if (!process_->Runs()) {
    book_.Clear();
    silent_since_ms_ = 0;
    LookWhyDown();
    return;
  }
  PollTraffic();
  plane_->Look();
  RotateLogs();
}

void EdgePart::LookWhyDown() {
  if (!process_->Wanted() || std::exchange(looking_, true)) return;
  slow_->Post([this] {
    absl::Status down = CheckHost();
    if (down.ok()) down = CheckPorts();
    needs_.scheduler.Post([this, down] {
      looking_ = false;
      down_ = down;
    });
  });
}

void EdgePart::PollTraffic() {
  if (std::exchange(polling_, true)) return;
  endpoints_->ReadTraffic([this](const absl::StatusOr<core::EdgeTraffic>& traffic) {
    polling_ = false;
    const int64_t now = needs_.scheduler.NowMs();
    if (!traffic.ok()) {
      if (silent_since_ms_ == 0) silent_since_ms_ = now;
      return;
    }
    silent_since_ms_ = 0;
    book_.Add(now, *traffic);
    targets_->OnTraffic(*traffic);
  });
}

void EdgePart::RotateLogs() {
  std::optional<std::set<std::string>> ids;  // once nginx writes no others
  if (reconciler_->rounds().problem().empty()) {
    ids.emplace();
    for (const core::Domain& domain : AllDomains()) ids->insert(domain.id);
  }
  quick_->Post([this, ids, directory = needs_.directory.PathOf(kEdgeDirectory) + "/logs"] {
    if (ids) edge::RemoveOtherAccessLogs(directory, *ids);
    if (!edge::RotateAccessLogs(directory)) return;
    needs_.scheduler.Post([this] { process_->Signal(SIGUSR1, [](const absl::Status&) {}); });
  });
}

// ---- What people see ----------------------------------------------------------------------------

std::string EdgePart::Problem() const {
  if (AllDomains().empty()) return "";
  if (const std::string& problem = reconciler_->rounds().problem(); !problem.empty())
    return problem;
  if (begun_ && process_->Wanted() && !process_->Runs()) {
    if (!down_.ok()) return std::string(down_.message());
    const std::string& message = process_->Find()->status.message;
    return absl::StrCat("nginx does not run", message.empty() ? "" : ": ", message, "; `logs ",
                        process_->name(), "` has its words");
  }
  if (IsSilent())
    return absl::StrCat("nginx does not answer; `restart ", process_->name(), "` starts it anew");
  if (targets_->full())
    return "nginx has no memory for all routes, so that requests do not follow some processes; "
           "`unassign` what is not needed, or raise lua_shared_dict endpoints in EDGE_TEMPLATE";
  return "";
}

bool EdgePart::IsSilent() const {
  return silent_since_ms_ != 0 && needs_.scheduler.NowMs() - silent_since_ms_ >= kSilentMs;
}

std::string EdgePart::UrlOf(const core::Domain& domain) const {
  const int port = domain.spec.api ? ports_.https : domain.spec.grpc ? ports_.grpc : ports_.http;
  std::string host = domain.name;
  if (host.starts_with("*.")) host.replace(0, 1, "NAME");
  return absl::StrCat(domain.spec.api ? "https://" : "http://", host,
                      port == (domain.spec.api ? 443 : 80) ? "" : absl::StrCat(":", port), "/");
}

std::vector<core::Targets::View> EdgePart::TargetsOf(const core::Domain& domain) const {
  return targets_->ViewOf(domain);
}

core::TrafficRates EdgePart::RatesOf(const core::Domain& domain) const {
  return book_.RatesOf(domain.id);
}

std::vector<core::DomainCounts> EdgePart::CountDomains() const {
  std::vector<core::DomainCounts> domains;
  for (const core::Domain& domain : AllDomains()) {
    const auto it = book_.Counts().find(domain.id);
    domains.push_back(
        {domain.name, it == book_.Counts().end() ? core::RouteTraffic() : it->second});
  }
  return domains;
}

std::string EdgePart::OwnerOf(int port) const {
  if (port == ports_.http || port == ports_.https || port == ports_.grpc) return "the edge itself";
  if (own_ports_.Lock()->contains(port)) return "gRPC OS itself";
  return "";
}

void EdgePart::Probe(std::vector<int> ports, std::function<void(std::map<int, std::string>)> done) {
  slow_->Post([this, ports = std::move(ports), done = std::move(done)] {
    auto found = host::ProbePorts(ports, core::kAcceptsConnections);
    needs_.scheduler.Post([found = std::move(found), done] { done(found); });
  });
}

void EdgePart::WhenServed(std::function<void()> done) {
  const auto once = std::make_shared<std::function<void()>>(std::move(done));
  const auto answer = [once] {
    if (const auto then = std::exchange(*once, nullptr)) then();
  };
  needs_.scheduler.After(kServedMs, answer);
  // Weights, and what leads where, may have changed without a change of the files.
  const auto set = [this, answer] { targets_->WhenSet(answer); };
  if (!begun_) return early_waiters_.push_back(set);
  reconciler_->rounds().WhenCaughtUp(set);
}

// ---- domains.conf -------------------------------------------------------------------------------

void EdgePart::ReloadFile(bool only_compare,
                          std::function<void(absl::StatusOr<core::Domains::FileChanges>)> done) {
  const auto answer = [this, done,
                       only_compare](const absl::StatusOr<core::Domains::FileChanges>& changes) {
    needs_.scheduler.Post([this, done, only_compare, changes] {
      if (only_compare) return done(changes);
      file_problem_ = changes.ok() ? "" : std::string(changes.status().message());
      // An operator's template may be another one, too.
      reconciler_->rounds().Renew();
      WhenServed([done, changes] { done(changes); });
    });
  };
  slow_->Post([this, only_compare, answer] {
    auto wanted = ReadDomainsFile(needs_.domains.domains().file(),
                                  [this](int port) { return OwnerOf(port); });
    if (!wanted.ok()) return answer(wanted.status());
    needs_.scheduler.Post([this, only_compare, answer, wanted = *std::move(wanted)]() mutable {
      needs_.domains.domains().SetFileDomains(std::move(wanted), only_compare, answer);
    });
  });
}

// ---- Processes ----------------------------------------------------------------------------------

// A stop that the daemon before this one did not come to do waits until it is known what runs.
bool EdgePart::Drain(const core::Process& process, std::function<void()> done) {
  if (begun_) return process_->Runs() && targets_->Drain(process, std::move(done));
  if (AllDomains().empty()) return false;
  early_drains_[process.id] = std::move(done);
  return true;
}

void EdgePart::EndDrain(const core::Process& process) {
  early_drains_.erase(process.id);
  targets_->EndDrain(process);
}

void EdgePart::OnChanged(const core::Process& process, bool there) {
  if (!begun_) return;
  targets_->OnChanged(process, there);
  if (process.name != process_->name() || process.status.state != core::ProcessState::kRunning ||
      process.status.start_time_ms == std::exchange(nginx_start_ms_, process.status.start_time_ms))
    return;
  silent_since_ms_ = 0;
  endpoints_->Forget();
  targets_->Renew();
}

}  // namespace grpc_os
