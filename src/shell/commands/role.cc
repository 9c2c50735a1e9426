// role show, create, update, rm.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "shell/commands/commands.h"
#include "shell/commands/selection.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/render/access.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

using Rule = v1::Role::Rule;

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
          "--", option, " ", word, " names no path behind its colon. Give one, such as ", word,
          "/config, or leave the colon out for all objects."));
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

ExitCode Show(Session& session, const absl::StatusOr<v1::Role>& role, const std::string& sentence) {
  if (!role.ok()) return session.Report(role.status());
  if (session.for_programs()) {
    session.Print(*role);
  } else if (!session.for_people()) {
    session.PrintName(role->name());
  } else {
    session.out() << EscapeForTerminal(sentence) << "\n" << std::flush;
  }
  return ExitCode::kOk;
}

}  // namespace

ExitCode RunRoleShow(Session& session, const Arguments& arguments) {
  const auto role = session.client().GetRole(arguments.positional()[0]);
  if (!role.ok() || !session.for_people()) return Show(session, role, "");
  session.Print(DescribeRole(*role));
  return ExitCode::kOk;
}

ExitCode RunRoleCreate(Session& session, const Arguments& arguments) {
  if (const auto status = CheckPaths(arguments); !status.ok()) return session.Report(status);
  v1::CreateRoleRequest request;
  v1::Role& wanted = *request.mutable_role();
  wanted.set_name(arguments.positional()[0]);
  wanted.set_description(arguments.Value("description").value_or(""));
  AddRules(arguments, wanted);
  const auto role = session.client().CreateRole(request);
  return Show(session, role,
              role.ok()
                  ? absl::StrCat("made the role ", role->name(), ". `",
                                 session.Typed(absl::StrCat("role grant USER ", role->name())),
                                 "` gives it to a user.")
                  : "");
}

ExitCode RunRoleUpdate(Session& session, const Arguments& arguments) {
  if (const auto status = CheckPaths(arguments); !status.ok()) return session.Report(status);
  auto role = session.client().GetRole(arguments.positional()[0]);
  if (!role.ok()) return session.Report(role.status());
  // With its etag: what somebody else changed meanwhile is not undone.
  v1::UpdateRoleRequest request;
  v1::Role& wanted = *request.mutable_role() = *std::move(role);
  if (const auto status = DropRules(arguments, wanted); !status.ok()) return session.Report(status);
  AddRules(arguments, wanted);
  if (const auto text = arguments.Value("description"); text) wanted.set_description(*text);
  const auto updated = session.client().UpdateRole(request);
  return Show(session, updated,
              updated.ok() ? absl::StrCat("changed the role ", updated->name(),
                                          "; it holds for all who have it")
                           : "");
}

ExitCode RunRoleRemove(Session& session, const Arguments& arguments) {
  ExitCode code = ExitCode::kOk;
  for (const std::string& name : arguments.positional()) {
    absl::StatusOr<v1::Role> removed = absl::UnknownError(absl::StrCat(name, " is kept."));
    if (arguments.Has("yes") || !session.console().ask ||
        session.console().ask(
            absl::StrCat("Remove the role ", EscapeForTerminal(name), " for good?"))) {
      v1::DeleteRoleRequest request;
      request.set_name(name);
      const auto response = session.client().DeleteRole(request);
      removed = v1::Role();
      removed->set_name(name);
      if (!response.ok()) removed = response.status();
    }
    code = Worst(code, Show(session, removed, absl::StrCat("removed ", name)));
    if (EndsEverything(removed.status()) || session.interrupted()) break;
  }
  return code;
}

}  // namespace grpc_os::shell
