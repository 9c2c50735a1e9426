#include "store/process_table.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error_detail.h"
#include "core/error_reason.h"
#include "store/pairs.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

using core::ExitReport;
using core::Process;

// BindRow and ReadRow follow this order. The id comes last, so that the same binding serves INSERT
// and UPDATE … WHERE id.
constexpr std::array<const char*, 38> kColumns = {
    "name",
    "command",
    "working_directory",
    "account",
    "restart_policy",
    "stop_timeout_ms",
    "stop_signal",
    "log_max_bytes",
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
  static const auto& sql = *new std::string(
      absl::StrCat("SELECT p.", absl::StrJoin(kColumns, ", p."),
                   ", e.variables, s.names FROM processes p LEFT JOIN process_environments e "
                   "ON e.process_id = p.id LEFT JOIN process_secrets s ON s.process_id = p.id "
                   "ORDER BY p.id"));
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
  const core::ProcessSpec& spec = process.spec;
  const core::ProcessStatus& status = process.status;
  RowBinder row(statement);
  row.Text(process.name).Text(spec.command).Text(spec.working_directory).Text(spec.account);
  row.Text(ToString(spec.restart)).Int(spec.stop_timeout_ms).Int(spec.stop_signal);
  row.Int(spec.log_max_bytes).Text(ToString(process.desired)).Int(process.generation);
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

absl::Status ReadSpec(RowReader& row, core::ProcessSpec& spec) {
  spec.command = row.Text();
  spec.working_directory = row.Text();
  spec.account = row.Text();
  const std::string word = row.Text();
  const auto restart = core::RestartPolicyFrom(word);
  if (!restart.has_value()) return UnknownWord("restart_policy", word);
  spec.restart = *restart;
  spec.stop_timeout_ms = row.Int64();
  spec.stop_signal = row.Int();
  spec.log_max_bytes = row.Int64();
  return absl::OkStatus();
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
  if (auto status = ReadSpec(row, process.spec); !status.ok()) return status;
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
  if (row.IsNull()) return absl::DataLossError("its environment is missing");
  auto environment = DecodePairs(row.Text());
  if (!environment.ok()) return environment.status();
  process.spec.environment = *std::move(environment);
  if (row.IsNull()) return absl::OkStatus();
  auto secrets = DecodeWords(row.Text());
  if (!secrets.ok()) return secrets.status();
  process.spec.secrets.insert(secrets->begin(), secrets->end());
  return absl::OkStatus();
}

// Whether a row is there for this text.
absl::StatusOr<bool> Exists(Connection& connection, std::string_view sql, std::string_view text) {
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  (*statement)->BindText(0, text);
  auto row = (*statement)->Step();
  (*statement)->Reset();
  return row;
}

absl::StatusOr<bool> EnvironmentIs(Connection& connection, const std::string& process_id,
                                   const std::string& variables, const std::string& secrets) {
  auto statement = connection.Prepare(
      "SELECT e.process_id FROM process_environments e LEFT JOIN process_secrets s "
      "ON s.process_id = e.process_id "
      "WHERE e.process_id = ? AND e.variables = ? AND COALESCE(s.names, '') = ?");
  if (!statement.ok()) return statement.status();
  (*statement)->BindText(0, process_id);
  (*statement)->BindBlob(1, variables);
  (*statement)->BindText(2, secrets);
  auto row = (*statement)->Step();
  (*statement)->Reset();
  return row;
}

absl::Status DeleteOf(Connection& connection, const std::string& process_id, const char* sql) {
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  (*statement)->BindText(0, process_id);
  return (*statement)->Step().status();
}

absl::Status PutEnvironment(Connection& connection, const Process& process) {
  const std::string variables = EncodePairs(process.spec.environment);
  const std::string secrets =
      EncodeWords({process.spec.secrets.begin(), process.spec.secrets.end()});
  const auto unchanged = EnvironmentIs(connection, process.id, variables, secrets);
  if (!unchanged.ok()) return unchanged.status();
  if (*unchanged) return absl::OkStatus();
  for (const char* sql : {"DELETE FROM process_environments WHERE process_id = ?",
                          "DELETE FROM process_secrets WHERE process_id = ?"}) {
    if (auto status = DeleteOf(connection, process.id, sql); !status.ok()) return status;
  }
  auto insert =
      connection.Prepare("INSERT INTO process_environments (process_id, variables) VALUES (?, ?)");
  if (!insert.ok()) return insert.status();
  (*insert)->BindText(0, process.id);
  (*insert)->BindBlob(1, variables);
  if (auto done = (*insert)->Step(); !done.ok()) return done.status();
  if (process.spec.secrets.empty()) return absl::OkStatus();
  auto names = connection.Prepare("INSERT INTO process_secrets (process_id, names) VALUES (?, ?)");
  if (!names.ok()) return names.status();
  (*names)->BindText(0, process.id);
  (*names)->BindText(1, secrets);
  return (*names)->Step().status();
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
  const auto exists = Exists(connection, "SELECT id FROM processes WHERE id = ?", process.id);
  if (!exists.ok()) return exists.status();
  auto put = connection.Prepare(*exists ? UpdateSql() : InsertSql());
  if (!put.ok()) return put.status();
  BindRow(**put, process, revision);
  if (auto done = (*put)->Step(); !done.ok()) {
    return absl::IsAlreadyExists(done.status()) ? NameTaken(connection, process) : done.status();
  }
  return PutEnvironment(connection, process);
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
