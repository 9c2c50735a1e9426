#include "host/sha256.h"

#include <openssl/sha.h>

#include <array>

#include "absl/strings/escaping.h"

namespace grpc_os::host {

std::string Sha256::Sha256Bytes(std::string_view text) const {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string Sha256::Sha256Hex(std::string_view text) const {
  return absl::BytesToHexString(Sha256Bytes(text));
}

}  // namespace grpc_os::host
