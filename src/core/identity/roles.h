// What each role allows and denies.
#ifndef GRPC_OS_CORE_IDENTITY_ROLES_H_
#define GRPC_OS_CORE_IDENTITY_ROLES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "core/error_reason.h"
#include "core/identity/permission.h"
#include "core/resource/resource.h"

namespace grpc_os::core {

inline constexpr char kObjectRead[] = "object.read";
inline constexpr char kObjectWrite[] = "object.write";
inline constexpr char kEveryPermission[] = "*";

enum class Effect { kAllow, kDeny };

struct Rule {
  Effect effect = Effect::kAllow;
  std::string permission = {};  // "process.read"; kEveryPermission
  std::string prefix = {};      // of names, as Permission::names says; empty: of all

  bool operator==(const Rule&) const = default;
};

const char* ToString(Effect effect);
std::optional<Effect> EffectFrom(const std::string& word);

struct RoleSpec {
  std::string description = {};
  std::vector<Rule> rules = {};

  bool operator==(const RoleSpec&) const = default;
};

// How they are stored.
template <typename Fields>
void Describe(Fields& fields, Rule& rule) {
  fields.Word(1, rule.effect, Effect::kAllow, EffectFrom);
  fields.Text(2, rule.permission);
  fields.Text(3, rule.prefix);
}
template <typename Fields>
void Describe(Fields& fields, RoleSpec& spec) {
  fields.Text(1, spec.description);
  fields.Structs(2, spec.rules);
}

using Role = Resource<RoleSpec>;
inline constexpr ResourceKind kRoleKind = {.name = "role",
                                           .id_prefix = "",
                                           .most = limits::kCustomRoles,
                                           .limit = "custom_roles",
                                           .not_found = reason::kRoleNotFound,
                                           .exists = reason::kRoleExists};

// admin, operator and viewer: of generation 0. What they allow is declared with each permission.
std::vector<Role> BuiltInRoles(const std::vector<Permission>& permissions);
bool IsBuiltInRole(std::string_view name);
inline bool IsBuiltIn(const Role& role) { return role.generation == 0; }

// Whether the prefix of a rule covers a name. Of a path: "/config" and "/config/" cover both of
// these and all below "/config/"; "/" every path. Of a word: "web-" covers what begins with it. ""
// covers everything.
bool PrefixCovers(std::string_view prefix, std::string_view name);

// What those rules deny, as rules that allow it.
std::vector<Rule> Denied(const std::vector<Rule>& rules);
// What they allow, whatever they deny of it.
std::vector<Rule> Allowed(const std::vector<Rule>& rules);
// What `before` denies and `after` does not, as rules that allow it, with what `after` denies of
// it.
std::vector<Rule> NoLongerDenied(const std::vector<Rule>& before, const std::vector<Rule>& after);

// What several roles allow together: what a rule of any of them allows and none denies. Immutable.
class RuleSet {
 public:
  explicit RuleSet(const std::vector<const Role*>& roles);

  // For some names at least.
  bool Allows(std::string_view permission) const;
  bool AllowsName(std::string_view permission, std::string_view name) const;
  // Of every name that begins with `beginning`, whether or not a segment ends there.
  bool AllowsAllNames(std::string_view permission, std::string_view beginning) const;
  // Of the name of an object (a path) that is not allowed: up to where, in the order of names, none
  // is that follows it; that need not be a name. nullopt: none that follows it is allowed.
  std::optional<std::string> ForbiddenUpTo(std::string_view permission,
                                           std::string_view name) const;
  // The first of the rules in `wanted` that allows what this set, for all that is known, does not.
  // What `wanted` denies makes up for what this set denies, and for nothing that it never allowed:
  // a denial may be lifted one day.
  std::optional<Rule> Beyond(const std::vector<Rule>& wanted) const;

 private:
  // All that is said about one permission.
  struct Scope {
    std::vector<std::string> allowed;  // prefixes
    std::vector<std::string> denied;
  };
  const Scope& ScopeOf(std::string_view permission) const;

  std::vector<Rule> rules_;
  std::map<std::string, Scope, std::less<>> scopes_;
};

// What a caller may do: what each of its sets allows. A session has its user's; a token its own
// beside that. Without any, nothing. Immutable but for assignment.
class Authority {
 public:
  Authority() = default;
  explicit Authority(std::vector<std::shared_ptr<const RuleSet>> all) : all_(std::move(all)) {}

  bool Allows(std::string_view permission) const;
  // As of RuleSet.
  bool AllowsName(std::string_view permission, std::string_view name) const;
  bool AllowsAllNames(std::string_view permission, std::string_view beginning) const;
  std::optional<std::string> ForbiddenUpTo(std::string_view permission,
                                           std::string_view name) const;
  std::optional<Rule> Beyond(const std::vector<Rule>& wanted) const;

 private:
  std::vector<std::shared_ptr<const RuleSet>> all_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_ROLES_H_
