// run.
#include <google/protobuf/util/time_util.h>

#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error_detail.h"
#include "grpc_os/v1/process_services.pb.h"
#include "manifest/quantity.h"
#include "shell/commands/content_printer.h"
#include "shell/commands/process_rows.h"
#include "shell/commands/spec_options.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/session.h"
#include "shell/words.h"

namespace grpc_os::shell {
namespace {

absl::StatusOr<std::string> CommandOf(const Arguments& arguments) {
  const std::vector<std::string> words(arguments.positional().begin() + 1,
                                       arguments.positional().end());
  if (arguments.before_dashes() == size_t{1}) {
    std::vector<std::string> quoted;
    for (const std::string& word : words) quoted.push_back(QuoteWord(word));
    return absl::StrJoin(quoted, " ");
  }
  if (words.size() == 1) return words[0];
  return absl::InvalidArgumentError(absl::StrCat("Put -- before a command of several words: run ",
                                                 arguments.positional()[0], " -- ",
                                                 absl::StrJoin(words, " "), "."));
}

absl::StatusOr<v1::RunTaskRequest> ToRequest(const Arguments& arguments) {
  v1::RunTaskRequest request;
  request.set_name(arguments.positional()[0]);
  const auto command = CommandOf(arguments);
  if (!command.ok()) return command.status();
  request.set_command(*command);
  for (const std::string& word : arguments.Values("env")) {
    const auto assignment = ParseAssignment(word);
    if (!assignment) {
      return absl::InvalidArgumentError(absl::StrCat("-e takes K=V; \"", word, "\" is none."));
    }
    (*request.mutable_environment())[assignment->first] = assignment->second;
  }
  if (const auto text = arguments.Value("timeout")) {
    const auto ms = manifest::ParseDurationMs(*text);
    if (!ms.ok()) return ms.status();
    *request.mutable_timeout() = google::protobuf::util::TimeUtil::MillisecondsToDuration(*ms);
  }
  return request;
}

// Shows what a command writes, each stream on its own.
class TaskPrinter {
 public:
  explicit TaskPrinter(Session& session)
      : session_(session),
        out_(session.out(), session.console().out_is_terminal),
        err_(session.err(), session.console().err_is_terminal) {}

  void Take(const v1::RunTaskResponse& message) {
    if (message.has_exited()) exited_ = message.exited();
    if (session_.for_programs()) {
      if (message.kind_case() != v1::RunTaskResponse::KIND_NOT_SET)
        session_.ShowNext(message, "", "");
    } else if (message.output().stream() == v1::LogLine::STREAM_STDERR) {
      err_.Print(message.output().data());
      session_.err() << std::flush;
    } else {
      out_.Print(message.output().data());
      session_.out() << std::flush;
    }
  }
  void Finish() {
    out_.Finish();
    err_.Finish();
  }
  const std::optional<v1::RunTaskResponse::Exited>& exited() const { return exited_; }

 private:
  Session& session_;
  ContentPrinter out_;
  ContentPrinter err_;
  std::optional<v1::RunTaskResponse::Exited> exited_;
};

ExitCode ReportNotRun(Session& session, const absl::Status& status) {
  const ExitCode code = session.Report(status);
  const auto detail = DetailOf(status);
  if (!detail || detail->reason != "EXEC_FAILED") return code;
  const auto number = detail->metadata.find("errno");
  const bool missing = number != detail->metadata.end() && number->second == absl::StrCat(ENOENT);
  return static_cast<ExitCode>(missing ? kNotFoundStatus : kNotExecutedStatus);
}

ExitCode RunRun(Session& session, const Arguments& arguments) {
  const auto request = ToRequest(arguments);
  if (!request.ok()) return session.Report(request.status());
  TaskPrinter printer(session);
  const absl::Status status =
      session.client().RunTask(*request, [&](const v1::RunTaskResponse& message) {
        printer.Take(message);
        return !session.interrupted();
      });
  printer.Finish();
  if (session.interrupted()) return ExitCode::kInterrupted;
  if (!status.ok()) return ReportNotRun(session, status);
  if (!printer.exited()) {
    return session.Report(absl::UnavailableError("The end of the command was not told."));
  }
  if (printer.exited()->timed_out()) {
    session.err() << "-- the time of "
                  << EscapeForTerminal(arguments.Value("timeout").value_or("24h"))
                  << " was over: it was ended\n";
    return ExitCode::kTimeout;
  }
  return static_cast<ExitCode>(printer.exited()->status());
}

}  // namespace

Command RunRow() {
  return {
      .name = "run",
      .elsewhere = {"exec", "task", "oneoff"},
      .synopsis = "NAME -- COMMAND… | NAME \"COMMAND\"",
      .arguments = {&kProcessWord, nullptr},
      .summary = "Run a command once beside a process, with its environment and account",
      .details =
          "In the working directory of NAME, with its secrets too; NAME need not run. What the\n"
          "command writes is shown here and kept nowhere; it has no input. Its exit code is\n"
          "this one's: 128 and the signal's number if a signal ended it, 127 if there is no\n"
          "such program, 7 if its time was over. Ctrl-C ends it, with all that came of it.\n",
      .options = {{"env", 'e', "K=V", "a variable on top of those of NAME", true},
                  {"timeout", 0, "TIME", "end it after so long (24h, which is the most)"}},
      .examples = {"run shop -- python migrate.py --all",
                   "run shop -e DEBUG=true \"sh -c 'env | sort'\""},
      .least = 2,
      .run = RunRun};
}

}  // namespace grpc_os::shell
