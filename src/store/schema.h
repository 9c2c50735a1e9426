// The tables, as numbered migrations.
#ifndef GRPC_OS_STORE_SCHEMA_H_
#define GRPC_OS_STORE_SCHEMA_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/database.h"
#include "store/dialect.h"

namespace grpc_os::store {

// The newest schema that this program knows.
inline constexpr int64_t kSchemaVersion = 7;

// Brings the database behind `writer` to kSchemaVersion, one transaction per version; what is there
// already is left alone, so that an interrupted migration can be run again where the engine commits
// each CREATE by itself. FAILED_PRECONDITION: the database is of a newer version; nothing was
// changed. DATA_LOSS: a row cannot be converted. `to`: an earlier version, for tests.
absl::Status Migrate(Connection& writer, const Dialect& dialect, int64_t to = kSchemaVersion);

// Whether it has tables of an older version, which Migrate would change.
absl::StatusOr<bool> IsOlder(Connection& reader);

// The same refusal, by a connection that writes nothing.
absl::Status CheckNotNewer(Connection& reader);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SCHEMA_H_
