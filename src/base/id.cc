#include "base/id.h"

#include <sys/random.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/escaping.h"

namespace grpc_os {
namespace {

void FillRandom(void* buffer, size_t size) {
  if (getrandom(buffer, size, 0) != static_cast<ssize_t>(size))
    abort();  // ≤256 bytes never fall short
}

constexpr std::array<std::string_view, 9> kIdPrefixes = {
    "proc_", "obj_", "user_", "role_", "dom_", "cert_", "zone_", "backup_", "evt_"};

}  // namespace

std::string NewId(std::string_view prefix, int64_t now_ms) {
  static constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";
  uint32_t random = 0;
  FillRandom(&random, sizeof random);
  std::string id(prefix);
  const auto time = static_cast<uint64_t>(now_ms) & ((uint64_t{1} << 48) - 1);
  // 80 bits, five at a time, highest first.
  for (int i = 15; i >= 0; --i) {
    const int shift = i * 5;
    uint64_t value = 0;
    if (shift >= 32) {
      value = time >> (shift - 32);
    } else if (shift + 5 <= 32) {
      value = random >> shift;
    } else {
      value = (static_cast<uint64_t>(random) >> shift) | (time << (32 - shift));
    }
    id.push_back(kDigits[value & 31]);
  }
  return id;
}

std::string RandomHex128() {
  std::array<unsigned char, 16> bytes;
  FillRandom(bytes.data(), bytes.size());
  std::string hex;
  for (const unsigned char byte : bytes) {
    hex.push_back("0123456789abcdef"[byte >> 4]);
    hex.push_back("0123456789abcdef"[byte & 15]);
  }
  return hex;
}

std::string RandomUrl256() {
  std::array<char, 32> bytes;
  FillRandom(bytes.data(), bytes.size());
  return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

bool LooksLikeId(std::string_view text) {
  for (const std::string_view prefix : kIdPrefixes) {
    if (text.substr(0, prefix.size()) == prefix) return true;
  }
  return false;
}

}  // namespace grpc_os
