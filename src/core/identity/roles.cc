#include "core/identity/roles.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace grpc_os::core {
namespace {

// In the order of their names.
constexpr std::pair<const char*, const char*> kBuiltIn[] = {
    {"admin", "May do everything."},
    {"operator", "Runs processes, keeps objects, and sees everything but users and the audit."},
    {"viewer", "Sees everything but users and the audit."},
};

// Names of words have no slash, and their prefixes none.
bool IsWord(std::string_view prefix) { return !prefix.empty() && prefix[0] != '/'; }

// "/config/" → "/config", "/" → "".
std::string_view WithoutSlash(std::string_view prefix) {
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  return prefix;
}

bool PermissionCovers(std::string_view one, std::string_view other) {
  return one == kEveryPermission || one == other;
}

// Whether `one` is about all that `other` is about.
bool RuleCovers(const Rule& one, const Rule& other) {
  return PermissionCovers(one.permission, other.permission) &&
         PrefixCovers(one.prefix, other.prefix);
}

// What both are about; nullopt: nothing is.
std::optional<Rule> Common(const Rule& one, const Rule& other) {
  Rule common;
  if (PermissionCovers(one.permission, other.permission)) {
    common.permission = other.permission;
  } else if (PermissionCovers(other.permission, one.permission)) {
    common.permission = one.permission;
  } else {
    return std::nullopt;
  }
  if (PrefixCovers(one.prefix, other.prefix)) {
    common.prefix = other.prefix;
  } else if (PrefixCovers(other.prefix, one.prefix)) {
    common.prefix = one.prefix;
  } else {
    return std::nullopt;
  }
  return common;
}

// Whether one of the rules denies all of it.
bool DeniedBy(const std::vector<Rule>& rules, const Rule& what) {
  return std::any_of(rules.begin(), rules.end(), [&what](const Rule& rule) {
    return rule.effect == Effect::kDeny && RuleCovers(rule, what);
  });
}

bool AnyCovers(const std::vector<std::string>& prefixes, std::string_view name) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [name](const std::string& prefix) { return PrefixCovers(prefix, name); });
}

// Whether the prefix covers every name that begins so.
bool CoversAllFrom(std::string_view prefix, std::string_view beginning) {
  if (IsWord(prefix)) return beginning.starts_with(prefix);
  const std::string_view folder = WithoutSlash(prefix);
  return beginning.starts_with(folder) &&
         (folder.empty() || beginning.substr(folder.size()).starts_with('/'));
}

// Whether it covers any name that begins so.
bool CoversAnyFrom(std::string_view prefix, std::string_view beginning) {
  return CoversAllFrom(prefix, beginning) || WithoutSlash(prefix).starts_with(beginning) ||
         beginning.empty();
}

// No name has this byte, so all that begin with `text` come before it.
std::string AfterAllFrom(std::string text) { return text += '\xff'; }

// What comes before `text` and after every name that does.
std::string JustBefore(std::string text) {
  --text.back();
  return AfterAllFrom(std::move(text));
}

// Whether one of the prefixes means all objects.
bool AnyIsAll(const std::vector<std::string>& prefixes) { return AnyCovers(prefixes, ""); }

}  // namespace

const char* ToString(Effect effect) { return effect == Effect::kAllow ? "allow" : "deny"; }

std::optional<Effect> EffectFrom(const std::string& word) {
  for (const Effect effect : {Effect::kAllow, Effect::kDeny})
    if (word == ToString(effect)) return effect;
  return std::nullopt;
}

std::vector<Role> BuiltInRoles(const std::vector<Permission>& permissions) {
  std::vector<Role> roles;
  for (const auto& [name, description] : kBuiltIn) {
    Role& role = roles.emplace_back();
    role.id = role.name = name;
    role.generation = 0;
    role.spec.description = description;
    if (role.name == "admin") role.spec.rules.push_back({.permission = kEveryPermission});
    for (const Permission& permission : permissions) {
      if (std::find(permission.roles.begin(), permission.roles.end(), role.name) !=
          permission.roles.end())
        role.spec.rules.push_back({.permission = permission.name});
    }
  }
  return roles;
}

bool IsBuiltInRole(std::string_view name) {
  return std::any_of(std::begin(kBuiltIn), std::end(kBuiltIn),
                     [name](const auto& role) { return role.first == name; });
}

bool PrefixCovers(std::string_view prefix, std::string_view name) {
  if (IsWord(prefix)) return name.starts_with(prefix);
  const std::string_view folder = WithoutSlash(prefix);
  if (!name.starts_with(folder)) return false;
  return name.size() == folder.size() || folder.empty() || name[folder.size()] == '/';
}

std::vector<Rule> Denied(const std::vector<Rule>& rules) {
  std::vector<Rule> denied;
  for (const Rule& rule : rules) {
    if (rule.effect == Effect::kDeny)
      denied.push_back({.permission = rule.permission, .prefix = rule.prefix});
  }
  return denied;
}

std::vector<Rule> Allowed(const std::vector<Rule>& rules) {
  std::vector<Rule> allowed;
  for (const Rule& rule : rules) {
    if (rule.effect == Effect::kAllow) allowed.push_back(rule);
  }
  return allowed;
}

std::vector<Rule> NoLongerDenied(const std::vector<Rule>& before, const std::vector<Rule>& after) {
  std::vector<Rule> freed = Denied(before);
  std::erase_if(freed, [&after](const Rule& rule) { return DeniedBy(after, rule); });
  std::copy_if(after.begin(), after.end(), std::back_inserter(freed),
               [](const Rule& rule) { return rule.effect == Effect::kDeny; });
  return freed;
}

RuleSet::RuleSet(const std::vector<const Role*>& roles) {
  for (const Role* role : roles)
    rules_.insert(rules_.end(), role->spec.rules.begin(), role->spec.rules.end());
  for (const Rule& rule : rules_) {
    Scope& scope = scopes_[rule.permission];
    (rule.effect == Effect::kAllow ? scope.allowed : scope.denied).push_back(rule.prefix);
  }
}

const RuleSet::Scope& RuleSet::ScopeOf(std::string_view permission) const {
  static const auto* const kNothing = new Scope;
  const auto it = scopes_.find(permission);
  return it == scopes_.end() ? *kNothing : it->second;
}

bool RuleSet::Allows(std::string_view permission) const {
  const Scope& own = ScopeOf(permission);
  const Scope& every = ScopeOf(kEveryPermission);
  if (own.allowed.empty() && every.allowed.empty()) return false;
  return !AnyIsAll(own.denied) && every.denied.empty();
}

bool RuleSet::AllowsName(std::string_view permission, std::string_view name) const {
  const Scope& own = ScopeOf(permission);
  const Scope& every = ScopeOf(kEveryPermission);
  if (every.allowed.empty() && !AnyCovers(own.allowed, name)) return false;
  return every.denied.empty() && !AnyCovers(own.denied, name);
}

bool RuleSet::AllowsAllNames(std::string_view permission, std::string_view beginning) const {
  const Scope& own = ScopeOf(permission);
  const Scope& every = ScopeOf(kEveryPermission);
  const auto covers_all = [&](const std::string& one) { return CoversAllFrom(one, beginning); };
  const auto covers_any = [&](const std::string& one) { return CoversAnyFrom(one, beginning); };
  if (every.allowed.empty() && std::none_of(own.allowed.begin(), own.allowed.end(), covers_all))
    return false;
  return every.denied.empty() && std::none_of(own.denied.begin(), own.denied.end(), covers_any);
}

std::optional<std::string> RuleSet::ForbiddenUpTo(std::string_view permission,
                                                  std::string_view name) const {
  const Scope& own = ScopeOf(permission);
  const Scope& every = ScopeOf(kEveryPermission);
  if (!every.denied.empty() || AnyIsAll(own.denied)) return std::nullopt;
  std::string end(name);
  for (const std::string& prefix : own.denied) {
    std::string folder(WithoutSlash(prefix));
    if (!PrefixCovers(prefix, name) || name == folder) continue;
    folder += '/';
    end = std::max(end, AfterAllFrom(folder));
  }
  if (end != name || !every.allowed.empty() || AnyCovers(own.allowed, name)) return end;
  std::optional<std::string> next;  // where something allowed may begin
  for (const std::string& prefix : own.allowed) {
    std::string folder(WithoutSlash(prefix));
    if (folder <= name) folder += '/';
    if (folder > name && (!next || folder < *next)) next = std::move(folder);
  }
  if (!next) return std::nullopt;
  return std::max(end, JustBefore(*std::move(next)));
}

std::optional<Rule> RuleSet::Beyond(const std::vector<Rule>& wanted) const {
  for (const Rule& one : wanted) {
    if (one.effect == Effect::kDeny) continue;
    bool allowed = false;
    for (const Rule& rule : rules_) {
      if (rule.effect == Effect::kAllow) {
        allowed = allowed || RuleCovers(rule, one);
      } else if (const auto denied = Common(rule, one); denied && !DeniedBy(wanted, *denied)) {
        return one;
      }
    }
    if (!allowed) return one;
  }
  return std::nullopt;
}

bool Authority::Allows(std::string_view permission) const {
  return !all_.empty() && std::all_of(all_.begin(), all_.end(), [permission](const auto& one) {
    return one->Allows(permission);
  });
}

bool Authority::AllowsName(std::string_view permission, std::string_view name) const {
  return !all_.empty() && std::all_of(all_.begin(), all_.end(), [&](const auto& one) {
    return one->AllowsName(permission, name);
  });
}

bool Authority::AllowsAllNames(std::string_view permission, std::string_view beginning) const {
  return !all_.empty() && std::all_of(all_.begin(), all_.end(), [&](const auto& one) {
    return one->AllowsAllNames(permission, beginning);
  });
}

std::optional<std::string> Authority::ForbiddenUpTo(std::string_view permission,
                                                    std::string_view name) const {
  if (all_.empty()) return std::nullopt;
  std::string end(name);
  for (const auto& one : all_) {
    auto of_one = one->ForbiddenUpTo(permission, name);
    if (!of_one) return std::nullopt;
    end = std::max(end, *std::move(of_one));
  }
  return end;
}

std::optional<Rule> Authority::Beyond(const std::vector<Rule>& wanted) const {
  if (all_.empty()) return RuleSet({}).Beyond(wanted);
  for (const auto& one : all_) {
    if (auto beyond = one->Beyond(wanted); beyond) return beyond;
  }
  return std::nullopt;
}

}  // namespace grpc_os::core
