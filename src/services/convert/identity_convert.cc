#include "services/convert/identity_convert.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "core/identity/user_grammar.h"
#include "services/convert/time_convert.h"

namespace grpc_os::services {
v1::Identity ToProto(const core::Caller& caller) {
  v1::Identity identity;
  identity.set_user(caller.user);
  for (const std::string& role : caller.roles) identity.add_roles(role);
  identity.set_login_method(caller.method);
  identity.set_peer_uid(caller.method == "peer" ? caller.peer_uid : -1);
  identity.set_session_id(caller.session_id);
  return identity;
}

v1::LoginResponse ToProto(const core::Identity::Login& login) {
  v1::LoginResponse response;
  response.set_access_token(login.access_token);
  SetTimeMs(login.caller.expire_time_ms, response.mutable_expire_time());
  *response.mutable_identity() = ToProto(login.caller);
  if (!login.refresh_token.empty()) {
    response.set_refresh_token(login.refresh_token);
    SetTimeMs(login.refresh_expire_time_ms, response.mutable_refresh_expire_time());
  }
  return response;
}

v1::User ToProto(const core::User& user) {
  v1::User out;
  out.set_name(user.name);
  for (const std::string& role : user.roles) out.add_roles(role);
  out.set_disabled(user.disabled);
  out.set_has_password(!user.password_hash.empty());
  SetTimeMs(user.create_time_ms, out.mutable_create_time());
  SetTimeMs(user.update_time_ms, out.mutable_update_time());
  out.set_etag(core::Identity::EtagOf(user));
  return out;
}

v1::Session ToProto(const core::Session& session, const core::Caller& caller) {
  v1::Session out;
  out.set_id(session.id);
  out.set_user(session.user);
  out.set_login_method(session.method);
  out.set_source(session.source);
  SetTimeMs(session.create_time_ms, out.mutable_create_time());
  SetTimeMs(session.expire_time_ms, out.mutable_expire_time());
  out.set_label(session.label);
  for (const std::string& role : session.roles) out.add_roles(role);
  out.set_current(session.id == caller.session_id);
  return out;
}

v1::Role ToProto(const core::Role& role) {
  v1::Role out;
  out.set_name(role.name);
  out.set_description(role.spec.description);
  for (const core::Rule& rule : role.spec.rules) {
    v1::Role::Rule& added = *out.add_rules();
    added.set_effect(rule.effect == core::Effect::kAllow ? v1::Role::EFFECT_ALLOW
                                                         : v1::Role::EFFECT_DENY);
    added.set_permission(rule.permission);
    added.set_prefix(rule.prefix);
    const auto& known = out.permissions();
    if (rule.effect == core::Effect::kAllow &&
        std::find(known.begin(), known.end(), rule.permission) == known.end())
      out.add_permissions(rule.permission);
  }
  out.set_built_in(core::IsBuiltIn(role));
  if (core::IsBuiltIn(role)) return out;
  SetTimeMs(role.create_time_ms, out.mutable_create_time());
  SetTimeMs(role.update_time_ms, out.mutable_update_time());
  out.set_etag(core::Identity::EtagOf(role));
  return out;
}

core::Role RoleFromProto(const v1::Role& role, const std::vector<core::Permission>& permissions,
                         const std::string& field, core::Violations& violations) {
  core::CheckRoleName(role.name(), absl::StrCat(field, ".name"), violations);
  core::Role out;
  out.name = role.name();
  out.spec.description = role.description();
  for (const v1::Role::Rule& rule : role.rules()) {
    if (rule.effect() != v1::Role::EFFECT_ALLOW && rule.effect() != v1::Role::EFFECT_DENY) {
      violations.Add(absl::StrCat(field, ".rules[", out.spec.rules.size(), "].effect"),
                     "give ALLOW or DENY");
    }
    out.spec.rules.push_back({.effect = rule.effect() == v1::Role::EFFECT_DENY
                                            ? core::Effect::kDeny
                                            : core::Effect::kAllow,
                              .permission = rule.permission(),
                              .prefix = rule.prefix()});
  }
  core::CheckRole(out.spec, permissions, field, violations);
  return out;
}

v1::AuditRecord ToProto(const core::AuditRecord& record) {
  v1::AuditRecord out;
  out.set_id(record.id);
  SetTimeMs(record.time_ms, out.mutable_time());
  out.set_user(record.user);
  out.set_session_id(record.session_id);
  out.set_source(record.source);
  out.set_method(record.method);
  out.set_resource(record.resource);
  out.set_result(record.result);
  out.set_reason(record.reason);
  out.set_call_id(record.call_id);
  out.set_count(record.count);
  return out;
}

int64_t TokenTtlFromProto(const v1::CreateTokenRequest& request, core::Violations& violations) {
  if (!request.has_ttl()) return limits::kTokenTtlDefaultMs;
  const bool huge = request.ttl().seconds() > limits::kTokenTtlMaxMs / 1000;
  const int64_t ttl_ms = huge ? limits::kTokenTtlMaxMs + 1 : DurationMs(request.ttl());
  core::CheckTokenTtl(ttl_ms, "ttl", violations);
  return ttl_ms;
}

core::AuditQuery AuditQueryFromProto(const v1::ListAuditRecordsRequest& request,
                                     core::Violations& violations) {
  core::AuditQuery query;
  query.user = request.user();
  if (!query.user.empty()) core::CheckUserName(query.user, "user", violations);
  if (request.has_since()) query.since_ms = TimeMsFromProto(request.since(), "since", violations);
  return query;
}

}  // namespace grpc_os::services
