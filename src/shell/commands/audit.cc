// audit.
#include <algorithm>
#include <chrono>

#include "shell/commands/commands.h"
#include "shell/commands/count.h"
#include "shell/parser.h"
#include "shell/render/access.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

constexpr int kDefaultCount = 100;

}  // namespace

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
  if (!all.ok()) return session.Report(all.status());
  auto& records = *all->mutable_records();
  std::reverse(records.begin(), records.end());
  if (session.for_programs()) {
    session.PrintList(*all, records);
  } else if (session.for_people()) {
    session.Print(AuditTable(records, session.format() == Format::kWide));
  } else {
    for (const v1::AuditRecord& record : records) session.out() << record.id() << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace grpc_os::shell
