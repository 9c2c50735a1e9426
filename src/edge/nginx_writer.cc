#include "edge/nginx_writer.h"

#include <arpa/inet.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace grpc_os::edge {
namespace {

constexpr size_t kHostBytes = 253;
constexpr size_t kLabelBytes = 63;
constexpr size_t kIdentifierBytes = 128;
constexpr size_t kPathBytes = 1024;

absl::Status Refusal(absl::string_view what, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("'", absl::CHexEscape(text), "' is no ", what));
}

bool IsLabel(absl::string_view label) {
  if (label.empty() || label.size() > kLabelBytes || label.front() == '-' || label.back() == '-') {
    return false;
  }
  for (char c : label) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '-') return false;
  }
  return true;
}

bool IsSegment(absl::string_view segment) {
  if (segment.empty() || segment == "." || segment == "..") return false;
  for (char c : segment) {
    if (!absl::ascii_isalnum(c) && c != '.' && c != '_' && c != '~' && c != '-') return false;
  }
  return true;
}

bool IsAddress(int family, absl::string_view text) {
  in6_addr address;
  const std::string copy(text);  // inet_pton stops at a NUL
  return copy.find('\0') == std::string::npos && inet_pton(family, copy.c_str(), &address) == 1;
}

// Decimal digits alone, without a zero in front.
bool IsNumber(absl::string_view text, int least, int most) {
  int number = 0;
  return !text.empty() && text.size() <= 5 && absl::ascii_isdigit(text.front()) &&
         (text.front() != '0' || text.size() == 1) && absl::SimpleAtoi(text, &number) &&
         number >= least && number <= most && absl::StrCat(number) == text;
}

bool IsPort(absl::string_view text) { return IsNumber(text, 1, 65535); }

}  // namespace

absl::StatusOr<Word> Word::Identifier(absl::string_view text) {
  bool good = !text.empty() && text.size() <= kIdentifierBytes;
  for (char c : text) good = good && (absl::ascii_isalnum(c) || c == '_');
  if (!good) return Refusal("identifier", text);
  return Word(std::string(text));
}

absl::StatusOr<Word> Word::ServerName(absl::string_view host) {
  if (host.size() > kHostBytes) return Refusal("host name", host);
  absl::string_view exact = host;
  const bool wildcard = host.substr(0, 2) == "*.";
  if (wildcard) exact.remove_prefix(2);
  for (absl::string_view label : absl::StrSplit(exact, '.')) {
    if (!IsLabel(label)) return Refusal("host name", host);
  }
  if (!wildcard) return Word(std::string(host));
  // nginx's own wildcard would stand for several labels.
  return Word(absl::StrCat("\"~^[^.]{1,63}\\.", absl::StrReplaceAll(exact, {{".", "\\."}}), "$\""));
}

absl::StatusOr<Word> Word::ListenAddress(absl::string_view address) {
  const size_t colon = address.rfind(':');
  const absl::string_view port = address.substr(colon == absl::string_view::npos ? 0 : colon + 1);
  if (!IsPort(port)) return Refusal("address to listen on", address);
  if (colon == absl::string_view::npos) return Word(std::string(address));
  absl::string_view host = address.substr(0, colon);
  bool good = IsAddress(AF_INET, host);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    good = IsAddress(AF_INET6, host.substr(1, host.size() - 2));
  }
  if (!good) return Refusal("address to listen on", address);
  return Word(std::string(address));
}

absl::StatusOr<Word> Word::Network(absl::string_view network) {
  const size_t slash = network.find('/');
  const absl::string_view address = network.substr(0, slash);
  const bool v4 = IsAddress(AF_INET, address);
  if (!v4 && !IsAddress(AF_INET6, address)) return Refusal("network", network);
  if (slash != absl::string_view::npos && !IsNumber(network.substr(slash + 1), 0, v4 ? 32 : 128)) {
    return Refusal("network", network);
  }
  return Word(std::string(network));
}

absl::StatusOr<Word> Word::Path(absl::string_view path) {
  if (path == "/") return Word(std::string(path));
  if (path.empty() || path.size() > kPathBytes || path.front() != '/') return Refusal("path", path);
  for (absl::string_view segment : absl::StrSplit(path.substr(1), '/')) {
    if (!IsSegment(segment)) return Refusal("path", path);
  }
  return Word(std::string(path));
}

Word Word::Join(std::initializer_list<Part> parts) {
  std::string text;
  for (const Part& part : parts) part.AppendTo(text);
  return Word(std::move(text));
}

void Part::AppendTo(std::string& text) const {
  if (is_number_) absl::StrAppend(&text, number_);
  absl::StrAppend(&text, literal_);
}

void NginxWriter::Begin(Literal name, std::initializer_list<Part> arguments) {
  absl::StrAppend(&text_, std::string(static_cast<size_t>(indent_) * 2, ' '), name.text());
  for (const Part& argument : arguments) {
    text_ += ' ';
    argument.AppendTo(text_);
  }
}

void NginxWriter::Directive(Literal name, std::initializer_list<Part> arguments) {
  Begin(name, arguments);
  text_ += ";\n";
}

void NginxWriter::Open(Literal name, std::initializer_list<Part> arguments) {
  Begin(name, arguments);
  text_ += " {\n";
  ++indent_;
}

void NginxWriter::Close() {
  --indent_;
  absl::StrAppend(&text_, std::string(static_cast<size_t>(indent_) * 2, ' '), "}\n");
}

void NginxWriter::Lua(Literal name, Literal function,
                      std::initializer_list<LuaArgument> arguments) {
  Begin(name, {});
  absl::StrAppend(&text_, " { require(\"edge\").", function.text(), "(");
  const char* separator = "";
  for (const LuaArgument& argument : arguments) {
    absl::StrAppend(&text_, std::exchange(separator, ", "), argument.text);
  }
  text_ += ") }\n";
}

}  // namespace grpc_os::edge
