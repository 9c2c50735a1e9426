// The port to a cryptographic digest.
#ifndef GRPC_OS_CORE_DIGEST_H_
#define GRPC_OS_CORE_DIGEST_H_

#include <string>
#include <string_view>

namespace grpc_os::core {

// Thread-safe.
class Digest {
 public:
  virtual ~Digest() = default;
  // SHA-256: 32 bytes.
  virtual std::string Sha256Bytes(std::string_view text) const = 0;
  // The same as 64 lower-case hexadecimal digits.
  virtual std::string Sha256Hex(std::string_view text) const = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DIGEST_H_
