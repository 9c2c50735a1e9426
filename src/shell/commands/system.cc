// status, version, help, exit.
#include "absl/strings/str_cat.h"
#include "shell/commands/commands.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/render/json.h"
#include "shell/render/table.h"
#include "shell/session.h"
#include "shell/suggest.h"

namespace grpc_os::shell {
namespace {

std::string CgroupText(const std::string& mode) {
  if (mode == "none") return "none: only direct children of a process can be killed with it";
  return mode;
}

}  // namespace

ExitCode RunStatus(Session& session, const Arguments&) {
  const auto system = session.client().GetSystem();
  if (!system.ok()) return session.Report(system.status());
  if (session.format() == Format::kJson) {
    session.out() << ToJson(*system);
    return ExitCode::kOk;
  }
  Table table({{""}, {""}});
  table.AddRow({{"address"}, {session.client().address().ToString()}});
  table.AddRow({{"version"}, {system->version()}});
  table.AddRow({{"started"}, {FormatTime(system->start_time().seconds(), 0, 0)}});
  table.AddRow(
      {{"processes"},
       {absl::StrCat(system->process_count(), ", ", system->running_count(), " running")}});
  table.AddRow({{"revision"}, {absl::StrCat(system->revision())}});
  table.AddRow({{"cgroups"}, {CgroupText(system->cgroup_mode())}});
  table.AddRow(
      {{"shielded"},
       {system->shielded() ? "yes: processes run under accounts of their own"
                           : "no: processes run as the system does (started without --user)"}});
  if (system->unowned_instances_size() > 0) {
    table.AddRow({{"unowned"},
                  {absl::StrCat(system->unowned_instances_size(),
                                " supervisors of processes that the store does not know"),
                   Style::kWarning}});
  }
  session.out() << table.Render(session.console().color);
  return ExitCode::kOk;
}

ExitCode RunVersion(Session& session, const Arguments&) {
  session.out() << "grpc-os " << GRPC_OS_VERSION << "\n";
  return ExitCode::kOk;
}

ExitCode RunHelp(Session& session, const Arguments& arguments) {
  if (arguments.positional().empty()) {
    session.out() << HelpText();
    return ExitCode::kOk;
  }
  const std::string& name = arguments.positional()[0];
  const Command* command = FindCommand(name);
  if (command == nullptr) {
    const std::string nearest = Nearest(name, CommandNames());
    return session.Report(absl::InvalidArgumentError(
        absl::StrCat("There is no command ", name, ".",
                     nearest.empty() ? "" : absl::StrCat(" Did you mean `help ", nearest, "`?"))));
  }
  session.out() << HelpText(*command);
  return ExitCode::kOk;
}

ExitCode RunExit(Session& session, const Arguments&) {
  session.Leave();
  return ExitCode::kOk;
}

}  // namespace grpc_os::shell
