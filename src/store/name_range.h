// The names that begin with a prefix, as bounds of a query.
#ifndef GRPC_OS_STORE_NAME_RANGE_H_
#define GRPC_OS_STORE_NAME_RANGE_H_

#include <string>

#include "core/object/object_name.h"

namespace grpc_os::store {

// Where a query over an index of names begins: one bound, so that the engine goes straight there.
struct NameCursor {
  std::string name;
  bool itself = false;  // whether `name` is looked at too

  const char* comparison() const { return itself ? ">=" : ">"; }
};

// Of the names that begin with `prefix` those after `after`.
inline NameCursor CursorAfter(const std::string& prefix, const std::string& after) {
  return after >= prefix ? NameCursor{after, false} : NameCursor{prefix, true};
}

// The first name after all that begin with `prefix`.
inline std::string EndOfNames(const std::string& prefix) {
  std::string end = core::EndOfPrefix(prefix);
  // Of all names: no UTF-8 has this byte.
  return end.empty() ? "\xff" : end;
}

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_NAME_RANGE_H_
