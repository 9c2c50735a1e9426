#include "core/identity/identity.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/id.h"
#include "base/limits.h"
#include "core/error_reason.h"

namespace grpc_os::core {
namespace {

constexpr size_t kOpenTickets = 1024;
constexpr size_t kSessionsKept = 4096;
constexpr std::string_view kSidClaim = "\"sid\":\"";
constexpr size_t kSidLength = 32;

struct Grant {
  std::string_view role;
  std::string_view permission;  // "*": all
};
constexpr Grant kGrants[] = {{"admin", "*"}};

absl::Status TicketInvalid() {
  return MakeError(
      absl::StatusCode::kUnauthenticated,
      "the ticket is unknown, used, or older than a minute; fetch another from the peer socket",
      {.reason = reason::kTicketInvalid});
}

absl::Status TokenInvalid() {
  return MakeError(absl::StatusCode::kUnauthenticated,
                   "the token is not valid (any more); log in again with `login`",
                   {.reason = reason::kTokenInvalid});
}

Caller CallerOf(const Session& session) {
  return {.user = session.user,
          .roles = {"admin"},  // the only role until roles are stored
          .method = session.method,
          .peer_uid = session.peer_uid,
          .session_id = session.id,
          .expire_time_ms = session.expire_time_ms};
}

std::string ClaimsOf(const Session& session) {
  return absl::StrCat("{\"iss\":\"grpc-os\",\"aud\":\"grpc-os\",\"sub\":\"", session.user,
                      "\",\"sid\":\"", session.id, "\",\"iat\":", session.create_time_ms / 1000,
                      ",\"exp\":", session.expire_time_ms / 1000, "}");
}

}  // namespace

bool Allows(const Caller& caller, std::string_view permission) {
  return std::any_of(caller.roles.begin(), caller.roles.end(), [&](const std::string& role) {
    return std::any_of(std::begin(kGrants), std::end(kGrants), [&](const Grant& grant) {
      return grant.role == role && (grant.permission == "*" || grant.permission == permission);
    });
  });
}

Identity::Identity(SessionStore& sessions, const TokenSigner& signer, const Clock& clock,
                   std::set<int64_t> admin_uids)
    : store_(sessions), signer_(signer), clock_(clock), admin_uids_(std::move(admin_uids)) {}

absl::Status Identity::Load() {
  auto sessions = store_.LoadSessions(clock_.NowMs());
  if (!sessions.ok()) return sessions.status();
  auto state = state_.Lock();
  for (Session& session : *sessions) {
    std::string id = session.id;
    state->sessions.emplace(std::move(id), std::move(session));
  }
  return absl::OkStatus();
}

std::string Identity::IssueTicket(int64_t uid) {
  Ticket ticket{RandomHex128(), uid, clock_.NowMs() + limits::kPeerTicketMs};
  auto state = state_.Lock();
  if (state->tickets.size() >= kOpenTickets) state->tickets.erase(state->tickets.begin());
  state->tickets.push_back(ticket);
  return ticket.text;
}

void Identity::LoginPeer(const std::string& ticket,
                         std::function<void(absl::StatusOr<Login>)> done) {
  const int64_t now = clock_.NowMs();
  Session session;
  {
    auto state = state_.Lock();
    ForgetExpired(*state);
    auto found = std::find_if(state->tickets.begin(), state->tickets.end(),
                              [&](const Ticket& one) { return one.text == ticket; });
    if (found == state->tickets.end()) return done(TicketInvalid());
    session.peer_uid = found->uid;
    state->tickets.erase(found);
  }
  if (!admin_uids_.contains(session.peer_uid)) {
    return done(MakeError(
        absl::StatusCode::kPermissionDenied,
        absl::StrCat("uid ", session.peer_uid,
                     " may not log in here; become root (sudo), or the account that runs gRPC OS"),
        {.reason = reason::kPermissionMissing,
         .metadata = {{"uid", absl::StrCat(session.peer_uid)}}}));
  }
  session.id = RandomHex128();
  session.user = "admin";
  session.method = "peer";
  session.create_time_ms = now;
  session.expire_time_ms = now + limits::kAccessTokenMs;
  store_.PutSession(session, [this, session, done = std::move(done)](absl::Status status) {
    if (!status.ok()) return done(status);
    {
      auto state = state_.Lock();
      state->sessions[session.id] = session;
    }
    done(Login{signer_.Sign(ClaimsOf(session)), CallerOf(session)});
  });
}

absl::StatusOr<Caller> Identity::Authenticate(std::string_view token) {
  if (static_cast<int64_t>(token.size()) > limits::kTokenBytes) return TokenInvalid();
  const std::string key(token);
  std::string session_id;
  {
    auto state = state_.Lock();
    if (auto it = state->verified.find(key); it != state->verified.end()) session_id = it->second;
  }
  const bool cached = !session_id.empty();
  if (!cached) {
    const auto claims = signer_.Verify(token);
    if (!claims.ok()) return TokenInvalid();
    const size_t at = claims->find(kSidClaim);
    if (at == std::string::npos || claims->size() < at + kSidClaim.size() + kSidLength)
      return TokenInvalid();
    session_id = claims->substr(at + kSidClaim.size(), kSidLength);
  }
  auto state = state_.Lock();
  const auto session = state->sessions.find(session_id);
  if (session == state->sessions.end() || session->second.expire_time_ms <= clock_.NowMs()) {
    state->verified.erase(key);
    return TokenInvalid();
  }
  if (!cached) state->verified[key] = session_id;
  return CallerOf(session->second);
}

bool Identity::IsLive(const std::string& session_id) const {
  auto state = state_.Lock();
  const auto session = state->sessions.find(session_id);
  return session != state->sessions.end() && session->second.expire_time_ms > clock_.NowMs();
}

void Identity::Logout(const std::string& session_id, std::function<void(absl::Status)> done) {
  store_.EndSession(
      session_id, clock_.NowMs(), [this, session_id, done = std::move(done)](absl::Status status) {
        if (status.ok()) {
          auto state = state_.Lock();
          state->sessions.erase(session_id);
          std::erase_if(state->verified,
                        [&](const auto& entry) { return entry.second == session_id; });
        }
        done(status);
      });
}

void Identity::ForgetExpired(State& state) const {
  const int64_t now = clock_.NowMs();
  std::erase_if(state.tickets,
                [now](const Ticket& ticket) { return ticket.expire_time_ms <= now; });
  if (state.sessions.size() < kSessionsKept) return;
  std::erase_if(state.sessions,
                [now](const auto& entry) { return entry.second.expire_time_ms <= now; });
  std::erase_if(state.verified,
                [&](const auto& entry) { return !state.sessions.contains(entry.second); });
}

}  // namespace grpc_os::core
