// Users.
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "shell/commands/for_each.h"
#include "shell/commands/kinds.h"
#include "shell/commands/password.h"
#include "shell/escape.h"
#include "shell/render/text.h"

namespace grpc_os::shell {
namespace {

constexpr char kPasswords[] =
    "A password has 12 (by default) to 1024 bytes and is not the name. It is asked for twice,\n"
    "without echo; --password-stdin reads it from the first line of standard input instead.\n";

Cell StateOf(const v1::User& user) {
  if (user.disabled()) return {"disabled", Style::kBad};
  return user.has_password() ? Cell{"active", Style::kGood} : Cell{"no password", Style::kDim};
}

Table Details(const v1::User& user) {
  Table table({{""}, {""}});
  table.AddRow({{"name"}, {user.name(), Style::kTitle}});
  table.AddRow({{"state"}, StateOf(user)});
  table.AddRow({{"roles"}, {Joined(user.roles())}});
  table.AddRow({{"password"}, {user.has_password() ? "set" : "none: cannot log in with one"}});
  table.AddRow({{"created"}, {TimeText(user.create_time())}});
  table.AddRow({{"updated"}, {TimeText(user.update_time())}});
  return table;
}

ResourceView<v1::User> View() {
  constexpr auto kLeft = Table::Align::kLeft;
  constexpr auto kWide = ResourceView<v1::User>::In::kWide;
  return {.name = [](const auto& user) { return user.name(); },
          .columns = {{"NAME", [](const auto& user) { return user.name(); }},
                      {"STATE", StateOf},
                      {"ROLES", [](const auto& user) { return Joined(user.roles()); }},
                      {"CREATED", [](const auto& user) { return TimeText(user.create_time()); }},
                      {"UPDATED", [](const auto& user) { return TimeText(user.update_time()); },
                       kLeft, kWide},
                      {"ETAG", [](const auto& user) { return OrDash(user.etag()); }, kLeft, kWide}},
          .details = Details};
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

ExitCode RunList(Session& session, const Arguments&) {
  return session.ShowList(View(), session.client().ListUsers());
}

ExitCode RunShow(Session& session, const Arguments& arguments) {
  return session.Show(View(), session.client().GetUser(arguments.positional()[0]));
}

ExitCode RunAdd(Session& session, const Arguments& arguments) {
  const std::string& name = arguments.positional()[0];
  v1::CreateUserRequest request;
  request.mutable_user()->set_name(name);
  for (const std::string& role : arguments.Values("role")) request.mutable_user()->add_roles(role);
  auto password = ReadNewPassword(session, arguments, name, absl::StrCat("user add ", name));
  if (!password.ok()) return session.Report(password.status());
  const bool has_password = !password->empty();
  request.set_password(*std::move(password));
  const auto sentence = [&](const v1::User& user) {
    std::string text = absl::StrCat("added ", user.name(), " (",
                                    user.roles().empty() ? "no role" : Joined(user.roles()), ").");
    if (!has_password) {
      absl::StrAppend(&text, " No password yet: `",
                      session.Typed(absl::StrCat("user passwd ", user.name())), "` sets one.");
    } else if (user.roles().empty()) {
      absl::StrAppend(&text, " `", session.Typed(absl::StrCat("role grant ", user.name(), " ROLE")),
                      "` lets it do something.");
    }
    return text;
  };
  return session.ShowDone<v1::User>(View(), session.client().CreateUser(request), sentence);
}

ExitCode RunPassword(Session& session, const Arguments& arguments) {
  return session.ShowDone<v1::User>(
      View(), SetPassword(session, arguments), [](const v1::User& user) {
        return absl::StrCat("set the password of ", user.name(),
                            "; its other sessions and tokens have ended");
      });
}

ExitCode ForEachUser(
    Session& session, const Arguments& arguments, const char* done,
    const std::function<absl::StatusOr<v1::User>(const std::string& name)>& action) {
  return ForEachWord(session, arguments.positional(), [&](const std::string& name) {
    const auto user = action(name);
    if (user.ok()) session.Show(*user, name, absl::StrCat(done, " ", name));
    return user.status();
  });
}

ExitCode RunDisable(Session& session, const Arguments& arguments) {
  return ForEachUser(session, arguments, "disabled", [&](const std::string& name) {
    v1::DisableUserRequest request;
    request.set_name(name);
    return session.client().DisableUser(request);
  });
}

ExitCode RunEnable(Session& session, const Arguments& arguments) {
  return ForEachUser(session, arguments, "enabled", [&](const std::string& name) {
    v1::EnableUserRequest request;
    request.set_name(name);
    return session.client().EnableUser(request);
  });
}

ExitCode RunRemove(Session& session, const Arguments& arguments) {
  const auto remove = [&](const std::string& name) -> absl::StatusOr<v1::User> {
    absl::Status status =
        Confirm(session, arguments,
                absl::StrCat("Remove the user ", EscapeForTerminal(name), " for good?"), name);
    if (!status.ok()) return status;
    v1::DeleteUserRequest request;
    request.set_name(name);
    status = session.client().DeleteUser(request).status();
    if (!status.ok()) return status;
    v1::User removed;
    removed.set_name(name);
    return removed;
  };
  return ForEachUser(session, arguments, "removed", remove);
}

}  // namespace

const WordKind kUserWord = {.live = [](client::Client& client, const std::string&) {
  return WordsIn(View(), client.ListUsers());
}};

std::vector<Command> UserCommands() {
  return {
      {.name = "user ls",
       .aliases = {"user list"},
       .elsewhere = {"users"},
       .summary = "List the users",
       .examples = {"user ls"},
       .most = 0,
       .run = RunList},
      {.name = "user show",
       .synopsis = "NAME",
       .arguments = {&kUserWord},
       .summary = "Show a user",
       .examples = {"user show deploy"},
       .least = 1,
       .most = 1,
       .run = RunShow},
      {.name = "user add",
       .synopsis = "NAME",
       .arguments = {nullptr},
       .summary = "Make a user",
       .details =
           std::string(kPasswords) +
           "Without a terminal and without --password-stdin, and when nothing is typed, the\n"
           "user has no password yet and cannot log in.\n"
           "NAME is 1 to 63 of a-z, 0-9, \".\", \"_\" and \"-\", beginning with a letter.\n",
       .options = {{"role", 'r', "ROLE", "admin, operator, viewer, or one that was made", true,
                    &kRoleWord},
                   PasswordStdinOption()},
       .examples = {"user add deploy --role operator", "user add eva -r viewer"},
       .least = 1,
       .most = 1,
       .run = RunAdd},
      {.name = "user passwd",
       .elsewhere = {"passwd", "password"},
       .synopsis = "[NAME]",
       .arguments = {&kUserWord},
       .summary = "Set a password: your own, or another user's",
       .details =
           std::string(kPasswords) +
           "For your own, after a log-in by password, the old one is asked for as well; with\n"
           "--password-stdin it is the first line and the new one the second.\n"
           "All sessions and tokens of the user end, but yours.\n",
       .options = {PasswordStdinOption()},
       .examples = {"user passwd", "user passwd deploy"},
       .most = 1,
       .run = RunPassword},
      {.name = "user disable",
       .synopsis = "NAME…",
       .arguments = {&kUserWord},
       .summary = "Keep users from logging in, and end their sessions and tokens",
       .examples = {"user disable deploy"},
       .least = 1,
       .run = RunDisable},
      {.name = "user enable",
       .synopsis = "NAME…",
       .arguments = {&kUserWord},
       .summary = "Let users log in again",
       .examples = {"user enable deploy"},
       .least = 1,
       .run = RunEnable},
      {.name = "user rm",
       .aliases = {"user delete"},
       .synopsis = "NAME…",
       .arguments = {&kUserWord},
       .summary = "Remove users, and end their sessions and tokens",
       .options = {YesOption()},
       .examples = {"user rm deploy", "user rm -y deploy eva"},
       .least = 1,
       .run = RunRemove},
  };
}

}  // namespace grpc_os::shell
