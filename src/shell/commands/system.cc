// status, log-level, and the commands about the shell itself.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "shell/command_table.h"
#include "shell/commands/commands.h"
#include "shell/completion.h"
#include "shell/help.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/render/object.h"
#include "shell/render/table.h"
#include "shell/session.h"
#include "shell/suggest.h"

namespace grpc_os::shell {
namespace {

std::string CgroupText(const std::string& mode) {
  if (mode == "none") return "none: only direct children of a process can be killed with it";
  return mode;
}

std::string LevelWord(v1::LogLevel level) {
  const std::string name = v1::LogLevel_Name(level);
  constexpr std::string_view kPrefix = "LOG_LEVEL_";
  return absl::AsciiStrToLower(name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name);
}

absl::StatusOr<v1::LogLevel> ParseLevel(const std::string& word) {
  v1::LogLevel level = v1::LOG_LEVEL_UNSPECIFIED;
  const std::vector<std::string> words = WordsOf(Kind::kLogLevel);
  if (std::count(words.begin(), words.end(), word) != 0 &&
      v1::LogLevel_Parse("LOG_LEVEL_" + absl::AsciiStrToUpper(word), &level)) {
    return level;
  }
  const std::string nearest = Nearest(word, words);
  return absl::InvalidArgumentError(
      absl::StrCat("There is no log level ", word, "; expected: debug, info, warning or error.",
                   nearest.empty() ? "" : absl::StrCat(" Did you mean ", nearest, "?")));
}

// What is left of the disk, and what is missing in the store because nothing is.
void DescribeDisk(const Session& session, const v1::System& system, Table& table) {
  if (system.disk_total_bytes() > 0) {
    std::string text =
        absl::StrCat(FormatBytes(system.disk_free_bytes()), " free of ",
                     FormatBytes(system.disk_total_bytes()), " in ", system.data_directory());
    if (system.disk_full()) {
      absl::StrAppend(
          &text, "; full since ", FormatTime(system.disk_full_since().seconds(), 0, 0),
          session.TypedIn(": what takes room is refused; `kill NAME`, `delete NAME` and "
                          "`rm --now PATH` work and give room"));
    }
    table.AddRow({{"disk"}, {text, system.disk_full() ? Style::kBad : Style::kPlain}});
  }
  if (system.unsaved_reports() > 0) {
    table.AddRow({{"not stored"},
                  {absl::StrCat(system.unsaved_reports(), " reports of supervisors since ",
                                FormatTime(system.unsaved_since().seconds(), 0, 0),
                                session.TypedIn("; `ps` marks their processes with !")),
                   Style::kBad}});
  }
}

}  // namespace

ExitCode RunStatus(Session& session, const Arguments&) {
  const auto system = session.client().GetSystem();
  if (!system.ok()) return session.Report(system.status());
  if (session.for_programs()) {
    session.Print(*system);
    return ExitCode::kOk;
  }
  if (!session.for_people()) {
    session.PrintName(session.client().address().ToString());
    return ExitCode::kOk;
  }
  Table table({{""}, {""}});
  table.AddRow({{"address"}, {session.client().address().ToString()}});
  table.AddRow({{"version"}, {system->version()}});
  table.AddRow({{"started"}, {FormatTime(system->start_time().seconds(), 0, 0)}});
  table.AddRow(
      {{"processes"},
       {absl::StrCat(system->process_count(), ", ", system->running_count(), " running")}});
  if (!system->held_reason().empty()) {
    table.AddRow({{"held"},
                  {absl::StrCat(system->held_count(), " processes, because ", system->held_reason(),
                                session.TypedIn("; `resume` lets them run")),
                   Style::kWarning}});
  }
  table.AddRow({{"revision"}, {absl::StrCat(system->revision())}});
  DescribeDisk(session, *system, table);
  table.AddRow({{"cgroups"}, {CgroupText(system->cgroup_mode())}});
  table.AddRow(
      {{"shielded"},
       {system->shielded() ? "yes: processes run under accounts of their own"
                           : "no: processes run as the system does (started without --user)"}});
  if (system->has_storage()) {
    AddStored(system->storage(), table);
    AddOtherRoom(system->storage(), table);
  }
  if (system->unowned_instances_size() > 0) {
    table.AddRow({{"unowned"},
                  {absl::StrCat(system->unowned_instances_size(),
                                " supervisors of processes that the store does not know"),
                   Style::kWarning}});
  }
  if (system->log_level() != v1::LOG_LEVEL_UNSPECIFIED) {
    table.AddRow({{"log level"}, {LevelWord(system->log_level())}});
  }
  session.Print(table);
  return ExitCode::kOk;
}

ExitCode RunVersion(Session& session, const Arguments&) {
  session.out() << "grpc-os " << GRPC_OS_VERSION << "\n";
  return ExitCode::kOk;
}

ExitCode RunResume(Session& session, const Arguments&) {
  const auto response = session.client().Resume();
  if (!response.ok()) return session.Report(response.status());
  if (session.for_programs()) {
    session.Print(*response);
  } else {
    const int count = response->resumed_count();
    session.out() << (count == 0   ? std::string("no process was held")
                      : count == 1 ? std::string("1 process is being started")
                                   : absl::StrCat(count, " processes are being started"))
                  << "\n";
  }
  return ExitCode::kOk;
}

ExitCode RunLogLevel(Session& session, const Arguments& arguments) {
  v1::SetLogLevelRequest request;
  v1::LogLevel previous = v1::LOG_LEVEL_UNSPECIFIED;
  if (arguments.positional().empty()) {
    const auto system = session.client().GetSystem();
    if (!system.ok()) return session.Report(system.status());
    request.set_level(system->log_level());
  } else {
    const auto level = ParseLevel(arguments.positional()[0]);
    if (!level.ok()) return session.Report(level.status());
    request.set_level(*level);
    const auto response = session.client().SetLogLevel(request);
    if (!response.ok()) return session.Report(response.status());
    previous = response->previous();
  }
  if (session.for_programs()) {
    session.Print(request);
  } else if (!session.for_people() || previous == v1::LOG_LEVEL_UNSPECIFIED) {
    session.out() << LevelWord(request.level()) << "\n";
  } else {
    session.out() << "the daemon logs " << LevelWord(request.level()) << " now, it was "
                  << LevelWord(previous) << "\n";
  }
  return ExitCode::kOk;
}

ExitCode RunHelp(Session& session, const Arguments& arguments) {
  const auto& words = arguments.positional();
  if (words.empty()) {
    session.out() << HelpText();
    return ExitCode::kOk;
  }
  const Found found = FindCommand(words);
  const std::vector<std::string> second = Subcommands(words[0]);
  if (words.size() == 1 && !second.empty()) {
    session.out() << GroupHelpText(words[0]);
  } else if (found.words == words.size()) {
    session.out() << HelpText(*found.command);
  } else {
    const bool of_group = words.size() == 2 && !second.empty();
    std::string nearest = of_group ? Nearest(words[1], second) : Nearest(words[0], CommandNames());
    if (of_group && !nearest.empty()) nearest = absl::StrCat(words[0], " ", nearest);
    return session.Report(absl::InvalidArgumentError(
        absl::StrCat("There is no command ", absl::StrJoin(words, " "), ".",
                     nearest.empty() ? " `help` lists all."
                                     : absl::StrCat(" Did you mean `help ", nearest, "`?"))));
  }
  return ExitCode::kOk;
}

ExitCode RunCompletion(Session& session, const Arguments& arguments) {
  const std::string& shell = arguments.positional()[0];
  if (shell != "bash") {
    return session.Report(absl::InvalidArgumentError(
        absl::StrCat("There is no completion for ", shell, "; expected: bash.")));
  }
  session.out() << BashScript();
  return ExitCode::kOk;
}

ExitCode RunReference(Session& session, const Arguments&) {
  session.out() << ReferencePage();
  return ExitCode::kOk;
}

ExitCode RunExit(Session& session, const Arguments&) {
  session.Leave();
  return ExitCode::kOk;
}

}  // namespace grpc_os::shell
