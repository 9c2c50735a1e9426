// Client: where its tokens come from.
#include <algorithm>
#include <utility>

#include "base/error_detail.h"
#include "client/calls.h"
#include "client/errors.h"
#include "grpc_os/v1/auth_services.pb.h"

namespace grpc_os::client {
namespace {

constexpr std::chrono::milliseconds kRefreshPatience{5000};

bool IsTokenRefused(const absl::Status& status) {
  return absl::IsUnauthenticated(status) && ReasonOf(status) == "TOKEN_INVALID";
}

bool IsTokenOfOtherSystem(const absl::Status& status) {
  return absl::IsUnauthenticated(status) && ReasonOf(status) == "TOKEN_OF_OTHER_SYSTEM";
}

}  // namespace

absl::Status Client::NotLoggedIn(const std::string& message) const {
  return MakeError(absl::StatusCode::kUnauthenticated, message, {.reason = "NOT_LOGGED_IN"});
}

absl::Status Client::LoggedOut() const {
  const bool names_user = !address_.is_unix && options_.user.empty();
  return NotLoggedIn(
      absl::StrCat("You are logged out. `login", names_user ? " USER" : "", "` logs in again."));
}

absl::Status Client::OfOtherSystem(const TokenFile::Content& kept) const {
  return MakeError(absl::StatusCode::kUnauthenticated,
                   absl::StrCat("Your log-in at ", address_.ToString(),
                                " is of another system than the one that answers there now, or of "
                                "before its key was changed. If that is the system you mean, "
                                "`login ",
                                kept.user, "` logs in to it."),
                   {.reason = "TOKEN_OF_OTHER_SYSTEM"});
}

absl::Status Client::TokenOfEnvironment(const std::string& what) const {
  return absl::FailedPreconditionError(
      absl::StrCat("GRPC_OS_TOKEN is set, and its token goes before any log-in. `unset "
                   "GRPC_OS_TOKEN` first, then ",
                   what, "."));
}

absl::StatusOr<std::string> Client::Token() {
  if (!options_.token.empty()) return options_.token;
  const std::lock_guard<std::mutex> one(log_in_);
  if (const std::string known = known_.Lock()->token; !known.empty()) return known;
  const TokenFile file = File();
  auto kept = file.Read();
  if (!kept.ok()) return kept.status();
  if (kept->logged_out) return LoggedOut();
  if (!kept->token.empty()) {
    *known_.Lock() = *kept;
    return kept->token;
  }
  if (!options_.user.empty()) {
    return NotLoggedIn(absl::StrCat("You are not logged in at ", address_.ToString(),
                                    ". `login` logs in as ", options_.user, "."));
  }
  if (!address_.is_unix) {
    return NotLoggedIn(absl::StrCat("You are not logged in at ", address_.ToString(),
                                    ". `login USER` logs in with a password; over TCP the daemon "
                                    "cannot see which account calls."));
  }
  const auto response = AskAsPeer();
  if (!response.ok()) return response.status();
  (void)Keep(file, *response);  // a later command logs in anew
  return response->access_token();
}

absl::StatusOr<std::string> Client::TokenAfter(const std::string& refused,
                                               const absl::Status& why) {
  const std::lock_guard<std::mutex> one(log_in_);
  // Another thread may have renewed it.
  const TokenFile::Content known = *known_.Lock();
  if (!known.token.empty() && known.token != refused) return known.token;
  const TokenFile file = File();
  // Two programs that spend the same refresh token end the session: one after the other.
  const auto lock = file.Lock(options_.timeout);
  auto kept = file.Read();
  if (!kept.ok()) return kept.status();
  *known_.Lock() = {};
  if (kept->logged_out) return LoggedOut();
  // Another program may have.
  if (!kept->token.empty() && kept->token != refused) {
    *known_.Lock() = *kept;
    return kept->token;
  }
  // A log-in that could not be kept is in memory only.
  if (kept->token.empty()) *kept = known;
  if (!kept->refresh_token.empty()) {
    if (IsTokenOfOtherSystem(why)) return OfOtherSystem(*kept);
    if (!options_.may_refresh) return NotLoggedIn("The log-in has expired.");
    if (!lock.ok()) return lock.status();
    return Refresh(file, *kept);
  }
  if (!MayLogInAsPeer()) {
    return NotLoggedIn(
        "The log-in has expired, or was ended elsewhere. `login USER` logs in again.");
  }
  const auto response = AskAsPeer();
  if (!response.ok()) return response.status();
  (void)Keep(file, *response);
  return response->access_token();
}

absl::StatusOr<std::string> Client::Refresh(const TokenFile& file, const TokenFile::Content& kept) {
  if (in_flight_->IsCancelled()) return absl::CancelledError("Interrupted.");
  v1::RefreshTokenRequest request;
  request.set_refresh_token(kept.refresh_token);
  // Neither Cancel nor a short timeout cuts it off: if its answer were lost, the session would end.
  const std::shared_ptr<Connection> connection = Connected();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::max(options_.timeout, kRefreshPatience));
  v1::LoginResponse response;
  const grpc::Status answered = connection->auth.RefreshToken(&context, request, &response);
  absl::Status status = answered.ok()
                            ? absl::OkStatus()
                            : StatusFromWire(answered.error_code(), answered.error_message(),
                                             answered.error_details());
  if (IsDaemonAway(status)) status = Away(answered.error_message());
  if (IsTokenOfOtherSystem(status)) return OfOtherSystem(kept);
  if (absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status)) {
    // Nobody shall become another user without a word: the peer log-in has to be asked for.
    (void)file.WriteLoggedOut();
    return NotLoggedIn(absl::StrCat("The session of ", kept.user,
                                    " has ended: it expired, or was ended elsewhere. `login ",
                                    kept.user, "` logs in again."));
  }
  if (!status.ok()) {
    *known_.Lock() = kept;
    return status;
  }
  (void)Keep(file, response);
  return response.access_token();
}

absl::Status Client::Keep(const TokenFile& file, const v1::LoginResponse& response) {
  const TokenFile::Content content = {.token = response.access_token(),
                                      .refresh_token = response.refresh_token(),
                                      .user = response.identity().user()};
  *known_.Lock() = content;
  absl::Status written = file.Write(content);
  // What is there has been spent; used again, it would end the session.
  if (!written.ok()) file.Remove();
  return written;
}

absl::StatusOr<v1::LoginResponse> Client::AskAsPeer() {
  if (!address_.is_unix) {
    return absl::FailedPreconditionError(
        absl::StrCat("Over TCP (", address_.ToString(),
                     ") the daemon cannot see which account calls. `login USER` logs in with a "
                     "password; without one, use the local socket: `--address "
                     "unix:DIR/run/api.sock`."));
  }
  return Call<v1::LoginPeerRequest, v1::LoginResponse>(
      [](Connection& c, auto&&... a) { return c.auth.LoginPeer(a...); }, v1::LoginPeerRequest(),
      options_.timeout, "");
}

absl::StatusOr<v1::LoginResponse> Client::LoginPeer(absl::Status* not_kept) {
  if (!options_.token.empty()) return TokenOfEnvironment("`login`");
  const std::lock_guard<std::mutex> one(log_in_);
  auto response = AskAsPeer();
  if (!response.ok()) return response.status();
  const TokenFile file = File();
  const auto lock = file.Lock(options_.timeout);
  const absl::Status kept = Keep(file, *response);
  if (not_kept != nullptr) *not_kept = kept;
  return response;
}

absl::StatusOr<v1::LoginResponse> Client::Login(const std::string& user,
                                                const std::string& password,
                                                absl::Status* not_kept) {
  if (!options_.token.empty()) return TokenOfEnvironment(absl::StrCat("`login ", user, "`"));
  const std::lock_guard<std::mutex> one(log_in_);
  v1::LoginRequest request;
  request.set_user(user);
  request.set_password(password);
  auto response = Call<v1::LoginRequest, v1::LoginResponse>(
      [](Connection& c, auto&&... a) { return c.auth.Login(a...); }, request, options_.timeout, "");
  if (!response.ok()) return response.status();
  const TokenFile file = File();
  const auto lock = file.Lock(options_.timeout);
  const absl::Status kept = Keep(file, *response);
  if (not_kept != nullptr) *not_kept = kept;
  return response;
}

absl::Status Client::Logout() {
  if (!options_.token.empty()) return TokenOfEnvironment("`logout`; `token rm ID` ends a token");
  const std::lock_guard<std::mutex> one(log_in_);
  const TokenFile file = File();
  const auto lock = file.Lock(options_.timeout);
  TokenFile::Content mine = std::exchange(*known_.Lock(), {});
  // The newest token of the session, which another program may have renewed.
  if (const auto kept = file.Read(); kept.ok() && !kept->token.empty()) mine = *kept;
  absl::Status told = absl::OkStatus();
  const auto log_out = [this](const std::string& token) {
    return Call<v1::LogoutRequest, v1::LogoutResponse>(
               [](Connection& c, auto&&... a) { return c.auth.Logout(a...); }, v1::LogoutRequest(),
               options_.timeout, token)
        .status();
  };
  if (!mine.token.empty()) told = log_out(mine.token);
  // The session of an expired token may still be renewed by its refresh token: end that too.
  if (IsTokenRefused(told) && !mine.refresh_token.empty()) {
    const auto renewed = Refresh(file, mine);
    told = renewed.ok() ? log_out(*renewed) : renewed.status();
    *known_.Lock() = {};
  }
  if (absl::IsUnauthenticated(told)) told = absl::OkStatus();  // it had ended already
  const absl::Status kept = file.WriteLoggedOut();
  return told.ok() ? kept : told;
}

absl::Status Client::WithToken(const std::function<absl::Status(const std::string&)>& call) {
  const auto token = Token();
  if (!token.ok()) return token.status();
  absl::Status status = call(*token);
  const bool other = IsTokenOfOtherSystem(status);
  if (!IsTokenRefused(status) && !other) return status;
  if (!options_.token.empty() && other) {
    return MakeError(
        status.code(),
        absl::StrCat("The token in GRPC_OS_TOKEN was issued by another system than the one at ",
                     address_.ToString(),
                     ". `token create` there makes one; `unset GRPC_OS_TOKEN` logs in without."),
        {.reason = ReasonOf(status)});
  }
  if (!options_.token.empty()) {
    return NotLoggedIn(
        "The token in GRPC_OS_TOKEN is not accepted: it expired, or was ended. `token create` "
        "makes another; `unset GRPC_OS_TOKEN` logs in without one.");
  }
  const auto renewed = TokenAfter(*token, status);
  if (!renewed.ok()) return renewed.status();
  return call(*renewed);
}

}  // namespace grpc_os::client
