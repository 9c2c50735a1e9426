#include "services/convert/media_type.h"

#include <cstddef>

#include "absl/strings/ascii.h"

namespace grpc_os::services {
namespace {

// Each takes what it is called after from the beginning of `rest`, if that is there.

bool Take(char byte, std::string_view& rest) {
  if (rest.empty() || rest.front() != byte) return false;
  rest.remove_prefix(1);
  return true;
}

bool TakeToken(std::string_view& rest) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  size_t size = 0;
  while (size < rest.size() &&
         (absl::ascii_isalnum(rest[size]) || kMarks.find(rest[size]) != std::string_view::npos)) {
    ++size;
  }
  rest.remove_prefix(size);
  return size > 0;
}

bool TakeQuoted(std::string_view& rest) {
  if (!Take('"', rest)) return false;
  while (!rest.empty()) {
    if (Take('"', rest)) return true;
    Take('\\', rest);
    if (rest.empty() || !absl::ascii_isprint(rest.front())) return false;
    rest.remove_prefix(1);
  }
  return false;
}

void TakeBlanks(std::string_view& rest) {
  while (Take(' ', rest)) {
  }
}

}  // namespace

bool IsMediaType(std::string_view text) {
  if (!TakeToken(text) || !Take('/', text) || !TakeToken(text)) return false;
  while (!text.empty()) {
    TakeBlanks(text);
    if (!Take(';', text)) return false;
    TakeBlanks(text);
    if (!TakeToken(text) || !Take('=', text)) return false;
    if (!TakeQuoted(text) && !TakeToken(text)) return false;
  }
  return true;
}

}  // namespace grpc_os::services
