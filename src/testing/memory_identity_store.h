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

namespace grpc_os::testing {

// Commits at once, or (if `hold`) when the test says so. One call at a time.
class MemoryIdentityStore final : public core::IdentityStore {
 public:
  void CommitIdentity(core::IdentityWrite write,
                      std::function<void(absl::StatusOr<int64_t>)> done) override {
    if (auto meanwhile = std::exchange(during, nullptr); meanwhile) meanwhile();
    if (!hold) return Carry(write, done);
    waiting.emplace_back(std::move(write), std::move(done));
  }
  absl::StatusOr<std::vector<core::User>> LoadUsers() override {
    std::vector<core::User> all;
    for (const auto& [name, user] : users) all.push_back(user);
    return all;
  }
  absl::StatusOr<std::vector<core::Role>> LoadRoles() override {
    std::vector<core::Role> all;
    for (const auto& [name, role] : roles) all.push_back(role);
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
    auto [write, done] = std::move(waiting.front());
    waiting.pop_front();
    Carry(write, done);
  }
  void ReleaseAll() {
    while (!waiting.empty()) Release();
  }

  std::function<void()> during;  // what happens while the next commit is being handed over
  bool hold = false;
  absl::Status failure;  // of every commit, until it is OK again
  bool full = false;     // only what may use the reserve is stored
  std::deque<std::pair<core::IdentityWrite, std::function<void(absl::StatusOr<int64_t>)>>> waiting;

  std::map<std::string, core::User> users;
  std::map<std::string, core::Role> roles;
  std::map<std::string, core::Session> sessions;
  std::vector<core::Session> standing;  // loaded beside those
  std::vector<core::Event> events;
  std::vector<core::AuditRecord> audit;
  std::vector<core::CommittedRequest> requests;
  int commits = 0;

 private:
  void Carry(const core::IdentityWrite& write,
             const std::function<void(absl::StatusOr<int64_t>)>& done) {
    if (!failure.ok()) return done(failure);
    if (full && !write.may_use_reserve) return done(core::DiskFullError("disk full", "nothing"));
    ++commits;
    for (const core::User& user : write.put_users) users[user.name] = user;
    for (const std::string& name : write.remove_users) users.erase(name);
    for (const core::Role& role : write.put_roles) roles[role.name] = role;
    for (const std::string& name : write.remove_roles) roles.erase(name);
    for (const core::Session& session : write.put_sessions) sessions[session.id] = session;
    for (const std::string& id : write.end_sessions) sessions.erase(id);
    events.insert(events.end(), write.events.begin(), write.events.end());
    audit.insert(audit.end(), write.trace.audit.begin(), write.trace.audit.end());
    requests.insert(requests.end(), write.trace.requests.begin(), write.trace.requests.end());
    if (!write.events.empty()) ++revision_;
    done(write.events.empty() ? 0 : revision_);
  }

  int64_t revision_ = 0;
};

}  // namespace grpc_os::testing

#endif  // GRPC_OS_TESTING_MEMORY_IDENTITY_STORE_H_
