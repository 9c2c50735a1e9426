#include "shell/parser.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "manifest/suggest.h"

namespace grpc_os::shell {
namespace {

// Reads options from words one by one.
class OptionReader {
 public:
  OptionReader(std::vector<Option> options, std::string help_hint)
      : options_(std::move(options)), help_hint_(std::move(help_hint)) {}

  // Takes the option that `words[at]` begins, and leaves `at` at its last word.
  absl::Status Take(std::span<const std::string> words, size_t& at, Arguments& arguments) const {
    const std::string& word = words[at];
    for (const Option& each : options_) {
      if (each.one_dash && word == "-" + each.name) return TakeValue(each, words, at, arguments);
    }
    if (!word.starts_with("--")) return TakeLetters(words, at, arguments);
    const size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    const Option* option = nullptr;
    for (const Option& each : options_) {
      if (each.name == name) option = &each;
    }
    if (option == nullptr) return Unknown("--" + name);
    if (equals == std::string::npos) return TakeValue(*option, words, at, arguments);
    if (option->value.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("--", name, " takes no value.", help_hint_));
    }
    return Add(*option, word.substr(equals + 1), arguments);
  }

 private:
  absl::Status TakeLetters(std::span<const std::string> words, size_t& at,
                           Arguments& arguments) const {
    const std::string& word = words[at];
    for (size_t i = 1; i < word.size(); ++i) {
      const Option* option = nullptr;
      for (const Option& each : options_) {
        if (each.letter == word[i]) option = &each;
      }
      if (option == nullptr) return Unknown(std::string("-") + word[i]);
      if (!option->value.empty() && i + 1 < word.size()) {
        return Add(*option, word.substr(i + 1), arguments);
      }
      if (i + 1 == word.size()) return TakeValue(*option, words, at, arguments);
      if (absl::Status status = Add(*option, "", arguments); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status TakeValue(const Option& option, std::span<const std::string> words, size_t& at,
                         Arguments& arguments) const {
    if (option.value.empty()) return Add(option, "", arguments);
    if (option.optional && (at + 1 == words.size() || words[at + 1].empty() ||
                            !absl::ascii_isdigit(static_cast<unsigned char>(words[at + 1][0])))) {
      return Add(option, "", arguments);
    }
    if (at + 1 == words.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", option.name, " needs a value: ", option.value, ".", help_hint_));
    }
    return Add(option, words[++at], arguments);
  }

  absl::Status Add(const Option& option, std::string value, Arguments& arguments) const {
    if (!option.repeatable && arguments.Has(option.name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", option.name, " is given twice.", help_hint_));
    }
    arguments.AddOption(option.name, std::move(value));
    return absl::OkStatus();
  }

  absl::Status Unknown(const std::string& word) const {
    std::vector<std::string> names;
    for (const Option& each : options_) names.push_back("--" + each.name);
    const std::string nearest = manifest::Nearest(word, names);
    return absl::InvalidArgumentError(absl::StrCat(
        "There is no option ", word, " here.",
        nearest.empty() ? "" : absl::StrCat(" Did you mean ", nearest, "?"), help_hint_));
  }

  const std::vector<Option> options_;
  const std::string help_hint_;
};

bool IsOption(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

}  // namespace

std::optional<std::string> Arguments::Value(const std::string& option) const {
  const auto found = options_.find(option);
  if (found == options_.end()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::Values(const std::string& option) const {
  const auto found = options_.find(option);
  return found == options_.end() ? std::vector<std::string>() : found->second;
}

absl::StatusOr<Arguments> ParseArguments(const Command& command,
                                         std::span<const std::string> words) {
  const std::string hint = absl::StrCat(" `help ", command.name, "` shows how it is used.");
  const OptionReader reader(AllOptions(command), hint);
  Arguments arguments;
  bool options_end = false;
  for (size_t at = 0; at < words.size(); ++at) {
    if (!options_end && words[at] == "--") {
      options_end = true;
      arguments.EndOptions();
    } else if (!options_end && IsOption(words[at])) {
      if (absl::Status status = reader.Take(words, at, arguments); !status.ok()) return status;
    } else {
      arguments.AddPositional(words[at]);
    }
  }
  if (arguments.Has("help")) return arguments;
  const size_t count = arguments.positional().size();
  if (count < command.least || count > command.most) {
    return absl::InvalidArgumentError(absl::StrCat(
        count < command.least ? "Too few arguments" : "Too many arguments",
        "; expected: ", command.name, command.synopsis.empty() ? "" : " ", command.synopsis, ".",
        count > command.most && !command.with_more.empty() ? " " + command.with_more : hint));
  }
  return arguments;
}

absl::StatusOr<Arguments> ParseProgramOptions(std::span<const std::string> words,
                                              std::span<const std::string>& rest) {
  const OptionReader reader(ProgramOptions(), " `grpc-os --help` lists them.");
  Arguments arguments;
  size_t at = 0;
  for (; at < words.size() && IsOption(words[at]); ++at) {
    if (words[at] == "--") {
      ++at;
      break;
    }
    if (absl::Status status = reader.Take(words, at, arguments); !status.ok()) return status;
  }
  rest = words.subspan(at);
  return arguments;
}

}  // namespace grpc_os::shell
