// How much may lie below a prefix.
#ifndef GRPC_OS_CORE_OBJECT_QUOTA_H_
#define GRPC_OS_CORE_OBJECT_QUOTA_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace grpc_os::core {

// Of live objects: versions and folders do not count.
struct Quota {
  std::string prefix;       // a folder's name: "/" for all, "/logs/"
  int64_t max_objects = 0;  // 0: any number
  int64_t max_bytes = 0;
  int64_t objects = 0;  // there are
  int64_t bytes = 0;

  bool operator==(const Quota&) const = default;
};

// What a change does to the objects below a name. Views into what the change is made of.
struct QuotaDelta {
  std::string_view name;
  int64_t objects = 0;
  int64_t bytes = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_QUOTA_H_
