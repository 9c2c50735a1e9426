#include "shell/history.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "manifest/suggest.h"
#include "shell/command_table.h"
#include "shell/parser.h"
#include "shell/words.h"

namespace grpc_os::shell {
namespace {

constexpr size_t kMisspelt = 2;
// No name or id of ours is so long without a break; every token is longer.
constexpr size_t kTokenRun = 40;

bool IsNear(const std::string& word, const char* command) {
  return word.starts_with(command) || manifest::EditDistance(word, command) <= kMisspelt;
}

bool LooksLikeToken(std::string_view word) {
  if (word.find("GRPC_OS_TOKEN") != std::string_view::npos) return true;
  size_t run = 0;
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    run = absl::ascii_isalnum(byte) || c == '_' || c == '-' || c == '.' ? run + 1 : 0;
    if (run >= kTokenRun) return true;
  }
  return false;
}

// A log-in or a password set elsewhere than at the beginning: behind `;` or `&&`, which this shell
// does not have, or behind the name of a program, as lines are pasted from a system's shell.
bool NamesASecretLater(const std::vector<std::string>& words) {
  return std::any_of(words.begin() + 1, words.end(), [](const std::string& given) {
    const size_t begin = given.find_first_not_of(";&|");
    if (begin == std::string::npos) return false;
    const std::string word = given.substr(begin, given.find_last_not_of(";&|") - begin + 1);
    return manifest::EditDistance(word, "login") <= 1 ||
           manifest::EditDistance(word, "passwd") <= 1;
  });
}

// A `--secret NAME=VALUE`, or one that is misspelt.
bool GivesASecret(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string option = words[i].substr(0, words[i].find('='));
    if (!option.starts_with("--") || manifest::EditDistance(option, "--secret") > kMisspelt)
      continue;
    const std::string value = option.size() < words[i].size() ? words[i].substr(option.size() + 1)
                              : i + 1 < words.size()          ? words[i + 1]
                                                              : "";
    if (value.find('=') != std::string::npos) return true;
  }
  return false;
}

// All words of a line, however it is quoted and whether or not it is whole.
std::vector<std::string> WordsOf(const std::string& line) {
  Typed typed = SplitTyped(line);
  if (!typed.word.empty()) typed.before.push_back(typed.word);
  return typed.before;
}

}  // namespace

std::string HistoryLine(const std::string& line) {
  const std::vector<std::string> words = WordsOf(line);
  if (words.empty()) return "";
  if (std::any_of(words.begin(), words.end(), LooksLikeToken)) return "";
  if (GivesASecret(words)) return "";
  if (words[0] == "login") return "login";
  const Found found = FindCommand(words);
  if (found.command != nullptr && found.command->name == "user passwd") return "user passwd";
  if (found.command != nullptr && found.command->name == "user add") {
    const auto arguments = ParseArguments(*found.command, std::span(words).subspan(found.words));
    return arguments.ok() ? line : "user add";
  }
  if (words[0] != "help" && NamesASecretLater(words)) return "";
  // A process's command may say anything; its first words say that it is no log-in.
  if (found.command != nullptr && Subcommands(words[0]).empty()) return line;
  if (found.command == nullptr && IsNear(words[0], "login")) return "";
  if (found.command == nullptr && words.size() > 2 && IsNear(words[0], "user")) return "";
  return line;
}

}  // namespace grpc_os::shell
