// For tests: reads nginx's syntax back, and texts that try to break out of it.
#ifndef GRPC_OS_EDGE_NGINX_SYNTAX_HARNESS_H_
#define GRPC_OS_EDGE_NGINX_SYNTAX_HARNESS_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace grpc_os::edge {

// `name arguments…;` or `name arguments… { body }`. The text of a …_by_lua_block is one argument.
struct Directive {
  std::vector<std::string> words;
  std::vector<Directive> body;

  bool operator==(const Directive&) const = default;
};

inline void PrintTo(const Directive& directive, std::ostream* out) {
  for (const std::string& word : directive.words) *out << "[" << word << "]";
  *out << "{";
  for (const Directive& below : directive.body) PrintTo(below, out);
  *out << "}";
}

// As ngx_conf_read_token reads it.
class SyntaxReader {
 public:
  explicit SyntaxReader(const std::string& text) : text_(text) {}

  Directive File() {
    Directive file;
    Block(file, /*top=*/true);
    return file;
  }

 private:
  bool More() const { return at_ < text_.size(); }

  void Block(Directive& block, bool top) {
    Directive next;
    while (true) {
      Blanks();
      if (!More()) {
        EXPECT_TRUE(top && next.words.empty()) << "it ends in the middle";
        return;
      }
      const char c = text_[at_];
      if (c == '}') {
        EXPECT_TRUE(!top && next.words.empty()) << "} at " << at_;
        ++at_;
        return;
      }
      if (c == ';' || c == '{') {
        ++at_;
        EXPECT_FALSE(next.words.empty()) << c << " at " << at_;
        if (c == '{' && IsLua(next)) {
          next.words.push_back(LuaBlock());
        } else if (c == '{') {
          Block(next, /*top=*/false);
        }
        block.body.push_back(std::exchange(next, {}));
        continue;
      }
      next.words.push_back(Word());
    }
  }

  static bool IsLua(const Directive& directive) {
    const std::string end = "_by_lua_block";
    const std::string& name = directive.words.front();
    return name.size() > end.size() && name.substr(name.size() - end.size()) == end;
  }

  // Of the kind that we write: strings in double quotes, balanced braces.
  std::string LuaBlock() {
    std::string block;
    int depth = 1;
    bool quoted = false;
    for (; More(); ++at_) {
      const char c = text_[at_];
      if (quoted && c == '\\') block += text_[at_++];
      if (c == '"') quoted = !quoted;
      if (!quoted && c == '{') ++depth;
      if (!quoted && c == '}' && --depth == 0) break;
      block += text_[at_];
    }
    ++at_;
    return block;
  }

  void Blanks() {
    while (More() &&
           (std::string(" \t\r\n").find(text_[at_]) != std::string::npos || text_[at_] == '#')) {
      if (text_[at_] == '#') {
        while (More() && text_[at_] != '\n') ++at_;
      } else {
        ++at_;
      }
    }
  }

  std::string Word() {
    std::string word;
    const char quote = text_[at_] == '"' || text_[at_] == '\'' ? text_[at_++] : '\0';
    for (; More(); ++at_) {
      const char c = text_[at_];
      if (quote != '\0' && c == quote) {
        ++at_;
        return word;
      }
      if (quote == '\0' && std::string(" \t\r\n;{").find(c) != std::string::npos &&
          !(c == '{' && !word.empty() && word.back() == '$')) {
        return word;
      }
      if (c == '\\' && at_ + 1 < text_.size()) {
        const char next = text_[at_ + 1];
        if (next == '"' || next == '\'' || next == '\\') {
          word += next;
          ++at_;
          continue;
        }
      }
      word += c;
    }
    return word;
  }

  const std::string& text_;
  size_t at_ = 0;
};

inline Directive Parsed(const std::string& text) { return SyntaxReader(text).File(); }

// With `value` for each `harmless` in each word.
inline Directive Replaced(Directive directive, const std::string& harmless,
                          const std::string& value) {
  for (std::string& word : directive.words) {
    for (size_t at = 0; (at = word.find(harmless, at)) != std::string::npos; at += value.size()) {
      word.replace(at, harmless.size(), value);
    }
  }
  for (Directive& below : directive.body) below = Replaced(std::move(below), harmless, value);
  return directive;
}

inline std::vector<std::string> Payloads() {
  const std::vector<std::string> attacks = {";",
                                            "{",
                                            "}",
                                            "\"",
                                            "'",
                                            "\\",
                                            "#",
                                            "$",
                                            "\n",
                                            "\r",
                                            "\t",
                                            " ",
                                            "`",
                                            "|",
                                            "&",
                                            "<",
                                            ">",
                                            "*",
                                            "%",
                                            "?",
                                            "^",
                                            "(",
                                            ")",
                                            "[",
                                            "]",
                                            "~",
                                            ":",
                                            ",",
                                            "!",
                                            "@",
                                            "=",
                                            "+",
                                            "/",
                                            "//",
                                            "/../",
                                            "\x7f",
                                            "\x01",
                                            "\xff",
                                            "\xc3\xa4",
                                            "$host",
                                            "${host}",
                                            "$b",
                                            "\\n",
                                            "\\;",
                                            "; return 200 x;",
                                            "} server { listen 1; ",
                                            ";}}",
                                            "\";",
                                            "';",
                                            "\" x \"",
                                            "\n  alias /etc/;\n",
                                            "; alias /etc/; #",
                                            "\\\"; alias /etc/; #",
                                            "\") os.execute(\"id\") --",
                                            "]]",
                                            "--[[",
                                            "\\",
                                            "a\\",
                                            " # ",
                                            "{1,9}",
                                            "(?s)",
                                            ".*",
                                            "$1",
                                            "unix:/x",
                                            "_",
                                            "*.",
                                            "-"};
  std::vector<std::string> payloads;
  for (const std::string& attack : attacks) {
    for (const std::string& payload : {attack, "a" + attack, attack + "b", "a" + attack + "b"})
      payloads.push_back(payload);
  }
  payloads.insert(payloads.end(), {std::string("\0", 1),
                                   std::string("a\0b", 3),
                                   std::string(63, 'a'),
                                   std::string(64, 'a'),
                                   std::string(254, 'a'),
                                   std::string(2000, 'a'),
                                   "",
                                   "a.b",
                                   "a..b",
                                   "ab",
                                   "a.b.c-d",
                                   "80",
                                   "127.0.0.1:80",
                                   "[::1]:80",
                                   "A",
                                   "a_b",
                                   "0",
                                   "65536",
                                   "a/b",
                                   "xn--bcher-kva.example"});
  return payloads;
}

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_NGINX_SYNTAX_HARNESS_H_
