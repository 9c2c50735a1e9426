#include "shell/command_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "manifest/suggest.h"
#include "shell/commands/kinds.h"

namespace grpc_os::shell {
namespace {

constexpr char kFormats[] = "table (the default), wide, json, jsonl, yaml or name";

}  // namespace

std::vector<std::string> WordsOf(const WordKind& kind) {
  return absl::StrSplit(std::string(kind.words), ' ', absl::SkipEmpty());
}

const std::vector<Command>& Commands() {
  static const auto* const commands = [] {
    auto* all = new std::vector<Command>();
    const auto add = [all](const char* section, std::vector<Command> more) {
      for (Command& command : more) {
        command.section = section;
        all->push_back(std::move(command));
      }
    };
#define GRPC_OS_SHELL_ADD(kind, section, events) add(section, kind##Commands());
    GRPC_OS_SHELL_KINDS(GRPC_OS_SHELL_ADD)
#undef GRPC_OS_SHELL_ADD
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

Found FindCommand(std::span<const std::string> words) {
  if (words.size() >= 2) {
    if (const Command* command = FindCommand(absl::StrCat(words[0], " ", words[1]))) {
      return {command, 2};
    }
  }
  const Command* command = words.empty() ? nullptr : FindCommand(words[0]);
  // A word with a blank in it is not the name of two words.
  if (command == nullptr || words[0].find(' ') != std::string::npos) return {};
  return {command, 1};
}

std::string LikelyCommand(const std::string& word) {
  for (const Command& command : Commands()) {
    if (std::count(command.elsewhere.begin(), command.elsewhere.end(), word) != 0) {
      return command.name;
    }
  }
  std::vector<std::string> names = CommandNames();
  for (std::string& name : names) name = name.substr(0, name.find(' '));
  return manifest::Nearest(word, names);
}

std::vector<std::string> CommandNames() {
  std::vector<std::string> names;
  for (const Command& command : Commands()) {
    if (command.hidden) continue;
    names.push_back(command.name);
    names.insert(names.end(), command.aliases.begin(), command.aliases.end());
  }
  return names;
}

std::vector<std::string> Subcommands(const std::string& word) {
  std::vector<std::string> names;
  for (const std::string& name : CommandNames()) {
    if (name.starts_with(word + " ")) names.push_back(name.substr(word.size() + 1));
  }
  return names;
}

const std::vector<Option>& CommonOptions() {
  static const auto* const options = new std::vector<Option>{
      {"output", 'o', "FORMAT", kFormats, false, &kFormatWord},
      {"timeout", 0, "TIME", "give up on an answer after so long (10s)"},
      {"help", 'h', "", "describe the command"},
  };
  return *options;
}

const std::vector<Option>& ProgramOptions() {
  static const auto* const options = new std::vector<Option>{
      {"address", 0, "ADDRESS", "the daemon: unix:PATH or HOST:PORT"},
      {"secure", 0, "", "reach HOST:PORT by TLS"},
      {"ca", 0, "FILE", "by TLS: the authorities to trust (PEM)", false, &kLocalFileWord},
      {"context", 0, "NAME", "the daemon of this context", false, &kContextWord},
      {"commands", 'c', "COMMANDS", "run these, separated by ;"},
      {"output", 'o', "FORMAT", kFormats, false, &kFormatWord},
      {"timeout", 0, "TIME", "give up on an answer after so long (10s)"},
      {"help", 'h', "", "list the commands"},
      {"version", 0, "", "show the version of this program"},
  };
  return *options;
}

std::vector<Option> AllOptions(const Command& command) {
  std::vector<Option> options = command.options;
  for (const Option& common : CommonOptions()) {
    const auto same = [&](const Option& own) { return own.name == common.name; };
    if (std::none_of(command.options.begin(), command.options.end(), same)) {
      options.push_back(common);
    }
  }
  return options;
}

}  // namespace grpc_os::shell
