// The audit: who did what, from where, and how it ended.
#ifndef GRPC_OS_CORE_AUDIT_AUDIT_H_
#define GRPC_OS_CORE_AUDIT_AUDIT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/guarded.h"

namespace grpc_os::core {

// One call, or several alike.
struct AuditRecord {
  // Given by the store: changes count up from 1, refusals, which have a bound of their own, down
  // from -1.
  int64_t id = 0;
  int64_t time_ms = 0;
  std::string user;  // empty: nobody was logged in
  std::string session_id;
  std::string source;    // "uid 1000", "unix" or an address
  std::string method;    // "grpc_os.v1.ProcessService/StartProcess"
  std::string resource;  // what it was about: an id or name, as the call gave it
  std::string result = "OK";
  std::string reason;   // of a refusal: core/error_reason.h
  std::string call_id;  // x-request-id
  int64_t count = 1;

  bool operator==(const AuditRecord&) const = default;
};

// A change that its caller may ask for again under the same id: once it was committed, it is not
// carried out a second time.
struct RequestKey {
  std::string user;
  std::string method;
  std::string id;

  auto operator<=>(const RequestKey&) const = default;  // NOLINT(modernize-use-nullptr)
};
struct CommittedRequest {
  RequestKey key;
  std::string digest;   // of the request's content
  std::string subject;  // the id of what was changed, and what else a repeat has to know
  int64_t time_ms = 0;

  bool operator==(const CommittedRequest&) const = default;
};

// What a transaction leaves behind about those who asked for it. Written with it or not at all.
struct Trace {
  std::vector<AuditRecord> audit;
  std::vector<CommittedRequest> requests;
};

// What was learnt while a change was carried out; its call, which did not know, audits by it.
struct OriginFindings {
  bool ended = false;  // the call: nobody waits for its answer any more
  std::string user;    // whom a log-in is about, if there is such a user
  std::string source;  // "uid 1000", of a ticket
  // The record that was written tells how the call ends, so that it needs no other.
  bool told = false;
};

// By whom a change was asked for; goes with the change into its transaction. Copies are the same
// origin.
struct Origin {
  AuditRecord record;
  std::optional<CommittedRequest> request;
  // Set when the transaction is durable: the audit has its record.
  std::shared_ptr<std::atomic<bool>> written = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<Guarded<OriginFindings>> findings = std::make_shared<Guarded<OriginFindings>>();
  // Lets go of the request's key (core/request) when the last copy goes.
  std::shared_ptr<void> slot = nullptr;

  // Into the trace of a transaction. `subject`: see CommittedRequest.
  void LeaveIn(Trace& trace, std::string subject) const {
    trace.audit.push_back(record);
    if (!request) return;
    trace.requests.push_back(*request);
    trace.requests.back().subject = std::move(subject);
  }
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
