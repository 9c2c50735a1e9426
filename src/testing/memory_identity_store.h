// Users, roles and sessions without a database: for tests of core::Identity.
#ifndef GRPC_OS_TESTING_MEMORY_IDENTITY_STORE_H_
#define GRPC_OS_TESTING_MEMORY_IDENTITY_STORE_H_

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/disk.h"
#include "core/identity/user.h"
#include "testing/memory_resource_store.h"
#include "testing/recorded.h"

namespace grpc_os::testing {

// Commits at once, or (if `hold`) when the test says so. One call at a time.
class MemoryIdentityStore final : public core::IdentityStore, public core::ResourceStore {
 public:
  using Done = std::function<void(absl::StatusOr<int64_t>)>;
  void CommitIdentity(core::IdentityWrite write, core::Envelope envelope, Done done) override {
    if (auto meanwhile = std::exchange(during, nullptr); meanwhile) meanwhile();
    Enter([this, write = std::move(write), envelope = std::move(envelope), done = std::move(done)] {
      Carry(write, envelope, done);
    });
  }
  void CommitResources(core::ResourceWrite write, core::Envelope envelope, Done done) override {
    Enter([this, write = std::move(write), envelope = std::move(envelope), done = std::move(done)] {
      CarryResources(write, envelope, done);
    });
  }
  absl::StatusOr<std::vector<core::StoredResource>> LoadResources(
      const std::string& kind) override {
    return resources.LoadResources(kind);
  }
  absl::StatusOr<std::vector<core::User>> LoadUsers() override {
    std::vector<core::User> all;
    for (const auto& [name, user] : users) all.push_back(user);
    return all;
  }
  absl::StatusOr<std::vector<core::Session>> LoadSessions(int64_t now_ms) override {
    std::vector<core::Session> all = standing;
    for (const auto& [id, session] : sessions)
      if (session.expire_time_ms > now_ms) all.push_back(session);
    return all;
  }
  // Commits the oldest of those that are held.
  void Release() {
    const auto oldest = std::move(waiting.front());
    waiting.pop_front();
    oldest();
  }
  void ReleaseAll() {
    while (!waiting.empty()) Release();
  }

  std::function<void()> during;  // what happens while the next commit is being handed over
  bool hold = false;
  absl::Status failure;  // of every commit, until it is OK again
  bool full = false;     // only what may use the reserve is stored
  std::deque<std::function<void()>> waiting;

  std::map<std::string, core::User> users;
  MemoryResourceStore resources;  // roles
  std::map<std::string, core::Session> sessions;
  std::vector<core::Session> standing;  // loaded beside those
  std::vector<core::Event> events;
  std::vector<core::AuditRecord> audit;
  std::vector<core::CommittedRequest> requests;
  int commits = 0;

 private:
  void Enter(std::function<void()> commit) {
    if (!hold) return commit();
    waiting.push_back(std::move(commit));
  }
  void CarryResources(const core::ResourceWrite& write, const core::Envelope& envelope,
                      const Done& done) {
    resources.failure = failure;
    resources.full = full;
    resources.revision = revision_;
    resources.events.clear();
    resources.audit.clear();
    resources.requests.clear();
    resources.CommitResources(write, envelope, [this, &done](absl::StatusOr<int64_t> revision) {
      if (revision.ok()) {
        ++commits;
        revision_ = resources.revision;
        events.insert(events.end(), resources.events.begin(), resources.events.end());
        audit.insert(audit.end(), resources.audit.begin(), resources.audit.end());
        requests.insert(requests.end(), resources.requests.begin(), resources.requests.end());
      }
      done(std::move(revision));
    });
  }
  void Carry(const core::IdentityWrite& write, const core::Envelope& envelope, const Done& done) {
    if (!failure.ok()) return done(failure);
    if (auto status = envelope.CheckPermitted(); !status.ok()) return done(status);
    if (full && !write.may_use_reserve) return done(core::DiskFullError("disk full", "nothing"));
    ++commits;
    for (const core::User& user : write.put_users) users[user.name] = user;
    for (const std::string& name : write.remove_users) users.erase(name);
    for (const core::Session& session : write.put_sessions) sessions[session.id] = session;
    for (const std::string& id : write.end_sessions) sessions.erase(id);
    events.insert(events.end(), write.events.begin(), write.events.end());
    Record(envelope, audit, requests);
    if (!write.events.empty()) ++revision_;
    envelope.SetWritten();
    done(write.events.empty() ? 0 : revision_);
  }

  int64_t revision_ = 0;
};

}  // namespace grpc_os::testing

#endif  // GRPC_OS_TESTING_MEMORY_IDENTITY_STORE_H_
