// The system.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "grpc_os/v1/system_services.pb.h"
#include "manifest/suggest.h"
#include "shell/commands/kinds.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/render/object.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

constexpr WordKind kLogLevelWord = {.words = "debug info warning error"};

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
  const std::vector<std::string> words = WordsOf(kLogLevelWord);
  if (std::count(words.begin(), words.end(), word) != 0 &&
      v1::LogLevel_Parse("LOG_LEVEL_" + absl::AsciiStrToUpper(word), &level)) {
    return level;
  }
  const std::string nearest = manifest::Nearest(word, words);
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

Table Details(const Session& session, const std::string& address, const v1::System& system) {
  Table table({{""}, {""}});
  if (const Target& target = session.target(); !target.context.empty()) {
    table.AddRow(
        {{"context"}, {NameOfContext(target), target.production ? Style::kBad : Style::kPlain}});
  }
  table.AddRow({{"address"}, {address}});
  table.AddRow({{"version"}, {system.version()}});
  table.AddRow({{"started"}, {FormatTime(system.start_time().seconds(), 0, 0)}});
  table.AddRow({{"processes"},
                {absl::StrCat(system.process_count(), ", ", system.running_count(), " running")}});
  for (const std::string& problem : system.problems())
    table.AddRow({{"problem"}, {problem, Style::kBad}});
  if (!system.held_reason().empty()) {
    table.AddRow({{"held"},
                  {absl::StrCat(system.held_count(), " processes, because ", system.held_reason(),
                                session.TypedIn("; `resume` lets them run")),
                   Style::kWarning}});
  }
  table.AddRow({{"revision"}, {absl::StrCat(system.revision())}});
  DescribeDisk(session, system, table);
  table.AddRow({{"cgroups"}, {CgroupText(system.cgroup_mode())}});
  table.AddRow(
      {{"shielded"},
       {system.shielded() ? "yes: processes run under accounts of their own"
                          : "no: processes run as the system does (started without --user)"}});
  if (system.has_storage()) {
    AddStored(system.storage(), table);
    AddOtherRoom(system.storage(), table);
  }
  if (system.unowned_instances_size() > 0) {
    table.AddRow({{"unowned"},
                  {absl::StrCat(system.unowned_instances_size(),
                                " supervisors of processes that the store does not know"),
                   Style::kWarning}});
  }
  if (system.log_level() != v1::LOG_LEVEL_UNSPECIFIED) {
    table.AddRow({{"log level"}, {LevelWord(system.log_level())}});
  }
  return table;
}

ExitCode RunStatus(Session& session, const Arguments&) {
  const std::string address = session.client().address().ToString();
  const ResourceView<v1::System> view = {
      .name = [&](const v1::System&) { return address; },
      .details = [&](const v1::System& system) { return Details(session, address, system); }};
  return session.Show(view, session.client().GetSystem());
}

ExitCode RunResume(Session& session, const Arguments&) {
  const auto response = session.client().Resume();
  if (!response.ok()) return session.Report(response.status());
  const int count = response->resumed_count();
  const std::string sentence = count == 0   ? "no process was held"
                               : count == 1 ? "1 process is being started"
                                            : absl::StrCat(count, " processes are being started");
  session.Show(*response, sentence, sentence);
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
  const std::string word = LevelWord(request.level());
  session.Show(request, word,
               previous == v1::LOG_LEVEL_UNSPECIFIED
                   ? word
                   : absl::StrCat("the daemon logs ", word, " now, it was ", LevelWord(previous)));
  return ExitCode::kOk;
}

}  // namespace

std::vector<Command> SystemCommands() {
  return {
      {.name = "status",
       .elsewhere = {"uptime", "health", "df", "free"},
       .summary = "Show the system: version, counts, how it isolates, where its room went",
       .options = {WatchOption()},
       .examples = {"status"},
       .most = 0,
       .with_more = "`ps -l NAME` shows a process, `stat NAME` an object.",
       .run = RunStatus},
      {.name = "resume",
       .summary = "Let the processes of a copied system run, which are held until then",
       .details =
           "A copy of a data directory starts with its processes held, so that nothing runs twice\n"
           "beside the original. `stop NAME` first what is not to run here.\n",
       .examples = {"resume"},
       .most = 0,
       .run = RunResume},
      {.name = "log-level",
       .synopsis = "[LEVEL]",
       .arguments = {&kLogLevelWord},
       .summary = "Show or set the level of the daemon's own log, until its next start",
       .details = "LEVEL is debug, info, warning or error.\n",
       .examples = {"log-level", "log-level debug"},
       .most = 1,
       .run = RunLogLevel},
  };
}

}  // namespace grpc_os::shell
