// JSON as YAML. Every JSON string is a YAML string in double quotes but for surrogate pairs, which
// YAML writes as one \U escape. Reference: YAML 1.2.2, 5.7 and 7.3.1.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "shell/render/json.h"

namespace grpc_os::shell {
namespace {

// What some reader of YAML 1.1 or 1.2 takes for something other than a string.
bool MeansSomethingElse(std::string_view word) {
  constexpr std::array<std::string_view, 14> kWords = {
      "true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf", "none", "", "~"};
  const std::string lower = absl::AsciiStrToLower(std::string(word));
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

bool MayStandPlain(std::string_view word) {
  if (MeansSomethingElse(word) || !absl::ascii_isalpha(static_cast<unsigned char>(word[0]))) {
    return false;
  }
  return std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/';
  });
}

class Converter {
 public:
  explicit Converter(std::string_view json) : json_(json) {}

  std::string Run() {
    SkipBlanks();
    Value(0, /*after_key=*/false);
    return std::move(out_);
  }

 private:
  char Peek() const { return at_ < json_.size() ? json_[at_] : '\0'; }
  void SkipBlanks() {
    while (at_ < json_.size() && absl::ascii_isspace(static_cast<unsigned char>(json_[at_]))) ++at_;
  }
  // Takes a comma or what closes; true if more follows.
  bool More(char close) {
    SkipBlanks();
    if (Peek() == ',') {
      ++at_;
      SkipBlanks();
      return true;
    }
    if (Peek() == close) ++at_;
    return false;
  }

  // The value that begins here, on the line that was begun, or on lines of its own if it has parts.
  void Value(size_t indent, bool after_key) {
    const char c = Peek();
    if (c == '{' || c == '[') {
      Parts(c, indent, after_key);
      return;
    }
    if (after_key) out_ += ' ';
    out_ += c == '"' ? String() : Bare();
    out_ += '\n';
  }

  void Parts(char open, size_t indent, bool after_key) {
    const char close = open == '{' ? '}' : ']';
    ++at_;
    SkipBlanks();
    if (Peek() == close) {
      ++at_;
      out_ += after_key ? " " : "";
      out_ += open == '{' ? "{}\n" : "[]\n";
      return;
    }
    if (after_key) out_ += '\n';
    bool first = true;
    do {
      // The first part of what is itself an element stands behind the element's dash.
      if (!first || after_key) out_.append(indent, ' ');
      first = false;
      if (open == '{') {
        out_ += String() + ":";
        SkipBlanks();
        ++at_;  // the colon
        SkipBlanks();
        Value(indent + 2, true);
      } else {
        out_ += "- ";
        Value(indent + 2, false);
      }
    } while (More(close));
  }

  std::string Bare() {
    const size_t end = std::min(json_.find_first_of(",]} \n\t\r", at_), json_.size());
    std::string word(json_.substr(at_, end - at_));
    at_ = end;
    return word;
  }

  std::string String() {
    const size_t begin = at_;
    for (++at_; at_ < json_.size() && json_[at_] != '"'; ++at_) {
      if (json_[at_] == '\\') ++at_;
    }
    const std::string_view inside = json_.substr(begin + 1, at_ - begin - 1);
    ++at_;
    return MayStandPlain(inside) ? std::string(inside) : "\"" + JoinSurrogates(inside) + "\"";
  }

  static uint32_t Unit(std::string_view text, size_t at) {
    if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return 0;
    return static_cast<uint32_t>(
        std::strtoul(std::string(text.substr(at + 2, 4)).c_str(), nullptr, 16));
  }

  static std::string JoinSurrogates(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size();) {
      if (text[i] != '\\') {
        out += text[i++];
        continue;
      }
      const uint32_t high = Unit(text, i);
      const uint32_t low = Unit(text, i + 6);
      if (high >= 0xD800 && high < 0xDC00 && low >= 0xDC00 && low < 0xE000) {
        absl::StrAppendFormat(&out, "\\U%08x", 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
        i += 12;
      } else {
        out += text.substr(i, 2);
        i += 2;
      }
    }
    return out;
  }

  const std::string_view json_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string JsonToYaml(const std::string& json) { return Converter(json).Run(); }

}  // namespace grpc_os::shell
