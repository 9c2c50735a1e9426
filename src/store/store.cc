#include "store/store.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/audit_table.h"
#include "store/blob_table.h"
#include "store/event_table.h"
#include "store/meta_table.h"
#include "store/object_cache.h"
#include "store/object_contents.h"
#include "store/object_reads.h"
#include "store/object_rows.h"
#include "store/object_table.h"
#include "store/process_table.h"
#include "store/quota_table.h"
#include "store/reader.h"
#include "store/request_table.h"
#include "store/resource_table.h"
#include "store/schema.h"
#include "store/session_table.h"
#include "store/storage_error.h"
#include "store/subscribers.h"
#include "store/transaction.h"
#include "store/user_table.h"
#include "store/writer.h"

namespace grpc_os::store {
namespace {

int64_t SystemNowMs() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             system_clock::now().time_since_epoch())
      .count();
}

absl::Status ApplyEvents(Connection& connection, const std::vector<core::Event>& events,
                         int64_t revision) {
  int sequence = 0;
  for (const core::Event& event : events) {
    if (auto status = InsertEvent(connection, event, revision, sequence++); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

// Of no change: refusals, and what changed nothing.
absl::Status ApplyNotes(Connection& connection, const std::vector<core::AuditRecord>& records) {
  for (const core::AuditRecord& record : records) {
    const AuditPart part = record.result == "OK" ? AuditPart::kChanges : AuditPart::kRefusals;
    if (auto status = InsertAudit(connection, record, part); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// When a change is committed: its number, and from when on its requests are known for their time
// (0: from when they came).
struct Moment {
  int64_t revision;
  int64_t requests_ms;
};

// What every change ends with.
absl::Status ApplyEnd(Connection& connection, const std::vector<core::Event>& events,
                      const core::Envelope& envelope, const Moment& moment) {
  if (auto status = ApplyEvents(connection, events, moment.revision); !status.ok()) return status;
  for (const core::Origin& origin : envelope.origins()) {
    if (origin.request) {
      core::CommittedRequest request = *origin.request;
      if (moment.requests_ms != 0) request.time_ms = moment.requests_ms;
      if (auto status = PutRequest(connection, request); !status.ok()) return status;
    }
    core::AuditRecord record = origin.record;
    record.resource = origin.findings->Lock()->Named(record.resource);
    if (auto status = InsertAudit(connection, record, AuditPart::kChanges); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

absl::Status ApplyProcesses(Connection& connection, const core::ProcessWrite& write,
                            const core::Envelope& envelope, const Moment& moment) {
  // Removals first: what they held, a name above all, may be taken again in the same write.
  for (const std::string& id : write.remove) {
    if (auto status = RemoveProcess(connection, id); !status.ok()) return status;
  }
  for (const core::Process& process : write.put) {
    if (auto status = PutProcess(connection, process, moment.revision); !status.ok()) return status;
  }
  return ApplyEnd(connection, write.events, envelope, moment);
}

absl::Status ApplyIdentity(Connection& connection, const core::IdentityWrite& write,
                           const core::Envelope& envelope, const Moment& moment) {
  // Else the table would grow for as long as the daemon lives.
  if (auto status = RemoveExpiredSessions(connection, write.now_ms); !status.ok()) return status;
  for (const std::string& name : write.remove_users) {
    if (auto status = RemoveUser(connection, name); !status.ok()) return status;
  }
  for (const std::string& id : write.end_sessions) {
    if (auto status = RemoveSession(connection, id); !status.ok()) return status;
  }
  for (const core::User& user : write.put_users) {
    if (auto status = PutUser(connection, user); !status.ok()) return status;
  }
  for (const core::Session& session : write.put_sessions) {
    if (auto status = PutSession(connection, session); !status.ok()) return status;
  }
  return ApplyEnd(connection, write.events, envelope, moment);
}

absl::Status ApplyResources(Connection& connection, const core::ResourceWrite& write,
                            const core::Envelope& envelope, const Moment& moment) {
  for (const core::ResourceKey& key : write.remove) {
    if (auto status = RemoveResource(connection, key); !status.ok()) return status;
  }
  for (const core::StoredResource& resource : write.put) {
    if (auto status = PutResource(connection, resource, moment.revision); !status.ok())
      return status;
  }
  return ApplyEnd(connection, write.events, envelope, moment);
}

absl::Status ApplyObjects(ObjectTableRows& rows, const core::ObjectWrite& write,
                          Connection& connection, core::Envelope& envelope, const Moment& moment) {
  core::ObjectWrite::Outcome outcome;
  absl::Status status = write.apply(rows, moment.revision, outcome);
  const bool applied = status.ok();
  if (applied) {
    envelope.SetSubject(outcome.subject);
    status = ApplyEnd(connection, outcome.events, envelope, moment);
  }
  if (status.ok() || IsStorageFailure(status) || !write.refuses_clean) return status;
  if (!applied && !rows.changed()) return status;
  // Something was changed by now, so that nothing may be built on it.
  return absl::UnavailableError(
      absl::StrCat("the change could not be carried out whole: ", status.message()));
}

}  // namespace

// Members are destroyed from the last to the first: the readers' connections before the writer's,
// which as the last one puts the write-ahead log into the database.
class Store::Impl {
 public:
  Impl(std::unique_ptr<Database> database, std::unique_ptr<Connection> writer,
       std::unique_ptr<Connection> reader, std::unique_ptr<Connection> scanner,
       std::unique_ptr<Connection> event_reader, const StoreMeta& meta, const StoreOptions& options)
      : database_(std::move(database)),
        now_ms_(options.now_ms ? options.now_ms : SystemNowMs),
        retired_from_ms_(options.retired_from_ms),
        requests_ms_(options.kept.requests_ms),
        statistics_(writer->reserve()),
        retention_(options.kept, now_ms_, quotas_, meta.compact_revision),
        writer_(std::move(writer), database_->dialect(), meta.revision, subscribers_, statistics_,
                [this](Connection& connection) { return Forget(connection); }),
        reader_("store-reader", std::move(reader), database_->dialect(), statistics_.reads_dropped),
        scanner_("store-scan", std::move(scanner), database_->dialect(), statistics_.reads_dropped),
        event_reader_("store-events", std::move(event_reader), database_->dialect(),
                      statistics_.reads_dropped) {}

  // Work of the writer that takes no revision.
  using Apply = std::function<absl::Status(Connection&)>;
  void Submit(Apply apply, std::function<void(absl::Status)> done, bool may_use_reserve = false) {
    Operation operation = Unnumbered(std::move(apply));
    operation.may_use_reserve = may_use_reserve;
    operation.done = [done = std::move(done)](const absl::StatusOr<int64_t>& result) {
      done(result.status());
    };
    writer_.Submit(std::move(operation));
  }

  // A change: none without an envelope. `operation` says how it is carried out, without `apply` and
  // `done`; `change(connection, envelope, moment)` is what it does.
  template <typename Change>
  void SubmitChange(core::Envelope envelope, Operation operation, Change change,
                    std::function<void(absl::StatusOr<int64_t>)> done) {
    const auto shared = std::make_shared<core::Envelope>(std::move(envelope));
    operation.apply = [shared, change = std::move(change), requests_ms = RetiredFromMs()](
                          Connection& connection, int64_t revision) -> absl::Status {
      if (auto status = shared->CheckPermitted(); !status.ok()) return status;
      return change(connection, *shared, Moment{revision, requests_ms});
    };
    operation.done = [shared, done = std::move(done)](const absl::StatusOr<int64_t>& revision) {
      if (revision.ok()) shared->SetWritten();
      done(revision);
    };
    writer_.Submit(std::move(operation));
  }

  Writer& writer() { return writer_; }
  const Writer& writer() const { return writer_; }
  Reader& reader() { return reader_; }
  // For reads that go through many rows: they delay each other, and no call that needs a few.
  Reader& scanner() { return scanner_; }
  // For events, which go to all watchers on its thread.
  Reader& event_reader() { return event_reader_; }
  void FinishReads() {
    scanner_.Finish();
    reader_.Finish();
    event_reader_.Finish();
  }
  Subscribers& subscribers() { return subscribers_; }
  const Dialect& dialect() const { return database_->dialect(); }
  QuotaBook& quotas() { return quotas_; }  // the writer's thread's
  ObjectCache& cache() { return cache_; }
  int64_t NowMs() const { return now_ms_(); }
  int64_t RetiredFromMs() const { return retired_from_ms_ ? retired_from_ms_() : 0; }
  DatabaseSize SizeOnDisk() const { return database_->SizeOnDisk(); }
  absl::Status CheckFiles() const { return database_->CheckFiles(); }
  int64_t BusyMs(int64_t now_ms) const {
    return std::max({writer_.pulse().BusyMs(now_ms), reader_.pulse().BusyMs(now_ms),
                     scanner_.pulse().BusyMs(now_ms), event_reader_.pulse().BusyMs(now_ms)});
  }
  const Retention& retention() const { return retention_; }
  const Statistics& statistics() const { return statistics_; }
  // Requests of this time and before are no longer known.
  int64_t RequestsExpiredMs() const { return now_ms_() - requests_ms_; }

  // Runs `read` on a connection of its own, in one snapshot.
  template <typename Result>
  absl::StatusOr<Result> Load(const std::function<absl::StatusOr<Result>(Connection&)>& read) {
    static constexpr char kWhat[] = "the database cannot be read";
    auto connection = database_->OpenReader();
    if (!connection.ok()) return StorageError(kWhat, connection.status());
    Transaction transaction(**connection);
    if (auto status = transaction.Begin(database_->dialect().begin_read); !status.ok()) {
      return StorageError(kWhat, status);
    }
    auto result = read(**connection);
    if (!result.ok()) return StorageError(kWhat, result.status());
    return result;
  }

 private:
  // On the writer's thread.
  bool Forget(Connection& connection) {
    quotas_.Settle();
    cache_.Settle();
    const bool more = retention_.Step(connection, database_->dialect(), statistics_.operations);
    statistics_.sweeps = retention_.sweeps();
    statistics_.swept_rows = retention_.swept_rows();
    return more;
  }

  static Operation Unnumbered(Apply apply) {
    Operation operation;
    operation.apply = [apply = std::move(apply)](Connection& connection, int64_t) {
      return apply(connection);
    };
    return operation;
  }

  std::unique_ptr<Database> database_;
  const std::function<int64_t()> now_ms_;
  const std::function<int64_t()> retired_from_ms_;
  const int64_t requests_ms_;
  Statistics statistics_;
  QuotaBook quotas_;
  Retention retention_;
  ObjectCache cache_{limits::kObjectCacheBytes};
  Subscribers subscribers_;
  Writer writer_;
  Reader reader_;
  Reader scanner_;
  Reader event_reader_;
};

absl::StatusOr<std::unique_ptr<Store>> Store::Open(std::unique_ptr<Database> database,
                                                   StoreOptions options) {
  // First by reading, because a writer that is closed again moves the log into the database.
  auto reader = database->OpenReader();
  if (!reader.ok()) return reader.status();
  if (auto status = CheckNotNewer(**reader); !status.ok()) return status;
  auto writer = database->OpenWriter();
  if (!writer.ok()) return writer.status();
  if (auto status = Migrate(**writer, database->dialect()); !status.ok()) return status;
  const auto meta = ReadMeta(**writer);
  if (!meta.ok()) return meta.status();
  auto scanner = database->OpenReader();
  if (!scanner.ok()) return scanner.status();
  auto event_reader = database->OpenReader();
  if (!event_reader.ok()) return event_reader.status();
  return std::unique_ptr<Store>(new Store(
      std::make_unique<Impl>(std::move(database), *std::move(writer), *std::move(reader),
                             *std::move(scanner), *std::move(event_reader), *meta, options)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() {
  // While everything is still there for what the callbacks call: the answers of the last commits
  // may ask for events.
  impl_->writer().Finish();
  impl_->FinishReads();
}

void Store::FinishReads() { impl_->FinishReads(); }

void Store::Commit(core::ProcessWrite write, core::Envelope envelope,
                   std::function<void(absl::StatusOr<int64_t>)> done) {
  const bool may_use_reserve = write.may_use_reserve;
  impl_->SubmitChange(
      std::move(envelope), {.numbered = true, .may_use_reserve = may_use_reserve},
      [write = std::move(write)](Connection& connection, const core::Envelope& by,
                                 const Moment& moment) {
        return ApplyProcesses(connection, write, by, moment);
      },
      std::move(done));
}

absl::StatusOr<std::vector<core::Process>> Store::LoadProcesses() {
  return impl_->Load<std::vector<core::Process>>(ReadProcesses);
}

absl::StatusOr<std::string> Store::LoadBootId() {
  return impl_->Load<std::string>([](Connection& connection) -> absl::StatusOr<std::string> {
    const auto meta = ReadMeta(connection);
    if (!meta.ok()) return meta.status();
    return meta->boot_id;
  });
}

void Store::SaveBootId(const std::string& boot_id, std::function<void(absl::Status)> done) {
  impl_->Submit([boot_id](Connection& connection) { return WriteBootId(connection, boot_id); },
                std::move(done),
                /*may_use_reserve=*/true);  // a start makes it possible to free some
}

void Store::ReadEvents(const core::Requester& by, core::LogPosition after, int limit,
                       ReadDone done) {
  impl_->event_reader().Read<std::vector<core::Event>>(
      by, [after, limit](Connection& connection) { return SelectEvents(connection, after, limit); },
      std::move(done));
}

void Store::FindBefore(const core::Requester& by, int64_t from_ms, int64_t now_ms, FindDone done) {
  impl_->scanner().Read<int64_t>(
      by,
      [from_ms, now_ms](Connection& connection) {
        return SelectRevisionBefore(connection, from_ms, now_ms);
      },
      std::move(done));
}

int64_t Store::NewestRevision() const { return impl_->writer().NewestRevision(); }

Store::Subscription Store::Subscribe(std::function<void(int64_t)> on_commit) {
  return impl_->subscribers().Add(std::move(on_commit));
}

void Store::Unsubscribe(Subscription subscription) { impl_->subscribers().Remove(subscription); }

int64_t Store::OldestRevision() const { return impl_->retention().OldestRevision(); }

void Store::CommitIdentity(core::IdentityWrite write, core::Envelope envelope,
                           std::function<void(absl::StatusOr<int64_t>)> done) {
  const Operation operation{.numbered = !write.events.empty(),
                            .may_use_reserve = write.may_use_reserve};
  impl_->SubmitChange(
      std::move(envelope), operation,
      [write = std::move(write)](Connection& connection, const core::Envelope& by,
                                 const Moment& moment) {
        return ApplyIdentity(connection, write, by, moment);
      },
      std::move(done));
}

absl::StatusOr<std::vector<core::User>> Store::LoadUsers() {
  return impl_->Load<std::vector<core::User>>(ReadUsers);
}

absl::StatusOr<std::vector<core::Session>> Store::LoadSessions(int64_t now_ms) {
  return impl_->Load<std::vector<core::Session>>(
      [now_ms](Connection& connection) { return ReadSessions(connection, now_ms); });
}

void Store::CommitResources(core::ResourceWrite write, core::Envelope envelope,
                            std::function<void(absl::StatusOr<int64_t>)> done) {
  const Operation operation{.numbered = !write.events.empty(),
                            .may_use_reserve = write.may_use_reserve};
  impl_->SubmitChange(
      std::move(envelope), operation,
      [write = std::move(write)](Connection& connection, const core::Envelope& by,
                                 const Moment& moment) {
        return ApplyResources(connection, write, by, moment);
      },
      std::move(done));
}

absl::StatusOr<std::vector<core::StoredResource>> Store::LoadResources(const std::string& kind) {
  return impl_->Load<std::vector<core::StoredResource>>(
      [kind](Connection& connection) { return ReadResources(connection, kind); });
}

void Store::PutAudit(std::vector<core::AuditRecord> records,
                     std::function<void(absl::Status)> done) {
  impl_->Submit([records = std::move(records)](
                    Connection& connection) { return ApplyNotes(connection, records); },
                std::move(done));
}

void Store::ReadAudit(const core::AuditQuery& query,
                      std::function<void(absl::StatusOr<core::AuditPage>)> done) {
  impl_->scanner().Read<core::AuditPage>(
      query.by, [query](Connection& connection) { return SelectAudit(connection, query); },
      std::move(done));
}

void Store::FindRequest(
    const core::RequestKey& key,
    std::function<void(absl::StatusOr<std::optional<core::CommittedRequest>>)> done) {
  const int64_t expired_ms = impl_->RequestsExpiredMs();
  impl_->reader().Read<std::optional<core::CommittedRequest>>(
      core::Requester::OfUser(key.user),
      [key, expired_ms](Connection& connection) {
        return SelectRequest(connection, key, expired_ms);
      },
      std::move(done));
}

void Store::CommitObjects(core::ObjectWrite write, core::Envelope envelope,
                          std::function<void(absl::StatusOr<int64_t>)> done) {
  const Operation operation{.numbered = true,
                            .refuses_clean = write.refuses_clean,
                            .may_use_reserve = write.may_use_reserve};
  impl_->SubmitChange(
      std::move(envelope), operation,
      [write = std::move(write), &dialect = impl_->dialect(), &quotas = impl_->quotas(),
       &cache = impl_->cache(), now_ms = impl_->NowMs(), retired_from_ms = impl_->RetiredFromMs()](
          Connection& connection, core::Envelope& by, const Moment& moment) {
        ObjectTableRows rows(connection, dialect, quotas, cache, now_ms, retired_from_ms);
        return ApplyObjects(rows, write, connection, by, moment);
      },
      std::move(done));
}

void Store::FindObject(const Wanted& wanted, std::function<void(Found)> done) {
  ObjectCache& cache = impl_->cache();
  if (auto found = cache.Find(wanted); found.has_value()) return done(std::move(found));
  const auto epoch = std::make_shared<uint64_t>(0);
  impl_->reader().Read<std::optional<core::Object>>(
      wanted.by,
      [wanted, &cache, epoch](Connection& connection) {
        auto found = ReadObject(connection, wanted);
        if (wanted.data && found.ok() && found->has_value()) cache.Keep(**found, *epoch);
        return found;
      },
      std::move(done), [&cache, epoch] { *epoch = cache.Epoch(); });
}

void Store::ListObjects(const core::ObjectQuery& query,
                        std::function<void(absl::StatusOr<core::ObjectPage>)> done) {
  Reader& reader = query.deleted ? impl_->scanner() : impl_->reader();
  reader.Read<core::ObjectPage>(
      query.by, [query](Connection& connection) { return ReadObjects(connection, query); },
      std::move(done));
}

void Store::ListVersions(const core::Requester& by, const std::string& name_or_id,
                         const core::VersionPlace& before, int limit,
                         std::function<void(absl::StatusOr<core::ObjectPage>)> done) {
  impl_->reader().Read<core::ObjectPage>(
      by,
      [name_or_id, before, limit](Connection& connection) {
        return ReadVersions(connection, name_or_id, before, limit);
      },
      std::move(done));
}

void Store::AnyExpired(int64_t now_ms, std::function<void(absl::StatusOr<bool>)> done) {
  impl_->reader().Read<bool>(
      core::Requester(),
      [now_ms](Connection& connection) { return AnyObjectExpired(connection, now_ms); },
      std::move(done));
}

void Store::MeasureObjects(const core::Requester& by, const std::string& prefix,
                           const std::string& after, int limit,
                           std::function<void(Measured)> done) {
  impl_->scanner().Read<Measured::value_type>(
      by,
      [prefix, after, limit](Connection& connection) {
        return store::MeasureObjects(connection, prefix, after, limit);
      },
      std::move(done));
}

void Store::ListQuotas(const core::Requester& by,
                       std::function<void(absl::StatusOr<std::vector<core::Quota>>)> done) {
  impl_->reader().Read<std::vector<core::Quota>>(by, SelectQuotas, std::move(done));
}

void Store::ListUnusedBlobs(int64_t unused_since_ms, int limit, std::function<void(Listed)> done) {
  impl_->scanner().Read<std::vector<core::BlobEntry>>(
      core::Requester(),
      [unused_since_ms, limit](Connection& connection) {
        return SelectUnusedBlobs(connection, unused_since_ms, limit);
      },
      std::move(done));
}

void Store::ListContents(const core::Requester& by, const std::string& prefix,
                         const std::string& from, int limit,
                         std::function<void(absl::StatusOr<core::ContentPage>)> done) {
  impl_->scanner().Read<core::ContentPage>(
      by,
      [prefix, from, limit](Connection& connection) {
        return SelectContents(connection, prefix, from, limit);
      },
      std::move(done));
}

void Store::ListBlobs(const std::string& after, int limit, std::function<void(Listed)> done) {
  impl_->reader().Read<std::vector<core::BlobEntry>>(
      core::Requester(),
      [after, limit](Connection& connection) { return SelectBlobs(connection, after, limit); },
      std::move(done));
}

void Store::ForgetBlob(const std::string& sha256, int64_t unused_since_ms,
                       std::function<void(absl::StatusOr<bool>)> done) {
  // Of the last run, should the transaction be lost.
  const auto forgotten = std::make_shared<bool>(false);
  impl_->Submit(
      [sha256, unused_since_ms, forgotten](Connection& connection) {
        const auto removed = RemoveUnusedBlob(connection, sha256, unused_since_ms);
        *forgotten = removed.ok() && *removed;
        return removed.status();
      },
      [forgotten, done = std::move(done)](const absl::Status& status) {
        status.ok() ? done(*forgotten) : done(status);
      },
      /*may_use_reserve=*/true);  // room comes back by it
}

void Store::MeasureUnusedBlobs(std::function<void(absl::StatusOr<core::BlobUsage>)> done) {
  impl_->scanner().Read<core::BlobUsage>(core::Requester(), SumUnusedBlobs, std::move(done));
}

absl::Status Store::CheckFiles() const { return impl_->CheckFiles(); }

int64_t Store::BusyMs(int64_t now_ms) const { return impl_->BusyMs(now_ms); }

DatabaseSize Store::SizeOnDisk() const { return impl_->SizeOnDisk(); }

const Statistics& Store::statistics() const { return impl_->statistics(); }

}  // namespace grpc_os::store
