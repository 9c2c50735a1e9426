// All contents, live and of versions, page by page. Inside a transaction of its caller; errors are
// the storage's.
#ifndef GRPC_OS_STORE_OBJECT_CONTENTS_H_
#define GRPC_OS_STORE_OBJECT_CONTENTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "core/object/content_index.h"
#include "store/database.h"

namespace grpc_os::store {

// See core::ContentIndex. INVALID_ARGUMENT: `from` is not of a page.
absl::StatusOr<core::ContentPage> SelectContents(Connection& connection, const std::string& prefix,
                                                 const std::string& from, int limit);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_OBJECT_CONTENTS_H_
