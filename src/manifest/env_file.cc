#include "manifest/env_file.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "manifest/read_text.h"

namespace grpc_os::manifest {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

bool IsNameStart(char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_'; }

bool IsNamePart(char c) {
  return IsNameStart(c) || absl::ascii_isdigit(static_cast<unsigned char>(c));
}

// One line, read from left to right.
class Line {
 public:
  Line(std::string_view text, const std::string& file, int number)
      : text_(text), file_(file), number_(number) {}

  // Adds the line's variable, if it has one.
  absl::Status Parse(Variables& variables) {
    if (const size_t nul = text_.find('\0'); nul != std::string_view::npos) {
      at_ = nul;
      return Error("a NUL byte, which no setting can hold; remove it");
    }
    SkipBlanks();
    if (AtEndOrComment()) return absl::OkStatus();
    std::string name = Name();
    if (name == "export" && at_ < text_.size() && IsBlank(text_[at_])) {
      SkipBlanks();
      if (at_ >= text_.size() || text_[at_] != '=') name = Name();
    }
    if (name.empty()) {
      return Error(
          "expected a name of letters, digits and _ that begins with no digit, as in NAME=value");
    }
    SkipBlanks();
    if (at_ >= text_.size() || text_[at_] != '=') {
      return Error(absl::StrCat("expected = after ", name, ", as in ", name, "=value"));
    }
    ++at_;
    SkipBlanks();
    absl::StatusOr<std::string> value = Value();
    if (!value.ok()) return value.status();
    variables[std::move(name)] = {*std::move(value), absl::StrCat(file_, ":", number_)};
    return absl::OkStatus();
  }

 private:
  absl::Status Error(const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat(file_, ":", number_, ":", at_ + 1, ": ", what));
  }

  void SkipBlanks() {
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
  }

  bool AtEndOrComment() const { return at_ >= text_.size() || text_[at_] == '#'; }

  std::string Name() {
    const size_t begin = at_;
    if (at_ < text_.size() && IsNameStart(text_[at_])) {
      while (at_ < text_.size() && IsNamePart(text_[at_])) ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  absl::StatusOr<std::string> Value() {
    if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) return Quoted(text_[at_]);
    const size_t begin = at_;
    size_t end = begin;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '#' && at_ > 0 && IsBlank(text_[at_ - 1])) break;
      if (!IsBlank(text_[at_])) end = at_ + 1;
    }
    return std::string(text_.substr(begin, end - begin));
  }

  absl::StatusOr<std::string> Quoted(char quote) {
    const size_t begin = at_++;
    std::string value;
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (quote == '"' && text_[at_] == '\\') {
        absl::StatusOr<char> escaped = Escaped();
        if (!escaped.ok()) return escaped.status();
        value.push_back(*escaped);
      } else {
        value.push_back(text_[at_]);
      }
    }
    if (at_ >= text_.size()) {
      at_ = begin;
      return Error(absl::StrCat("this ", std::string(1, quote), " is not closed on its line"));
    }
    ++at_;
    SkipBlanks();
    if (!AtEndOrComment()) return Error("expected nothing but a comment after the closing quote");
    return value;
  }

  // At a backslash; leaves at_ on the character after it.
  absl::StatusOr<char> Escaped() {
    const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    char meant = c;
    if (c == 'n') {
      meant = '\n';
    } else if (c == 'r') {
      meant = '\r';
    } else if (c == 't') {
      meant = '\t';
    } else if (c != '\\' && c != '"' && c != '$') {
      return Error(
          R"(after a backslash expected one of n r t \ " $; write \\ for a backslash, or use '…')");
    }
    ++at_;
    return meant;
  }

  std::string_view text_;
  const std::string& file_;
  int number_;
  size_t at_ = 0;
};

}  // namespace

absl::StatusOr<Variables> ParseEnv(std::string_view text, std::string_view name_of_file) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  const std::string file(name_of_file);
  Variables variables;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (absl::Status status = Line(line, file, number).Parse(variables); !status.ok()) {
      return status;
    }
  }
  return variables;
}

absl::StatusOr<Variables> ReadEnvFile(const std::string& path) {
  const auto text = ReadText(path, "the settings file", kEnvFileBytes);
  if (!text.ok()) return text.status();
  return ParseEnv(*text, path);
}

}  // namespace grpc_os::manifest
