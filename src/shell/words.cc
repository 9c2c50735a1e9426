#include "shell/words.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::shell {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

absl::Status Refused(char c, size_t column) {
  const std::string what(1, c);
  const char* cure = c == ';'   ? "Write one command per line"
                     : c == '&' ? "Processes run in the background anyway"
                     : c == '|' ? "Outside of this shell, `grpc-os COMMAND | …` works"
                                : "Outside of this shell, `grpc-os COMMAND > FILE` works";
  return absl::InvalidArgumentError(
      absl::StrCat("This shell has no `", what, "` (column ", column + 1, "). ", cure,
                   "; inside of a word, quote it, as in: start NAME \"sh -c 'a ", what, " b'\""));
}

class Splitter {
 public:
  explicit Splitter(std::string_view line) : line_(line) {}

  absl::StatusOr<std::vector<std::string>> Run() {
    while (at_ < line_.size()) {
      const char c = line_[at_];
      if (IsBlank(c)) {
        EndWord();
      } else if (c == '#' && !in_word_) {
        break;
      } else if (absl::Status status = Take(c); !status.ok()) {
        return status;
      }
      ++at_;
    }
    EndWord();
    return std::move(words_);
  }

 private:
  void EndWord() {
    if (in_word_) words_.push_back(std::exchange(word_, ""));
    in_word_ = false;
  }

  // Takes what begins at `at_` into the word and leaves `at_` at its last character.
  absl::Status Take(char c) {
    if (std::string_view("|><&;").find(c) != std::string_view::npos) return Refused(c, at_);
    in_word_ = true;
    if (c == '\'' || c == '"') return TakeQuoted(c);
    if (c != '\\') {
      word_.push_back(c);
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
          std::string_view("\"\\$`").find(line_[at_ + 1]) != std::string_view::npos) {
        c = line_[++at_];
      }
      word_.push_back(c);
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "The ", std::string(1, quote), " in column ", opened + 1,
        " is never closed. Close it, or write \\", std::string(1, quote), " for the character."));
  }

  const std::string_view line_;
  size_t at_ = 0;
  bool in_word_ = false;
  std::string word_;
  std::vector<std::string> words_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> SplitLine(std::string_view line) {
  return Splitter(line).Run();
}

}  // namespace grpc_os::shell
