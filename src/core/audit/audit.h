// The audit: who did what, from where, and how it ended.
#ifndef GRPC_OS_CORE_AUDIT_AUDIT_H_
#define GRPC_OS_CORE_AUDIT_AUDIT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/requester.h"

namespace grpc_os::core {

// One call, or several alike.
struct AuditRecord {
  // Given by the store: changes count up from 1, refusals, which have a bound of their own, down
  // from -1.
  int64_t id = 0;
  int64_t time_ms = 0;
  std::string user;  // empty: nobody was logged in
  std::string session_id;
  std::string source;    // "uid 1000" or an address
  std::string method;    // "grpc_os.v1.ProcessService/StartProcess"
  std::string resource;  // what it was about: an id or name, as the call gave it
  std::string result = "OK";
  std::string reason;   // of a refusal: core/error_reason.h
  std::string call_id;  // x-request-id
  int64_t count = 1;

  bool operator==(const AuditRecord&) const = default;
};

// How far somebody has looked through the audit from its end: what is left are the changes of lower
// ids and the refusals of higher ones.
struct AuditPlace {
  int64_t change = INT64_MAX;
  int64_t refusal = INT64_MIN;

  void Pass(const AuditRecord& record) { (record.id > 0 ? change : refusal) = record.id; }
  bool operator==(const AuditPlace&) const = default;
};

struct AuditQuery {
  AuditPlace after = {};
  int64_t since_ms = 0;
  std::string user = {};  // empty: all
  int limit = 100;
  Requester by = {};
};
// Looking through a long audit takes several pages, and one may be empty.
struct AuditPage {
  std::vector<AuditRecord> records = {};
  std::optional<AuditPlace> next = {};  // for the next page; nullopt: that was all
};

// The port to where it is kept. Thread-safe.
class AuditStore {
 public:
  virtual ~AuditStore() = default;
  // Records that belong to no other transaction; those that are not OK are refusals. `done` comes
  // once they are durable.
  virtual void PutAudit(std::vector<AuditRecord> records,
                        std::function<void(absl::Status)> done) = 0;
  // The newest first. `done` comes on a thread of the store.
  virtual void ReadAudit(const AuditQuery& query,
                         std::function<void(absl::StatusOr<AuditPage>)> done) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_AUDIT_AUDIT_H_
