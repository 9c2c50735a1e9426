#include "shell/words.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace grpc_os::shell {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

absl::Status Refused(char c, size_t column) {
  const std::string what(1, c);
  const char* cure = c == ';'   ? "Write one command per line, or `grpc-os -c 'a; b'`"
                     : c == '&' ? "Processes run in the background anyway"
                     : c == '|' ? "Outside of this shell, `grpc-os COMMAND | …` works"
                                : "Outside of this shell, `grpc-os COMMAND > FILE` works";
  return absl::InvalidArgumentError(
      absl::StrCat("This shell has no `", what, "` (column ", column + 1, "). ", cure,
                   "; inside of a word, quote it, as in: start NAME \"sh -c 'a ", what, " b'\""));
}

class Splitter {
 public:
  // `separators` end a command.
  Splitter(std::string_view line, std::string_view separators)
      : line_(line), separators_(separators) {}

  absl::StatusOr<std::vector<std::vector<std::string>>> Run() {
    while (at_ < line_.size()) {
      const char c = line_[at_];
      if (separators_.find(c) != std::string_view::npos) {
        EndCommand();
      } else if (IsBlank(c)) {
        EndWord();
      } else if (c == '#' && !in_word_) {
        // Up to the end of its line; the newline itself may separate.
        at_ = std::min(line_.find('\n', at_), line_.size()) - 1;
      } else if (absl::Status status = Take(c); !status.ok()) {
        return status;
      }
      ++at_;
    }
    EndCommand();
    return std::move(commands_);
  }

 private:
  void EndCommand() {
    EndWord();
    if (!words_.empty()) commands_.push_back(std::exchange(words_, {}));
  }

  void EndWord() {
    if (in_word_) words_.push_back(std::exchange(word_, ""));
    in_word_ = false;
  }

  // Takes what begins at `at_` into the word and leaves `at_` at its last character.
  absl::Status Take(char c) {
    if (std::string_view("|><&;").find(c) != std::string_view::npos) return Refused(c, at_);
    const bool was_in_word = std::exchange(in_word_, true);
    if (c == '\'' || c == '"') return TakeQuoted(c);
    if (c != '\\') {
      word_.push_back(c);
      return absl::OkStatus();
    }
    // Backslash and newline: the line goes on.
    if (line_.substr(at_ + 1).starts_with('\n')) {
      ++at_;
      in_word_ = was_in_word;
      return absl::OkStatus();
    }
    if (at_ + 1 == line_.size()) {
      return absl::InvalidArgumentError(
          "The line ends with a backslash; write \\\\ for one, or remove it.");
    }
    word_.push_back(line_[++at_]);
    return absl::OkStatus();
  }

  absl::Status TakeQuoted(char quote) {
    const size_t opened = at_;
    for (++at_; at_ < line_.size(); ++at_) {
      char c = line_[at_];
      if (c == quote) return absl::OkStatus();
      // Inside of "…" a backslash quotes only these.
      if (c == '\\' && quote == '"' && at_ + 1 < line_.size() &&
          std::string_view("\"\\$`\n").find(line_[at_ + 1]) != std::string_view::npos) {
        c = line_[++at_];
        if (c == '\n') continue;
      }
      word_.push_back(c);
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "The ", std::string(1, quote), " in column ", opened + 1,
        " is never closed. Close it, or write \\", std::string(1, quote), " for the character."));
  }

  const std::string_view line_;
  const std::string_view separators_;
  size_t at_ = 0;
  bool in_word_ = false;
  std::string word_;
  std::vector<std::string> words_;
  std::vector<std::vector<std::string>> commands_;
};

// `line`, or what is behind the "grpc-os> ", "admin@local:/config grpc-os> " or "grpc-os " that it
// begins with.
std::string_view WithoutPrompt(std::string_view line) {
  constexpr std::string_view kPrompt = "grpc-os> ";
  constexpr std::string_view kProgram = "grpc-os ";
  std::string_view text = line;
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  if (text.starts_with(kProgram)) return text.substr(kProgram.size());
  const size_t prompt = text.find(kPrompt);
  if (prompt == std::string_view::npos) return line;
  const std::string_view who = text.substr(0, prompt);
  const bool is_who = who.find('@') < who.find(' ') && who.find(' ') + 1 == who.size();
  return who.empty() || is_who ? text.substr(prompt + kPrompt.size()) : line;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> SplitLine(std::string_view line) {
  auto commands = Splitter(line, "").Run();
  if (!commands.ok()) return commands.status();
  return commands->empty() ? std::vector<std::string>() : std::move(commands->front());
}

Typed SplitTyped(std::string_view text) {
  Typed typed;
  bool in_word = false;
  bool escaped = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (typed.in_comment) {
      typed.in_comment = c != '\n';
    } else if (escaped) {
      escaped = false;
      if (c == '\n') continue;
      if (typed.quote == '"' && std::string_view("\"\\$`").find(c) == std::string_view::npos) {
        typed.word.push_back('\\');
      }
      typed.word.push_back(c);
    } else if (typed.quote != 0) {
      if (c == typed.quote) {
        typed.quote = 0;
      } else if (c == '\\' && typed.quote == '"') {
        escaped = true;
      } else {
        typed.word.push_back(c);
      }
    } else if (IsBlank(c)) {
      if (in_word) typed.before.push_back(std::exchange(typed.word, ""));
      in_word = false;
    } else if (c == '#' && !in_word) {
      typed.in_comment = true;
    } else {
      if (!in_word) typed.start = i;
      in_word = true;
      if (c == '\'' || c == '"') {
        typed.quote = c;
      } else if (c == '\\') {
        escaped = true;
      } else {
        typed.word.push_back(c);
      }
    }
  }
  if (!in_word) typed.start = text.size();
  return typed;
}

std::string QuoteWord(const std::string& word) {
  const auto is_plain = [](unsigned char c) {
    return absl::ascii_isalnum(c) || c >= 0x80 ||
           std::string_view("/._-+,:@%=").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!word.empty() && std::ranges::all_of(word, is_plain)) return word;
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

Unfinished WhatIsUnfinished(std::string_view text) {
  const Typed typed = SplitTyped(text);
  if (typed.in_comment) return Unfinished::kNothing;
  if (typed.quote != 0) return Unfinished::kQuote;
  size_t backslashes = 0;
  while (backslashes < text.size() && text[text.size() - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1 ? Unfinished::kBackslash : Unfinished::kNothing;
}

std::vector<std::string> SplitPasted(std::string_view text) {
  std::vector<std::string> commands;
  std::string command;
  const auto end_command = [&] {
    if (command.find_first_not_of(" \t\r\n") != std::string::npos) commands.push_back(command);
    command.clear();
  };
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (command.empty()) {
      command = WithoutPrompt(line);
    } else {
      command.append("\n").append(line);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
    if (WhatIsUnfinished(command) == Unfinished::kNothing) end_command();
  }
  end_command();
  return commands;
}

absl::StatusOr<std::vector<std::vector<std::string>>> SplitCommands(std::string_view text) {
  return Splitter(text, ";\n").Run();
}

}  // namespace grpc_os::shell
