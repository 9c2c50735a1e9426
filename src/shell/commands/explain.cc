#include "shell/commands/explain.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/errors.h"
#include "shell/commands/log_printer.h"
#include "shell/escape.h"
#include "shell/render/process.h"

namespace grpc_os::shell {
namespace {

constexpr int kLastLines = 5;

void Explain(Session& session, const v1::Process& process) {
  std::ostream& err = session.err();
  const auto& status = process.status();
  err << "  state: " << StateWord(status.state());
  if (!status.message().empty()) err << " (" << EscapeForTerminal(status.message()) << ")";
  err << "\n";
  if (status.has_last_exit()) {
    err << "  last exit: " << EscapeForTerminal(DescribeExit(status.last_exit())) << "\n";
  }
  v1::TailLogsRequest request;
  request.set_name(process.id());
  request.set_lines(kLastLines);
  std::vector<std::string> lines;
  std::map<int, std::string> parts;  // of lines that are not whole yet, by stream
  // Without a log there is nothing to add: the error that brought us here is already reported.
  (void)session.client().TailLogs(request, [&](const v1::TailLogsResponse& message) {
    for (const v1::LogLine& line : message.lines()) {
      std::string& text = parts[line.stream()] += ContentOf(line);
      if (!line.partial()) lines.push_back(std::exchange(text, ""));
    }
    return true;
  });
  for (auto& [stream, text] : parts) {
    if (!text.empty()) lines.push_back(std::move(text));
  }
  if (!lines.empty()) err << "  last lines of its log:\n";
  for (const std::string& line : lines) {
    err << "    " << EscapeForTerminal(line, Tabs::kKeep) << "\n";
  }
  if (const std::string cure = CureFor(process); !cure.empty()) {
    err << "  what to do: " << EscapeForTerminal(session.TypedIn(cure)) << "\n";
  }
  err << std::flush;
}

}  // namespace

void ExplainFailure(Session& session, const std::string& name, const absl::Status& error) {
  static const auto* const kReasons =
      new std::set<std::string>{"EXEC_FAILED", "PROCESS_NOT_RUNNING", "PROCESS_UNKILLABLE",
                                "SUPERSEDED",  kWaitTimedOut,         kEndedEarly};
  if (kReasons->count(client::ReasonOf(error)) == 0) return;
  const auto process = session.client().GetProcess(name);
  if (process.ok()) Explain(session, *process);
}

void ExplainEnd(Session& session, const v1::Process& process) {
  const auto& status = process.status();
  const bool ended = status.state() == v1::Process::STATE_BACKOFF ||
                     status.state() == v1::Process::STATE_CRASH_LOOPING ||
                     (status.state() == v1::Process::STATE_EXITED &&
                      !(status.last_exit().has_exit_code() && status.last_exit().exit_code() == 0));
  if (!ended) return;
  session.out().flush();
  session.err() << EscapeForTerminal(process.name())
                << (WaitsForExecution(process) ? " could not be executed now:\n"
                                               : " has ended already:\n");
  Explain(session, process);
}

ExitCode ReportLines(Session& session, const absl::Status& status) {
  std::vector<std::string> lines = absl::StrSplit(std::string(status.message()), '\n');
  if (lines.size() == 1) return session.Report(status);
  absl::Status first(status.code(), lines[0]);
  status.ForEachPayload(
      [&](auto type, const absl::Cord& payload) { first.SetPayload(type, payload); });
  const ExitCode code = session.Report(first);
  if (lines.back().empty()) lines.pop_back();
  for (size_t i = 1; i < lines.size(); ++i)
    session.err() << "  " << EscapeForTerminal(lines[i], Tabs::kKeep) << "\n";
  session.err() << std::flush;
  return code;
}

}  // namespace grpc_os::shell
