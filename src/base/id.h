// Identifiers.
#ifndef GRPC_OS_BASE_ID_H_
#define GRPC_OS_BASE_ID_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace grpc_os {

// `prefix` and 16 characters of a-z 0-9: 48 bits of wall-clock milliseconds, then 32 random bits,
// in Crockford's base 32, so that ids sort by age. Unique in practice; the store has the last word.
std::string NewId(std::string_view prefix, int64_t now_ms);

// 128 random bits from the kernel, as 32 hexadecimal digits.
std::string RandomHex128();

// 256 random bits from the kernel, as 43 characters of base64url.
std::string RandomUrl256();

// Whether `text` has the form of an id: lower-case letters, `_`, then letters or digits, with a
// prefix that some kind of thing uses (proc_, obj_, user_, …).
bool LooksLikeId(std::string_view text);

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_ID_H_
