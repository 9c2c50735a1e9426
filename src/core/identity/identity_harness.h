// A core::Identity with fakes all around, and short ways to say what happens to it.
#ifndef GRPC_OS_CORE_IDENTITY_IDENTITY_HARNESS_H_
#define GRPC_OS_CORE_IDENTITY_IDENTITY_HARNESS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/identity/identity.h"
#include "testing/fake_crypto.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_identity_store.h"
#include "testing/permissions.h"

namespace grpc_os::core {

inline std::string ReasonOf(const absl::Status& status) {
  const auto detail = DetailOf(status);
  return status.ok() ? "OK" : detail ? detail->reason : "no reason: " + status.ToString();
}

class IdentityTest : public ::testing::Test {
 protected:
  static constexpr char kPassword[] = "correct horse battery";
  static constexpr char kAsking[] = "00000000000000000000000000000001";

  void SetUp() override {
    clock_.now_ms = int64_t{1'800'000'000} * 1000;
    Start();
    ASSERT_FALSE(identity_->HasAdmin());
    ASSERT_TRUE(identity_->MakeAdmin("hash:admin's password").ok());
    ASSERT_TRUE(identity_->HasAdmin());
    Start();
    ASSERT_TRUE(Create("ada", {"operator"}).ok());
    store_.audit.clear();
    store_.events.clear();
  }
  // As a new daemon, from what the store has.
  void Start() {
    if (const auto admin = store_.users.find(kAdminUser); admin != store_.users.end()) {
      store_.standing = {{.id = kAsking,
                          .user = kAdminUser,
                          .method = "token",
                          .epoch = admin->second.epoch,
                          .roles = {"admin"},
                          .expire_time_ms = INT64_MAX}};
    }
    identity_ = std::make_unique<Identity>(Identity::Parts{store_,
                                                           store_,
                                                           signer_,
                                                           hasher_,
                                                           digest_,
                                                           clock_,
                                                           {0, 1000},
                                                           retention_clock_,
                                                           testing::Permissions(),
                                                           lifetimes_});
    ASSERT_TRUE(identity_->Load().ok());
  }

  // By the admin who asks for the changes here.
  Origin From(const std::string& source) const {
    Origin origin;
    origin.record.session_id = kAsking;
    origin.record.source = source;
    origin.record.method = "a method";
    origin.record.time_ms = clock_.now_ms;
    return origin;
  }

  using LoginResult = absl::StatusOr<Identity::Login>;
  using UserResult = absl::StatusOr<User>;
  struct Pending {
    std::optional<LoginResult> result;
  };
  // Answers when the store and the hasher let it.
  std::shared_ptr<Pending> BeginLogin(const std::string& user, const std::string& password,
                                      const std::string& source = "10.0.0.1",
                                      int64_t peer_uid = -1) {
    auto pending = std::make_shared<Pending>();
    identity_->LoginPassword(user, password, peer_uid, From(source), [pending](LoginResult result) {
      EXPECT_FALSE(pending->result.has_value()) << "answered twice";
      pending->result = std::move(result);
    });
    return pending;
  }
  LoginResult LogIn(const std::string& user, const std::string& password = kPassword,
                    const std::string& source = "10.0.0.1", int64_t peer_uid = -1) {
    const auto pending = BeginLogin(user, password, source, peer_uid);
    return pending->result ? *std::move(pending->result)
                           : absl::UnknownError("there is no answer yet");
  }
  std::shared_ptr<Pending> BeginRefresh(const std::string& token) {
    auto pending = std::make_shared<Pending>();
    identity_->Refresh(token, From("10.0.0.1"), [pending](LoginResult result) {
      EXPECT_FALSE(pending->result.has_value()) << "answered twice";
      pending->result = std::move(result);
    });
    return pending;
  }
  LoginResult Refresh(const std::string& token) {
    const auto pending = BeginRefresh(token);
    return pending->result ? *std::move(pending->result)
                           : absl::UnknownError("there is no answer yet");
  }
  // Over the local socket, as this account.
  LoginResult LogInAs(int64_t uid, const std::string& user, const std::string& password) {
    return LogIn(user, password, absl::StrCat("uid ", uid), uid);
  }
  LoginResult LogInPeer(int64_t uid) {
    LoginResult out = absl::UnknownError("there is no answer yet");
    identity_->LoginPeer(uid, From(absl::StrCat("uid ", uid)),
                         [&](LoginResult result) { out = std::move(result); });
    return out;
  }
  // The answer, once there is one, is in *out.
  static Identity::UserDone Into(UserResult& out) {
    return [&out](UserResult result) { out = std::move(result); };
  }
  static Identity::Done Into(absl::Status& out) {
    return [&out](const absl::Status& status) { out = status; };
  }
  static Identity::UserDone IntoStatus(absl::Status& out) {
    return [&out](const UserResult& result) { out = result.status(); };
  }

  absl::Status Create(const std::string& name, std::vector<std::string> roles,
                      const std::string& password = kPassword) {
    UserResult out = none_;
    identity_->CreateUser(name, std::move(roles), password, From("unix"), Into(out));
    return out.status();
  }
  absl::Status Delete(const std::string& name, const std::string& etag = "") {
    absl::Status out = none_;
    identity_->DeleteUser(name, etag, From("unix"), Into(out));
    return out;
  }
  UserResult Disable(const std::string& name, bool disabled = true, const std::string& etag = "") {
    UserResult out = none_;
    identity_->SetDisabled(name, etag, disabled, From("unix"), Into(out));
    return out;
  }
  UserResult Grant(const std::string& name, const std::string& role, const std::string& etag = "") {
    UserResult out = none_;
    identity_->GrantRole(name, role, etag, From("unix"), Into(out));
    return out;
  }
  UserResult Revoke(const std::string& name, const std::string& role,
                    const std::string& etag = "") {
    UserResult out = none_;
    identity_->RevokeRole(name, role, etag, From("unix"), Into(out));
    return out;
  }
  UserResult SetPassword(const Caller& caller, const std::string& name, const std::string& password,
                         const std::string& old = "", const std::string& source = "10.0.0.1") {
    UserResult out = none_;
    identity_->SetPassword(caller, name, password, old, From(source), Into(out));
    return out;
  }
  absl::StatusOr<Identity::MadeToken> MakeToken(const Caller& caller,
                                                std::vector<std::string> roles = {},
                                                int64_t ttl_ms = 3'600'000) {
    absl::StatusOr<Identity::MadeToken> out = none_;
    identity_->CreateToken(
        caller, {.label = "a label", .ttl_ms = ttl_ms, .roles = std::move(roles)}, From("10.0.0.1"),
        [&](absl::StatusOr<Identity::MadeToken> made) { out = std::move(made); });
    return out;
  }
  absl::Status Logout(const Caller& caller) {
    absl::Status out = none_;
    identity_->Logout(caller, From("unix"), Into(out));
    return out;
  }
  absl::Status End(const Caller& caller, const std::string& session_id) {
    absl::Status out = none_;
    identity_->EndSession(caller, session_id, From("unix"), Into(out));
    return out;
  }
  // All but that of the admin who asks.
  std::vector<Session> Sessions() const {
    std::vector<Session> all = identity_->ListSessions("");
    std::erase_if(all, [](const Session& one) { return one.id == kAsking; });
    return all;
  }
  std::string Check(const std::string& token) {
    return ReasonOf(identity_->Authenticate(token).status());
  }
  std::vector<std::string> RolesOf(const std::string& token) {
    const auto caller = identity_->Authenticate(token);
    return caller.ok() ? (*caller)->roles : std::vector<std::string>{ReasonOf(caller.status())};
  }

  const absl::Status none_ = absl::UnknownError("there is no answer yet");
  testing::ManualScheduler clock_;
  // As clock_, unless it is held.
  struct RetentionClockOfTest final : Clock {
    explicit RetentionClockOfTest(const Clock& wall_in) : wall(wall_in) {}
    int64_t NowMs() const override { return held_ms.value_or(wall.NowMs()); }
    const Clock& wall;
    std::optional<int64_t> held_ms;
  } retention_clock_{clock_};
  testing::MemoryIdentityStore store_;
  testing::FakeHasher hasher_;
  testing::FakeSigner signer_;
  testing::FakeDigest digest_;
  SessionLifetimes lifetimes_;  // from the next Start on
  std::unique_ptr<Identity> identity_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_IDENTITY_HARNESS_H_
