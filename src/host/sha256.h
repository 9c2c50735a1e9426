// SHA-256 by OpenSSL.
#ifndef GRPC_OS_HOST_SHA256_H_
#define GRPC_OS_HOST_SHA256_H_

#include <string>
#include <string_view>

#include "core/digest.h"

namespace grpc_os::host {

class Sha256 final : public core::Digest {
 public:
  std::string Sha256Bytes(std::string_view text) const override;
  std::string Sha256Hex(std::string_view text) const override;
};

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_SHA256_H_
