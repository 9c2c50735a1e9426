#include "store/check.h"

#include <cstdint>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/identity/user.h"
#include "core/resource/stored_kinds.h"
#include "store/event_table.h"
#include "store/meta_table.h"
#include "store/process_table.h"
#include "store/quota_table.h"
#include "store/resource_table.h"
#include "store/schema.h"
#include "store/session_table.h"
#include "store/transaction.h"
#include "store/user_table.h"

namespace grpc_os::store {
namespace {

// What is not as it should be goes into the report; what cannot be asked at all, too, because the
// rest can still be told.
class Checker {
 public:
  explicit Checker(Connection& connection) : connection_(connection) {}

  void Check() {
    if (auto status = CheckNotNewer(connection_); !status.ok()) return Find(status);
    const auto meta = ReadMeta(connection_);
    if (!meta.ok()) return Find(meta.status());
    meta_ = *meta;
    if (meta_.compact_revision < 0 || meta_.compact_revision > meta_.revision) {
      Find(absl::StrCat("compact_revision ", meta_.compact_revision, " is beyond revision ",
                        meta_.revision));
    }
    CheckProcesses();
    CheckResources();
    CheckUsersAndSessions();
    CheckEvents();
    CheckAudit();
    CheckObjects();
    CheckBlobs();
    CheckQuotas();
    report_.summary = absl::StrCat(
        "revision ", meta_.revision, ", ", processes_, " processes, ", users_, " users, ",
        resources_, sessions_, " sessions, ", Number("SELECT COUNT(*) FROM objects"), " objects, ",
        Number("SELECT COUNT(*) FROM object_versions"), " versions, ",
        Number("SELECT COUNT(*) FROM blobs"), " files of contents, ", quotas_, " quotas, ", events_,
        " events after revision ", meta_.compact_revision, ", ", audit_, " audit records, ",
        Number("SELECT COUNT(*) FROM requests"), " requests");
  }
  CheckReport report() && { return std::move(report_); }

 private:
  void Find(std::string finding) { report_.findings.push_back(std::move(finding)); }
  void Find(const absl::Status& status) { Find(std::string(status.message())); }
  template <typename T>
  T Rows(absl::StatusOr<T> rows) {
    if (rows.ok()) return *std::move(rows);
    Find(rows.status());
    return T();
  }
  int64_t Number(std::string_view sql) {
    auto statement = connection_.Prepare(sql);
    const auto row = statement.ok() ? (*statement)->Step() : statement.status();
    if (!row.ok()) {
      Find(row.status());
      return 0;
    }
    const int64_t number = *row ? (*statement)->Int(0) : 0;
    (*statement)->Reset();
    return number;
  }
  // `sql` counts rows that cannot be.
  void ExpectNone(std::string_view sql, const char* what) {
    if (const int64_t count = Number(sql); count != 0) Find(absl::StrCat(count, " ", what));
  }

  void CheckProcesses() {
    const auto processes = Rows(ReadProcesses(connection_));
    processes_ = processes.size();
    for (const core::Process& process : processes) {
      if (process.revision > 0 && process.revision <= meta_.revision) continue;
      Find(absl::StrCat("process ", process.id, " is of revision ", process.revision,
                        ", the newest is ", meta_.revision));
    }
  }

  void CheckResources() {
    for (const core::StoredKind& stored : core::StoredKinds()) {
      const auto rows = Rows(ReadResources(connection_, stored.kind.name));
      absl::StrAppend(&resources_, rows.size(), " ", stored.kind.name, "s, ");
      for (const core::StoredResource& row : rows) {
        if (const auto status = stored.check(row); !status.ok())
          Find(absl::StrCat("the stored ", row.kind, " ", row.name,
                            " is damaged: ", status.message()));
        if (row.revision > meta_.revision)
          Find(absl::StrCat("the ", row.kind, " ", row.name, " is of revision ", row.revision,
                            ", the newest is ", meta_.revision));
      }
    }
    std::vector<std::string> known;
    for (const core::StoredKind& stored : core::StoredKinds())
      known.push_back(absl::StrCat("'", stored.kind.name, "'"));
    ExpectNone(absl::StrCat("SELECT COUNT(*) FROM resources WHERE kind NOT IN (",
                            absl::StrJoin(known, ", "), ")"),
               "resources are of no kind that this program knows");
    ExpectNone("SELECT COUNT(*) FROM resources WHERE generation < 1",
               "resources have no generation");
    ExpectNone(
        "SELECT COUNT(*) FROM claims WHERE NOT EXISTS (SELECT 1 FROM resources WHERE "
        "resources.kind = claims.resource_kind AND resources.id = claims.resource_id)",
        "claims are of no resource");
  }

  void CheckUsersAndSessions() {
    std::set<std::string> role_names;
    for (const auto& role : Rows(ReadResources(connection_, core::kRoleKind.name)))
      role_names.insert(role.name);
    std::set<std::string> names = {core::kAdminUser};
    const auto users = Rows(ReadUsers(connection_));
    users_ = users.size();
    for (const core::User& user : users) {
      names.insert(user.name);
      for (const std::string& role : user.roles) {
        if (core::IsBuiltInRole(role) || role_names.contains(role)) continue;
        Find(absl::StrCat("the user ", user.name, " has the role ", role,
                          ", which is not there, and so may do nothing"));
      }
    }
    const auto sessions = Rows(ReadSessions(connection_, std::numeric_limits<int64_t>::min()));
    sessions_ = sessions.size();
    for (const core::Session& session : sessions) {
      if (names.contains(session.user)) continue;
      Find(absl::StrCat("session ", session.id, " is of the user ", session.user,
                        ", who is not there"));
    }
  }

  void CheckEvents() {
    ExpectNone(
        absl::StrCat("SELECT COUNT(*) FROM events WHERE revision <= ", meta_.compact_revision),
        "events are of revisions that are no longer kept");
    ExpectNone(absl::StrCat("SELECT COUNT(*) FROM events WHERE revision > ", meta_.revision),
               "events are of revisions that are yet to come");
    ExpectNone(
        "SELECT COUNT(*) FROM (SELECT revision FROM events GROUP BY revision "
        "HAVING MIN(sequence) <> 0 OR MAX(sequence) + 1 <> COUNT(*)) AS torn",
        "revisions lack some of their events");
    for (core::LogPosition after = meta_.compact_revision;;) {
      const auto events = Rows(SelectEvents(connection_, after, 1000));
      if (events.empty()) return;
      events_ += events.size();
      after = core::PositionOf(events.back());
    }
  }

  void CheckAudit() {
    audit_ = Number("SELECT COUNT(*) FROM audit_records");
    const int64_t ids =
        Number("SELECT COALESCE(MAX(id) - MIN(id) + 1, 0) FROM audit_records WHERE id > 0") +
        Number("SELECT COALESCE(MAX(id) - MIN(id) + 1, 0) FROM audit_records WHERE id < 0");
    if (ids != audit_)
      Find(absl::StrCat(ids - audit_, " audit records are missing among the others"));
  }

  void CheckObjects() {
    ExpectNone(absl::StrCat("SELECT COUNT(*) FROM objects WHERE revision > ", meta_.revision),
               "objects are of revisions that are yet to come");
    ExpectNone(
        "SELECT COUNT(*) FROM objects WHERE blob = 0 AND folder = 0 AND length(data) <> size_bytes",
        "objects do not have as many bytes as they should");
    ExpectNone(
        "SELECT COUNT(*) FROM objects WHERE (folder = 1) <> (substr(name, length(name)) = '/')",
        "objects have the name of a folder, or folders do not");
    ExpectNone(
        "SELECT COUNT(*) FROM objects WHERE expire_time_ms <> 0 AND NOT EXISTS (SELECT 1 FROM "
        "object_expiries WHERE object_expiries.expire_time_ms = objects.expire_time_ms AND "
        "object_expiries.number = objects.number)",
        "objects would never expire");
    ExpectNone(
        "SELECT COUNT(*) FROM object_expiries WHERE NOT EXISTS (SELECT 1 FROM objects WHERE "
        "objects.number = object_expiries.number AND "
        "objects.expire_time_ms = object_expiries.expire_time_ms)",
        "expiries are of no object");
    for (const char* table : {"objects", "object_versions"}) {
      ExpectNone(absl::StrCat("SELECT COUNT(*) FROM ", table,
                              " AS one WHERE id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "
                              "object_ids WHERE object_ids.id = one.id AND "
                              "object_ids.number = one.number)"),
                 "objects are not found by their ids");
    }
    ExpectNone(
        "SELECT COUNT(*) FROM object_ids WHERE number NOT IN (SELECT number FROM objects) AND "
        "number NOT IN (SELECT number FROM object_versions)",
        "ids are of no object");
  }

  void CheckBlobs() {
    ExpectNone(
        "SELECT COUNT(*) FROM (SELECT sha256 FROM objects WHERE blob = 1 UNION "
        "SELECT sha256 FROM object_versions WHERE blob = 1) AS used "
        "WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.sha256 = used.sha256)",
        "files of contents are not known");
    ExpectNone(
        "SELECT COUNT(*) FROM blobs LEFT JOIN (SELECT sha256, COUNT(*) AS refs FROM "
        "(SELECT sha256 FROM objects WHERE blob = 1 UNION ALL "
        "SELECT sha256 FROM object_versions WHERE blob = 1) AS each_use GROUP BY sha256) AS used "
        "ON used.sha256 = blobs.sha256 WHERE blobs.refs <> COALESCE(used.refs, 0)",
        "files of contents are not counted as often as they are used");
    ExpectNone("SELECT COUNT(*) FROM blobs WHERE (refs = 0) <> (zero_time_ms IS NOT NULL)",
               "files of contents do not tell since when nothing uses them");
  }

  void CheckQuotas() {
    const auto quotas = Rows(SelectQuotas(connection_));
    quotas_ = quotas.size();
    for (const core::Quota& quota : quotas) {
      const auto counted = Rows(CountQuota(connection_, quota));
      if (counted.objects == quota.objects && counted.bytes == quota.bytes) continue;
      Find(absl::StrCat("the quota of ", quota.prefix, " counts ", quota.objects, " objects of ",
                        quota.bytes, " bytes, there are ", counted.objects, " of ", counted.bytes));
    }
  }

  Connection& connection_;
  CheckReport report_;
  StoreMeta meta_;
  size_t processes_ = 0;
  size_t users_ = 0;
  std::string resources_;  // how many of each kind, for the summary
  size_t quotas_ = 0;
  size_t sessions_ = 0;
  size_t events_ = 0;
  int64_t audit_ = 0;
};

}  // namespace

absl::StatusOr<CheckReport> CheckContent(Connection& reader, const Dialect& dialect) {
  Transaction transaction(reader);
  if (auto status = transaction.Begin(dialect.begin_read); !status.ok()) return status;
  Checker checker(reader);
  checker.Check();
  return std::move(checker).report();
}

}  // namespace grpc_os::store
