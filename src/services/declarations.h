// What the API's protos declare beside methods: permissions, and kinds of things.
#ifndef GRPC_OS_SERVICES_DECLARATIONS_H_
#define GRPC_OS_SERVICES_DECLARATIONS_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/identity/permission.h"
#include "services/method_table.h"

namespace grpc_os::services {

// See grpc_os.v1.Kind.
struct Kind {
  std::string name;
  std::string permission;  // or kAnyLogin
  bool watched_by_default = false;
};

struct Declarations {
  std::vector<core::Permission> permissions;  // in the order of their names
  std::vector<Kind> kinds;                    // as well

  // Of these files. FAILED_PRECONDITION, naming each one: a permission that a method or kind names
  // and that is not declared, is declared twice, or that nothing needs; a built-in role that is
  // none; two kinds of one name.
  static absl::StatusOr<Declarations> Build(
      const std::vector<const google::protobuf::FileDescriptor*>& files,
      const MethodTable& methods);
  // Of the API of this program.
  static absl::StatusOr<Declarations> BuildApi();

  // nullptr: there is none.
  const Kind* FindKind(std::string_view name) const;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_DECLARATIONS_H_
