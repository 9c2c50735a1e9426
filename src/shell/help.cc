#include "shell/help.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "shell/render/table.h"

namespace grpc_os::shell {
namespace {

std::string OptionList(const std::vector<Option>& options) {
  Table table({{""}, {""}, {""}});
  for (const Option& option : options) {
    table.AddRow({{""},
                  {absl::StrCat(option.letter == 0 ? "    " : "", OptionText(option))},
                  {option.help}});
  }
  return table.Render(false);
}

std::string Usage(const Command& command) {
  std::vector<std::string> names = {command.name};
  names.insert(names.end(), command.aliases.begin(), command.aliases.end());
  return absl::StrCat(absl::StrJoin(names, ", "), command.synopsis.empty() ? "" : " ",
                      command.synopsis);
}

bool IsOfGroup(const Command& command, const std::string& group) {
  return command.name == group || command.name.starts_with(group + " ");
}

// The common options that a command has none of its own for.
std::vector<Option> OptionsOfEvery(const Command& command) {
  std::vector<Option> all = AllOptions(command);
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(command.options.size()));
  return all;
}

}  // namespace

const char kExitCodes[] =
    "Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 not logged in or denied,\n"
    "5 conflict or precondition, 6 unavailable, 7 timeout, 130 interrupted.\n";

std::string OptionText(const Option& option) {
  return absl::StrCat(
      option.letter == 0 ? "" : absl::StrCat("-", std::string(1, option.letter), ", "), "--",
      option.name, option.value.empty() ? "" : " ", option.value);
}

std::string SynopsisOf(const Command& command) {
  return absl::StrCat(command.name, command.synopsis.empty() ? "" : " ", command.synopsis);
}

std::string HelpText() {
  std::string text =
      "Usage: grpc-os [OPTION…] [COMMAND …]\n"
      "Without a command: an interactive shell, or commands from standard input, one per line.\n";
  // One table, so that the columns of all sections are alike.
  std::string section;
  Table table({{""}, {""}, {""}});
  for (const Command& command : Commands()) {
    if (command.hidden) continue;
    if (command.section != section) table.AddHeading(absl::StrCat("\n", command.section, ":"));
    section = command.section;
    table.AddRow({{""}, {Usage(command)}, {command.summary}});
  }
  absl::StrAppend(
      &text, table.Render(false), "\n`help COMMAND` describes one.\n\nOptions:\n",
      OptionList(ProgramOptions()),
      "\nWithout --address and --context: $GRPC_OS_ADDRESS, $GRPC_OS_CONTEXT, the context in "
      "use, else\n"
      "run/api.sock under $DATA_DIR, under the DATA_DIR of ./.env, under ./data if it is there, or "
      "under\n"
      "/var/lib/grpc-os.\n"
      "$GRPC_OS_TOKEN, if set, is the token of every call.\n\n",
      kExitCodes);
  return text;
}

std::string HelpText(const Command& command) {
  std::string text =
      absl::StrCat(SynopsisOf(command), "\n\n", command.summary, ".\n", command.details);
  if (!command.aliases.empty()) {
    absl::StrAppend(&text, "\nAlso: ", absl::StrJoin(command.aliases, ", "), "\n");
  }
  if (!command.options.empty()) {
    absl::StrAppend(&text, "\nOptions:\n", OptionList(command.options));
  }
  absl::StrAppend(&text, "\nOptions of every command:\n", OptionList(OptionsOfEvery(command)),
                  "\nExamples:\n");
  for (const std::string& example : command.examples) absl::StrAppend(&text, "  ", example, "\n");
  return text;
}

std::string GroupHelpText(const std::string& group) {
  Table table({{""}, {""}, {""}});
  for (const Command& command : Commands()) {
    if (!command.hidden && IsOfGroup(command, group)) {
      table.AddRow({{""}, {Usage(command)}, {command.summary}});
    }
  }
  return absl::StrCat(table.Render(false), "\n`help ", group, " …` describes one.\n");
}

}  // namespace grpc_os::shell
