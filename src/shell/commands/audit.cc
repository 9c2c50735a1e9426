// Records of the audit.
#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "shell/commands/count.h"
#include "shell/commands/kinds.h"
#include "shell/parser.h"
#include "shell/render/text.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

constexpr int kDefaultCount = 100;

Cell ResultOf(const v1::AuditRecord& record) {
  std::string result = record.result();
  if (!record.reason().empty()) absl::StrAppend(&result, " ", record.reason());
  if (record.count() > 1) absl::StrAppend(&result, " (", record.count(), " times)");
  return {result, record.result() == "OK" ? Style::kPlain : Style::kWarning};
}

// "grpc_os.v1.ProcessService/StartProcess": what stands before the name is always the same.
std::string MethodText(const v1::AuditRecord& record, bool wide) {
  return wide ? record.method() : record.method().substr(record.method().rfind('/') + 1);
}

ResourceView<v1::AuditRecord> View(bool wide) {
  constexpr auto kLeft = Table::Align::kLeft;
  constexpr auto kWide = ResourceView<v1::AuditRecord>::In::kWide;
  return {
      .name = [](const auto& record) { return absl::StrCat(record.id()); },
      .columns = {
          {"TIME", [](const auto& record) { return TimeText(record.time(), 3); }},
          {"USER", [](const auto& record) { return OrDash(record.user()); }},
          {"FROM", [](const auto& record) { return OrDash(record.source()); }},
          {"METHOD", [wide](const auto& record) { return MethodText(record, wide); }},
          {"RESOURCE", [](const auto& record) { return OrDash(record.resource()); }},
          {"RESULT", ResultOf},
          {"SESSION", [](const auto& record) { return OrDash(record.session_id()); }, kLeft, kWide},
          {"CALL", [](const auto& record) { return OrDash(record.call_id()); }, kLeft, kWide},
          {"ID", [](const auto& record) { return absl::StrCat(record.id()); }, kLeft, kWide}}};
}

ExitCode RunAudit(Session& session, const Arguments& arguments) {
  const auto count = CountOption(arguments, kDefaultCount);
  if (!count.ok()) return session.Report(count.status());
  v1::ListAuditRecordsRequest request;
  request.set_user(arguments.Value("user").value_or(""));
  if (const auto text = arguments.Value("since")) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto since =
        ParseSince(*text, std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
    if (!since.ok()) return session.Report(since.status());
    *request.mutable_since() = *since;
  }
  auto all = session.client().ListAuditRecords(request, *count);
  if (all.ok()) std::reverse(all->mutable_records()->begin(), all->mutable_records()->end());
  return session.ShowList(View(session.format() == Format::kWide), all);
}

}  // namespace

std::vector<Command> AuditCommands() {
  return {
      {.name = "audit",
       .summary = "Show who did what, and what was refused",
       .details = "The newest last. Kept for 90 days.\n",
       .options = {{"since", 's', "TIME",
                    "not older than 90s, 5m, 1h, 2d, or 2026-11-23T05:00:00Z"},
                   UserOption(),
                   {"lines", 'n', "N", "at most the last N (100)"}},
       .examples = {"audit", "audit --since 1h --user deploy", "audit -n 5 -o json"},
       .most = 0,
       .run = RunAudit},
  };
}

}  // namespace grpc_os::shell
