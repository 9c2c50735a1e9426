#include "store/schema.h"

#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "store/former_roles.h"
#include "store/process_spec_migration.h"
#include "store/transaction.h"

namespace grpc_os::store {
namespace {

// One row. `revision` counts commits; the events of revisions up to `compact_revision` are no
// longer kept; `boot_id` is the machine's boot under which the daemon last ran.
constexpr const char* kStoreMeta = R"(
CREATE TABLE IF NOT EXISTS store_meta (
  id {integer} NOT NULL PRIMARY KEY,
  schema_version {integer} NOT NULL,
  revision {integer} NOT NULL,
  compact_revision {integer} NOT NULL,
  boot_id {key} NOT NULL
) {table})";

// Times are wall-clock milliseconds since 1970, enums the words of core/process/process.h, yes and
// no 1 and 0. exit_reason NULL: it never ended yet; exit_code NULL: not known.
constexpr const char* kProcesses = R"(
CREATE TABLE IF NOT EXISTS processes (
  id {key} NOT NULL PRIMARY KEY,
  name {key} NOT NULL UNIQUE,
  command {text} NOT NULL,
  working_directory {text} NOT NULL,
  account {text} NOT NULL,
  restart_policy {key} NOT NULL,
  stop_timeout_ms {integer} NOT NULL,
  stop_signal {integer} NOT NULL,
  log_max_bytes {integer} NOT NULL,
  desired_state {key} NOT NULL,
  generation {integer} NOT NULL,
  change_number {integer} NOT NULL,
  restart_number {integer} NOT NULL,
  instance_id {key} NOT NULL,
  instance_seq {integer} NOT NULL,
  provisional {integer} NOT NULL,
  state {key} NOT NULL,
  ready {integer} NOT NULL,
  pid {integer} NOT NULL,
  start_time_ms {integer} NOT NULL,
  restart_count {integer} NOT NULL,
  next_restart_time_ms {integer} NOT NULL,
  observed_generation {integer} NOT NULL,
  running_generation {integer} NOT NULL,
  status_message {text} NOT NULL,
  log_dropped_bytes {integer} NOT NULL,
  exit_reason {key},
  exit_code {integer},
  exit_signal {integer},
  exit_core_dumped {integer},
  exit_requested {integer},
  exit_attempt {integer},
  exit_start_time_ms {integer},
  exit_time_ms {integer},
  exit_message {text},
  create_time_ms {integer} NOT NULL,
  update_time_ms {integer} NOT NULL,
  revision {integer} NOT NULL
) {table})";

// One row of pairs (pairs.h) and not a row per variable: an environment is read and written whole,
// and 10,000 variables would be 10,000 statements. A table of its own, because a status changes
// often and must not write up to 1 MiB again each time.
constexpr const char* kProcessEnvironments = R"(
CREATE TABLE IF NOT EXISTS process_environments (
  process_id {key} NOT NULL PRIMARY KEY,
  variables {bytes} NOT NULL,
  FOREIGN KEY (process_id) REFERENCES processes (id) ON DELETE CASCADE
) {table})";

// Version 4: the names of the variables whose values are never shown, as words (pairs.h). No row:
// there are none.
constexpr const char* kProcessSecrets = R"(
CREATE TABLE IF NOT EXISTS process_secrets (
  process_id {key} NOT NULL PRIMARY KEY,
  names {text} NOT NULL,
  FOREIGN KEY (process_id) REFERENCES processes (id) ON DELETE CASCADE
) {table})";

// `attributes` as pairs: never searched, only handed out with their event.
constexpr const char* kEvents = R"(
CREATE TABLE IF NOT EXISTS events (
  revision {integer} NOT NULL,
  sequence {integer} NOT NULL,
  time_ms {integer} NOT NULL,
  kind {key} NOT NULL,
  resource_id {key} NOT NULL,
  name {path} NOT NULL,
  action {key} NOT NULL,
  attributes {bytes} NOT NULL,
  PRIMARY KEY (revision, sequence)
) {clustered_table})";

constexpr const char* kSessions = R"(
CREATE TABLE IF NOT EXISTS sessions (
  id {key} NOT NULL PRIMARY KEY,
  user_name {key} NOT NULL,
  method {key} NOT NULL,
  peer_uid {integer} NOT NULL,
  create_time_ms {integer} NOT NULL,
  expire_time_ms {integer} NOT NULL
) {table})";

// For forgetting expired sessions.
constexpr const char* kSessionsByExpiry =
    "CREATE INDEX IF NOT EXISTS sessions_by_expiry ON sessions (expire_time_ms)";

// Version 2. `roles` as words (pairs.h).
constexpr const char* kUsers = R"(
CREATE TABLE IF NOT EXISTS users (
  name {key} NOT NULL PRIMARY KEY,
  roles {text} NOT NULL,
  password_hash {text} NOT NULL,
  disabled {integer} NOT NULL,
  epoch {key} NOT NULL,
  change_number {integer} NOT NULL,
  create_time_ms {integer} NOT NULL,
  update_time_ms {integer} NOT NULL
) {table})";

// Made anew: sessions of version 1 lived for 15 minutes and knew neither source nor epoch.
constexpr const char* kDropSessions = "DROP TABLE IF EXISTS sessions";
constexpr const char* kSessions2 = R"(
CREATE TABLE IF NOT EXISTS sessions (
  id {key} NOT NULL PRIMARY KEY,
  user_name {key} NOT NULL,
  method {key} NOT NULL,
  peer_uid {integer} NOT NULL,
  source {text} NOT NULL,
  epoch {key} NOT NULL,
  refresh_number {integer} NOT NULL,
  token_digest {key} NOT NULL,
  label {text} NOT NULL,
  roles {text} NOT NULL,
  create_time_ms {integer} NOT NULL,
  expire_time_ms {integer} NOT NULL
) {table})";

// For the sessions that go with their user.
constexpr const char* kSessionsByUser =
    "CREATE INDEX IF NOT EXISTS sessions_by_user ON sessions (user_name)";

// Rows come at the end and go at the beginning; ids have no gaps.
constexpr const char* kAuditRecords = R"(
CREATE TABLE IF NOT EXISTS audit_records (
  id {integer} NOT NULL PRIMARY KEY,
  time_ms {integer} NOT NULL,
  user_name {key} NOT NULL,
  session_id {key} NOT NULL,
  source {text} NOT NULL,
  method {key} NOT NULL,
  resource {text} NOT NULL,
  result {key} NOT NULL,
  reason {key} NOT NULL,
  call_id {text} NOT NULL,
  occurrences {integer} NOT NULL
) {table})";

// For what one user did, and for what was done since a time.
constexpr const char* kAuditByUser =
    "CREATE INDEX IF NOT EXISTS audit_records_by_user ON audit_records (user_name, id)";
constexpr const char* kAuditByTime =
    "CREATE INDEX IF NOT EXISTS audit_records_by_time ON audit_records (time_ms)";

constexpr const char* kRequests = R"(
CREATE TABLE IF NOT EXISTS requests (
  user_name {key} NOT NULL,
  method {key} NOT NULL,
  request_id {key} NOT NULL,
  digest {key} NOT NULL,
  subject {text} NOT NULL,
  time_ms {integer} NOT NULL,
  PRIMARY KEY (user_name, method, request_id)
) {clustered_table})";

// For forgetting old ones.
constexpr const char* kRequestsByTime =
    "CREATE INDEX IF NOT EXISTS requests_by_time ON requests (time_ms)";

// Version 3. An index that is written with each change and read once a day does not pay: who looks
// through the audit reads it from its end (audit_table.h).
constexpr const char* kDropAuditByUser = "DROP INDEX IF EXISTS audit_records_by_user";
constexpr const char* kDropAuditByTime = "DROP INDEX IF EXISTS audit_records_by_time";

// Version 4. Every CREATE writes one row here and one entry for its name, and nothing else unless
// it has an expiry, an id that its maker wished, or a content that is a file: `id` is NULL where it
// is that of `number` (core/object/object_name.h), `expire_time_ms` 0 where it stays. `data` is
// last, so that all else is read without it; it is empty where `blob` is 1.
constexpr const char* kObjects = R"(
CREATE TABLE IF NOT EXISTS objects (
  number {integer} NOT NULL PRIMARY KEY,
  id {key},
  name {path} NOT NULL UNIQUE,
  folder {integer} NOT NULL,
  generation {integer} NOT NULL,
  metageneration {integer} NOT NULL,
  create_revision {integer} NOT NULL,
  revision {integer} NOT NULL,
  size_bytes {integer} NOT NULL,
  sha256 {digest} NOT NULL,
  crc32c {integer} NOT NULL,
  content_type {text} NOT NULL,
  metadata {bytes} NOT NULL,
  owner {key} NOT NULL,
  create_time_ms {integer} NOT NULL,
  update_time_ms {integer} NOT NULL,
  expire_time_ms {integer} NOT NULL,
  blob {integer} NOT NULL,
  data {bytes} NOT NULL
) {table})";

// Those that expire.
constexpr const char* kObjectExpiries = R"(
CREATE TABLE IF NOT EXISTS object_expiries (
  expire_time_ms {integer} NOT NULL,
  number {integer} NOT NULL,
  PRIMARY KEY (expire_time_ms, number)
) {clustered_table})";

// Ids that were wished, of live objects and of those that have versions. At most one of an id's
// objects is live.
constexpr const char* kObjectIds = R"(
CREATE TABLE IF NOT EXISTS object_ids (
  id {key} NOT NULL,
  number {integer} NOT NULL,
  PRIMARY KEY (id, number)
) {clustered_table})";

constexpr const char* kObjectVersions = R"(
CREATE TABLE IF NOT EXISTS object_versions (
  number {integer} NOT NULL,
  id {key},
  name {path} NOT NULL,
  folder {integer} NOT NULL,
  generation {integer} NOT NULL,
  metageneration {integer} NOT NULL,
  create_revision {integer} NOT NULL,
  revision {integer} NOT NULL,
  size_bytes {integer} NOT NULL,
  sha256 {digest} NOT NULL,
  crc32c {integer} NOT NULL,
  content_type {text} NOT NULL,
  metadata {bytes} NOT NULL,
  owner {key} NOT NULL,
  create_time_ms {integer} NOT NULL,
  update_time_ms {integer} NOT NULL,
  expire_time_ms {integer} NOT NULL,
  blob {integer} NOT NULL,
  retire_time_ms {integer} NOT NULL,
  deleted {integer} NOT NULL,
  data {bytes} NOT NULL,
  PRIMARY KEY (number, generation)
) {table})";

// For the history of a name, and for forgetting old ones.
constexpr const char* kObjectVersionsByName =
    "CREATE INDEX IF NOT EXISTS object_versions_by_name ON object_versions (name, generation)";
constexpr const char* kObjectVersionsByTime =
    "CREATE INDEX IF NOT EXISTS object_versions_by_time ON object_versions (retire_time_ms)";

// Version 5: for listing what was deleted, of each name the last one first. Where the engine lets
// it, only of what ended by deletion, so that no other change pays for it.
constexpr const char* kObjectVersionsDeleted = R"(
CREATE INDEX IF NOT EXISTS object_versions_deleted
  ON object_versions (name, retire_time_ms DESC, generation DESC){where_deleted})";

// Contents that are files: how many live objects and versions have this one. `zero_time_ms`: since
// when none has; NULL where one has.
constexpr const char* kBlobs = R"(
CREATE TABLE IF NOT EXISTS blobs (
  sha256 {digest} NOT NULL PRIMARY KEY,
  size_bytes {integer} NOT NULL,
  refs {integer} NOT NULL,
  zero_time_ms {integer}
) {clustered_table})";

// For removing the files of those that nothing has.
constexpr const char* kBlobsByTime =
    "CREATE INDEX IF NOT EXISTS blobs_by_time ON blobs (zero_time_ms)";

// With what is used of them. `prefix` is the name of a folder; 0: not bounded.
constexpr const char* kObjectQuotas = R"(
CREATE TABLE IF NOT EXISTS object_quotas (
  prefix {path} NOT NULL PRIMARY KEY,
  max_objects {integer} NOT NULL,
  max_bytes {integer} NOT NULL,
  objects {integer} NOT NULL,
  bytes {integer} NOT NULL
) {clustered_table})";

// `rules` as words (pairs.h), three of each.
constexpr const char* kRoles = R"(
CREATE TABLE IF NOT EXISTS roles (
  name {key} NOT NULL PRIMARY KEY,
  description {text} NOT NULL,
  rules {text} NOT NULL,
  change_number {integer} NOT NULL,
  create_time_ms {integer} NOT NULL,
  update_time_ms {integer} NOT NULL
) {table})";

// Version 6: a ProcessSpec in its tagged encoding (core/tagged.h), where columns, an environment
// and secrets were. A table of its own, because a status changes often and must not write up to
// 1 MiB again each time.
constexpr const char* kProcessSpecs = R"(
CREATE TABLE IF NOT EXISTS process_specs (
  process_id {key} NOT NULL PRIMARY KEY,
  spec {bytes} NOT NULL,
  FOREIGN KEY (process_id) REFERENCES processes (id) ON DELETE CASCADE
) {table})";
constexpr const char* kDropProcessCommand = "ALTER TABLE processes {drop_column} command";
constexpr const char* kDropProcessDirectory =
    "ALTER TABLE processes {drop_column} working_directory";
constexpr const char* kDropProcessAccount = "ALTER TABLE processes {drop_column} account";
constexpr const char* kDropProcessRestart = "ALTER TABLE processes {drop_column} restart_policy";
constexpr const char* kDropProcessTimeout = "ALTER TABLE processes {drop_column} stop_timeout_ms";
constexpr const char* kDropProcessSignal = "ALTER TABLE processes {drop_column} stop_signal";
constexpr const char* kDropProcessLogBytes = "ALTER TABLE processes {drop_column} log_max_bytes";
constexpr const char* kDropProcessEnvironments = "DROP TABLE IF EXISTS process_environments";
constexpr const char* kDropProcessSecrets = "DROP TABLE IF EXISTS process_secrets";

// Also version 6: every kind of resource. `spec` and `status` are tagged (core/tagged.h); an empty
// status is none yet.
constexpr const char* kResources = R"(
CREATE TABLE IF NOT EXISTS resources (
  kind {key} NOT NULL,
  id {key} NOT NULL,
  name {key} NOT NULL,
  owner {key} NOT NULL,
  generation {integer} NOT NULL,
  observed_generation {integer} NOT NULL,
  create_time_ms {integer} NOT NULL,
  update_time_ms {integer} NOT NULL,
  revision {integer} NOT NULL,
  spec {bytes} NOT NULL,
  status {bytes} NOT NULL,
  PRIMARY KEY (kind, id),
  UNIQUE (kind, name)
) {table})";

// What only one resource may have, of whatever kind.
constexpr const char* kClaims = R"(
CREATE TABLE IF NOT EXISTS claims (
  kind {key} NOT NULL,
  claimed {path} NOT NULL,
  resource_kind {key} NOT NULL,
  resource_id {key} NOT NULL,
  PRIMARY KEY (kind, claimed)
) {clustered_table})";
constexpr const char* kClaimsByResource =
    "CREATE INDEX IF NOT EXISTS claims_by_resource ON claims (resource_kind, resource_id)";
constexpr const char* kDropRoles = "DROP TABLE IF EXISTS roles";

// Version 7.
constexpr const char* kQuotaVersions =
    "ALTER TABLE object_quotas {add_column} include_versions {integer} NOT NULL DEFAULT 0";

// A statement, or a function that converts rows and skips those that it has converted.
using Step = std::variant<const char*, absl::Status (*)(Connection&)>;

struct Migration {
  int64_t version;  // that it leads to
  std::vector<Step> steps;
};

const std::vector<Migration>& Migrations() {
  static const auto& migrations = *new std::vector<Migration>{
      {1, {kProcesses, kProcessEnvironments, kEvents, kSessions, kSessionsByExpiry}},
      {2,
       {kUsers, kDropSessions, kSessions2, kSessionsByExpiry, kSessionsByUser, kAuditRecords,
        kAuditByUser, kAuditByTime, kRequests, kRequestsByTime}},
      {3, {kDropAuditByUser, kDropAuditByTime}},
      {4,
       {kObjects, kObjectExpiries, kObjectIds, kObjectVersions, kObjectVersionsByName,
        kObjectVersionsByTime, kBlobs, kBlobsByTime, kObjectQuotas, kRoles, kProcessSecrets}},
      {5, {kObjectVersionsDeleted}},
      {6,
       {kProcessSpecs, EncodeProcessSpecs, kDropProcessCommand, kDropProcessDirectory,
        kDropProcessAccount, kDropProcessRestart, kDropProcessTimeout, kDropProcessSignal,
        kDropProcessLogBytes, kDropProcessEnvironments, kDropProcessSecrets, kResources, kClaims,
        kClaimsByResource, MoveRoles, kDropRoles}},
      {7, {kQuotaVersions}},
  };
  return migrations;
}

std::string InDialect(const char* sql, const Dialect& dialect) {
  return absl::StrReplaceAll(sql, {{"{integer}", dialect.integer},
                                   {"{key}", dialect.key},
                                   {"{text}", dialect.text},
                                   {"{path}", dialect.path},
                                   {"{digest}", dialect.digest},
                                   {"{bytes}", dialect.bytes},
                                   {"{table}", dialect.table},
                                   {"{where_deleted}", dialect.where_deleted},
                                   {"{drop_column}", dialect.drop_column},
                                   {"{add_column}", dialect.add_column},
                                   {"{clustered_table}", dialect.clustered_table}});
}

// 0: nothing is there yet.
absl::StatusOr<int64_t> SchemaVersion(Connection& writer) {
  auto statement = writer.Prepare("SELECT schema_version FROM store_meta WHERE id = 1");
  if (!statement.ok()) return statement.status();
  const auto row = (*statement)->Step();
  if (!row.ok()) return row.status();
  const int64_t version = *row ? (*statement)->Int(0) : 0;
  (*statement)->Reset();
  return version;
}

absl::Status SetSchemaVersion(Connection& writer, int64_t version) {
  auto statement = version == 1
                       ? writer.Prepare(
                             "INSERT INTO store_meta "
                             "(id, schema_version, revision, compact_revision, boot_id) "
                             "VALUES (1, ?, 0, 0, '')")
                       : writer.Prepare("UPDATE store_meta SET schema_version = ? WHERE id = 1");
  if (!statement.ok()) return statement.status();
  (*statement)->BindInt(0, version);
  return (*statement)->Step().status();
}

absl::Status Apply(Connection& writer, const Dialect& dialect, const Migration& migration) {
  Transaction transaction(writer);
  if (auto status = transaction.Begin(dialect.begin_write); !status.ok()) return status;
  for (const Step& step : migration.steps) {
    const auto* const sql = std::get_if<const char*>(&step);
    const absl::Status status =
        sql != nullptr ? writer.Execute(InDialect(*sql, dialect)) : std::get<1>(step)(writer);
    if (!status.ok()) return status;
  }
  if (auto status = SetSchemaVersion(writer, migration.version); !status.ok()) return status;
  return transaction.Commit();
}

absl::Status RefuseNewer(int64_t version) {
  if (version <= kSchemaVersion) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the database was made by a newer gRPC OS: its schema has version ", version,
      ", this program knows versions up to ", kSchemaVersion,
      ". It is never touched; install that gRPC OS again, or restore a backup of this version"));
}

}  // namespace

absl::StatusOr<bool> IsOlder(Connection& reader) {
  const auto version = SchemaVersion(reader);
  if (!version.ok()) return version.status();
  return *version != 0 && *version < kSchemaVersion;
}

absl::Status CheckNotNewer(Connection& reader) {
  const auto version = SchemaVersion(reader);
  // A database without tables has no version; Migrate meets what else is wrong.
  if (!version.ok())
    return absl::IsDataLoss(version.status()) ? version.status() : absl::OkStatus();
  return RefuseNewer(*version);
}

absl::Status Migrate(Connection& writer, const Dialect& dialect, int64_t to) {
  if (auto status = writer.Execute(InDialect(kStoreMeta, dialect)); !status.ok()) return status;
  const auto version = SchemaVersion(writer);
  if (!version.ok()) return version.status();
  if (auto status = RefuseNewer(*version); !status.ok()) return status;
  for (const Migration& migration : Migrations()) {
    if (migration.version <= *version || migration.version > to) continue;
    if (auto status = Apply(writer, dialect, migration); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace grpc_os::store
