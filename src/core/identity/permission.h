// What may be allowed.
#ifndef GRPC_OS_CORE_IDENTITY_PERMISSION_H_
#define GRPC_OS_CORE_IDENTITY_PERMISSION_H_

#include <string>
#include <vector>

namespace grpc_os::core {

// As the API declares it (grpc_os.v1.Permission).
struct Permission {
  std::string name = {};  // "process.read"
  // Of what a rule's prefix is the beginning: of nothing, of names of one word, of absolute paths.
  enum class Names { kNone, kWords, kPaths } names = Names::kNone;
  std::vector<std::string> roles = {};  // built-in ones that allow it, beside admin
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_PERMISSION_H_
