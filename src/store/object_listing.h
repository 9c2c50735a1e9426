// Objects, and what was deleted, in the order of the bytes of their names. Each function runs
// inside a transaction of its caller, goes straight to where it begins, and errors are the
// storage's.
#ifndef GRPC_OS_STORE_OBJECT_LISTING_H_
#define GRPC_OS_STORE_OBJECT_LISTING_H_

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/object/object.h"
#include "core/object/object_store.h"
#include "store/database.h"

namespace grpc_os::store {

// As a time: nothing has expired by then.
inline constexpr int64_t kExpiredToo = std::numeric_limits<int64_t>::min();

// Names that begin with `prefix` and come after `after`. What has expired at `now_ms` is left out.
absl::StatusOr<std::vector<core::Object>> SelectObjects(Connection& connection,
                                                        const std::string& prefix,
                                                        const std::string& after, int limit,
                                                        int64_t now_ms);

// What lies in the folder `prefix` itself, after `after`. Of each folder in it one row is looked
// at, however much it holds: its own, or else Object{name = "/a/b/", folder = true,
// metageneration = 0}.
absl::StatusOr<std::vector<core::Object>> SelectChildren(Connection& connection,
                                                         const std::string& prefix,
                                                         const std::string& after, int limit,
                                                         int64_t now_ms);

// See ObjectQuery::deleted; at most `limit` whatever that says. Each name is gone to by itself, so
// that neither its other versions nor what lies in a folder that is only implied is read.
struct DeletedNames {
  std::vector<core::Object> objects;
  std::string stopped_at =
      {};  // the name at which `most_looks` ended it; empty: it came to its end
};
absl::StatusOr<DeletedNames> SelectDeleted(Connection& connection, const core::ObjectQuery& query,
                                           int limit);

// Counts at most `limit` rows from those after `after` on; with the name of the last, which is
// empty if there are no more.
absl::StatusOr<std::pair<core::ObjectUsage, std::string>> MeasureLive(Connection& connection,
                                                                      const std::string& prefix,
                                                                      const std::string& after,
                                                                      int limit);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_OBJECT_LISTING_H_
