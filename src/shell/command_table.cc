#include "shell/command_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "shell/commands/commands.h"
#include "shell/render/table.h"

namespace grpc_os::shell {
namespace {

constexpr char kNames[] =
    "NAME is a process's name or id; a pattern with * ? [ ] means every name that it fits.\n";

// Options that say what a process is like, for `start` and `update`.
std::vector<Option> SpecOptions() {
  return {
      {"dir", 0, "DIR", "working directory"},
      {"user", 0, "ACCOUNT", "account of the machine that it runs as"},
      {"restart", 0, "POLICY", "always (the default), on-failure or never"},
      {"stop-timeout", 0, "TIME", "from the stop signal to SIGKILL (10s)"},
      {"stop-signal", 0, "SIGNAL", "how it is asked to end (TERM)"},
      {"log-max", 0, "SIZE", "for all of its log files together (50M)"},
  };
}

std::vector<Option> With(std::vector<Option> options, std::vector<Option> more) {
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

std::vector<Command> AuthCommands() {
  return {
      {.name = "login",
       .summary = "Log in as the account that you have on this machine",
       .details = "Only through the local socket, where the daemon sees which account calls.\n",
       .examples = {"login"},
       .most = 0,
       .run = RunLogin},
      {.name = "whoami",
       .summary = "Show who is logged in",
       .examples = {"whoami"},
       .most = 0,
       .run = RunWhoAmI},
      {.name = "logout",
       .summary = "End the session; nothing logs in by itself until `login`",
       .examples = {"logout"},
       .most = 0,
       .run = RunLogout},
  };
}

std::vector<Command> ProcessCommands() {
  return {
      {.name = "ps",
       .synopsis = "[NAME…]",
       .summary = "List processes",
       .details =
           std::string(kNames) +
           "A * after the state marks a process whose changes wait for a restart. CPU is the\n"
           "processor time since its start, in percent of one processor.\n",
       .options = {{"long", 'l', "", "all about each"}},
       .examples = {"ps", "ps -l web-server", "ps 'web-*' -o json"},
       .run = RunPs},
      {.name = "start",
       .synopsis = "NAME [\"COMMAND\"] [K=V…]",
       .summary = "Create a process and start it, or start one that exists",
       .details = "With a command: creates NAME; K=V become its environment. Without: starts NAME\n"
                  "(several names and patterns, too). The command is split into words as a shell\n"
                  "does, without expansion; for pipes and the like: \"sh -c '…'\".\n",
       .options =
           With(SpecOptions(), {{"id", 0, "ID", "its id (proc_…) instead of a generated one"}}),
       .examples = {"start web-server \"python3 -m http.server 8099\" PORT=8099 DEBUG=true",
                    "start job \"sh -c 'date; sleep 5'\" --restart never", "start web-server"},
       .least = 1,
       .run = RunStart},
      {.name = "restart",
       .synopsis = "NAME…",
       .summary = "Stop and start with what `update` changed",
       .details = kNames,
       .examples = {"restart web-server"},
       .least = 1,
       .run = RunRestart},
      {.name = "kill",
       .aliases = {"stop"},
       .synopsis = "NAME…",
       .summary = "Stop processes and keep them stopped",
       .details = std::string(kNames) +
                  "Asks by the stop signal first; what is left after the stop\n"
                  "timeout is killed, with all of its descendants.\n",
       .examples = {"kill web-server", "kill 'web-*'"},
       .least = 1,
       .run = RunKill},
      {.name = "update",
       .synopsis = "NAME [K=V…]",
       .summary = "Change a process; takes effect at its next restart",
       .details = "K=V sets a variable of its environment and leaves the others.\n",
       .options = With(With({{"command", 0, "COMMAND", "what it runs"},
                             {"unset", 0, "K", "remove a variable of its environment", true}},
                            SpecOptions()),
                       {}),
       .examples = {"update web-server PORT=8098",
                    "update web-server --unset DEBUG --restart never"},
       .least = 1,
       .run = RunUpdate},
      {.name = "signal",
       .synopsis = "NAME… SIGNAL",
       .summary = "Send a signal to the main process",
       .details = std::string(kNames) + "SIGNAL is HUP, SIGHUP or 1.\n",
       .examples = {"signal web-server HUP"},
       .least = 2,
       .run = RunSignal},
      {.name = "wait",
       .synopsis = "NAME…",
       .summary = "Wait until processes run, are ready, or have ended",
       .details = kNames,
       .options = {{"for", 0, "CONDITION", "running, exited or ready (the default)"},
                   {"timeout", 0, "TIME", "give up after so long (never)"}},
       .examples = {"wait web-server --for ready", "wait job --for exited --timeout 1m"},
       .least = 1,
       .run = RunWait},
      {.name = "logs",
       .synopsis = "NAME",
       .summary = "Show what a process wrote",
       .details =
           "Its output goes to standard output; what gRPC OS notes about it, to standard error.\n",
       .options = {{"follow", 'f', "", "go on with what it writes from now on"},
                   {"lines", 'n', "N", "begin with the last N lines (100)"},
                   {"timestamps", 't', "", "begin each line with its time (UTC)"}},
       .examples = {"logs web-server", "logs -f -n 20 web-server"},
       .least = 1,
       .most = 1,
       .run = RunLogs},
      {.name = "delete",
       .synopsis = "NAME…",
       .summary = "Forget stopped processes and remove their logs",
       .details = kNames,
       .options = {{"force", 0, "", "stop what still runs"}, {"yes", 'y', "", "do not ask"}},
       .examples = {"delete web-server", "delete --force -y 'web-*'"},
       .least = 1,
       .run = RunDelete},
  };
}

std::vector<Command> OtherCommands() {
  return {
      {.name = "status",
       .summary = "Show the system: version, counts, how it isolates",
       .examples = {"status"},
       .most = 0,
       .run = RunStatus},
      {.name = "help",
       .synopsis = "[COMMAND]",
       .summary = "List the commands, or tell all about one",
       .examples = {"help start"},
       .most = 1,
       .needs_daemon = false,
       .run = RunHelp},
      {.name = "version",
       .summary = "Show the version of this program",
       .examples = {"version"},
       .most = 0,
       .needs_daemon = false,
       .run = RunVersion},
      {.name = "exit",
       .aliases = {"quit"},
       .summary = "Leave the shell; the system goes on running",
       .examples = {"exit"},
       .most = 0,
       .needs_daemon = false,
       .run = RunExit},
  };
}

std::string OptionText(const Option& option) {
  std::string text =
      option.letter != 0 ? absl::StrCat("-", std::string(1, option.letter), ", ") : "    ";
  absl::StrAppend(&text, "--", option.name, option.value.empty() ? "" : " ", option.value);
  return text;
}

std::string OptionList(const std::vector<Option>& options) {
  Table table({{""}, {""}, {""}});
  for (const Option& option : options) table.AddRow({{""}, {OptionText(option)}, {option.help}});
  return table.Render(false);
}

}  // namespace

const std::vector<Command>& Commands() {
  static const auto* const commands = [] {
    auto* all = new std::vector<Command>(AuthCommands());
    for (const auto& more : {ProcessCommands(), OtherCommands()}) {
      all->insert(all->end(), more.begin(), more.end());
    }
    return all;
  }();
  return *commands;
}

const Command* FindCommand(const std::string& name) {
  for (const Command& command : Commands()) {
    if (command.name == name || std::count(command.aliases.begin(), command.aliases.end(), name)) {
      return &command;
    }
  }
  return nullptr;
}

std::vector<std::string> CommandNames() {
  std::vector<std::string> names;
  for (const Command& command : Commands()) {
    names.push_back(command.name);
    names.insert(names.end(), command.aliases.begin(), command.aliases.end());
  }
  return names;
}

const std::vector<Option>& CommonOptions() {
  static const auto* const options = new std::vector<Option>{
      {"output", 'o', "FORMAT", "table (the default), json or name"},
      {"timeout", 0, "TIME", "give up on an answer after so long (10s)"},
      {"help", 'h', "", "tell all about the command"},
  };
  return *options;
}

const std::vector<Option>& ProgramOptions() {
  static const auto* const options = new std::vector<Option>{
      {"address", 0, "ADDRESS", "the daemon: unix:PATH or HOST:PORT"},
      {"commands", 'c', "COMMANDS", "run these, separated by ;"},
      {"output", 'o', "FORMAT", "table (the default), json or name"},
      {"timeout", 0, "TIME", "give up on an answer after so long (10s)"},
      {"help", 'h', "", "list the commands"},
      {"version", 0, "", "show the version of this program"},
  };
  return *options;
}

std::string HelpText() {
  std::string text =
      "Usage: grpc-os [OPTION…] [COMMAND …]\n"
      "Without a command: an interactive shell, or commands from standard input, one per line.\n\n"
      "Commands:\n";
  Table table({{""}, {""}, {""}});
  for (const Command& command : Commands()) {
    std::vector<std::string> names = {command.name};
    names.insert(names.end(), command.aliases.begin(), command.aliases.end());
    const std::string usage = absl::StrCat(absl::StrJoin(names, ", "),
                                           command.synopsis.empty() ? "" : " ", command.synopsis);
    table.AddRow({{""}, {usage}, {command.summary}});
  }
  absl::StrAppend(
      &text, table.Render(false), "\n`help COMMAND` tells all about one.\n\nOptions:\n",
      OptionList(ProgramOptions()),
      "\nWithout --address: $GRPC_OS_ADDRESS, else run/api.sock under $DATA_DIR, under the "
      "DATA_DIR of\n"
      "./.env, under ./data if it is there, or under /var/lib/grpc-os.\n"
      "\nExit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 not logged in or denied,\n"
      "5 conflict or precondition, 6 unavailable, 7 timeout, 130 interrupted.\n");
  return text;
}

std::string HelpText(const Command& command) {
  std::string text =
      absl::StrCat(command.name, command.synopsis.empty() ? "" : " ", command.synopsis, "\n\n",
                   command.summary, ".\n", command.details);
  if (!command.aliases.empty()) {
    absl::StrAppend(&text, "\nAlso: ", absl::StrJoin(command.aliases, ", "), "\n");
  }
  if (!command.options.empty()) {
    absl::StrAppend(&text, "\nOptions:\n", OptionList(command.options));
  }
  std::vector<Option> common;
  for (const Option& option : CommonOptions()) {
    bool own = false;
    for (const Option& each : command.options) own = own || each.name == option.name;
    if (!own) common.push_back(option);
  }
  absl::StrAppend(&text, "\nOptions of every command:\n", OptionList(common), "\nExamples:\n");
  for (const std::string& example : command.examples) absl::StrAppend(&text, "  ", example, "\n");
  return text;
}

}  // namespace grpc_os::shell
