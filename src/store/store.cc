#include "store/store.h"

#include <utility>

#include "store/event_table.h"
#include "store/meta_table.h"
#include "store/process_table.h"
#include "store/reader.h"
#include "store/schema.h"
#include "store/session_table.h"
#include "store/storage_error.h"
#include "store/subscribers.h"
#include "store/transaction.h"
#include "store/writer.h"

namespace grpc_os::store {
namespace {

absl::Status ApplyWrite(Connection& connection, const core::ProcessWrite& write, int64_t revision) {
  // Removals first: what they held, a name above all, may be taken again in the same write.
  for (const std::string& id : write.remove) {
    if (auto status = RemoveProcess(connection, id); !status.ok()) return status;
  }
  for (const core::Process& process : write.put) {
    if (auto status = PutProcess(connection, process, revision); !status.ok()) return status;
  }
  int sequence = 0;
  for (const core::Event& event : write.events) {
    if (auto status = InsertEvent(connection, event, revision, sequence++); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

// Members are destroyed from the last to the first: the reader's connection before the writer's,
// which as the last one puts the write-ahead log into the database.
class Store::Impl {
 public:
  Impl(std::unique_ptr<Database> database, std::unique_ptr<Connection> writer,
       std::unique_ptr<Connection> reader, int64_t newest_revision)
      : database_(std::move(database)),
        writer_(std::move(writer), database_->dialect(), newest_revision, subscribers_),
        reader_(std::move(reader), database_->dialect()) {}

  // Work of the writer that takes no revision.
  using Apply = std::function<absl::Status(Connection&)>;
  void Submit(Apply apply, std::function<void(absl::Status)> done) {
    Operation operation = Unnumbered(std::move(apply));
    operation.done = [done = std::move(done)](const absl::StatusOr<int64_t>& result) {
      done(result.status());
    };
    writer_.Submit(std::move(operation));
  }
  absl::Status SubmitAndWait(Apply apply) {
    return writer_.SubmitAndWait(Unnumbered(std::move(apply))).status();
  }

  Writer& writer() { return writer_; }
  const Writer& writer() const { return writer_; }
  Reader& reader() { return reader_; }
  Subscribers& subscribers() { return subscribers_; }

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
  static Operation Unnumbered(Apply apply) {
    Operation operation;
    operation.apply = [apply = std::move(apply)](Connection& connection, int64_t) {
      return apply(connection);
    };
    return operation;
  }

  std::unique_ptr<Database> database_;
  Subscribers subscribers_;
  Writer writer_;
  Reader reader_;
};

absl::StatusOr<std::unique_ptr<Store>> Store::Open(std::unique_ptr<Database> database) {
  auto writer = database->OpenWriter();
  if (!writer.ok()) return writer.status();
  if (auto status = Migrate(**writer, database->dialect()); !status.ok()) return status;
  const auto meta = ReadMeta(**writer);
  if (!meta.ok()) return meta.status();
  auto reader = database->OpenReader();
  if (!reader.ok()) return reader.status();
  return std::unique_ptr<Store>(new Store(std::make_unique<Impl>(
      std::move(database), *std::move(writer), *std::move(reader), meta->revision)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() {
  // While everything is still there for what the callbacks call: the answers of the last commits
  // may ask for events.
  impl_->writer().Finish();
  impl_->reader().Finish();
}

void Store::Commit(core::ProcessWrite write, std::function<void(absl::StatusOr<int64_t>)> done) {
  impl_->writer().Submit({.apply =
                              [write = std::move(write)](Connection& connection, int64_t revision) {
                                return ApplyWrite(connection, write, revision);
                              },
                          .numbered = true,
                          .done = std::move(done)});
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

absl::Status Store::SaveBootId(const std::string& boot_id) {
  return impl_->SubmitAndWait(
      [boot_id](Connection& connection) { return WriteBootId(connection, boot_id); });
}

void Store::ReadEvents(int64_t after, int limit, ReadDone done) {
  impl_->reader().ReadEvents(after, limit, std::move(done));
}

int64_t Store::NewestRevision() const { return impl_->writer().NewestRevision(); }

Store::Subscription Store::Subscribe(std::function<void(int64_t)> on_commit) {
  return impl_->subscribers().Add(std::move(on_commit));
}

void Store::Unsubscribe(Subscription subscription) { impl_->subscribers().Remove(subscription); }

void Store::PutSession(const core::Session& session, std::function<void(absl::Status)> done) {
  impl_->Submit(
      [session](Connection& connection) {
        // Else the table would grow for as long as the daemon lives.
        auto status = RemoveExpiredSessions(connection, session.create_time_ms);
        return status.ok() ? store::PutSession(connection, session) : status;
      },
      std::move(done));
}

void Store::EndSession(const std::string& session_id, int64_t time_ms,
                       std::function<void(absl::Status)> done) {
  impl_->Submit(
      [session_id, time_ms](Connection& connection) {
        auto status = RemoveExpiredSessions(connection, time_ms);
        return status.ok() ? RemoveSession(connection, session_id) : status;
      },
      std::move(done));
}

absl::StatusOr<std::vector<core::Session>> Store::LoadSessions(int64_t now_ms) {
  // Expired sessions are not shown in any case: a disk that cannot be written just now keeps their
  // rows until a later log-in, and is no reason not to start.
  impl_
      ->SubmitAndWait(
          [now_ms](Connection& connection) { return RemoveExpiredSessions(connection, now_ms); })
      .IgnoreError();
  return impl_->Load<std::vector<core::Session>>(
      [now_ms](Connection& connection) { return ReadSessions(connection, now_ms); });
}

}  // namespace grpc_os::store
