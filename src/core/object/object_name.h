// The grammar of objects' names and ids.
#ifndef GRPC_OS_CORE_OBJECT_OBJECT_NAME_H_
#define GRPC_OS_CORE_OBJECT_OBJECT_NAME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/violations.h"

namespace grpc_os::core {

// Gives the absolute name: "a/b" → "/a/b", "a/" → "/a/". Adds to `violations` what is wrong with
// it: empty segments, "." and "..", segments over 255 bytes, over limits::kPathBytes in all,
// invalid or overlong UTF-8, control characters (U+0000–U+001F, U+007F–U+009F), "/" alone where
// `root` is not allowed, a relative name that is a reference by id.
enum class Root { kRefused, kAllowed };
std::string ObjectName(std::string_view given, const std::string& field, Violations& violations,
                       Root root = Root::kRefused);
// "obj_" and 1 to 32 of a-z 0-9: a reference by id.
bool IsObjectId(std::string_view reference);
// An id that a creator wishes: not 13 of them, which is the form of generated ids.
void CheckObjectId(std::string_view id, const std::string& field, Violations& violations);

// "obj_" and `number` as 13 digits of base 32 (0-9 a-v), so that ids sort as numbers do.
std::string ObjectIdOf(int64_t number);
std::optional<int64_t> NumberOfObjectId(std::string_view id);

// "/proc", "/sys", "/domains" and all below: the system's own.
bool IsSystemName(std::string_view name);
// "/a/b/c" → "/a", "/a/b": what must not be an object. "/a/b/" → "/a", "/a/b".
std::vector<std::string> AncestorsOf(std::string_view name);
// The first name after all that begin with `prefix`, in the order of bytes; empty: there is none.
std::string EndOfPrefix(std::string prefix);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_OBJECT_NAME_H_
