// Processes: what is done to those that exist, and the list of all of their commands.
#include "shell/render/process.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "absl/strings/str_cat.h"
#include "client/errors.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/commands/explain.h"
#include "shell/commands/for_each.h"
#include "shell/commands/kinds.h"
#include "shell/commands/process_rows.h"
#include "shell/commands/selection.h"
#include "shell/commands/wait.h"
#include "shell/escape.h"
#include "shell/parser.h"

namespace grpc_os::shell {
namespace {

LiveWords Names(client::Client& client, const std::string& /*folder*/) {
  return WordsIn(ProcessView(0, {}), client.ListProcesses());
}

constexpr WordKind kProcessOrSignalWord = {.words = kSignals, .live = Names};

using Clock = std::chrono::steady_clock;
using google::protobuf::util::TimeUtil;
using Millis = std::chrono::milliseconds;

// What a stop may take beyond its stop_timeout: killing, verifying, recording.
constexpr Millis kStopMargin{20'000};

// How long a call that stops `process` may take.
Millis StopTime(Session& session, const v1::Process& process) {
  if (session.timeout_given()) return session.client().timeout();
  return Millis(TimeUtil::DurationToMilliseconds(process.spec().stop_timeout())) + kStopMargin;
}

// The daemon bounds every call while a stop may take an hour: asks again, which is harmless, until
// our own time is over.
absl::StatusOr<v1::Process> Stop(Session& session, const v1::Process& process) {
  v1::StopProcessRequest request;
  request.set_name(process.id());
  const auto deadline = Clock::now() + StopTime(session, process);
  while (true) {
    const auto left = std::chrono::duration_cast<Millis>(deadline - Clock::now());
    auto stopped = session.client().StopProcess(request, std::max(left, Millis(1)));
    const bool bounded_by_daemon =
        client::ReasonOf(stopped.status()) == "DEADLINE_PASSED" && Clock::now() < deadline;
    if (!bounded_by_daemon) return stopped;
  }
}

std::string StoppedSentence(const v1::Process& before, const v1::Process& process) {
  const auto state = before.status().state();
  const bool at_rest = state == v1::Process::STATE_STOPPED || state == v1::Process::STATE_EXITED ||
                       state == v1::Process::STATE_FAILED || state == v1::Process::STATE_HELD;
  std::string text = at_rest
                         ? absl::StrCat(process.name(), " (", process.id(), ") did not run: it is ",
                                        StateWord(process.status().state()))
                         : absl::StrCat("stopped ", process.name(), " (", process.id(), ")");
  if (process.status().has_last_exit()) {
    absl::StrAppend(&text, at_rest ? ", " : ": ", ExitWord(process.status().last_exit()));
  }
  return text;
}

// A pattern means what is meant to run: who names no process by itself does not want one that was
// stopped, or a job that was done, to run.
std::string WhyNotRestarted(const v1::Process& process, bool named) {
  if (named || process.desired_state() == v1::Process::DESIRED_STATE_RUNNING) return "";
  return absl::StrCat("left ", process.name(), " as it is (", StateWord(process.status().state()),
                      "); name it by itself to start it");
}

ExitCode RunRestart(Session& session, const Arguments& arguments) {
  const auto wait = ReadStartWait(arguments);
  if (!wait.ok()) return session.Report(wait.status());
  const auto restart = [&](const v1::Process& process) {
    v1::RestartProcessRequest request;
    request.set_name(process.id());
    return AwaitStart(session, session.client().RestartProcess(request, StopTime(session, process)),
                      *wait);
  };
  const auto sentence = [&](const v1::Process&, const v1::Process& process) {
    return absl::StrCat("restarted ", process.name(), " (", process.id(), ")",
                        OutcomeOfStart(process), wait->sentence);
  };
  return ForEach(session, arguments.positional(),
                 {.run = restart, .sentence = sentence, .leave = WhyNotRestarted});
}

ExitCode RunKill(Session& session, const Arguments& arguments) {
  const auto stop = [&](const v1::Process& process) { return Stop(session, process); };
  return ForEach(session, arguments.positional(),
                 {.run = stop, .sentence = StoppedSentence, .explains_end = false});
}

ExitCode RunSignal(Session& session, const Arguments& arguments) {
  std::vector<std::string> names = arguments.positional();
  const std::string signal = names.back();
  names.pop_back();
  const auto send = [&](const v1::Process& process) -> absl::StatusOr<v1::Process> {
    v1::SignalProcessRequest request;
    request.set_name(process.id());
    request.set_signal(signal);
    const auto response = session.client().SignalProcess(request);
    if (!response.ok()) return response.status();
    v1::Process signalled = process;
    signalled.mutable_status()->set_pid(response->pid());
    return signalled;
  };
  const auto sentence = [&](const v1::Process&, const v1::Process& process) {
    return absl::StrCat("sent ", signal, " to ", process.name(), ", pid ", process.status().pid());
  };
  // A pattern means what there is to signal.
  const auto leave = [](const v1::Process& process, bool named) -> std::string {
    if (named || IsLive(process.status().state())) return "";
    return absl::StrCat("left ", process.name(), " as it is (", StateWord(process.status().state()),
                        ")");
  };
  return ForEach(session, names,
                 {.run = send, .sentence = sentence, .leave = leave, .together = false});
}

// `question` of "NAME (ID)".
ExitCode Delete(Session& session, const Arguments& arguments, bool force,
                const std::function<std::string(const std::string& process)>& question) {
  const auto keep = [&](const v1::Process& process, bool) -> absl::StatusOr<std::string> {
    const std::string name =
        absl::StrCat(EscapeForTerminal(process.name()), " (", process.id(), ")");
    absl::Status status = Confirm(session, arguments, question(name), process.name());
    if (!status.ok()) return status;
    return "";
  };
  const auto remove = [&](const v1::Process& process) -> absl::StatusOr<v1::Process> {
    v1::DeleteProcessRequest request;
    request.set_name(process.id());
    request.set_force(force);
    const auto response = session.client().DeleteProcess(
        request, force ? StopTime(session, process) : session.client().timeout());
    if (!response.ok()) return response.status();
    return process;
  };
  const auto sentence = [](const v1::Process&, const v1::Process& process) {
    return absl::StrCat("deleted ", process.name(), " (", process.id(), ")");
  };
  return ForEach(session, arguments.positional(),
                 {.run = remove, .sentence = sentence, .leave = keep, .explains_end = false});
}

ExitCode RunDelete(Session& session, const Arguments& arguments) {
  return Delete(session, arguments, arguments.Has("force"), [](const std::string& process) {
    return absl::StrCat("Delete ", process, " and its logs?");
  });
}

ExitCode RunUnregister(Session& session, const Arguments& arguments) {
  return Delete(session, arguments, true, [](const std::string& process) {
    return absl::StrCat("Stop ", process, " and delete it, its revisions and its logs?");
  });
}

}  // namespace

const WordKind kProcessWord = {.live = Names};

std::vector<Command> ProcessCommands() {
  return {
      PsRow(),
      StartRow(),
      {.name = "restart",
       .elsewhere = {"reboot", "reset"},
       .synopsis = "NAME…",
       .arguments = {&kProcessWord},
       .summary = "Stop and start with what `update` changed",
       .details =
           std::string(kProcessNames) +
           "A pattern passes over what is not meant to run: stopped processes, and jobs that\n"
           "have run to their end. Ends when it runs again, or as `--wait` says.\n",
       .options = {StartWaitOption()},
       .examples = {"restart web-server", "restart web-server --wait ready"},
       .least = 1,
       .run = RunRestart},
      {.name = "kill",
       .aliases = {"stop"},
       .elsewhere = {"down", "terminate", "end"},
       .synopsis = "NAME…",
       .arguments = {&kProcessWord},
       .summary = "Stop processes and keep them stopped",
       .details = std::string(kProcessNames) +
                  "Asks by the stop signal first; what is left after the stop\n"
                  "timeout is killed, with all of its descendants.\n",
       .examples = {"kill web-server", "kill 'web-*'"},
       .least = 1,
       .run = RunKill},
      UpdateRow(),
      {.name = "signal",
       .synopsis = "NAME… SIGNAL",
       .arguments = {&kProcessWord, &kProcessOrSignalWord},
       .summary = "Send a signal to the main process",
       .details = std::string(kProcessNames) +
                  "A pattern passes over what does not run. SIGNAL is HUP, SIGHUP or 1.\n",
       .examples = {"signal web-server HUP"},
       .least = 2,
       .run = RunSignal},
      WaitRow(),
      LogsRow(),
      RunRow(),
      {.name = "delete",
       .elsewhere = {"remove", "forget", "destroy"},
       .synopsis = "NAME…",
       .arguments = {&kProcessWord},
       .summary = "Forget stopped processes and remove their logs",
       .details = kProcessNames,
       .options = {{"force", 0, "", "stop what still runs"}, YesOption()},
       .examples = {"delete web-server", "delete --force -y 'web-*'"},
       .least = 1,
       .run = RunDelete},
      {.name = "unregister",
       .synopsis = "NAME…",
       .arguments = {&kProcessWord},
       .summary = "Stop and forget processes, with their revisions and logs",
       .details = std::string(kProcessNames) + "Volumes are kept: `volume rm` removes them.\n",
       .options = {YesOption()},
       .examples = {"unregister myapp"},
       .least = 1,
       .run = RunUnregister},
  };
}

}  // namespace grpc_os::shell
