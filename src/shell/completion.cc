#include "shell/completion.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "shell/escape.h"
#include "shell/words.h"

namespace grpc_os::shell {
namespace {

using Words = std::vector<std::string>;

// Where options and arguments stand so far.
struct Position {
  std::set<std::string> given;  // options
  Words arguments;
  const Option* awaits_value = nullptr;  // the option whose value is typed now
  bool options_end = false;
};

const Option* ByName(const std::vector<Option>& options, const std::string& name) {
  for (const Option& option : options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

const Option* ByLetter(const std::vector<Option>& options, char letter) {
  for (const Option& option : options) {
    if (option.letter == letter) return &option;
  }
  return nullptr;
}

const Option* ByOneDash(const std::vector<Option>& options, const std::string& word) {
  for (const Option& option : options) {
    if (option.one_dash && word == "-" + option.name) return &option;
  }
  return nullptr;
}

// The last option that `word` (which begins with a dash) gives, and whether its value is in it.
std::pair<const Option*, bool> OptionOf(const std::vector<Option>& options,
                                        const std::string& word) {
  if (word.starts_with("--")) {
    const size_t equals = word.find('=');
    return {ByName(options, word.substr(2, equals == std::string::npos ? equals : equals - 2)),
            equals != std::string::npos};
  }
  const Option* option = ByOneDash(options, word);
  if (option != nullptr) return {option, false};
  for (size_t i = 1; i < word.size(); ++i) {
    option = ByLetter(options, word[i]);
    if (option != nullptr && !option->value.empty()) return {option, i + 1 < word.size()};
  }
  return {option, false};
}

Position ReadSoFar(const std::vector<Option>& options, std::span<const std::string> words) {
  Position position;
  for (const std::string& word : words) {
    const Option* awaiting = std::exchange(position.awaits_value, nullptr);
    if (awaiting != nullptr &&
        (!awaiting->optional ||
         (!word.empty() && absl::ascii_isdigit(static_cast<unsigned char>(word[0]))))) {
      continue;
    }
    if (!position.options_end && word == "--") {
      position.options_end = true;
    } else if (!position.options_end && word.size() > 1 && word[0] == '-') {
      const auto [option, has_value] = OptionOf(options, word);
      if (option == nullptr) continue;
      position.given.insert(option->name);
      if (!option->value.empty() && !has_value) position.awaits_value = option;
    } else {
      position.arguments.push_back(word);
    }
  }
  // An optional value is a number, of which there is nothing to complete.
  if (position.awaits_value != nullptr && position.awaits_value->optional) {
    position.awaits_value = nullptr;
  }
  return position;
}

// The words that begin with `word`, in order, each once, without what a terminal would act on.
Words Fitting(Words words, const std::string& word) {
  std::set<std::string> fitting;
  for (std::string& each : words) {
    const bool fits = each.starts_with(word) || each == kTooMany;
    if (!each.empty() && fits && EscapeForTerminal(each) == each) {
      fitting.insert(std::move(each));
    }
  }
  return {fitting.begin(), fitting.end()};
}

// Whether something of an id was typed: of "proc_1a" what tells it from a name, of others anything.
bool IsBegun(const std::string& id, const std::string& word) {
  const size_t mark = id.find('_');
  return word.size() > (mark == std::string::npos ? 0 : mark);
}

Words FirstWords() {
  Words words = CommandNames();
  for (std::string& word : words) word = word.substr(0, word.find(' '));
  return words;
}

// What lies in the folder that `word` names so far, as it would be typed.
Words NamesInFolder(const std::string& word, const std::function<Words(const std::string&)>& list) {
  const std::string folder = word.substr(0, word.rfind('/') + 1);
  Words names = list(folder);
  for (std::string& name : names) name.insert(0, folder);
  return names;
}

Words LocalFiles(const std::string& folder) {
  Words names;
  std::error_code error;
  const std::filesystem::path path = folder.empty() ? "." : folder;
  for (auto entry = std::filesystem::directory_iterator(path, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code unknown;
    names.push_back(entry->path().filename().string() + (entry->is_directory(unknown) ? "/" : ""));
  }
  return names;
}

Words CandidatesOf(const WordKind* kind, const std::string& word, const Words& earlier,
                   const AskDaemon& ask) {
  if (kind == nullptr) return {};
  if (kind == &kCommandWord) {
    if (earlier.empty()) return FirstWords();
    return earlier.size() == 1 ? Subcommands(earlier[0]) : Words();
  }
  if (kind == &kLocalFileWord) return NamesInFolder(word, LocalFiles);
  if (kind->in_folders) {
    LiveWords live = ask(*kind, word);
    // Some of them would be taken for all, and what these have in common be typed.
    if (live.more) return {word.empty() ? "..." : word, kTooMany};
    return NamesInFolder(word, [&](const std::string&) { return std::move(live.names); });
  }
  Words words = kind->local != nullptr ? kind->local() : WordsOf(*kind);
  if (kind->live == nullptr) return words;
  LiveWords live = ask(*kind, "");
  std::erase_if(live.ids, [&](const std::string& id) { return !IsBegun(id, word); });
  words.insert(words.end(), live.names.begin(), live.names.end());
  words.insert(words.end(), live.ids.begin(), live.ids.end());
  return words;
}

Words OptionWords(const std::vector<Option>& options, const Position& position) {
  Words words;
  for (const Option& option : options) {
    if (option.repeatable || position.given.count(option.name) == 0) {
      words.push_back("--" + option.name);
    }
  }
  return words;
}

// Of an option that is given as --name=VALUE, as far as it was typed.
std::optional<Words> AfterEquals(const std::vector<Option>& options, const std::string& word,
                                 const AskDaemon& ask) {
  const size_t equals = word.find('=');
  if (!word.starts_with("--") || equals == std::string::npos) return std::nullopt;
  const Option* option = ByName(options, word.substr(2, equals - 2));
  if (option == nullptr) return Words();
  const std::string value = word.substr(equals + 1);
  Words words = Fitting(CandidatesOf(option->kind, value, {}, ask), value);
  for (std::string& each : words) each.insert(0, word, 0, equals + 1);
  return words;
}

Words CompleteArguments(const Command& command, std::span<const std::string> before,
                        const std::string& word, const AskDaemon& ask) {
  const std::vector<Option> options = AllOptions(command);
  const Position position = ReadSoFar(options, before);
  if (position.awaits_value != nullptr) {
    return Fitting(CandidatesOf(position.awaits_value->kind, word, {}, ask), word);
  }
  if (!position.options_end && word.starts_with("-")) {
    if (auto words = AfterEquals(options, word, ask)) return *std::move(words);
    return Fitting(OptionWords(options, position), word);
  }
  const size_t index = position.arguments.size();
  if (command.arguments.empty() || index >= command.most) return {};
  // The last kind is that of all that follow, where more may.
  if (index >= command.arguments.size() && command.most != kAnyNumber) {
    if (command.arguments.back() != &kCommandWord) return {};
  }
  const WordKind* kind = command.arguments[std::min(index, command.arguments.size() - 1)];
  Words words = Fitting(CandidatesOf(kind, word, position.arguments, ask), word);
  if (kind == &kCommandWord) return words;
  std::erase_if(words, [&](const std::string& each) {
    return std::count(position.arguments.begin(), position.arguments.end(), each) != 0;
  });
  return words;
}

std::string QuoteForBash(const std::string& text, char open_quote) {
  std::string quoted;
  for (const char c : text) {
    const bool special =
        open_quote == '"'
            ? std::string_view("\"\\$`").find(c) != std::string_view::npos
            : std::string_view(" \t\"'\\$`|&;<>()*?[]{}!#~").find(c) != std::string_view::npos;
    if (open_quote != '\'' && special) quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted;
}

}  // namespace

Words Complete(std::span<const std::string> before, const std::string& word, const AskDaemon& ask) {
  if (before.empty()) return Fitting(FirstWords(), word);
  Words words;
  if (before.size() == 1) words = Fitting(Subcommands(before[0]), word);
  const Found found = FindCommand(before);
  if (found.command != nullptr && !found.command->hidden) {
    const Words more = CompleteArguments(*found.command, before.subspan(found.words), word, ask);
    words.insert(words.end(), more.begin(), more.end());
  }
  return words;
}

Words CompleteProgram(std::span<const std::string> before, const std::string& word,
                      const AskDaemon& ask) {
  const std::vector<Option>& options = ProgramOptions();
  size_t at = 0;
  while (at < before.size() && before[at].size() > 1 && before[at][0] == '-') {
    const auto [option, has_value] = OptionOf(options, before[at]);
    ++at;
    if (option == nullptr || option->value.empty() || has_value) continue;
    if (at == before.size()) return Fitting(CandidatesOf(option->kind, word, {}, ask), word);
    ++at;
  }
  if (at < before.size() || !word.starts_with("-")) return Complete(before.subspan(at), word, ask);
  if (auto words = AfterEquals(options, word, ask)) return *std::move(words);
  return Fitting(OptionWords(options, ReadSoFar(options, before)), word);
}

BashWords ReadBashWords(std::span<const std::string> words) {
  Words joined;
  BashWords read;
  bool glue = false;
  for (const std::string& raw : words) {
    const bool separator = raw == "=" || raw == ":";
    if (!joined.empty() && (separator || glue)) {
      read.untouched = joined.back().size();
      joined.back() += raw;
    } else {
      read.untouched = 0;
      joined.push_back(raw);
    }
    glue = separator;
  }
  if (joined.empty()) joined.emplace_back();
  // Behind the = nothing was typed yet.
  if (glue) read.untouched = joined.back().size();
  const Typed typed = SplitTyped(joined.back());
  read.word = typed.word;
  read.quote = typed.quote;
  joined.pop_back();
  for (const std::string& raw : joined) read.before.push_back(SplitTyped(raw).word);
  return read;
}

Words CompleteForBash(const BashWords& words, const AskDaemon& ask) {
  Words reply;
  for (const std::string& each : CompleteProgram(words.before, words.word, ask)) {
    if (each == kTooMany) {
      reply.push_back(each);  // only to be read
      continue;
    }
    reply.push_back(QuoteForBash(each.substr(std::min(words.untouched, each.size())), words.quote));
  }
  return reply;
}

std::string BashScript() {
  return R"(# bash completion of grpc-os; made by `grpc-os completion bash`.
_grpc_os() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("$line")
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  # In a folder the next word is not begun.
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace
}
complete -F _grpc_os grpc-os
)";
}

}  // namespace grpc_os::shell
