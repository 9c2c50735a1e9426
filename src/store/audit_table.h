// Audit records as rows. Each function runs inside a transaction of its caller.
#ifndef GRPC_OS_STORE_AUDIT_TABLE_H_
#define GRPC_OS_STORE_AUDIT_TABLE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/audit/audit.h"
#include "store/database.h"

namespace grpc_os::store {

// The two parts of the audit, each with its ids (core::AuditRecord) and its bound.
enum class AuditPart { kChanges, kRefusals };

// Under the next id of the part.
absl::Status InsertAudit(Connection& connection, const core::AuditRecord& record, AuditPart part);
// As core::AuditStore::ReadAudit.
absl::StatusOr<core::AuditPage> SelectAudit(Connection& connection, const core::AuditQuery& query);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_AUDIT_TABLE_H_
