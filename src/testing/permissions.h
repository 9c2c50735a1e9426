// Permissions and built-in roles for tests of the core, which knows no protos. What the API really
// declares is tested in services/declarations_test.cc.
#ifndef GRPC_OS_TESTING_PERMISSIONS_H_
#define GRPC_OS_TESTING_PERMISSIONS_H_

#include <string>
#include <utility>
#include <vector>

#include "core/identity/permission.h"

namespace grpc_os::testing {

inline std::vector<core::Permission> Permissions() {
  using Names = core::Permission::Names;
  std::vector<core::Permission> permissions;
  const auto add = [&](std::string name, Names names, std::vector<std::string> roles) {
    permissions.push_back({.name = std::move(name), .names = names, .roles = std::move(roles)});
  };
  add("audit.read", Names::kNone, {});
  add("event.read", Names::kNone, {"operator", "viewer"});
  add("object.read", Names::kPaths, {"operator", "viewer"});
  add("object.write", Names::kPaths, {"operator"});
  add("process.read", Names::kWords, {"operator", "viewer"});
  add("process.write", Names::kWords, {"operator"});
  add("quota.read", Names::kPaths, {"operator", "viewer"});
  add("quota.write", Names::kPaths, {});
  add("role.write", Names::kWords, {});
  add("system.read", Names::kNone, {"operator", "viewer"});
  add("system.write", Names::kNone, {});
  add("user.read", Names::kWords, {});
  add("user.write", Names::kWords, {});
  return permissions;
}

}  // namespace grpc_os::testing

#endif  // GRPC_OS_TESTING_PERMISSIONS_H_
