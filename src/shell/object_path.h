// The names of objects as people type them.
#ifndef GRPC_OS_SHELL_OBJECT_PATH_H_
#define GRPC_OS_SHELL_OBJECT_PATH_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace grpc_os::shell {

// `typed` as the API takes it: an id ("obj_" and 1 to 32 of a-z 0-9) as it is, all else as an
// absolute name. One without a leading slash counts from `directory`, which ends with a slash; ".",
// ".." and double slashes are resolved as `cd` does, above "/" is "/". A slash at the end stays.
std::string ResolveName(std::string_view directory, std::string_view typed);

bool IsObjectId(std::string_view name);

// Of what may go on: the folder that was typed so far, resolved, and what stands behind it.
std::string ResolveBegun(std::string_view directory, std::string_view typed);

// "NAME@GENERATION". Without a generation, and with @0, which lets a name end with "@5", the live
// object.
struct VersionedName {
  std::string name;
  int64_t generation = 0;
};
VersionedName ParseVersionedName(std::string_view typed);

// What stands behind the last slash but one at the end: "/a/b/" and "/a/b" → "b", "/" → "/".
std::string LastSegment(std::string_view name);
// With a slash at the end.
std::string AsFolder(std::string name);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_OBJECT_PATH_H_
