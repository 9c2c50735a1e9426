#include "base/command.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace grpc_os {
namespace {

constexpr std::string_view kShellOnly = "|><&;$*`()\n";

absl::Status NeedsShell(char character) {
  const std::string shown =
      character == '\n' ? "a newline" : absl::StrCat("'", std::string(1, character), "'");
  return absl::InvalidArgumentError(
      absl::StrCat("the command has an unquoted ", shown,
                   ", which only a shell understands; quote it, or run a shell: sh -c '…'"));
}

// Reads words off the front of a command.
class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<std::string>> Split() {
    while (position_ < text_.size()) {
      if (absl::Status status = ReadOne(); !status.ok()) return status;
    }
    EndWord();
    if (words_.empty())
      return absl::InvalidArgumentError("the command is empty; give a program to run");
    if (words_.front().empty())
      return absl::InvalidArgumentError("the command's first word is empty; give a program to run");
    return std::move(words_);
  }

 private:
  absl::Status ReadOne() {
    const char character = text_[position_++];
    if (character == ' ' || character == '\t') {
      EndWord();
      return absl::OkStatus();
    }
    if (character == '\'') return ReadSingleQuoted();
    if (character == '"') return ReadDoubleQuoted();
    if (character == '\\') return ReadEscape();
    if (character == '\0')
      return absl::InvalidArgumentError("the command has a NUL byte; remove it");
    if (kShellOnly.find(character) != std::string_view::npos) return NeedsShell(character);
    Add(character);
    return absl::OkStatus();
  }

  absl::Status ReadSingleQuoted() {
    const size_t end = text_.find('\'', position_);
    if (end == std::string_view::npos) return Unbalanced('\'');
    in_word_ = true;
    for (; position_ < end; ++position_) {
      if (text_[position_] == '\0')
        return absl::InvalidArgumentError("the command has a NUL byte; remove it");
      Add(text_[position_]);
    }
    ++position_;
    return absl::OkStatus();
  }

  absl::Status ReadDoubleQuoted() {
    in_word_ = true;
    while (position_ < text_.size()) {
      char character = text_[position_++];
      if (character == '"') return absl::OkStatus();
      if (character == '\0')
        return absl::InvalidArgumentError("the command has a NUL byte; remove it");
      if (character == '$' || character == '`') return NeedsShell(character);
      if (character == '\\' && position_ < text_.size()) {
        const char next = text_[position_];
        if (next == '$' || next == '`' || next == '"' || next == '\\') {
          character = next;
          ++position_;
        } else if (next == '\n') {  // a continued line
          ++position_;
          continue;
        }
      }
      Add(character);
    }
    return Unbalanced('"');
  }

  absl::Status ReadEscape() {
    if (position_ == text_.size()) {
      return absl::InvalidArgumentError(
          "the command ends in a backslash; remove it or write what it should quote");
    }
    const char next = text_[position_++];
    if (next == '\0') return absl::InvalidArgumentError("the command has a NUL byte; remove it");
    if (next != '\n') Add(next);
    return absl::OkStatus();
  }

  static absl::Status Unbalanced(char quote) {
    return absl::InvalidArgumentError(absl::StrCat("the command has a ", std::string(1, quote),
                                                   " without its partner; add it, or write \\",
                                                   std::string(1, quote)));
  }

  void Add(char character) {
    in_word_ = true;
    word_.push_back(character);
  }
  void EndWord() {
    if (in_word_) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  std::string_view text_;
  size_t position_ = 0;
  bool in_word_ = false;
  std::string word_;
  std::vector<std::string> words_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> SplitCommand(std::string_view command) {
  return Splitter(command).Split();
}

}  // namespace grpc_os
