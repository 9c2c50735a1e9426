// user …, role ….
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "shell/commands/commands.h"
#include "shell/commands/password.h"
#include "shell/commands/selection.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/render/access.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

// What a command did to a user.
ExitCode Show(Session& session, const absl::StatusOr<v1::User>& user, const std::string& sentence) {
  if (!user.ok()) return session.Report(user.status());
  if (session.for_programs()) {
    session.Print(*user);
  } else if (!session.for_people()) {
    session.PrintName(user->name());
  } else {
    session.out() << EscapeForTerminal(sentence) << "\n" << std::flush;
  }
  return ExitCode::kOk;
}

// For each name; an error does not stop the others unless it will meet them too.
ExitCode ForEachUser(
    Session& session, const std::vector<std::string>& names, const char* done,
    const std::function<absl::StatusOr<v1::User>(const std::string& name)>& action) {
  ExitCode code = ExitCode::kOk;
  for (const std::string& name : names) {
    const auto user = action(name);
    code = Worst(code, Show(session, user, absl::StrCat(done, " ", name)));
    if (EndsEverything(user.status()) || session.interrupted()) break;
  }
  return code;
}

std::string RolesText(const v1::User& user) {
  return user.roles().empty() ? "no role" : absl::StrJoin(user.roles(), ", ");
}

// Whether `name` (empty: oneself) is who called with a password, who has to give the old one.
absl::StatusOr<bool> NeedsOldPassword(Session& session, const std::string& name,
                                      std::string& user) {
  const auto who = session.client().WhoAmI();
  if (!who.ok()) return who.status();
  user = name.empty() ? who->identity().user() : name;
  return user == who->identity().user() && who->identity().login_method() == "password";
}

absl::StatusOr<v1::User> SetPassword(Session& session, const Arguments& arguments) {
  v1::SetPasswordRequest request;
  if (!arguments.positional().empty()) request.set_name(arguments.positional()[0]);
  std::string user;
  const auto needs_old = NeedsOldPassword(session, request.name(), user);
  if (!needs_old.ok()) return needs_old.status();
  const std::string command =
      absl::StrCat("user passwd", request.name().empty() ? "" : " ", request.name());
  if (*needs_old) {
    auto old = ReadPassword(session, arguments, absl::StrCat("Old password of ", user), command);
    if (!old.ok()) return old.status();
    request.set_old_password(*std::move(old));
  }
  auto password = ReadNewPassword(session, arguments, user, command);
  if (!password.ok()) return password.status();
  if (password->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "A new password was expected, and none came. Where there is no terminal to ask on: `",
        session.Typed(command), " --password-stdin`."));
  }
  request.set_password(*std::move(password));
  return session.client().SetPassword(request);
}

}  // namespace

ExitCode RunUserList(Session& session, const Arguments&) {
  const auto all = session.client().ListUsers();
  if (!all.ok()) return session.Report(all.status());
  if (session.for_programs()) {
    session.PrintList(*all, all->users());
  } else if (session.for_people()) {
    session.Print(UserTable(all->users(), session.format() == Format::kWide));
  } else {
    for (const v1::User& user : all->users()) session.PrintName(user.name());
  }
  return ExitCode::kOk;
}

ExitCode RunUserShow(Session& session, const Arguments& arguments) {
  const auto user = session.client().GetUser(arguments.positional()[0]);
  if (!user.ok()) return session.Report(user.status());
  if (!session.for_people()) return Show(session, user, "");
  session.Print(DescribeUser(*user));
  return ExitCode::kOk;
}

ExitCode RunUserAdd(Session& session, const Arguments& arguments) {
  const std::string& name = arguments.positional()[0];
  v1::CreateUserRequest request;
  request.mutable_user()->set_name(name);
  for (const std::string& role : arguments.Values("role")) request.mutable_user()->add_roles(role);
  auto password = ReadNewPassword(session, arguments, name, absl::StrCat("user add ", name));
  if (!password.ok()) return session.Report(password.status());
  const bool has_password = !password->empty();
  request.set_password(*std::move(password));
  const auto user = session.client().CreateUser(request);
  if (!user.ok()) return session.Report(user.status());
  std::string sentence = absl::StrCat("added ", user->name(), " (", RolesText(*user), ").");
  if (!has_password) {
    absl::StrAppend(&sentence, " No password yet: `",
                    session.Typed(absl::StrCat("user passwd ", user->name())), "` sets one.");
  } else if (user->roles().empty()) {
    absl::StrAppend(&sentence, " `",
                    session.Typed(absl::StrCat("role grant ", user->name(), " ROLE")),
                    "` lets it do something.");
  }
  return Show(session, user, sentence);
}

ExitCode RunUserPassword(Session& session, const Arguments& arguments) {
  const auto user = SetPassword(session, arguments);
  return Show(session, user,
              user.ok() ? absl::StrCat("set the password of ", user->name(),
                                       "; its other sessions and tokens have ended")
                        : "");
}

ExitCode RunUserDisable(Session& session, const Arguments& arguments) {
  return ForEachUser(session, arguments.positional(), "disabled", [&](const std::string& name) {
    v1::DisableUserRequest request;
    request.set_name(name);
    return session.client().DisableUser(request);
  });
}

ExitCode RunUserEnable(Session& session, const Arguments& arguments) {
  return ForEachUser(session, arguments.positional(), "enabled", [&](const std::string& name) {
    v1::EnableUserRequest request;
    request.set_name(name);
    return session.client().EnableUser(request);
  });
}

ExitCode RunUserRemove(Session& session, const Arguments& arguments) {
  const auto remove = [&](const std::string& name) -> absl::StatusOr<v1::User> {
    if (!arguments.Has("yes") && session.console().ask &&
        !session.console().ask(
            absl::StrCat("Remove the user ", EscapeForTerminal(name), " for good?"))) {
      return absl::UnknownError(absl::StrCat(name, " is kept."));
    }
    v1::DeleteUserRequest request;
    request.set_name(name);
    const auto response = session.client().DeleteUser(request);
    if (!response.ok()) return response.status();
    v1::User removed;
    removed.set_name(name);
    return removed;
  };
  return ForEachUser(session, arguments.positional(), "removed", remove);
}

ExitCode RunRoleList(Session& session, const Arguments&) {
  const auto all = session.client().ListRoles();
  if (!all.ok()) return session.Report(all.status());
  if (session.for_programs()) {
    session.PrintList(*all, all->roles());
  } else if (session.for_people()) {
    session.Print(RoleTable(all->roles()));
  } else {
    for (const v1::Role& role : all->roles()) session.PrintName(role.name());
  }
  return ExitCode::kOk;
}

ExitCode RunRoleGrant(Session& session, const Arguments& arguments) {
  v1::GrantRoleRequest request;
  request.set_user(arguments.positional()[0]);
  request.set_role(arguments.positional()[1]);
  const auto user = session.client().GrantRole(request);
  return Show(session, user,
              user.ok() ? absl::StrCat(user->name(), " has ", RolesText(*user), " now") : "");
}

ExitCode RunRoleRevoke(Session& session, const Arguments& arguments) {
  v1::RevokeRoleRequest request;
  request.set_user(arguments.positional()[0]);
  request.set_role(arguments.positional()[1]);
  const auto user = session.client().RevokeRole(request);
  return Show(session, user,
              user.ok() ? absl::StrCat(user->name(), " has ", RolesText(*user), " now") : "");
}

}  // namespace grpc_os::shell
