// login, whoami, logout.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "shell/commands/commands.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/render/json.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

std::string DescribeUser(const v1::Identity& user) {
  std::string text = absl::StrCat(user.user(), " (roles: ", absl::StrJoin(user.roles(), ", "), ")");
  if (user.login_method() == "peer") {
    absl::StrAppend(&text, ", by uid ", user.peer_uid(), " of this machine");
  }
  return EscapeForTerminal(text);
}

}  // namespace

ExitCode RunLogin(Session& session, const Arguments& arguments) {
  if (!arguments.positional().empty()) {
    return session.Report(absl::InvalidArgumentError(
        absl::StrCat("Log-in with a name and a password is not offered; `", session.Typed("login"),
                     "` alone logs in as the account that you have on this machine.")));
  }
  absl::Status not_kept;
  const auto response = session.client().LoginPeer(&not_kept);
  if (!response.ok()) return session.Report(response.status());
  session.set_user(response->identity().user());
  if (session.format() == Format::kJson) {
    session.out() << ToJson(response->identity());
  } else {
    session.out() << "Logged in as " << DescribeUser(response->identity()) << ".\n";
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
  if (session.format() == Format::kJson) {
    session.out() << ToJson(*response);
  } else if (session.format() == Format::kName) {
    session.out() << EscapeForTerminal(response->identity().user()) << "\n";
  } else {
    session.out() << DescribeUser(response->identity()) << "\n";
  }
  return ExitCode::kOk;
}

ExitCode RunLogout(Session& session, const Arguments&) {
  const absl::Status status = session.client().Logout();
  session.set_user(std::nullopt);
  if (!status.ok()) return session.Report(status);
  if (session.format() == Format::kTable) {
    session.out() << "Logged out. `" << session.Typed("login") << "` logs in again.\n";
  } else if (session.format() == Format::kJson) {
    session.out() << ToJson(v1::LogoutResponse());
  }
  return ExitCode::kOk;
}

}  // namespace grpc_os::shell
