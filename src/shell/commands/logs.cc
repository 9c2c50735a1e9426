// logs.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "grpc_os/v1/domain_services.pb.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/commands/kinds.h"
#include "shell/commands/log_printer.h"
#include "shell/commands/process_rows.h"
#include "shell/commands/retry_policy.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/render/process.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

// Of either request: both have the same fields.
template <typename Request>
absl::Status Read(const Arguments& arguments, const std::string& name, Request& request) {
  request.set_name(name);
  request.set_follow(arguments.Has("follow"));
  if (const auto text = arguments.Value("lines")) {
    int32_t lines = 0;
    if (!absl::SimpleAtoi(*text, &lines) || lines < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("-n needs a number of lines, 0 or more; \"", *text, "\" is none."));
    }
    request.set_lines(lines == 0 ? -1 : lines);  // the API's 0 is its default
  }
  return absl::OkStatus();
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

// The domain was deleted, or nobody says why.
void SayWhyDomainEnded(Session& session, const std::string& name) {
  const bool deleted = absl::IsNotFound(session.client().GetDomain(name).status());
  session.err() << "-- " << EscapeForTerminal(absl::StrCat(name, deleted ? " was deleted" : ""))
                << ": nothing more will come\n"
                << std::flush;
}

// `tail` is the call of the client.
template <typename Request, typename Tail>
ExitCode ShowLog(Session& session, const Arguments& arguments, const std::string& name, Tail tail,
                 void (*say_why_it_ended)(Session&, const std::string&)) {
  Request request;
  absl::Status status = Read(arguments, name, request);
  if (!status.ok()) return session.Report(status);
  LogPrinter printer(session.console(), arguments.Has("timestamps"));
  RetryPolicy retry(session);
  bool again = true;
  while (again) {
    bool progress = false;
    status = tail(request, [&](const v1::TailLogsResponse& message) {
      progress = true;
      retry.Progress();
      if (!message.cursor().empty()) request.set_cursor(message.cursor());
      Show(session, message, printer, request.follow());
      return !session.interrupted();
    });
    // A reader slower than a call may last (a pager) goes on where it was.
    again = !session.interrupted() && !request.cursor().empty() &&
            ((absl::IsDeadlineExceeded(status) && progress) || retry.MayTryAgain(status));
  }
  printer.Finish();
  if (session.interrupted()) return ExitCode::kInterrupted;
  if (!status.ok()) return session.Report(status);
  if (request.follow()) say_why_it_ended(session, name);
  return ExitCode::kOk;
}

ExitCode RunLogs(Session& session, const Arguments& arguments) {
  const auto domain = arguments.Value("domain");
  if (arguments.positional().empty() != domain.has_value()) {
    return session.Report(absl::InvalidArgumentError(
        "Whose log? `logs NAME` shows that of a process, `logs --domain DOMAIN` that of a "
        "domain."));
  }
  client::Client& client = session.client();
  if (domain) {
    return ShowLog<v1::TailDomainLogsRequest>(
        session, arguments, *domain,
        [&](const auto& request, const auto& show) { return client.TailDomainLogs(request, show); },
        SayWhyDomainEnded);
  }
  return ShowLog<v1::TailLogsRequest>(
      session, arguments, arguments.positional()[0],
      [&](const auto& request, const auto& show) { return client.TailLogs(request, show); },
      SayWhyItEnded);
}

}  // namespace

Command LogsRow() {
  return {
      .name = "logs",
      .elsewhere = {"log", "tail", "journalctl", "output"},
      .synopsis = "[NAME]",
      .arguments = {&kProcessWord},
      .summary = "Show what a process wrote, or the requests for a domain",
      .details =
          "The process's output goes to stdout; lifecycle messages (started, exited) go to "
          "stderr.\n"
          "-f ends with exit code 0 when the process is stopped, has run to its end or is "
          "deleted;\n"
          "a restart does not end it. In JSON a line that is not UTF-8 is in `raw`, as base64.\n"
          "The log of a domain has a line of JSON for each request, as nginx wrote it.\n",
      .options = {{"follow", 'f', "", "keep showing new lines"},
                  {"lines", 'n', "N", "begin with the last N lines (100)"},
                  {"timestamps", 't', "", "begin each line with its time"},
                  {"domain", 0, "DOMAIN", "the requests for it", false, &kDomainWord}},
      .examples = {"logs web-server", "logs -f -n 20 web-server", "logs --domain example.com"},
      .most = 1,
      .run = RunLogs};
}

}  // namespace grpc_os::shell
