// logs.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/commands/log_printer.h"
#include "shell/commands/process_rows.h"
#include "shell/commands/retry_policy.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/render/process.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

absl::StatusOr<v1::TailLogsRequest> ToRequest(const Arguments& arguments) {
  v1::TailLogsRequest request;
  request.set_name(arguments.positional()[0]);
  request.set_follow(arguments.Has("follow"));
  if (const auto text = arguments.Value("lines")) {
    int32_t lines = 0;
    if (!absl::SimpleAtoi(*text, &lines) || lines < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("-n needs a number of lines, 0 or more; \"", *text, "\" is none."));
    }
    request.set_lines(lines == 0 ? -1 : lines);  // the API's 0 is its default
  }
  return request;
}

void Show(Session& session, const v1::TailLogsResponse& message, LogPrinter& printer, bool follow) {
  if (message.gap()) {
    session.err()
        << "-- lines before these were rotated away or removed before they could be read\n";
  }
  for (const v1::LogLine& line : message.lines()) {
    if (session.for_programs()) {
      session.ShowNext(line, "", "");
    } else {
      printer.Print(line);
    }
  }
  if (follow) printer.Pause();
}

// A log that was followed has ended: what became of the process.
void SayWhyItEnded(Session& session, const std::string& name) {
  const auto process = session.client().GetProcess(name);
  if (!process.ok() && !absl::IsNotFound(process.status())) return;
  const std::string state =
      process.ok() ? absl::StrCat("is ", StateWord(process->status().state())) : "was deleted";
  const std::string exit = process.ok() && process->status().has_last_exit()
                               ? absl::StrCat(", ", ExitWord(process->status().last_exit()))
                               : "";
  session.err() << "-- " << EscapeForTerminal(absl::StrCat(name, " ", state, exit))
                << ": nothing more will come\n"
                << std::flush;
}

ExitCode RunLogs(Session& session, const Arguments& arguments) {
  auto request = ToRequest(arguments);
  if (!request.ok()) return session.Report(request.status());
  LogPrinter printer(session.console(), arguments.Has("timestamps"));
  RetryPolicy retry(session);
  absl::Status status;
  bool again = true;
  while (again) {
    bool progress = false;
    status = session.client().TailLogs(*request, [&](const v1::TailLogsResponse& message) {
      progress = true;
      retry.Progress();
      if (!message.cursor().empty()) request->set_cursor(message.cursor());
      Show(session, message, printer, request->follow());
      return !session.interrupted();
    });
    // A reader slower than a call may last (a pager) goes on where it was.
    again = !session.interrupted() && !request->cursor().empty() &&
            ((absl::IsDeadlineExceeded(status) && progress) || retry.MayTryAgain(status));
  }
  printer.Finish();
  if (session.interrupted()) return ExitCode::kInterrupted;
  if (!status.ok()) return session.Report(status);
  if (request->follow()) SayWhyItEnded(session, request->name());
  return ExitCode::kOk;
}

}  // namespace

Command LogsRow() {
  return {
      .name = "logs",
      .elsewhere = {"log", "tail", "journalctl", "output"},
      .synopsis = "NAME",
      .arguments = {&kProcessWord},
      .summary = "Show what a process wrote",
      .details =
          "The process's output goes to stdout; lifecycle messages (started, exited) go to "
          "stderr.\n"
          "-f ends with exit code 0 when the process is stopped, has run to its end or is "
          "deleted;\n"
          "a restart does not end it. In JSON a line that is not UTF-8 is in `raw`, as base64.\n",
      .options = {{"follow", 'f', "", "keep showing new lines"},
                  {"lines", 'n', "N", "begin with the last N lines (100)"},
                  {"timestamps", 't', "", "begin each line with its time (UTC)"}},
      .examples = {"logs web-server", "logs -f -n 20 web-server"},
      .least = 1,
      .most = 1,
      .run = RunLogs};
}

}  // namespace grpc_os::shell
