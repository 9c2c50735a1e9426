#include "supervise/printable.h"

#include <algorithm>
#include <cstdint>

#include "base/utf8.h"

namespace grpc_os::supervise {

std::string Printable(std::string_view text, size_t most_bytes) {
  std::string out;
  while (!text.empty()) {
    const size_t length = Utf8CharacterLength(text);
    if (out.size() + std::max<size_t>(length, 1) > most_bytes) break;
    const auto first = static_cast<uint8_t>(text[0]);
    // U+0080 … U+009F are control characters too.
    const bool control = first < 0x20 || first == 0x7f ||
                         (length == 2 && first == 0xc2 && static_cast<uint8_t>(text[1]) < 0xa0);
    if (length == 0 || control) {
      out.push_back('?');
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

}  // namespace grpc_os::supervise
