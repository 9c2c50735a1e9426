// The store: one thread that commits in groups, three that read, a revision for each commit.
#ifndef GRPC_OS_STORE_STORE_H_
#define GRPC_OS_STORE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/audit/audit.h"
#include "core/change/envelope.h"
#include "core/event/event.h"
#include "core/identity/user.h"
#include "core/object/blob_index.h"
#include "core/object/content_index.h"
#include "core/object/object_store.h"
#include "core/process/process_store.h"
#include "core/request/requests.h"
#include "core/resource/resource_store.h"
#include "store/database.h"
#include "store/retention.h"
#include "store/statistics.h"

namespace grpc_os::store {

struct StoreOptions {
  Kept kept;
  // By which what is kept for a time is forgotten (core::RetentionClock); empty: the wall clock.
  std::function<int64_t()> now_ms;
  // Before this nothing is retired, and no request is committed (core::RetentionClock::LatestMs);
  // empty: at any time.
  std::function<int64_t()> retired_from_ms;
};

// Thread-safe. Destroyed after everything that uses it; what was submitted is committed first.
class Store final : public core::ProcessStore,
                    public core::EventLog,
                    public core::IdentityStore,
                    public core::AuditStore,
                    public core::RequestStore,
                    public core::ResourceStore,
                    public core::ObjectStore,
                    public core::BlobIndex,
                    public core::ContentIndex {
 public:
  // Opens, migrates (never downwards), starts the threads.
  static absl::StatusOr<std::unique_ptr<Store>> Open(std::unique_ptr<Database> database,
                                                     StoreOptions options = {});
  ~Store() override;

  // Answers every read that was asked for; those after it are refused (UNAVAILABLE) at once,
  // but for objects that are in memory. For
  // whoever has to outlive the answers.
  void FinishReads();

  void Commit(core::ProcessWrite write, core::Envelope envelope,
              std::function<void(absl::StatusOr<int64_t>)> done) override;
  absl::StatusOr<std::vector<core::Process>> LoadProcesses() override;
  absl::StatusOr<std::string> LoadBootId() override;
  void SaveBootId(const std::string& boot_id, std::function<void(absl::Status)> done) override;

  void ReadEvents(const core::Requester& by, core::LogPosition after, int limit,
                  ReadDone done) override;
  void FindBefore(const core::Requester& by, int64_t from_ms, int64_t now_ms,
                  FindDone done) override;
  int64_t NewestRevision() const override;
  Subscription Subscribe(std::function<void(int64_t)> on_commit) override;
  void Unsubscribe(Subscription subscription) override;

  // The events after it can be read; cheap.
  int64_t OldestRevision() const override;

  void CommitIdentity(core::IdentityWrite write, core::Envelope envelope,
                      std::function<void(absl::StatusOr<int64_t>)> done) override;
  absl::StatusOr<std::vector<core::User>> LoadUsers() override;
  absl::StatusOr<std::vector<core::Session>> LoadSessions(int64_t now_ms) override;

  void CommitResources(core::ResourceWrite write, core::Envelope envelope,
                       std::function<void(absl::StatusOr<int64_t>)> done) override;
  absl::StatusOr<std::vector<core::StoredResource>> LoadResources(const std::string& kind) override;

  void PutAudit(std::vector<core::AuditRecord> records,
                std::function<void(absl::Status)> done) override;
  void ReadAudit(const core::AuditQuery& query,
                 std::function<void(absl::StatusOr<core::AuditPage>)> done) override;

  void FindRequest(
      const core::RequestKey& key,
      std::function<void(absl::StatusOr<std::optional<core::CommittedRequest>>)> done) override;

  void CommitObjects(core::ObjectWrite write, core::Envelope envelope,
                     std::function<void(absl::StatusOr<int64_t>)> done) override;
  void FindObject(const Wanted& wanted, std::function<void(Found)> done) override;
  void ListObjects(const core::ObjectQuery& query,
                   std::function<void(absl::StatusOr<core::ObjectPage>)> done) override;
  void ListVersions(const core::Requester& by, const std::string& name_or_id,
                    const core::VersionPlace& before, int limit,
                    std::function<void(absl::StatusOr<core::ObjectPage>)> done) override;
  void AnyExpired(int64_t now_ms, std::function<void(absl::StatusOr<bool>)> done) override;
  using Measured = absl::StatusOr<std::pair<core::ObjectUsage, std::string>>;
  void MeasureObjects(const core::Requester& by, const std::string& prefix,
                      const std::string& after, int limit,
                      std::function<void(Measured)> done) override;
  void ListQuotas(const core::Requester& by,
                  std::function<void(absl::StatusOr<std::vector<core::Quota>>)> done) override;

  void ListUnusedBlobs(int64_t unused_since_ms, int limit,
                       std::function<void(Listed)> done) override;
  void ListContents(const core::Requester& by, const std::string& prefix, const std::string& from,
                    int limit,
                    std::function<void(absl::StatusOr<core::ContentPage>)> done) override;
  void ListBlobs(const std::string& after, int limit, std::function<void(Listed)> done) override;
  void ForgetBlob(const std::string& sha256, int64_t unused_since_ms,
                  std::function<void(absl::StatusOr<bool>)> done) override;
  void MeasureUnusedBlobs(std::function<void(absl::StatusOr<core::BlobUsage>)> done) override;

  DatabaseSize SizeOnDisk() const;
  // Whether the files of the database are the ones that were opened (Database::CheckFiles).
  absl::Status CheckFiles() const;
  // For how long that of its threads has been at one piece of work which has been at one for
  // longest, in ms; `now_ms` is EventLoop's.
  int64_t BusyMs(int64_t now_ms) const;
  const Statistics& statistics() const;

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_STORE_H_
