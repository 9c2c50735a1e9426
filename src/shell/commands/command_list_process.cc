// Processes in the command table.
#include "shell/commands/command_lists.h"
#include "shell/commands/commands.h"

namespace grpc_os::shell {
namespace {

constexpr char kNames[] =
    "NAME is a process's name or id; a pattern with * ? [ ] means every name that it fits.\n";

// Options that say what a process is like, for `start` and `update`.
std::vector<Option> SpecOptions() {
  return {
      {"dir", 0, "DIR", "working directory"},
      {"user", 0, "ACCOUNT", "account of the machine that it runs as"},
      {"restart", 0, "POLICY", "always (the default), on-failure or never", false,
       Kind::kRestartPolicy},
      {"stop-timeout", 0, "TIME", "from the stop signal to SIGKILL (10s)"},
      {"stop-signal", 0, "SIGNAL", "how it is asked to end (TERM)", false, Kind::kSignal},
      {"log-max", 0, "SIZE", "for all of its log files together (50M)"},
      {"secret", 0, "K[=V]", "a variable whose value is never shown again", true},
  };
}

std::vector<Option> With(std::vector<Option> options, std::vector<Option> more) {
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

}  // namespace

std::vector<Command> ProcessCommands() {
  return {
      {.name = "ps",
       .elsewhere = {"top", "htop", "list", "processes", "jobs", "show", "describe", "inspect",
                     "info"},
       .synopsis = "[NAME…]",
       .arguments = {Kind::kProcess},
       .summary = "List processes",
       .details =
           std::string(kNames) +
           "A * after the state marks a process whose changes wait for a restart. CPU is the\n"
           "processor time since its start, in percent of one processor.\n",
       .options = {{"long", 'l', "", "all about each"}, WatchOption()},
       .examples = {"ps", "ps -l web-server", "ps 'web-*' -o json", "ps --watch"},
       .run = RunPs},
      {.name = "start",
       .elsewhere = {"run", "create", "new", "add", "register", "exec", "launch", "enable"},
       .synopsis = "NAME [\"COMMAND\"] [K=V…]",
       .arguments = {Kind::kProcess},
       .summary = "Create a process and start it, or start one that exists",
       .details =
           "With a command: creates NAME; K=V become its environment. Without: starts NAME,\n"
           "also several names and patterns; a pattern passes over jobs that have run to their\n"
           "end. The command is split into words as a shell does, without expansion; for pipes\n"
           "and the like: \"sh -c '…'\".\n"
           "`--secret K` takes the value from a K=V of the same line, from this program's\n"
           "own environment, or asks for it, so that it need not be in the command line.\n",
       .options =
           With(SpecOptions(), {{"id", 0, "ID", "its id (proc_…) instead of a generated one"}}),
       .examples = {"start web-server \"python3 -m http.server 8099\" PORT=8099 DEBUG=true",
                    "start job \"sh -c 'date; sleep 5'\" --restart never", "start web-server",
                    "start shop \"./shop\" PORT=8080 --secret DATABASE_PASSWORD"},
       .least = 1,
       .run = RunStart},
      {.name = "restart",
       .elsewhere = {"reload", "reboot", "reset"},
       .synopsis = "NAME…",
       .arguments = {Kind::kProcess},
       .summary = "Stop and start with what `update` changed",
       .details =
           std::string(kNames) +
           "A pattern passes over what is not meant to run: stopped processes, and jobs that\n"
           "have run to their end.\n",
       .examples = {"restart web-server"},
       .least = 1,
       .run = RunRestart},
      {.name = "kill",
       .aliases = {"stop"},
       .elsewhere = {"down", "terminate", "end"},
       .synopsis = "NAME…",
       .arguments = {Kind::kProcess},
       .summary = "Stop processes and keep them stopped",
       .details = std::string(kNames) +
                  "Asks by the stop signal first; what is left after the stop\n"
                  "timeout is killed, with all of its descendants.\n",
       .examples = {"kill web-server", "kill 'web-*'"},
       .least = 1,
       .run = RunKill},
      {.name = "update",
       .elsewhere = {"set", "modify", "config", "configure", "env"},
       .synopsis = "NAME [K=V…]",
       .arguments = {Kind::kProcess, Kind::kOther},
       .summary = "Change a process; takes effect at its next restart",
       .details =
           "K=V sets a variable of its environment and leaves the others. A secret one stays\n"
           "secret; `--unset K K=V` makes it an ordinary one with a new value. Where `--secret\n"
           "K` has its value from: see `start`.\n",
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
       .arguments = {Kind::kProcess, Kind::kProcessOrSignal},
       .summary = "Send a signal to the main process",
       .details = std::string(kNames) +
                  "A pattern passes over what does not run. SIGNAL is HUP, SIGHUP or 1.\n",
       .examples = {"signal web-server HUP"},
       .least = 2,
       .run = RunSignal},
      {.name = "wait",
       .synopsis = "NAME…",
       .arguments = {Kind::kProcess},
       .summary = "Wait until processes run, are ready, or have ended",
       .details = kNames,
       .options = {{"for", 0, "CONDITION", "running, exited or ready (the default)", false,
                    Kind::kCondition},
                   {"timeout", 0, "TIME", "give up after so long (never)"}},
       .examples = {"wait web-server --for ready", "wait job --for exited --timeout 1m"},
       .least = 1,
       .run = RunWait},
      {.name = "logs",
       .elsewhere = {"log", "tail", "journalctl", "output"},
       .synopsis = "NAME",
       .arguments = {Kind::kProcess},
       .summary = "Show what a process wrote",
       .details =
           "Its output goes to standard output; what gRPC OS notes about it, to standard error.\n"
           "-f ends by itself, with 0, when the process is stopped, has run to its end or is "
           "deleted;\na restart does not end it. In JSON a line that is no UTF-8 is in `raw`, as "
           "base64.\n",
       .options = {{"follow", 'f', "", "go on with what it writes from now on"},
                   {"lines", 'n', "N", "begin with the last N lines (100)"},
                   {"timestamps", 't', "", "begin each line with its time (UTC)"}},
       .examples = {"logs web-server", "logs -f -n 20 web-server"},
       .least = 1,
       .most = 1,
       .run = RunLogs},
      {.name = "delete",
       .elsewhere = {"remove", "forget", "unregister", "destroy"},
       .synopsis = "NAME…",
       .arguments = {Kind::kProcess},
       .summary = "Forget stopped processes and remove their logs",
       .details = kNames,
       .options = {{"force", 0, "", "stop what still runs"}, {"yes", 'y', "", "do not ask"}},
       .examples = {"delete web-server", "delete --force -y 'web-*'"},
       .least = 1,
       .run = RunDelete},
  };
}

}  // namespace grpc_os::shell
