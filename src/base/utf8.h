// What is UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF.
#ifndef GRPC_OS_BASE_UTF8_H_
#define GRPC_OS_BASE_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace grpc_os {

// How many bytes the character at the start of `text` (not empty) has; 0: there is none.
size_t Utf8CharacterLength(std::string_view text);

bool IsValidUtf8(std::string_view text);

// At most so many bytes of valid text, cut between two characters.
std::string TruncateUtf8(std::string text, size_t most);

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_UTF8_H_
