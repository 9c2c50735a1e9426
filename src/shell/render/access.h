// Users, roles, sessions, audit records and events as people look at them.
#ifndef GRPC_OS_SHELL_RENDER_ACCESS_H_
#define GRPC_OS_SHELL_RENDER_ACCESS_H_

#include <string>
#include <vector>

#include "grpc_os/v1/auth_services.pb.h"
#include "grpc_os/v1/event_services.pb.h"
#include "shell/render/table.h"

namespace grpc_os::shell {

template <typename T>
using Repeated = google::protobuf::RepeatedPtrField<T>;

// One line each; `wide`: with all there is.
Table UserTable(const Repeated<v1::User>& users, bool wide);
Table RoleTable(const Repeated<v1::Role>& roles);
// A `*` marks the session of the call.
Table SessionTable(const Repeated<v1::Session>& sessions, bool wide);
Table AuditTable(const Repeated<v1::AuditRecord>& records, bool wide);
// All about one, several lines.
Table DescribeUser(const v1::User& user);
Table DescribeRole(const v1::Role& role);
// A rule without its effect: "object.read:/config".
std::string RuleText(const v1::Role::Rule& rule);
// One event: a line without its newline, escaped. Its columns stand where those of others do,
// unless a name is long.
std::string EventLine(const v1::Event& event, bool color);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_RENDER_ACCESS_H_
