// What the store forgets: events, audit records, requests, sessions and versions of objects of
// long ago.
#ifndef GRPC_OS_STORE_RETENTION_H_
#define GRPC_OS_STORE_RETENTION_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/limits.h"
#include "store/database.h"
#include "store/quota_table.h"

namespace grpc_os::store {

// For how long, or how much of it, is kept.
struct Kept {
  int64_t revisions = limits::kRevisionsKept;           // whose events can be read
  int64_t audit_records = limits::kAuditKept;           // of changes
  int64_t audit_refusals = limits::kAuditRefusalsKept;  // never keep changes out
  int64_t audit_ms = limits::kAuditKeptMs;
  int64_t requests_ms = limits::kRequestKeptMs;
  int64_t versions_ms = limits::kVersionKeptMs;
  // At most in one transaction, unless more is written meanwhile: it is not to fall behind.
  int step_rows = limits::kForgottenAtOnce;
  int64_t check_operations = 1000;  // looks for what is to go after so many operations,
  int64_t check_ms = 600'000;       // or this long after it looked last
};

// Used on the writer's thread, between its transactions; OldestRevision from any.
class Retention {
 public:
  // `now_ms`: by which it forgets.
  Retention(const Kept& kept, std::function<int64_t()> now_ms, QuotaBook& quotas,
            int64_t compact_revision)
      : kept_(kept),
        now_ms_(std::move(now_ms)),
        quotas_(quotas),
        compact_revision_(compact_revision),
        checked_ms_(now_ms_()) {}

  // Forgets some, in one transaction, if it is time to look. True: there is more to forget.
  // `operations`: that were committed since the store was opened.
  bool Step(Connection& connection, const Dialect& dialect, int64_t operations);

  // Events after this revision can be read.
  int64_t OldestRevision() const { return compact_revision_.load(std::memory_order_acquire); }
  int64_t swept_rows() const { return swept_rows_; }
  int64_t sweeps() const { return sweeps_; }  // steps that forgot something

 private:
  struct Swept {
    int64_t rows = 0;
    int64_t room = 0;             // how many rows may go
    int64_t newest_revision = 0;  // that was committed
    int64_t compact_revision = 0;
    bool more = false;
    size_t next_part = 0;  // that the next step begins with
  };
  absl::StatusOr<Swept> Sweep(Connection& connection, const Dialect& dialect);
  absl::StatusOr<int64_t> RoomOf(Connection& connection) const;
  absl::Status SweepEvents(Connection& connection, Swept& swept) const;
  absl::Status SweepChanges(Connection& connection, Swept& swept) const;
  absl::Status SweepRefusals(Connection& connection, Swept& swept) const;
  struct AuditPartKept;
  absl::Status SweepAudit(Connection& connection, Swept& swept, const AuditPartKept& part) const;
  absl::Status SweepRequests(Connection& connection, Swept& swept) const;
  absl::Status SweepSessions(Connection& connection, Swept& swept) const;
  absl::Status SweepVersions(Connection& connection, Swept& swept) const;

  const Kept kept_;
  const std::function<int64_t()> now_ms_;
  QuotaBook& quotas_;  // of what it forgets
  std::atomic<int64_t> compact_revision_;
  int64_t swept_rows_ = 0;
  int64_t sweeps_ = 0;
  // A start changes nothing: it may be refused for what is read next.
  bool more_ = false;
  size_t next_part_ = 0;
  int64_t swept_at_ = 0;  // the newest revision at the last step
  int64_t checked_operations_ = 0;
  int64_t checked_ms_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_RETENTION_H_
