// Logging in and out.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "shell/commands/kinds.h"
#include "shell/commands/password.h"
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
  return text;
}

absl::StatusOr<v1::LoginResponse> LogIn(Session& session, const Arguments& arguments,
                                        absl::Status* not_kept) {
  std::vector<std::string> words = arguments.positional();
  if (words.empty() && !session.target().user.empty()) words = {session.target().user};
  if (words.empty()) return session.client().LoginPeer(not_kept);
  if (words.size() == 2) return session.client().Login(words[0], words[1], not_kept);
  const auto password = ReadPassword(session, arguments, absl::StrCat("Password of ", words[0]),
                                     absl::StrCat("login ", words[0]));
  if (!password.ok()) return password.status();
  return session.client().Login(words[0], *password, not_kept);
}

ExitCode RunLogin(Session& session, const Arguments& arguments) {
  absl::Status not_kept;
  const auto response = LogIn(session, arguments, &not_kept);
  if (!response.ok()) return session.Report(response.status());
  const v1::Identity& identity = response->identity();
  session.set_user(identity.user());
  session.Show(identity, identity.user(), absl::StrCat("Logged in as ", Describe(identity), "."));
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
  const v1::Identity& identity = response->identity();
  session.set_user(identity.user());
  std::string text = Describe(identity);
  if (session.format() == Format::kWide && response->has_expire_time()) {
    absl::StrAppend(&text, ", session ", identity.session_id(), ", token until ",
                    FormatTime(response->expire_time().seconds(), 0, 0));
  }
  if (!session.target().context.empty())
    absl::StrAppend(&text, ", in the context ", NameOfContext(session.target()));
  session.Show(*response, identity.user(), text);
  return ExitCode::kOk;
}

ExitCode RunLogout(Session& session, const Arguments&) {
  const absl::Status status = session.client().Logout();
  session.set_user(std::nullopt);
  if (!status.ok()) return session.Report(status);
  session.Show(v1::LogoutResponse(), "",
               absl::StrCat("Logged out. `", session.Typed("login"), "` logs in again."));
  return ExitCode::kOk;
}

}  // namespace

std::vector<Command> LogInCommands() {
  return {
      {.name = "login",
       .synopsis = "[USER [PASSWORD]]",
       .arguments = {&kUserWord, nullptr},
       .summary = "Log in with a password, or as the account that you have on this machine",
       .details =
           "With USER: by password, which is asked for without echo if it is left out. A password\n"
           "on the line is kept out of the history, but others on this machine may see it in the\n"
           "list of processes while `grpc-os login` runs. The session lasts 30 days, by\n"
           "default, and renews itself; it is kept in a file that only you can read.\n"
           "Without USER: as the user of the context, if it has one; else only through the local\n"
           "socket, where the daemon sees which account calls.\n",
       .options = {PasswordStdinOption()},
       .examples = {"login admin", "login", "login deploy --password-stdin"},
       .most = 2,
       .run = RunLogin},
      {.name = "whoami",
       .elsewhere = {"id", "who"},
       .summary = "Show who is logged in",
       .examples = {"whoami"},
       .most = 0,
       .run = RunWhoAmI},
      {.name = "logout",
       .summary = "End the session; nothing logs in by itself until `login`",
       .examples = {"logout"},
       .most = 0,
       .run = RunLogout},
  };
}

}  // namespace grpc_os::shell
