// The port to a hash of contents that come in pieces.
#ifndef GRPC_OS_CORE_OBJECT_CONTENT_HASH_H_
#define GRPC_OS_CORE_OBJECT_CONTENT_HASH_H_

#include <memory>
#include <string>
#include <string_view>

namespace grpc_os::core {

// SHA-256 of what was added so far. For one thread at a time.
class RunningHash {
 public:
  virtual ~RunningHash() = default;
  virtual void Add(std::string_view bytes) = 0;
  virtual std::string Sha256() const = 0;  // 32 bytes; more can be added after it
};

// Thread-safe.
class ContentHash {
 public:
  virtual ~ContentHash() = default;
  virtual std::unique_ptr<RunningHash> Begin() const = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_CONTENT_HASH_H_
