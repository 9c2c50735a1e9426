#include "shell/render/access.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "shell/escape.h"
#include "shell/quantity.h"

namespace grpc_os::shell {
namespace {

constexpr size_t kEventNameColumns = 20;
constexpr size_t kEventActionColumns = 18;
constexpr size_t kEventRevisionColumns = 8;

template <typename Time>
std::string TimeText(const Time& time, int digits = 0) {
  return time.seconds() == 0 ? "-" : FormatTime(time.seconds(), time.nanos(), digits);
}

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

template <typename Words>
std::string Joined(const Words& words) {
  return words.empty() ? "-" : absl::StrJoin(words, ", ");
}

Cell StateOf(const v1::User& user) {
  if (user.disabled()) return {"disabled", Style::kBad};
  return user.has_password() ? Cell{"active", Style::kGood} : Cell{"no password", Style::kDim};
}

std::string Padded(const std::string& text, size_t columns) {
  const size_t width = DisplayWidth(text);
  return text + std::string(width < columns ? columns - width : 0, ' ');
}

Style StyleOfAction(const std::string& action) {
  if (action == "ready" || action == "started" || action == "created") return Style::kGood;
  if (action == "failed" || action == "crash_looping" || action == "unkillable") return Style::kBad;
  if (action == "backoff" || action == "exited" || action == "deleted") return Style::kWarning;
  return Style::kPlain;
}

}  // namespace

Table UserTable(const Repeated<v1::User>& users, bool wide) {
  std::vector<Table::Column> columns = {{"NAME"}, {"STATE"}, {"ROLES"}, {"CREATED"}};
  if (wide) columns.insert(columns.end(), {{"UPDATED"}, {"ETAG"}});
  Table table(columns);
  for (const v1::User& user : users) {
    std::vector<Cell> cells = {
        {user.name()}, StateOf(user), {Joined(user.roles())}, {TimeText(user.create_time())}};
    if (wide) {
      cells.push_back({TimeText(user.update_time())});
      cells.push_back({OrDash(user.etag())});
    }
    table.AddRow(std::move(cells));
  }
  return table;
}

Table DescribeUser(const v1::User& user) {
  Table table({{""}, {""}});
  table.AddRow({{"name"}, {user.name(), Style::kTitle}});
  table.AddRow({{"state"}, StateOf(user)});
  table.AddRow({{"roles"}, {Joined(user.roles())}});
  table.AddRow({{"password"}, {user.has_password() ? "set" : "none: cannot log in with one"}});
  table.AddRow({{"created"}, {TimeText(user.create_time())}});
  table.AddRow({{"updated"}, {TimeText(user.update_time())}});
  return table;
}

Table RoleTable(const Repeated<v1::Role>& roles) {
  Table table({{"NAME"}, {"DESCRIPTION"}, {"PERMISSIONS"}});
  for (const v1::Role& role : roles) {
    table.AddRow({{role.name()}, {OrDash(role.description())}, {Joined(role.permissions())}});
  }
  return table;
}

std::string RuleText(const v1::Role::Rule& rule) {
  return rule.prefix().empty() ? rule.permission()
                               : absl::StrCat(rule.permission(), ":", rule.prefix());
}

Table DescribeRole(const v1::Role& role) {
  Table table({{""}, {""}});
  table.AddRow({{"name"}, {role.name(), Style::kTitle}});
  table.AddRow({{"description"}, {OrDash(role.description())}});
  for (const auto effect : {v1::Role::EFFECT_ALLOW, v1::Role::EFFECT_DENY}) {
    const bool allows = effect == v1::Role::EFFECT_ALLOW;
    for (const v1::Role::Rule& rule : role.rules()) {
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

Table SessionTable(const Repeated<v1::Session>& sessions, bool wide) {
  std::vector<Table::Column> columns = {{"ID"},      {"USER"},    {"BY"},   {"FROM"},
                                        {"CREATED"}, {"EXPIRES"}, {"LABEL"}};
  if (wide) columns.push_back({"ROLES"});
  Table table(columns);
  for (const v1::Session& session : sessions) {
    std::vector<Cell> cells = {{session.id() + (session.current() ? "*" : "")},
                               {session.user()},
                               {OrDash(session.login_method())},
                               {OrDash(session.source())},
                               {TimeText(session.create_time())},
                               {TimeText(session.expire_time())},
                               {OrDash(session.label())}};
    if (wide) cells.push_back({Joined(session.roles())});
    table.AddRow(std::move(cells));
  }
  return table;
}

Table AuditTable(const Repeated<v1::AuditRecord>& records, bool wide) {
  std::vector<Table::Column> columns = {{"TIME"},   {"USER"},     {"FROM"},
                                        {"METHOD"}, {"RESOURCE"}, {"RESULT"}};
  if (wide) columns.insert(columns.end(), {{"SESSION"}, {"CALL"}, {"ID"}});
  Table table(columns);
  for (const v1::AuditRecord& record : records) {
    std::string result = record.result();
    if (!record.reason().empty()) absl::StrAppend(&result, " ", record.reason());
    if (record.count() > 1) absl::StrAppend(&result, " (", record.count(), " times)");
    // "grpc_os.v1.ProcessService/StartProcess": what stands before the name is always the same.
    const size_t slash = record.method().rfind('/');
    const bool whole = wide || slash == std::string::npos;
    std::vector<Cell> cells = {{TimeText(record.time(), 3)},
                               {OrDash(record.user())},
                               {OrDash(record.source())},
                               {whole ? record.method() : record.method().substr(slash + 1)},
                               {OrDash(record.resource())},
                               {result, record.result() == "OK" ? Style::kPlain : Style::kWarning}};
    if (wide) {
      cells.push_back({OrDash(record.session_id())});
      cells.push_back({OrDash(record.call_id())});
      cells.push_back({absl::StrCat(record.id())});
    }
    table.AddRow(std::move(cells));
  }
  return table;
}

std::string EventLine(const v1::Event& event, bool color) {
  const std::string name = event.name().empty() ? event.resource_id() : event.name();
  const std::string action = EscapeForTerminal(event.action());
  const size_t padding = kEventActionColumns - std::min(kEventActionColumns, DisplayWidth(action));
  std::string line = absl::StrCat(TimeText(event.time(), 3), "  ",
                                  Padded(absl::StrCat(event.revision()), kEventRevisionColumns),
                                  "  ", Padded(EscapeForTerminal(event.kind()), 7), "  ",
                                  Padded(EscapeForTerminal(name), kEventNameColumns), "  ",
                                  Styled(action, StyleOfAction(event.action()), color));
  // Sorted, for the order of a map of protobuf means nothing.
  const std::map<std::string, std::string> attributes(event.attributes().begin(),
                                                      event.attributes().end());
  if (!attributes.empty()) line.append(padding, ' ');
  for (const auto& [key, value] : attributes) {
    absl::StrAppend(&line, "  ", EscapeForTerminal(key), "=", EscapeForTerminal(value));
  }
  return line;
}

}  // namespace grpc_os::shell
