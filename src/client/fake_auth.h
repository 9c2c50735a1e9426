// AuthService of the fake daemon: users, sessions and the audit as records.
#ifndef GRPC_OS_CLIENT_FAKE_AUTH_H_
#define GRPC_OS_CLIENT_FAKE_AUTH_H_

#include <poll.h>

#include <algorithm>
#include <mutex>
#include <string>

#include "client/fake_state.h"
#include "grpc_os/v1/auth_services.grpc.pb.h"

namespace grpc_os::client {

class FakeAuth : public v1::AuthService::Service {
 public:
  explicit FakeAuth(FakeState& state) : state_(state) {}

  static std::string OpenSession(FakeState& state, const std::string& user,
                                 const std::string& method) {
    const int number = state.next_number++;
    std::string id =
        std::string(30, 'a') + std::to_string(number / 10 % 10) + std::to_string(number % 10);
    v1::Session& session = state.sessions[id];
    session.set_id(id);
    session.set_user(user);
    session.set_login_method(method);
    session.set_source("uid 1000");
    return id;
  }

  static std::string GiveToken(FakeState& state, const std::string& user, const std::string& method,
                               const std::string& session) {
    std::string token = "token-" + std::to_string(++state.logins);
    v1::Identity& identity = state.tokens["Bearer " + token];
    identity.set_user(user);
    identity.set_login_method(method);
    identity.set_session_id(session);
    const auto found = state.users.find(user);
    if (found != state.users.end()) {
      *identity.mutable_roles() = found->second.roles();
    } else {
      identity.add_roles("admin");
    }
    return token;
  }

  grpc::Status LoginPeer(grpc::ServerContext*, const v1::LoginPeerRequest*,
                         v1::LoginResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    state_.calls.push_back("LoginPeer");
    Answer("admin", "peer", OpenSession(state_, "admin", "peer"), response);
    return grpc::Status::OK;
  }

  grpc::Status Login(grpc::ServerContext*, const v1::LoginRequest* request,
                     v1::LoginResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    state_.calls.push_back("Login " + request->user());
    const auto password = state_.passwords.find(request->user());
    if (password == state_.passwords.end() || password->second != request->password()) {
      return FakeError(grpc::UNAUTHENTICATED, "The name or the password is wrong.", "LOGIN_FAILED");
    }
    const std::string session = OpenSession(state_, request->user(), "password");
    Answer(request->user(), "password", session, response);
    GiveRefreshToken(session, response);
    return grpc::Status::OK;
  }

  // A refresh token that comes a second time ends its session.
  grpc::Status RefreshToken(grpc::ServerContext*, const v1::RefreshTokenRequest* request,
                            v1::LoginResponse* response) override {
    std::unique_lock<std::mutex> lock(state_.mutex);
    state_.calls.push_back("RefreshToken");
    while (state_.hold_refresh) {
      lock.unlock();
      ::poll(nullptr, 0, 2);
      lock.lock();
    }
    const auto found = state_.refresh_tokens.find(request->refresh_token());
    if (found == state_.refresh_tokens.end()) return TokenInvalid();
    const std::string session = found->second;
    const bool reused = !state_.spent.insert(request->refresh_token()).second;
    if (reused) state_.sessions.erase(session);
    if (state_.sessions.count(session) == 0) return TokenInvalid();
    ++state_.refreshes;
    Answer(state_.sessions[session].user(), "password", session, response);
    GiveRefreshToken(session, response);
    return grpc::Status::OK;
  }

  grpc::Status WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest*,
                      v1::WhoAmIResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    return EnterFake(state_, context, "WhoAmI", response->mutable_identity());
  }

  grpc::Status Logout(grpc::ServerContext* context, const v1::LogoutRequest*,
                      v1::LogoutResponse*) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    v1::Identity identity;
    if (auto status = EnterFake(state_, context, "Logout", &identity); !status.ok()) return status;
    End(identity.session_id());
    return grpc::Status::OK;
  }

  grpc::Status GetUser(grpc::ServerContext* context, const v1::GetUserRequest* request,
                       v1::User* response) override {
    return WithUser(context, "GetUser", request->name(), response, [](v1::User&) {});
  }

  // Pages of two.
  grpc::Status ListUsers(grpc::ServerContext* context, const v1::ListUsersRequest* request,
                         v1::ListUsersResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = EnterFake(state_, context, "ListUsers"); !status.ok()) return status;
    auto from = request->page_token().empty() ? state_.users.begin()
                                              : state_.users.find(request->page_token());
    for (int n = 0; n < 2 && from != state_.users.end(); ++n, ++from) {
      *response->add_users() = from->second;
    }
    if (from != state_.users.end()) response->set_next_page_token(from->first);
    return grpc::Status::OK;
  }

  grpc::Status CreateUser(grpc::ServerContext* context, const v1::CreateUserRequest* request,
                          v1::User* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string& name = request->user().name();
    if (auto status = EnterFake(state_, context, "CreateUser " + name); !status.ok()) return status;
    if (state_.users.count(name) != 0) {
      return FakeError(grpc::ALREADY_EXISTS, "There is a user " + name + " already.",
                       "USER_EXISTS");
    }
    for (const std::string& role : request->user().roles()) {
      if (!IsRole(role)) return NoRole(role);
    }
    v1::User& user = state_.users[name] = request->user();
    user.set_has_password(!request->password().empty());
    if (user.has_password()) state_.passwords[name] = request->password();
    *response = user;
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status DeleteUser(grpc::ServerContext* context, const v1::DeleteUserRequest* request,
                          v1::DeleteUserResponse*) override {
    v1::User ignored;
    auto status = WithUser(context, "DeleteUser", request->name(), &ignored, [](v1::User&) {});
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (status.ok() && request->name() == "admin") {
      return FakeError(grpc::FAILED_PRECONDITION, "admin is the last admin.", "LAST_ADMIN");
    }
    state_.users.erase(request->name());
    return status;
  }

  grpc::Status DisableUser(grpc::ServerContext* context, const v1::DisableUserRequest* request,
                           v1::User* response) override {
    return WithUser(context, "DisableUser", request->name(), response,
                    [](v1::User& user) { user.set_disabled(true); });
  }

  grpc::Status EnableUser(grpc::ServerContext* context, const v1::EnableUserRequest* request,
                          v1::User* response) override {
    return WithUser(context, "EnableUser", request->name(), response,
                    [](v1::User& user) { user.set_disabled(false); });
  }

  grpc::Status SetPassword(grpc::ServerContext* context, const v1::SetPasswordRequest* request,
                           v1::User* response) override {
    v1::Identity identity;
    {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      if (auto status = EnterFake(state_, context, "SetPassword", &identity); !status.ok()) {
        return status;
      }
      const std::string name = request->name().empty() ? identity.user() : request->name();
      const bool own = identity.login_method() == "password" && identity.user() == name;
      if (own && state_.passwords[name] != request->old_password()) {
        return FakeError(grpc::UNAUTHENTICATED, "The old password is wrong.", "LOGIN_FAILED");
      }
      state_.passwords[name] = request->password();
    }
    return WithUser(context, "SetPasswordOf",
                    request->name().empty() ? identity.user() : request->name(), response,
                    [](v1::User& user) { user.set_has_password(true); });
  }

  grpc::Status GrantRole(grpc::ServerContext* context, const v1::GrantRoleRequest* request,
                         v1::User* response) override {
    {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      if (!IsRole(request->role())) return NoRole(request->role());
    }
    return WithUser(context, "GrantRole", request->user(), response,
                    [&](v1::User& user) { user.add_roles(request->role()); });
  }

  grpc::Status RevokeRole(grpc::ServerContext* context, const v1::RevokeRoleRequest* request,
                          v1::User* response) override {
    {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      if (!IsRole(request->role())) return NoRole(request->role());
    }
    return WithUser(context, "RevokeRole", request->user(), response, [&](v1::User& user) {
      auto& roles = *user.mutable_roles();
      roles.erase(std::remove(roles.begin(), roles.end(), request->role()), roles.end());
    });
  }

  // The built-in ones on the first page, the others on the second.
  grpc::Status ListRoles(grpc::ServerContext* context, const v1::ListRolesRequest* request,
                         v1::ListRolesResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (request->page_token() == "made") {
      for (const auto& [name, role] : roles_) *response->add_roles() = role;
      return EnterFake(state_, context, "ListRoles");
    }
    for (const char* name : {"admin", "operator", "viewer"}) {
      v1::Role& role = *response->add_roles();
      role.set_name(name);
      role.set_description(std::string("what an ") + name + " may do");
      role.add_permissions("process.read");
      role.set_built_in(true);
    }
    if (!roles_.empty()) response->set_next_page_token("made");
    return EnterFake(state_, context, "ListRoles");
  }

  grpc::Status GetRole(grpc::ServerContext* context, const v1::GetRoleRequest* request,
                       v1::Role* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = EnterFake(state_, context, "GetRole " + request->name()); !status.ok())
      return status;
    const auto found = roles_.find(request->name());
    if (found == roles_.end()) return NoRole(request->name());
    *response = found->second;
    return grpc::Status::OK;
  }

  grpc::Status CreateRole(grpc::ServerContext* context, const v1::CreateRoleRequest* request,
                          v1::Role* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string& name = request->role().name();
    if (auto status = EnterFake(state_, context, "CreateRole " + name); !status.ok()) return status;
    if (IsRole(name)) {
      return FakeError(grpc::ALREADY_EXISTS, "There is a role " + name + " already.",
                       "ROLE_EXISTS");
    }
    *response = Keep(request->role(), 1);
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status UpdateRole(grpc::ServerContext* context, const v1::UpdateRoleRequest* request,
                          v1::Role* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string& name = request->role().name();
    if (auto status = EnterFake(state_, context, "UpdateRole " + name); !status.ok()) return status;
    const auto found = roles_.find(name);
    if (found == roles_.end()) return NoRole(name);
    if (request->role().etag() != found->second.etag()) {
      return FakeError(grpc::ABORTED, "The role " + name + " was changed meanwhile.",
                       "ETAG_MISMATCH");
    }
    *response = Keep(request->role(), std::stoi(found->second.etag()) + 1);
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status DeleteRole(grpc::ServerContext* context, const v1::DeleteRoleRequest* request,
                          v1::DeleteRoleResponse*) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string& name = request->name();
    if (auto status = EnterFake(state_, context, "DeleteRole " + name); !status.ok()) return status;
    for (const auto& [user, one] : state_.users) {
      if (std::find(one.roles().begin(), one.roles().end(), name) != one.roles().end()) {
        return FakeError(grpc::FAILED_PRECONDITION, "The user " + user + " has the role.",
                         "ROLE_IN_USE");
      }
    }
    if (roles_.erase(name) == 0) return NoRole(name);
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status ListSessions(grpc::ServerContext* context, const v1::ListSessionsRequest* request,
                            v1::ListSessionsResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    v1::Identity identity;
    auto status = EnterFake(state_, context, "ListSessions " + request->user(), &identity);
    for (const auto& [id, session] : state_.sessions) {
      if (!request->user().empty() && session.user() != request->user()) continue;
      v1::Session& shown = *response->add_sessions() = session;
      shown.set_current(id == identity.session_id());
    }
    return status;
  }

  grpc::Status EndSession(grpc::ServerContext* context, const v1::EndSessionRequest* request,
                          v1::EndSessionResponse*) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = EnterFake(state_, context, "EndSession " + request->id()); !status.ok()) {
      return status;
    }
    if (state_.sessions.count(request->id()) == 0) {
      return FakeError(grpc::NOT_FOUND, "No session " + request->id() + ".", "SESSION_NOT_FOUND");
    }
    End(request->id());
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status CreateToken(grpc::ServerContext* context, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    v1::Identity identity;
    if (auto status = EnterFake(state_, context, "CreateToken", &identity); !status.ok()) {
      return status;
    }
    const std::string id = OpenSession(state_, identity.user(), "token");
    v1::Session& session = state_.sessions[id];
    session.set_label(request->label());
    *session.mutable_roles() = request->roles();
    session.mutable_expire_time()->set_seconds(request->ttl().seconds());
    response->set_token(GiveToken(state_, identity.user(), "token", id));
    *response->mutable_session() = session;
    return grpc::Status::OK;
  }

  // The page token is the number of those that came before.
  grpc::Status ListAuditRecords(grpc::ServerContext* context,
                                const v1::ListAuditRecordsRequest* request,
                                v1::ListAuditRecordsResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = EnterFake(state_, context, "ListAuditRecords " + request->user());
        !status.ok()) {
      return status;
    }
    size_t at = request->page_token().empty() ? 0 : std::stoul(request->page_token());
    for (int n = 0; n < request->page_size() && at < state_.audit.size(); ++n, ++at) {
      if (state_.audit[at].time().seconds() >= request->since().seconds()) {
        *response->add_records() = state_.audit[at];
      }
    }
    if (at < state_.audit.size()) response->set_next_page_token(std::to_string(at));
    return grpc::Status::OK;
  }

 private:
  static grpc::Status TokenInvalid() {
    return FakeError(grpc::UNAUTHENTICATED, "The token is not valid.", "TOKEN_INVALID");
  }
  bool IsRole(const std::string& role) const {
    return role == "admin" || role == "operator" || role == "viewer" || roles_.count(role) != 0;
  }
  const v1::Role& Keep(const v1::Role& role, int etag) {
    v1::Role& kept = roles_[role.name()] = role;
    kept.set_etag(std::to_string(etag));
    kept.clear_permissions();
    for (const v1::Role::Rule& rule : role.rules()) {
      if (rule.effect() == v1::Role::EFFECT_ALLOW) kept.add_permissions(rule.permission());
    }
    return kept;
  }
  static grpc::Status NoRole(const std::string& role) {
    return FakeError(grpc::NOT_FOUND, "There is no role " + role + ".", "ROLE_NOT_FOUND");
  }

  void Answer(const std::string& user, const std::string& method, const std::string& session,
              v1::LoginResponse* response) {
    const std::string token = GiveToken(state_, user, method, session);
    response->set_access_token(token);
    *response->mutable_identity() = state_.tokens["Bearer " + token];
  }

  void GiveRefreshToken(const std::string& session, v1::LoginResponse* response) {
    const std::string token = "refresh-" + std::to_string(state_.refresh_tokens.size());
    state_.refresh_tokens[token] = session;
    response->set_refresh_token(token);
  }

  void End(const std::string& session) {
    state_.sessions.erase(session);
    std::erase_if(state_.tokens,
                  [&](const auto& each) { return each.second.session_id() == session; });
  }

  template <typename Change>
  grpc::Status WithUser(grpc::ServerContext* context, const std::string& call,
                        const std::string& name, v1::User* response, Change change) {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = EnterFake(state_, context, call + " " + name); !status.ok()) return status;
    const auto found = state_.users.find(name);
    if (found == state_.users.end()) {
      return FakeError(grpc::NOT_FOUND, "No user " + name + ".", "USER_NOT_FOUND");
    }
    change(found->second);
    *response = found->second;
    return grpc::Status::OK;
  }

  FakeState& state_;
  std::map<std::string, v1::Role> roles_ = {};  // but the built-in ones
};

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_FAKE_AUTH_H_
