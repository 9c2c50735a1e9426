// The store: one writer thread that commits in groups, one reader thread, a revision for each
// commit.
#ifndef GRPC_OS_STORE_STORE_H_
#define GRPC_OS_STORE_STORE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/event/event.h"
#include "core/identity/session_store.h"
#include "core/process/process_store.h"
#include "store/database.h"

namespace grpc_os::store {

// Thread-safe. Destroyed after everything that uses it; what was submitted is committed first.
class Store final : public core::ProcessStore, public core::EventLog, public core::SessionStore {
 public:
  // Opens, migrates (never downwards), starts the threads.
  static absl::StatusOr<std::unique_ptr<Store>> Open(std::unique_ptr<Database> database);
  ~Store() override;

  void Commit(core::ProcessWrite write, std::function<void(absl::StatusOr<int64_t>)> done) override;
  absl::StatusOr<std::vector<core::Process>> LoadProcesses() override;
  absl::StatusOr<std::string> LoadBootId() override;
  absl::Status SaveBootId(const std::string& boot_id) override;

  void ReadEvents(int64_t after, int limit, ReadDone done) override;
  int64_t NewestRevision() const override;
  Subscription Subscribe(std::function<void(int64_t)> on_commit) override;
  void Unsubscribe(Subscription subscription) override;

  void PutSession(const core::Session& session, std::function<void(absl::Status)> done) override;
  void EndSession(const std::string& session_id, int64_t time_ms,
                  std::function<void(absl::Status)> done) override;
  absl::StatusOr<std::vector<core::Session>> LoadSessions(int64_t now_ms) override;

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_STORE_H_
