#include "services/auth_service.h"

#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/identity/identity_errors.h"
#include "core/identity/user_grammar.h"
#include "core/store_error.h"
#include "services/answer_empty.h"
#include "services/convert/identity_convert.h"
#include "services/convert/time_convert.h"
#include "services/paging.h"
#include "services/role_methods.h"
#include "services/run_once.h"

namespace grpc_os::services {
namespace {

absl::Status ClientTooOld() {
  return MakeError(absl::StatusCode::kUnauthenticated,
                   "this client is too old: it logs in by a ticket, and there are none any "
                   "more; install the grpc-os (for Python, the package grpc-os) that belongs "
                   "to this grpc-osd",
                   {.reason = core::reason::kTicketInvalid});
}

template <typename CallPointer>
auto AnswerLogin(const CallPointer& call) {
  return [call](absl::StatusOr<core::Identity::Login> login) {
    if (!login.ok()) return call->End(login.status());
    call->Answer(ToProto(*login));
  };
}

template <typename CallPointer>
core::Identity::UserDone AnswerUser(const CallPointer& call) {
  return [call](const absl::StatusOr<core::User>& user) {
    if (!user.ok()) return call->End(user.status());
    call->Answer(ToProto(*user));
  };
}

// By which sessions are in order.
std::string KeyOf(const core::SessionPlace& place) {
  return absl::StrCat(place.create_time_ms, " ", place.id);
}
// Empty: the beginning.
absl::StatusOr<core::SessionPlace> ParseKey(const std::string& key) {
  core::SessionPlace place;
  if (key.empty()) return place;
  const size_t space = key.find(' ');
  if (space == std::string::npos || !absl::SimpleAtoi(key.substr(0, space), &place.create_time_ms))
    return PageTokenInvalid();
  place.id = key.substr(space + 1);
  return place;
}

}  // namespace

AuthService::AuthService(Handlers& handlers, core::Identity& identity, core::AuditStore& audit)
    : identity_(identity), audit_(audit) {
  AddLogIn(handlers);
  AddUsers(handlers);
  AddUserChanges(handlers);
  AddRoleMethods(handlers, identity);
  AddSessions(handlers);
  AddAudit(handlers);
}

void AuthService::AddLogIn(Handlers& handlers) {
  handlers.Unary<v1::LoginPeerRequest, v1::LoginResponse>(
      [this](const auto& call, const v1::LoginPeerRequest& request) {
        const auto* ticket = request.GetDescriptor()->FindFieldByName("ticket");
        if (request.GetReflection()->HasField(request, ticket)) return call->End(ClientTooOld());
        identity_.LoginPeer(call->local_uid(), call->MakeOrigin(""), AnswerLogin(call));
      });

  handlers.Unary<v1::LoginRequest, v1::LoginResponse>(
      [this](const auto& call, const v1::LoginRequest& request) {
        core::Violations violations;
        core::CheckUserName(request.user(), "user", violations);
        core::CheckTriedPassword(request.password(), "password", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        identity_.LoginPassword(request.user(), request.password(), call->local_uid(),
                                call->MakeOrigin(request.user()), AnswerLogin(call));
      });

  handlers.Unary<v1::RefreshTokenRequest, v1::LoginResponse>(
      [this](const auto& call, const v1::RefreshTokenRequest& request) {
        core::Violations violations;
        if (request.refresh_token().empty())
          violations.Add("refresh_token", "give the refresh token of the last log-in or refresh");
        if (!violations.empty()) return call->End(violations.ToStatus());
        identity_.Refresh(request.refresh_token(), call->MakeOrigin(""), AnswerLogin(call));
      });

  handlers.Unary<v1::WhoAmIRequest, v1::WhoAmIResponse>(
      [](const auto& call, const v1::WhoAmIRequest&) {
        v1::WhoAmIResponse answer;
        *answer.mutable_identity() = ToProto(call->caller());
        SetTimeMs(call->caller().expire_time_ms, answer.mutable_expire_time());
        call->Answer(std::move(answer));
      });

  handlers.Unary<v1::LogoutRequest, v1::LogoutResponse>(
      [this](const auto& call, const v1::LogoutRequest&) {
        identity_.Logout(call->caller(), call->MakeOrigin(call->caller().session_id),
                         AnswerEmpty<v1::LogoutResponse>(call));
      });
}

void AuthService::AddUsers(Handlers& handlers) {
  handlers.Unary<v1::GetUserRequest, v1::User>(
      [this](const auto& call, const v1::GetUserRequest& request) {
        core::Violations violations;
        core::CheckUserName(request.name(), "name", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        if (absl::Status status = call->CheckName(request.name()); !status.ok())
          return call->End(status);
        const auto user = identity_.FindUser(request.name());
        if (!user) return call->End(core::UserNotFound(request.name()));
        call->Answer(ToProto(*user));
      });

  handlers.Unary<v1::ListUsersRequest, v1::ListUsersResponse>(
      [this](const auto& call, const v1::ListUsersRequest& request) {
        const auto query = PageQuery::Of(*call, request);
        if (!query.ok()) return call->End(query.status());
        v1::ListUsersResponse answer;
        Page page(*query, answer.mutable_users());
        const int most = call->PermitsAll() ? query->size() + 1 : std::numeric_limits<int>::max();
        for (const core::User& user : identity_.ListUsers(query->after(), most)) {
          if (!call->Permits(user.name)) continue;
          if (!page.Add(ToProto(user), user.name)) break;
        }
        answer.set_next_page_token(page.NextToken());
        call->Answer(std::move(answer));
      });
}

template <typename Request>
void AuthService::RunChange(const UserCall& call, const Request& request, const std::string& user,
                            const Change& change) {
  const auto carry_out = [call, change](core::Origin origin) {
    change(std::move(origin), AnswerUser(call));
  };
  const auto repeat = [this, call](const core::CommittedRequest& committed) {
    const auto now = identity_.FindUser(committed.subject);
    if (!now) return call->End(core::UserNotFound(committed.subject));
    call->Answer(ToProto(*now));
  };
  RunOnce(call, request, user, carry_out, repeat, user);
}

template <typename Request>
void AuthService::AddSwitch(Handlers& handlers, bool disabled) {
  handlers.Unary<Request, v1::User>([this, disabled](const auto& call, const Request& request) {
    core::Violations violations;
    core::CheckUserName(request.name(), "name", violations);
    if (!violations.empty()) return call->End(violations.ToStatus());
    RunChange(call, request, request.name(),
              [this, name = request.name(), etag = request.etag(), disabled](
                  core::Origin origin, core::Identity::UserDone done) {
                identity_.SetDisabled(name, etag, disabled, std::move(origin), std::move(done));
              });
  });
}

template <typename Request>
void AuthService::AddGrant(Handlers& handlers, bool grant) {
  handlers.Unary<Request, v1::User>([this, grant](const auto& call, const Request& request) {
    core::Violations violations;
    core::CheckUserName(request.user(), "user", violations);
    if (request.role().empty()) violations.Add("role", "give a role; `role ls` lists them");
    if (!violations.empty()) return call->End(violations.ToStatus());
    RunChange(call, request, request.user(),
              [this, grant, user = request.user(), role = request.role(), etag = request.etag()](
                  core::Origin origin, core::Identity::UserDone done) {
                if (grant) {
                  identity_.GrantRole(user, role, etag, std::move(origin), std::move(done));
                } else {
                  identity_.RevokeRole(user, role, etag, std::move(origin), std::move(done));
                }
              });
  });
}

void AuthService::AddUserChanges(Handlers& handlers) {
  handlers.Unary<v1::CreateUserRequest, v1::User>(
      [this](const auto& call, const v1::CreateUserRequest& request) {
        core::Violations violations;
        const std::string& name = request.user().name();
        core::CheckUserName(name, "user.name", violations);
        if (!request.password().empty())
          core::CheckNewPassword(request.password(), name, identity_.password_bytes_min(),
                                 "password", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        // What is kept of a request is a hash of it, and of a password not even that.
        v1::CreateUserRequest kept = request;
        kept.clear_password();
        RunChange(call, kept, name,
                  [this, name, password = request.password(),
                   roles = std::vector<std::string>(request.user().roles().begin(),
                                                    request.user().roles().end())](
                      core::Origin origin, core::Identity::UserDone done) {
                    identity_.CreateUser(name, roles, password, std::move(origin), std::move(done));
                  });
      });

  handlers.Unary<v1::DeleteUserRequest, v1::DeleteUserResponse>(
      [this](const auto& call, const v1::DeleteUserRequest& request) {
        core::Violations violations;
        core::CheckUserName(request.name(), "name", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        const auto carry_out = [this, call, name = request.name(),
                                etag = request.etag()](core::Origin origin) {
          identity_.DeleteUser(name, etag, std::move(origin),
                               AnswerEmpty<v1::DeleteUserResponse>(call));
        };
        const auto repeat = [call](const core::CommittedRequest&) {
          call->Answer(v1::DeleteUserResponse());
        };
        RunOnce(call, request, request.name(), carry_out, repeat, request.name());
      });

  AddSwitch<v1::DisableUserRequest>(handlers, /*disabled=*/true);
  AddSwitch<v1::EnableUserRequest>(handlers, /*disabled=*/false);
  AddGrant<v1::GrantRoleRequest>(handlers, /*grant=*/true);
  AddGrant<v1::RevokeRoleRequest>(handlers, /*grant=*/false);

  handlers.Unary<v1::SetPasswordRequest, v1::User>(
      [this](const auto& call, const v1::SetPasswordRequest& request) {
        core::Violations violations;
        const std::string& name = request.name().empty() ? call->caller().user : request.name();
        core::CheckUserName(name, "name", violations);
        core::CheckNewPassword(request.password(), name, identity_.password_bytes_min(), "password",
                               violations);
        if (!request.old_password().empty())
          core::CheckTriedPassword(request.old_password(), "old_password", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        call->AddUid();
        identity_.SetPassword(call->caller(), name, request.password(), request.old_password(),
                              call->MakeOrigin(name), AnswerUser(call));
      });
}

void AuthService::AddSessions(Handlers& handlers) {
  handlers.Unary<v1::ListSessionsRequest, v1::ListSessionsResponse>(
      [this](const auto& call, const v1::ListSessionsRequest& request) {
        const core::Caller& caller = call->caller();
        const bool named = !request.user().empty() && request.user() != caller.user;
        const bool all = named ? caller.authority.AllowsName("user.read", request.user())
                               : caller.authority.AllowsAllNames("user.read", "");
        if (named && !all) {
          return call->End(core::PermissionMissing(
              caller, "user.read", "one may list one's own sessions; ask an admin for others'"));
        }
        core::Violations violations;
        if (!request.user().empty()) core::CheckUserName(request.user(), "user", violations);
        const std::string user = all ? request.user() : caller.user;
        const auto query = PageQuery::Of(*call, request, std::move(violations), {user});
        if (!query.ok()) return call->End(query.status());
        const auto after = ParseKey(query->after());
        if (!after.ok()) return call->End(after.status());
        v1::ListSessionsResponse answer;
        Page page(*query, answer.mutable_sessions());
        for (const core::Session& session :
             identity_.ListSessions(user, *after, query->size() + 1)) {
          if (!page.Add(ToProto(session, caller), KeyOf(core::PlaceOf(session)))) break;
        }
        answer.set_next_page_token(page.NextToken());
        call->Answer(std::move(answer));
      });

  handlers.Unary<v1::EndSessionRequest, v1::EndSessionResponse>(
      [this](const auto& call, const v1::EndSessionRequest& request) {
        core::Violations violations;
        core::CheckSessionId(request.id(), "id", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        const auto carry_out = [this, call, id = request.id()](core::Origin origin) {
          identity_.EndSession(call->caller(), id, std::move(origin),
                               AnswerEmpty<v1::EndSessionResponse>(call));
        };
        const auto repeat = [call](const core::CommittedRequest&) {
          call->Answer(v1::EndSessionResponse());
        };
        RunOnce(call, request, request.id(), carry_out, repeat);
      });

  handlers.Unary<v1::CreateTokenRequest, v1::CreateTokenResponse>(
      [this](const auto& call, const v1::CreateTokenRequest& request) {
        core::Violations violations;
        core::CheckLabel(request.label(), "label", violations);
        core::Identity::NewToken wanted{.label = request.label(),
                                        .ttl_ms = TokenTtlFromProto(request, violations),
                                        .roles = {request.roles().begin(), request.roles().end()}};
        if (!violations.empty()) return call->End(violations.ToStatus());
        identity_.CreateToken(call->caller(), std::move(wanted), call->MakeOrigin(request.label()),
                              [call](const absl::StatusOr<core::Identity::MadeToken>& made) {
                                if (!made.ok()) return call->End(made.status());
                                v1::CreateTokenResponse answer;
                                answer.set_token(made->token);
                                *answer.mutable_session() = ToProto(made->session, call->caller());
                                call->Answer(std::move(answer));
                              });
      });
}

void AuthService::AddAudit(Handlers& handlers) {
  handlers.Unary<v1::ListAuditRecordsRequest, v1::ListAuditRecordsResponse>(
      [this](const auto& call, const v1::ListAuditRecordsRequest& request) {
        core::Violations violations;
        core::AuditQuery wanted = AuditQueryFromProto(request, violations);
        const auto query = PageQuery::Of(*call, request, std::move(violations),
                                         {wanted.user, absl::StrCat(wanted.since_ms)});
        if (!query.ok()) return call->End(query.status());
        if (!query->after().empty() &&
            !ParseKey(query->after(), wanted.after.change, wanted.after.refusal))
          return call->End(PageTokenInvalid());
        wanted.limit = query->size() + 1;
        wanted.by = call->requester();
        audit_.ReadAudit(wanted, [call, query = *query, place = wanted.after](
                                     absl::StatusOr<core::AuditPage> found) mutable {
          if (!found.ok()) return call->End(core::FromStore(found.status()));
          v1::ListAuditRecordsResponse answer;
          Page page(query, answer.mutable_records());
          for (const core::AuditRecord& record : found->records) {
            place.Pass(record);
            if (!page.Add(ToProto(record), KeyOf(place.change, place.refusal))) break;
          }
          answer.set_next_page_token(
              page.NextToken(found->next ? KeyOf(found->next->change, found->next->refusal) : ""));
          call->Answer(std::move(answer));
        });
      });
}

}  // namespace grpc_os::services
