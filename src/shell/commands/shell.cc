// The shell itself.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/version.h"
#include "manifest/suggest.h"
#include "shell/commands/kinds.h"
#include "shell/completion.h"
#include "shell/help.h"
#include "shell/parser.h"
#include "shell/reference.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

constexpr WordKind kShellWord = {.words = "bash"};

ExitCode RunVersion(Session& session, const Arguments&) {
  session.out() << "grpc-os " << kVersion << "\n";
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
    std::string nearest = of_group ? manifest::Nearest(words[1], second)
                                   : manifest::Nearest(words[0], CommandNames());
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

ExitCode RunReference(Session& session, const Arguments& arguments) {
  const bool man = !arguments.positional().empty() && arguments.positional()[0] == "man";
  session.out() << Reference(man ? ReferenceFormat::kMan : ReferenceFormat::kMarkdown);
  return ExitCode::kOk;
}

ExitCode RunExit(Session& session, const Arguments&) {
  session.Leave();
  return ExitCode::kOk;
}

}  // namespace

std::vector<Command> ShellCommands() {
  return {
      {.name = "help",
       .elsewhere = {"man", "?"},
       .synopsis = "[COMMAND]",
       .arguments = {&kCommandWord},
       .summary = "List the commands, or describe one",
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
       .arguments = {&kShellWord},
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
       .synopsis = "[man]",
       .summary = "Print the reference part of docs/SHELL.md, or that of grpc-os(1)",
       .examples = {"__reference", "__reference man"},
       .most = 1,
       .needs_daemon = false,
       .hidden = true,
       .run = RunReference},
  };
}

}  // namespace grpc_os::shell
