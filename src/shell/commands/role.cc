// Roles.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "shell/commands/for_each.h"
#include "shell/commands/kinds.h"
#include "shell/escape.h"
#include "shell/render/text.h"

namespace grpc_os::shell {
namespace {

using Rule = v1::Role::Rule;

constexpr char kRules[] =
    "A RULE is a permission, as in \"process.read\", or \"*\" for all. Behind a colon it may name\n"
    "what it is about: \"process.write:web-\" is about each process whose name begins with "
    "\"web-\",\n"
    "\"read:/config\" (for object.read) and \"write:/config\" (for object.write) are about /config "
    "and\n"
    "all below it, and not about /configuration.\n"
    "What any role of a user denies is denied, whatever the others allow.\n";

// "object.read:/config".
std::string RuleText(const Rule& rule) {
  return rule.prefix().empty() ? rule.permission()
                               : absl::StrCat(rule.permission(), ":", rule.prefix());
}

Table Details(const v1::Role& role) {
  Table table({{""}, {""}});
  table.AddRow({{"name"}, {role.name(), Style::kTitle}});
  table.AddRow({{"description"}, {OrDash(role.description())}});
  for (const auto effect : {v1::Role::EFFECT_ALLOW, v1::Role::EFFECT_DENY}) {
    const bool allows = effect == v1::Role::EFFECT_ALLOW;
    for (const Rule& rule : role.rules()) {
      if (rule.effect() != effect) continue;
      table.AddRow(
          {{allows ? "allows" : "denies"}, {RuleText(rule), allows ? Style::kGood : Style::kBad}});
    }
  }
  if (role.rules().empty()) table.AddRow({{"allows"}, {"nothing"}});
  table.AddRow({{"created"}, {role.built_in() ? "built in" : TimeText(role.create_time())}});
  if (!role.built_in()) table.AddRow({{"updated"}, {TimeText(role.update_time())}});
  return table;
}

ResourceView<v1::Role> View() {
  return {.name = [](const auto& role) { return role.name(); },
          .columns = {{"NAME", [](const auto& role) { return role.name(); }},
                      {"DESCRIPTION", [](const auto& role) { return OrDash(role.description()); }},
                      {"PERMISSIONS", [](const auto& role) { return Joined(role.permissions()); }}},
          .details = Details};
}

// "read:/config", "object.read:/config", "process.read", "*". What it means, the daemon judges.
Rule RuleOf(const std::string& word, v1::Role::Effect effect) {
  Rule rule;
  const size_t colon = word.find(':');
  std::string permission = word.substr(0, colon);
  if (permission == "read" || permission == "write") permission.insert(0, "object.");
  rule.set_effect(effect);
  rule.set_permission(permission);
  if (colon != std::string::npos) rule.set_prefix(word.substr(colon + 1));
  return rule;
}

// "/a/" and "/a" mean the same.
std::string Covered(const Rule& rule) {
  const std::string& prefix = rule.prefix();
  return prefix.ends_with('/') ? prefix.substr(0, prefix.size() - 1) : prefix;
}

bool SameMatter(const Rule& one, const Rule& other) {
  return one.permission() == other.permission() && Covered(one) == Covered(other);
}

// OK if no rule of the command line has an empty path: "read:" is not meant for all there is.
absl::Status CheckPaths(const Arguments& arguments) {
  for (const char* option : {"allow", "deny", "drop"}) {
    for (const std::string& word : arguments.Values(option)) {
      if (!word.ends_with(':')) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "--", option, " ", word,
          " names nothing behind its colon. Give the beginning of a name, ",
          "such as process.write:web-, or a path, such as read:/config, or leave the colon out for "
          "all."));
    }
  }
  return absl::OkStatus();
}

// Each once.
void AddRules(const Arguments& arguments, v1::Role& role) {
  for (const auto& [option, effect] :
       {std::pair("allow", v1::Role::EFFECT_ALLOW), std::pair("deny", v1::Role::EFFECT_DENY)}) {
    for (const std::string& word : arguments.Values(option)) {
      const Rule rule = RuleOf(word, effect);
      const bool there = std::any_of(
          role.rules().begin(), role.rules().end(),
          [&](const Rule& one) { return one.effect() == rule.effect() && SameMatter(one, rule); });
      if (!there) *role.add_rules() = rule;
    }
  }
}

absl::Status DropRules(const Arguments& arguments, v1::Role& role) {
  for (const std::string& word : arguments.Values("drop")) {
    const Rule wanted = RuleOf(word, v1::Role::EFFECT_UNSPECIFIED);
    auto& rules = *role.mutable_rules();
    const auto rest = std::remove_if(rules.begin(), rules.end(),
                                     [&](const Rule& one) { return SameMatter(one, wanted); });
    if (rest == rules.end()) {
      return absl::InvalidArgumentError(absl::StrCat("The role ", role.name(), " has no rule ",
                                                     RuleText(wanted), ". `role show ", role.name(),
                                                     "` lists those it has."));
    }
    rules.erase(rest, rules.end());
  }
  return absl::OkStatus();
}

ExitCode RunList(Session& session, const Arguments&) {
  return session.ShowList(View(), session.client().ListRoles());
}

ExitCode RunShow(Session& session, const Arguments& arguments) {
  return session.Show(View(), session.client().GetRole(arguments.positional()[0]));
}

ExitCode RunCreate(Session& session, const Arguments& arguments) {
  if (const auto status = CheckPaths(arguments); !status.ok()) return session.Report(status);
  v1::CreateRoleRequest request;
  v1::Role& wanted = *request.mutable_role();
  wanted.set_name(arguments.positional()[0]);
  wanted.set_description(arguments.Value("description").value_or(""));
  AddRules(arguments, wanted);
  return session.ShowDone<v1::Role>(
      View(), session.client().CreateRole(request), [&](const v1::Role& role) {
        return absl::StrCat("made the role ", role.name(), ". `",
                            session.Typed(absl::StrCat("role grant USER ", role.name())),
                            "` gives it to a user.");
      });
}

ExitCode RunUpdate(Session& session, const Arguments& arguments) {
  if (const auto status = CheckPaths(arguments); !status.ok()) return session.Report(status);
  auto role = session.client().GetRole(arguments.positional()[0]);
  if (!role.ok()) return session.Report(role.status());
  // With its etag: what somebody else changed meanwhile is not undone.
  v1::UpdateRoleRequest request;
  v1::Role& wanted = *request.mutable_role() = *std::move(role);
  if (const auto status = DropRules(arguments, wanted); !status.ok()) return session.Report(status);
  AddRules(arguments, wanted);
  if (const auto text = arguments.Value("description"); text) wanted.set_description(*text);
  return session.ShowDone<v1::Role>(
      View(), session.client().UpdateRole(request), [](const v1::Role& updated) {
        return absl::StrCat("changed the role ", updated.name(), "; it holds for all who have it");
      });
}

ExitCode RunRemove(Session& session, const Arguments& arguments) {
  return ForEachWord(session, arguments.positional(), [&](const std::string& name) {
    absl::Status status =
        Confirm(session, arguments,
                absl::StrCat("Remove the role ", EscapeForTerminal(name), " for good?"), name);
    if (!status.ok()) return status;
    v1::DeleteRoleRequest request;
    request.set_name(name);
    status = session.client().DeleteRole(request).status();
    if (!status.ok()) return status;
    v1::Role removed;
    removed.set_name(name);
    session.Show(removed, name, absl::StrCat("removed ", name));
    return status;
  });
}

// What a user has now.
ExitCode ShowHolder(Session& session, const absl::StatusOr<v1::User>& user) {
  if (!user.ok()) return session.Report(user.status());
  session.Show(*user, user->name(),
               absl::StrCat(user->name(), " has ",
                            user->roles().empty() ? "no role" : Joined(user->roles()), " now"));
  return ExitCode::kOk;
}

ExitCode RunGrant(Session& session, const Arguments& arguments) {
  v1::GrantRoleRequest request;
  request.set_user(arguments.positional()[0]);
  request.set_role(arguments.positional()[1]);
  return ShowHolder(session, session.client().GrantRole(request));
}

ExitCode RunRevoke(Session& session, const Arguments& arguments) {
  v1::RevokeRoleRequest request;
  request.set_user(arguments.positional()[0]);
  request.set_role(arguments.positional()[1]);
  return ShowHolder(session, session.client().RevokeRole(request));
}

}  // namespace

const WordKind kRoleWord = {.words = "admin operator viewer",
                            .live = [](client::Client& client, const std::string&) {
                              return WordsIn(View(), client.ListRoles());
                            }};

std::vector<Command> RoleCommands() {
  const Option allow = {"allow", 0, "RULE", "what its holders may do", true};
  const Option deny = {"deny", 0, "RULE", "what they may not, by no other role either", true};
  const Option description = {"description", 'd', "TEXT", "what it is for"};
  return {
      {.name = "role ls",
       .aliases = {"role list"},
       .elsewhere = {"roles"},
       .summary = "List the roles and what they allow",
       .examples = {"role ls"},
       .most = 0,
       .run = RunList},
      {.name = "role show",
       .synopsis = "ROLE",
       .arguments = {&kRoleWord},
       .summary = "Show a role and its rules",
       .examples = {"role show operator"},
       .least = 1,
       .most = 1,
       .run = RunShow},
      {.name = "role create",
       .aliases = {"role add"},
       .synopsis = "NAME",
       .arguments = {nullptr},
       .summary = "Make a role",
       .details = std::string(kRules) +
                  "NAME is 1 to 63 of a-z, 0-9, \".\", \"_\" and \"-\", beginning with a letter.\n",
       .options = {allow, deny, description},
       .examples = {"role create team-a --allow read:/team-a --allow write:/team-a "
                    "--deny read:/team-a/secret",
                    "role create ops-web --allow process.read:web- --allow process.write:web-",
                    "role create watcher --allow process.read --allow event.read"},
       .least = 1,
       .most = 1,
       .run = RunCreate},
      {.name = "role update",
       .synopsis = "ROLE",
       .arguments = {&kRoleWord},
       .summary = "Add rules to a role or remove some; takes effect at once",
       .details = std::string(kRules) + "What is neither added nor dropped stays.\n",
       .options = {allow,
                   deny,
                   {"drop", 0, "RULE", "take a rule away, whether it allows or denies", true},
                   description},
       .examples = {"role update team-a --deny write:/team-a/locked",
                    "role update team-a --drop read:/team-a/secret"},
       .least = 1,
       .most = 1,
       .run = RunUpdate},
      {.name = "role rm",
       .aliases = {"role delete"},
       .synopsis = "ROLE…",
       .arguments = {&kRoleWord},
       .summary = "Remove roles that nobody has",
       .options = {YesOption()},
       .examples = {"role rm team-a"},
       .least = 1,
       .run = RunRemove},
      {.name = "role grant",
       .synopsis = "USER ROLE",
       .arguments = {&kUserWord, &kRoleWord},
       .summary = "Give a user a role",
       .examples = {"role grant deploy operator"},
       .least = 2,
       .most = 2,
       .run = RunGrant},
      {.name = "role revoke",
       .synopsis = "USER ROLE",
       .arguments = {&kUserWord, &kRoleWord},
       .summary = "Take a role from a user; takes effect at once",
       .examples = {"role revoke deploy operator"},
       .least = 2,
       .most = 2,
       .run = RunRevoke},
  };
}

}  // namespace grpc_os::shell
