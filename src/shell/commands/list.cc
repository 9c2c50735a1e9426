// ps.
#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "shell/commands/commands.h"
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

void ShowLong(Session& session, const std::vector<v1::Process>& processes) {
  bool first = true;
  for (const v1::Process& process : processes) {
    if (!first) session.out() << "\n";
    first = false;
    session.out() << DescribeProcess(
        process, NowMs(), session.console().color,
        [&](const std::string& text) { return session.TypedIn(text); });
  }
}

void ShowTable(Session& session, const std::vector<v1::Process>& processes) {
  session.Print(ProcessTable(processes, NowMs(), session.format() == Format::kWide));
  if (!session.console().out_is_terminal) return;
  if (processes.empty()) {
    session.out() << "No processes. `" << session.Typed("start NAME \"COMMAND\"")
                  << "` starts one.\n";
  }
  if (std::any_of(processes.begin(), processes.end(), NeedsRestart)) {
    session.out() << "* changed since it was started; `" << session.Typed("restart NAME")
                  << "` makes it take effect.\n";
  }
  if (std::any_of(processes.begin(), processes.end(),
                  [](const v1::Process& process) { return process.status().unsaved(); })) {
    session.out() << "! reported, but not stored yet; `" << session.Typed("status")
                  << "` shows why.\n";
  }
}

}  // namespace

ExitCode RunPs(Session& session, const Arguments& arguments) {
  std::vector<v1::Process> processes;
  ExitCode code = ExitCode::kOk;
  int64_t revision = 0;
  if (arguments.positional().empty()) {
    auto all = session.client().ListProcesses();
    if (!all.ok()) return session.Report(all.status());
    revision = all->revision();
    processes.assign(std::make_move_iterator(all->mutable_processes()->begin()),
                     std::make_move_iterator(all->mutable_processes()->end()));
  } else {
    Selection selection = Select(session, arguments.positional());
    code = selection.code;
    processes = std::move(selection.processes);
  }
  if (session.for_programs()) {
    const v1::ListProcessesResponse list = ToList(processes, revision);
    session.PrintList(list, list.processes());
  } else if (!session.for_people()) {
    for (const v1::Process& process : processes) session.PrintName(process.name());
  } else if (!processes.empty() || code == ExitCode::kOk) {  // nothing found: the error says so
    if (arguments.Has("long")) {
      ShowLong(session, processes);
    } else {
      ShowTable(session, processes);
    }
  }
  return code;
}

}  // namespace grpc_os::shell
