// Audit records as rows. Each function runs inside a transaction of its caller.
#ifndef GRPC_OS_STORE_AUDIT_TABLE_H_
#define GRPC_OS_STORE_AUDIT_TABLE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/audit/audit.h"
#include "store/database.h"

namespace grpc_os::store {

// Under the next id.
absl::Status InsertAudit(Connection& connection, const core::AuditRecord& record);
// As core::AuditStore::ReadAudit.
absl::StatusOr<core::AuditPage> SelectAudit(Connection& connection, const core::AuditQuery& query);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_AUDIT_TABLE_H_
