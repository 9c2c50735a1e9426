// SHA-256 in pieces, by OpenSSL.
#ifndef GRPC_OS_HOST_CONTENT_SHA256_H_
#define GRPC_OS_HOST_CONTENT_SHA256_H_

#include <memory>

#include "core/object/content_hash.h"

namespace grpc_os::host {

class ContentSha256 final : public core::ContentHash {
 public:
  std::unique_ptr<core::RunningHash> Begin() const override;
};

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_CONTENT_SHA256_H_
