// login, whoami, logout.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "shell/commands/commands.h"
#include "shell/commands/password.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

std::string Describe(const v1::Identity& identity) {
  std::string text = absl::StrCat(
      identity.user(),
      " (roles: ", identity.roles().empty() ? "none" : absl::StrJoin(identity.roles(), ", "), ")");
  if (identity.login_method() == "peer") {
    absl::StrAppend(&text, ", by uid ", identity.peer_uid(), " of this machine");
  } else if (!identity.login_method().empty()) {
    absl::StrAppend(&text, ", by ", identity.login_method());
  }
  return EscapeForTerminal(text);
}

absl::StatusOr<v1::LoginResponse> LogIn(Session& session, const Arguments& arguments,
                                        absl::Status* not_kept) {
  const auto& words = arguments.positional();
  if (words.empty()) return session.client().LoginPeer(not_kept);
  if (words.size() == 2) return session.client().Login(words[0], words[1], not_kept);
  const auto password = ReadPassword(session, arguments, absl::StrCat("Password of ", words[0]),
                                     absl::StrCat("login ", words[0]));
  if (!password.ok()) return password.status();
  return session.client().Login(words[0], *password, not_kept);
}

}  // namespace

ExitCode RunLogin(Session& session, const Arguments& arguments) {
  absl::Status not_kept;
  const auto response = LogIn(session, arguments, &not_kept);
  if (!response.ok()) return session.Report(response.status());
  session.set_user(response->identity().user());
  if (session.for_programs()) {
    session.Print(response->identity());
  } else if (!session.for_people()) {
    session.PrintName(response->identity().user());
  } else {
    session.out() << "Logged in as " << Describe(response->identity()) << ".\n";
  }
  if (!not_kept.ok()) {
    return session.Report(absl::Status(
        not_kept.code(),
        absl::StrCat("The log-in holds for this shell only: ", std::string(not_kept.message()))));
  }
  return ExitCode::kOk;
}

ExitCode RunWhoAmI(Session& session, const Arguments&) {
  const auto response = session.client().WhoAmI();
  if (!response.ok()) return session.Report(response.status());
  session.set_user(response->identity().user());
  if (session.for_programs()) {
    session.Print(*response);
  } else if (!session.for_people()) {
    session.PrintName(response->identity().user());
  } else {
    session.out() << Describe(response->identity());
    if (session.format() == Format::kWide && response->has_expire_time()) {
      session.out() << ", session " << EscapeForTerminal(response->identity().session_id())
                    << ", token until " << FormatTime(response->expire_time().seconds(), 0, 0);
    }
    session.out() << "\n";
  }
  return ExitCode::kOk;
}

ExitCode RunLogout(Session& session, const Arguments&) {
  const absl::Status status = session.client().Logout();
  session.set_user(std::nullopt);
  if (!status.ok()) return session.Report(status);
  if (session.for_people()) {
    session.out() << "Logged out. `" << session.Typed("login") << "` logs in again.\n";
  } else if (session.for_programs()) {
    session.Print(v1::LogoutResponse());
  }
  return ExitCode::kOk;
}

}  // namespace grpc_os::shell
