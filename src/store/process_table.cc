#include "store/process_table.h"

#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error_detail.h"
#include "core/error_reason.h"
#include "core/tagged.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

using core::ExitReport;
using core::Process;

// BindRow and ReadRow follow this order. The id comes last, so that the same binding serves INSERT
// and UPDATE … WHERE id.
constexpr std::array<const char*, 31> kColumns = {
    "name",
    "desired_state",
    "generation",
    "change_number",
    "restart_number",
    "instance_id",
    "instance_seq",
    "provisional",
    "state",
    "ready",
    "pid",
    "start_time_ms",
    "restart_count",
    "next_restart_time_ms",
    "observed_generation",
    "running_generation",
    "status_message",
    "log_dropped_bytes",
    "exit_reason",
    "exit_code",
    "exit_signal",
    "exit_core_dumped",
    "exit_requested",
    "exit_attempt",
    "exit_start_time_ms",
    "exit_time_ms",
    "exit_message",
    "create_time_ms",
    "update_time_ms",
    "revision",
    "id",
};

const std::string& InsertSql() {
  static const auto& sql = *new std::string(
      absl::StrCat("INSERT INTO processes (", absl::StrJoin(kColumns, ", "), ") VALUES (",
                   absl::StrJoin(std::vector<const char*>(kColumns.size(), "?"), ", "), ")"));
  return sql;
}

const std::string& UpdateSql() {
  static const auto& sql = *new std::string(absl::StrCat(
      "UPDATE processes SET ", absl::StrJoin(kColumns.begin(), kColumns.end() - 1, " = ?, "),
      " = ? WHERE id = ?"));
  return sql;
}

const std::string& SelectSql() {
  static const auto& sql =
      *new std::string(absl::StrCat("SELECT p.", absl::StrJoin(kColumns, ", p."),
                                    ", s.spec FROM processes p LEFT JOIN process_specs s "
                                    "ON s.process_id = p.id ORDER BY p.id"));
  return sql;
}

constexpr int kExitColumns = 9;

void BindExit(RowBinder& row, const std::optional<ExitReport>& exit) {
  if (!exit.has_value()) {
    for (int i = 0; i < kExitColumns; ++i) row.Null();
    return;
  }
  row.Text(ToString(exit->reason));
  if (exit->exit_code.has_value()) {
    row.Int(*exit->exit_code);
  } else {
    row.Null();
  }
  row.Int(exit->signal).Int(exit->core_dumped).Int(exit->requested).Int(exit->attempt);
  row.Int(exit->start_time_ms).Int(exit->exit_time_ms).Text(exit->message);
}

void BindRow(Statement& statement, const Process& process, int64_t revision) {
  const core::ProcessStatus& status = process.status;
  RowBinder row(statement);
  row.Text(process.name).Text(ToString(process.desired)).Int(process.generation);
  row.Int(process.change_number).Int(process.restart_number).Text(process.instance_id);
  row.Int(process.instance_seq).Int(process.provisional).Text(ToString(status.state));
  row.Int(status.ready).Int(status.pid).Int(status.start_time_ms).Int(status.restart_count);
  row.Int(status.next_restart_time_ms).Int(status.observed_generation);
  row.Int(status.running_generation).Text(status.message).Int(status.log_dropped_bytes);
  BindExit(row, status.last_exit);
  row.Int(process.create_time_ms).Int(process.update_time_ms).Int(revision).Text(process.id);
}

absl::Status UnknownWord(const char* column, const std::string& word) {
  return absl::DataLossError(
      absl::StrCat("its ", column, " is \"", word, "\", which is no ", column));
}

absl::StatusOr<std::optional<ExitReport>> ReadExit(RowReader& row) {
  if (row.IsNull()) {
    row.Skip(kExitColumns);
    return std::optional<ExitReport>();
  }
  ExitReport exit;
  const std::string word = row.Text();
  const auto reason = core::ExitReasonFrom(word);
  if (!reason.has_value()) return UnknownWord("exit_reason", word);
  exit.reason = *reason;
  if (row.IsNull()) {
    row.Skip(1);
  } else {
    exit.exit_code = row.Int();
  }
  exit.signal = row.Int();
  exit.core_dumped = row.Bool();
  exit.requested = row.Bool();
  exit.attempt = row.Int();
  exit.start_time_ms = row.Int64();
  exit.exit_time_ms = row.Int64();
  exit.message = row.Text();
  return std::optional<ExitReport>(std::move(exit));
}

absl::Status ReadStatus(RowReader& row, core::ProcessStatus& status) {
  const std::string word = row.Text();
  const auto state = core::ProcessStateFrom(word);
  if (!state.has_value()) return UnknownWord("state", word);
  status.state = *state;
  status.ready = row.Bool();
  status.pid = row.Int();
  status.start_time_ms = row.Int64();
  status.restart_count = row.Int();
  status.next_restart_time_ms = row.Int64();
  status.observed_generation = row.Int64();
  status.running_generation = row.Int64();
  status.message = row.Text();
  status.log_dropped_bytes = row.Int64();
  auto exit = ReadExit(row);
  if (!exit.ok()) return exit.status();
  status.last_exit = *std::move(exit);
  return absl::OkStatus();
}

absl::Status ReadRow(RowReader& row, Process& process) {
  process.name = row.Text();
  const std::string word = row.Text();
  const auto desired = core::DesiredStateFrom(word);
  if (!desired.has_value()) return UnknownWord("desired_state", word);
  process.desired = *desired;
  process.generation = row.Int64();
  process.change_number = row.Int64();
  process.restart_number = row.Int64();
  process.instance_id = row.Text();
  process.instance_seq = row.Int64();
  process.provisional = row.Bool();
  if (auto status = ReadStatus(row, process.status); !status.ok()) return status;
  process.create_time_ms = row.Int64();
  process.update_time_ms = row.Int64();
  process.revision = row.Int64();
  process.id = row.Text();
  if (row.IsNull()) return absl::DataLossError("its spec is missing");
  auto spec = core::DecodeTagged<core::ProcessSpec>(row.Text());
  if (!spec.ok()) return absl::DataLossError(absl::StrCat("its spec: ", spec.status().message()));
  process.spec = *std::move(spec);
  return absl::OkStatus();
}

// nullopt: there is no such process.
absl::StatusOr<std::optional<int64_t>> StoredGeneration(Connection& connection,
                                                        const std::string& id) {
  auto statement = connection.Prepare("SELECT generation FROM processes WHERE id = ?");
  if (!statement.ok()) return statement.status();
  (*statement)->BindText(0, id);
  const auto row = (*statement)->Step();
  if (!row.ok()) return row.status();
  if (!*row) return std::nullopt;
  const int64_t generation = (*statement)->Int(0);
  (*statement)->Reset();
  return generation;
}

// Says whose the name is.
absl::Status NameTaken(Connection& connection, const Process& process) {
  auto owner = connection.Prepare("SELECT id, state FROM processes WHERE name = ?");
  if (!owner.ok()) return owner.status();
  (*owner)->BindText(0, process.name);
  const auto row = (*owner)->Step();
  if (!row.ok()) return row.status();
  if (!*row) {
    return absl::InternalError(absl::StrCat("process ", process.id, ", name \"", process.name,
                                            "\": refused as not unique, but no row has this name"));
  }
  const std::string id = (*owner)->Text(0);
  const std::string state = (*owner)->Text(1);
  (*owner)->Reset();
  return MakeError(absl::StatusCode::kAlreadyExists,
                   absl::StrCat("the name \"", process.name, "\" is taken by process ", id, " (",
                                state, "); choose another name, or delete that process first"),
                   {.reason = core::reason::kNameTaken,
                    .metadata = {{"name", process.name}, {"id", id}, {"state", state}},
                    .violations = {},
                    .retry_after_ms = 0});
}

}  // namespace

absl::Status PutProcess(Connection& connection, const Process& process, int64_t revision) {
  const auto stored = StoredGeneration(connection, process.id);
  if (!stored.ok()) return stored.status();
  auto put = connection.Prepare(stored->has_value() ? UpdateSql() : InsertSql());
  if (!put.ok()) return put.status();
  BindRow(**put, process, revision);
  if (auto done = (*put)->Step(); !done.ok()) {
    return absl::IsAlreadyExists(done.status()) ? NameTaken(connection, process) : done.status();
  }
  if (*stored == process.generation) return absl::OkStatus();
  auto put_spec = connection.Prepare(
      stored->has_value() ? "UPDATE process_specs SET spec = ? WHERE process_id = ?"
                          : "INSERT INTO process_specs (spec, process_id) VALUES (?, ?)");
  if (!put_spec.ok()) return put_spec.status();
  const std::string spec = core::EncodeTagged(process.spec);
  (*put_spec)->BindBlob(0, spec);
  (*put_spec)->BindText(1, process.id);
  return (*put_spec)->Step().status();
}

absl::Status RemoveProcess(Connection& connection, const std::string& id) {
  auto statement = connection.Prepare("DELETE FROM processes WHERE id = ?");
  if (!statement.ok()) return statement.status();
  (*statement)->BindText(0, id);
  return (*statement)->Step().status();
}

absl::StatusOr<std::vector<Process>> ReadProcesses(Connection& connection) {
  auto statement = connection.Prepare(SelectSql());
  if (!statement.ok()) return statement.status();
  std::vector<Process> processes;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return processes;
    Process process;
    RowReader row(**statement);
    if (auto status = ReadRow(row, process); !status.ok()) {
      const std::string id = (*statement)->Text(kColumns.size() - 1);
      (*statement)->Reset();
      return absl::DataLossError(
          absl::StrCat("the stored process ", id, " is damaged: ", status.message(),
                       "; restore a backup of the database, or the gRPC OS that wrote it"));
    }
    processes.push_back(std::move(process));
  }
}

}  // namespace grpc_os::store
