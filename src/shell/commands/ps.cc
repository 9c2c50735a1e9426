// ps.
#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/commands/kinds.h"
#include "shell/commands/process_rows.h"
#include "shell/commands/selection.h"
#include "shell/parser.h"
#include "shell/render/process.h"

namespace grpc_os::shell {
namespace {

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Long lines are not cut: who asks for all wants all.
void ShowLong(Session& session, const ResourceView<v1::Process>& view,
              const v1::ListProcessesResponse& list) {
  bool first = true;
  for (const v1::Process& process : list.processes()) {
    if (!first) session.out() << "\n";
    first = false;
    session.out() << view.details(process).Render(session.console().color);
  }
}

void Explain(Session& session, const v1::ListProcessesResponse& list, bool system) {
  const auto& processes = list.processes();
  if (processes.empty()) {
    session.Hint(system ? "gRPC OS runs no process of its own just now."
                        : "No processes. `start NAME \"COMMAND\"` starts one.");
  }
  if (std::any_of(processes.begin(), processes.end(), NeedsRestart)) {
    session.Hint("* changed since it was started; `restart NAME` makes it take effect.");
  }
  if (std::any_of(processes.begin(), processes.end(),
                  [](const v1::Process& process) { return process.status().unsaved(); })) {
    session.Hint("! reported, but not stored yet; `status` shows why.");
  }
}

ExitCode RunPs(Session& session, const Arguments& arguments) {
  v1::ListProcessesResponse list;
  ExitCode code = ExitCode::kOk;
  const bool system = arguments.Has("system");
  if (arguments.positional().empty()) {
    auto all = session.client().ListProcesses(system);
    if (!all.ok()) return session.Report(all.status());
    list = *std::move(all);
  } else {
    const Selection selection = Select(session, arguments.positional(), system);
    code = selection.code;
    list = ToList(selection.processes);
  }
  const auto view =
      ProcessView(NowMs(), [&](const std::string& text) { return session.TypedIn(text); });
  if (session.for_people() && code != ExitCode::kOk && list.processes().empty()) {
    return code;  // the error says that nothing was found
  }
  if (session.for_people() && arguments.Has("long")) {
    ShowLong(session, view, list);
    return code;
  }
  session.ShowList(view, list);
  Explain(session, list, system);
  return code;
}

}  // namespace

Command PsRow() {
  return {.name = "ps",
          .elsewhere = {"top", "htop", "list", "processes", "jobs", "show", "describe", "inspect",
                        "info"},
          .synopsis = "[NAME…]",
          .arguments = {&kProcessWord},
          .summary = "List processes",
          .details =
              std::string(kProcessNames) +
              "A * after the state marks a process whose changes wait for a restart. CPU is the\n"
              "processor time since its start, in percent of one processor.\n",
          .options = {{"long", 'l', "", "all about each"},
                      {"system", 0, "", "those of gRPC OS itself, such as nginx, instead of yours"},
                      WatchOption()},
          .examples = {"ps", "ps -l web-server", "ps 'web-*' -o json", "ps --watch", "ps --system"},
          .run = RunPs};
}

}  // namespace grpc_os::shell
