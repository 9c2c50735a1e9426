// Writes nginx's syntax from typed arguments, so that no text of a user becomes syntax: words are
// literals of this program or passed one of the checks below, and all else is numbers.
#ifndef GRPC_OS_EDGE_NGINX_WRITER_H_
#define GRPC_OS_EDGE_NGINX_WRITER_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace grpc_os::edge {

// Text of this program's source.
class Literal {
 public:
  consteval Literal(const char* text) : text_(text) {}  // NOLINT(google-explicit-constructor)
  absl::string_view text() const { return text_; }

 private:
  absl::string_view text_;
};

struct Bytes {
  int64_t n;
};
struct Milliseconds {
  int64_t n;
};

// A word that was checked, of one of these kinds. All are refused with INVALID_ARGUMENT.
class Word {
 public:
  // [A-Za-z0-9_], 1 to 128 bytes: ids that we gave.
  static absl::StatusOr<Word> Identifier(absl::string_view text);
  // A host name in lower case, of labels of letters, digits and inner hyphens, 253 bytes at most;
  // its first label may be `*`, which stands for exactly one label. As an argument of server_name.
  static absl::StatusOr<Word> ServerName(absl::string_view host);
  // 10.0.0.1:80, [::1]:80, or a port alone: numeric, port 1 to 65535.
  static absl::StatusOr<Word> ListenAddress(absl::string_view address);
  // 10.0.0.0/8, fd00::/8, 10.0.0.1.
  static absl::StatusOr<Word> Network(absl::string_view network);
  // What location takes: /, or segments of [A-Za-z0-9._~-] without a slash at the end, 1024 bytes
  // at most, neither empty nor . nor ..
  static absl::StatusOr<Word> Path(absl::string_view path);

  // Words made of checked ones and literals or numbers.
  static Word Join(std::initializer_list<class Part> parts);

  const std::string& text() const { return text_; }

 private:
  explicit Word(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// What Word::Join and NginxWriter take: to be used in the expression that it is made in.
class Part {
 public:
  consteval Part(const char* literal) : literal_(literal) {}  // NOLINT(google-explicit-constructor)
  Part(Literal literal) : literal_(literal.text()) {}         // NOLINT(google-explicit-constructor)
  Part(const Word& word) : literal_(word.text()) {}           // NOLINT(google-explicit-constructor)
  Part(int64_t number)
      : number_(number), is_number_(true) {}                 // NOLINT(google-explicit-constructor)
  Part(Bytes bytes) : number_(bytes.n), is_number_(true) {}  // NOLINT(google-explicit-constructor)
  Part(Milliseconds time)
      : literal_("ms"), number_(time.n), is_number_(true) {}  // NOLINT(google-explicit-constructor)

  void AppendTo(std::string& text) const;

 private:
  absl::string_view literal_;  // after the number, if there is one
  int64_t number_ = 0;
  bool is_number_ = false;
};

class NginxWriter {
 public:
  explicit NginxWriter(int indent = 0) : indent_(indent) {}

  // name arguments…;
  void Directive(Literal name, std::initializer_list<Part> arguments);
  // name arguments… { … }: until Close.
  void Open(Literal name, std::initializer_list<Part> arguments);
  void Close();
  // name { require("edge").function("argument", …) }; numbers are not quoted.
  struct LuaArgument {
    LuaArgument(const Word& word)
        : text("\"" + word.text() + "\"") {}  // NOLINT(google-explicit-constructor)
    LuaArgument(int64_t number)
        : text(std::to_string(number)) {}  // NOLINT(google-explicit-constructor)
    LuaArgument(bool truth)
        : text(truth ? "true" : "false") {}  // NOLINT(google-explicit-constructor)
    std::string text;
  };
  void Lua(Literal name, Literal function, std::initializer_list<LuaArgument> arguments);

  const std::string& text() const { return text_; }

 private:
  void Begin(Literal name, std::initializer_list<Part> arguments);

  std::string text_;
  int indent_;
};

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_NGINX_WRITER_H_
