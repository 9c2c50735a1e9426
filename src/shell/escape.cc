#include "shell/escape.h"

#include <cstdint>

#include "absl/strings/str_format.h"

namespace grpc_os::shell {
namespace {

struct CodePoint {
  uint32_t value = 0;
  size_t bytes = 0;  // 0: what stands here is not UTF-8
};

// The code point that `text` begins with. Overlong forms, surrogates and numbers past U+10FFFF are
// not UTF-8.
CodePoint Decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return {};
  uint32_t value = first & (0xFFU >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3FU);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    return {};
  }
  return {value, length};
}

bool IsActedOn(uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) ||                     // C0, DEL, C1
         c == 0xAD || c == 0x61C || (c >= 0x200B && c <= 0x200F) ||  // invisible, direction marks
         (c >= 0x2028 && c <= 0x202E) ||  // line and paragraph separators, embeddings, overrides
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||  // isolates, invisible operators
         (c >= 0xE0000 && c <= 0xE007F);                 // tags
}

}  // namespace

std::string EscapeForTerminal(std::string_view text, Tabs tabs) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint c = Decode(text);
    if (c.bytes == 0) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<uint8_t>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    if (!IsActedOn(c.value) || (c.value == '\t' && tabs == Tabs::kKeep)) {
      out.append(text.substr(0, c.bytes));
    } else if (c.value == '\n') {
      out.append("\\n");
    } else if (c.value == '\t') {
      out.append("\\t");
    } else if (c.value == '\r') {
      out.append("\\r");
    } else if (c.value < 0x100) {
      absl::StrAppendFormat(&out, "\\x%02x", c.value);
    } else {
      absl::StrAppendFormat(&out, "\\u%04x", c.value);
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (const char c : text) {
    if ((static_cast<uint8_t>(c) & 0xC0) != 0x80) ++width;
  }
  return width;
}

}  // namespace grpc_os::shell
