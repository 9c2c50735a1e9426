// Log-in, users, the system and the shell itself in the command table.
#include "shell/commands/command_lists.h"
#include "shell/commands/commands.h"

namespace grpc_os::shell {
namespace {

constexpr char kPasswords[] =
    "A password has 12 to 1024 bytes and is not the name. It is asked for twice, without echo;\n"
    "--password-stdin reads it from the first line of standard input instead.\n";

Option PasswordStdin() {
  return {"password-stdin", 0, "", "read the password from standard input"};
}

Option Yes() { return {"yes", 'y', "", "do not ask"}; }

}  // namespace

Option WatchOption() {
  Option option = {"watch", 'w', "[SECONDS]", "show it again every so often (2) when it changed"};
  option.optional = true;
  return option;
}

constexpr char kRules[] =
    "A RULE is a permission, as in \"process.read\", or \"*\" for all; that of objects may name a\n"
    "path behind a colon: \"read:/config\" (for object.read) and \"write:/config\" (for\n"
    "object.write) are about /config and all below it, and not about /configuration.\n"
    "What any role of a user denies is denied, whatever the others allow.\n";

Option AllowOption() { return {"allow", 0, "RULE", "what its holders may do", true}; }
Option DenyOption() {
  return {"deny", 0, "RULE", "what they may not, by no other role either", true};
}
Option DescriptionOption() { return {"description", 'd', "TEXT", "what it is for"}; }

std::vector<Command> LogInCommands() {
  return {
      {.name = "login",
       .synopsis = "[USER [PASSWORD]]",
       .arguments = {Kind::kUser, Kind::kOther},
       .summary = "Log in with a password, or as the account that you have on this machine",
       .details =
           "With USER: by password, which is asked for without echo if it is left out. A password\n"
           "on the line is kept out of the history, but others on this machine may see it in the\n"
           "list of processes while `grpc-os login` runs. The session lasts 30 days and renews\n"
           "itself; it is kept in a file that only you can read.\n"
           "Without USER: only through the local socket, where the daemon sees which account "
           "calls.\n",
       .options = {PasswordStdin()},
       .examples = {"login admin", "login", "login deploy --password-stdin"},
       .most = 2,
       .run = RunLogin},
      {.name = "whoami",
       .elsewhere = {"id", "who"},
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

std::vector<Command> AccessCommands() {
  return {
      {.name = "user ls",
       .aliases = {"user list"},
       .elsewhere = {"users"},
       .summary = "List the users",
       .examples = {"user ls"},
       .most = 0,
       .run = RunUserList},
      {.name = "user show",
       .synopsis = "NAME",
       .arguments = {Kind::kUser},
       .summary = "Show a user",
       .examples = {"user show deploy"},
       .least = 1,
       .most = 1,
       .run = RunUserShow},
      {.name = "user add",
       .synopsis = "NAME",
       .arguments = {Kind::kOther},
       .summary = "Make a user",
       .details =
           std::string(kPasswords) +
           "Without a terminal and without --password-stdin, and when nothing is typed, the\n"
           "user has no password yet and cannot log in.\n"
           "NAME is 1 to 63 of a-z, 0-9, \".\", \"_\" and \"-\", beginning with a letter.\n",
       .options = {{"role", 'r', "ROLE", "admin, operator, viewer, or one that was made", true,
                    Kind::kRole},
                   PasswordStdin()},
       .examples = {"user add deploy --role operator", "user add eva -r viewer"},
       .least = 1,
       .most = 1,
       .run = RunUserAdd},
      {.name = "user passwd",
       .elsewhere = {"passwd", "password"},
       .synopsis = "[NAME]",
       .arguments = {Kind::kUser},
       .summary = "Set a password: your own, or another user's",
       .details =
           std::string(kPasswords) +
           "For your own, after a log-in by password, the old one is asked for as well; with\n"
           "--password-stdin it is the first line and the new one the second.\n"
           "All sessions and tokens of the user end, but yours.\n",
       .options = {PasswordStdin()},
       .examples = {"user passwd", "user passwd deploy"},
       .most = 1,
       .run = RunUserPassword},
      {.name = "user disable",
       .synopsis = "NAME…",
       .arguments = {Kind::kUser},
       .summary = "Keep users from logging in, and end their sessions and tokens",
       .examples = {"user disable deploy"},
       .least = 1,
       .run = RunUserDisable},
      {.name = "user enable",
       .synopsis = "NAME…",
       .arguments = {Kind::kUser},
       .summary = "Let users log in again",
       .examples = {"user enable deploy"},
       .least = 1,
       .run = RunUserEnable},
      {.name = "user rm",
       .aliases = {"user delete"},
       .synopsis = "NAME…",
       .arguments = {Kind::kUser},
       .summary = "Remove users, and end their sessions and tokens",
       .options = {Yes()},
       .examples = {"user rm deploy", "user rm -y deploy eva"},
       .least = 1,
       .run = RunUserRemove},
      {.name = "role ls",
       .aliases = {"role list"},
       .elsewhere = {"roles"},
       .summary = "List the roles and what they allow",
       .examples = {"role ls"},
       .most = 0,
       .run = RunRoleList},
      {.name = "role show",
       .synopsis = "ROLE",
       .arguments = {Kind::kRole},
       .summary = "Show a role and its rules",
       .examples = {"role show operator"},
       .least = 1,
       .most = 1,
       .run = RunRoleShow},
      {.name = "role create",
       .aliases = {"role add"},
       .synopsis = "NAME",
       .arguments = {Kind::kOther},
       .summary = "Make a role",
       .details = std::string(kRules) +
                  "NAME is 1 to 63 of a-z, 0-9, \".\", \"_\" and \"-\", beginning with a letter.\n",
       .options = {AllowOption(), DenyOption(), DescriptionOption()},
       .examples = {"role create team-a --allow read:/team-a --allow write:/team-a "
                    "--deny read:/team-a/secret",
                    "role create watcher --allow process.read --allow event.read"},
       .least = 1,
       .most = 1,
       .run = RunRoleCreate},
      {.name = "role update",
       .synopsis = "ROLE",
       .arguments = {Kind::kRole},
       .summary = "Add rules to a role and take some away; holds from the answer on",
       .details = std::string(kRules) + "What is neither added nor dropped stays.\n",
       .options = {AllowOption(),
                   DenyOption(),
                   {"drop", 0, "RULE", "take a rule away, whether it allows or denies", true},
                   DescriptionOption()},
       .examples = {"role update team-a --deny write:/team-a/locked",
                    "role update team-a --drop read:/team-a/secret"},
       .least = 1,
       .most = 1,
       .run = RunRoleUpdate},
      {.name = "role rm",
       .aliases = {"role delete"},
       .synopsis = "ROLE…",
       .arguments = {Kind::kRole},
       .summary = "Remove roles that nobody has",
       .options = {Yes()},
       .examples = {"role rm team-a"},
       .least = 1,
       .run = RunRoleRemove},
      {.name = "role grant",
       .synopsis = "USER ROLE",
       .arguments = {Kind::kUser, Kind::kRole},
       .summary = "Give a user a role",
       .examples = {"role grant deploy operator"},
       .least = 2,
       .most = 2,
       .run = RunRoleGrant},
      {.name = "role revoke",
       .synopsis = "USER ROLE",
       .arguments = {Kind::kUser, Kind::kRole},
       .summary = "Take a role from a user; holds from the answer on",
       .examples = {"role revoke deploy operator"},
       .least = 2,
       .most = 2,
       .run = RunRoleRevoke},
      {.name = "sessions",
       .aliases = {"sessions ls"},
       .summary = "List the sessions and tokens that are open",
       .details =
           "Yours, or with the permission user.read those of everyone. A * marks this one.\n",
       .options = {{"user", 'u', "USER", "only this user's", false, Kind::kUser}, WatchOption()},
       .examples = {"sessions", "sessions --user deploy"},
       .most = 0,
       .run = RunSessions},
      {.name = "sessions end",
       .aliases = {"sessions rm"},
       .synopsis = "ID…",
       .arguments = {Kind::kSession},
       .summary = "End sessions or tokens at once",
       .examples = {"sessions end 0123456789abcdef0123456789abcdef"},
       .least = 1,
       .run = RunSessionEnd},
      {.name = "token create",
       .summary = "Make a token for scripts and other programs",
       .details = "A program that has it in GRPC_OS_TOKEN calls as you, with these roles. It is "
                  "shown this\n"
                  "once: alone where the output is not a terminal, and with -o name.\n",
       .options = {{"label", 'l', "LABEL", "what it is for"},
                   {"ttl", 't', "TIME", "until it expires, 1m to 365d (90d)"},
                   {"role", 'r', "ROLE", "one of yours (all of them)", true, Kind::kRole}},
       .examples = {"token create --label ci --ttl 1h --role viewer",
                    "token create --ttl 30d -o name"},
       .most = 0,
       .run = RunTokenCreate},
      {.name = "token ls",
       .aliases = {"token list"},
       .elsewhere = {"tokens"},
       .summary = "List the tokens that hold",
       .options = {{"user", 'u', "USER", "only this user's", false, Kind::kUser}},
       .examples = {"token ls"},
       .most = 0,
       .run = RunTokenList},
      {.name = "token rm",
       .aliases = {"token delete"},
       .synopsis = "ID…",
       .arguments = {Kind::kToken},
       .summary = "End tokens at once",
       .examples = {"token rm 0123456789abcdef0123456789abcdef"},
       .least = 1,
       .run = RunSessionEnd},
      {.name = "audit",
       .summary = "Show who did what, and what was refused",
       .details = "The newest last. Kept for 90 days.\n",
       .options = {{"since", 's', "TIME",
                    "not older than 90s, 5m, 1h, 2d, or 2026-11-23T05:00:00Z"},
                   {"user", 'u', "USER", "only this user's", false, Kind::kUser},
                   {"lines", 'n', "N", "at most the last N (100)"}},
       .examples = {"audit", "audit --since 1h --user deploy", "audit -n 5 -o json"},
       .most = 0,
       .run = RunAudit},
  };
}

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
      {.name = "events",
       .summary = "Show what happened",
       .details = "Each change has a revision. Without --since: the last ones.\n",
       .options = {{"follow", 'f', "", "go on with what happens from now on"},
                   {"since", 's', "REVISION", "all that happened after this revision"},
                   {"kind", 'k', "KIND", "process, user or object (the first two)", true,
                    Kind::kEventKind},
                   {"lines", 'n', "N", "begin with the last N (100)"}},
       .examples = {"events", "events -f --kind process", "events --since 1200"},
       .most = 0,
       .run = RunEvents},
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
       .arguments = {Kind::kLogLevel},
       .summary = "Show or set what the daemon's own log tells, until its next start",
       .details = "LEVEL is debug, info, warning or error.\n",
       .examples = {"log-level", "log-level debug"},
       .most = 1,
       .run = RunLogLevel},
  };
}

std::vector<Command> ShellCommands() {
  return {
      {.name = "help",
       .elsewhere = {"man", "?"},
       .synopsis = "[COMMAND]",
       .arguments = {Kind::kCommand},
       .summary = "List the commands, or tell all about one",
       .examples = {"help start", "help user"},
       .most = 2,
       .needs_daemon = false,
       .run = RunHelp},
      {.name = "version",
       .summary = "Show the version of this program",
       .examples = {"version"},
       .most = 0,
       .needs_daemon = false,
       .run = RunVersion},
      {.name = "completion",
       .synopsis = "SHELL",
       .arguments = {Kind::kSystemShell},
       .summary = "Print a script that makes bash complete the words of grpc-os",
       .details =
           "Once: grpc-os completion bash > ~/.local/share/bash-completion/completions/grpc-os\n",
       .examples = {"completion bash"},
       .least = 1,
       .most = 1,
       .needs_daemon = false,
       .run = RunCompletion},
      {.name = "exit",
       .aliases = {"quit"},
       .elsewhere = {"bye", "leave", "q"},
       .summary = "Leave the shell; the system goes on running",
       .examples = {"exit"},
       .most = 0,
       .needs_daemon = false,
       .run = RunExit},
      {.name = "__reference",
       .summary = "Print the reference part of docs/SHELL.md",
       .examples = {"__reference"},
       .most = 0,
       .needs_daemon = false,
       .hidden = true,
       .run = RunReference},
  };
}

}  // namespace grpc_os::shell
