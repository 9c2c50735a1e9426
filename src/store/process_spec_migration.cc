#include "store/process_spec_migration.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/process/process.h"
#include "core/tagged.h"
#include "store/pairs.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

absl::StatusOr<std::vector<std::string>> ProcessesWithoutSpec(Connection& connection) {
  auto statement = connection.Prepare(
      "SELECT id FROM processes WHERE id NOT IN (SELECT process_id FROM process_specs)");
  if (!statement.ok()) return statement.status();
  std::vector<std::string> ids;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return ids;
    ids.push_back((*statement)->Text(0));
  }
}

absl::StatusOr<core::ProcessSpec> ReadRow(RowReader row) {
  core::ProcessSpec spec;
  spec.command = row.Text();
  spec.working_directory = row.Text();
  spec.account = row.Text();
  const std::string word = row.Text();
  const auto restart = core::RestartPolicyFrom(word);
  if (!restart.has_value()) {
    return absl::DataLossError(
        absl::StrCat("its restart_policy is \"", word, "\", which is no restart_policy"));
  }
  spec.restart = *restart;
  spec.stop_timeout_ms = row.Int64();
  spec.stop_signal = row.Int();
  spec.log_max_bytes = row.Int64();
  if (row.IsNull()) return absl::DataLossError("its environment is missing");
  auto environment = DecodePairs(row.Text());
  if (!environment.ok()) return environment.status();
  spec.environment = *std::move(environment);
  const auto secrets = DecodeWords(row.Text());  // no row, no secrets
  if (!secrets.ok()) return secrets.status();
  spec.secrets.insert(secrets->begin(), secrets->end());
  return spec;
}

absl::StatusOr<core::ProcessSpec> ReadSpec(Connection& connection, const std::string& id) {
  auto statement = connection.Prepare(
      "SELECT p.command, p.working_directory, p.account, p.restart_policy, p.stop_timeout_ms, "
      "p.stop_signal, p.log_max_bytes, e.variables, s.names FROM processes p "
      "LEFT JOIN process_environments e ON e.process_id = p.id "
      "LEFT JOIN process_secrets s ON s.process_id = p.id WHERE p.id = ?");
  if (!statement.ok()) return statement.status();
  (*statement)->BindText(0, id);
  if (auto row = (*statement)->Step(); !row.ok()) return row.status();
  auto spec = ReadRow(RowReader(**statement));
  (*statement)->Reset();  // a table that is being read cannot be altered
  return spec;
}

}  // namespace

absl::Status EncodeProcessSpecs(Connection& connection) {
  const auto ids = ProcessesWithoutSpec(connection);
  if (!ids.ok()) return ids.status();
  for (const std::string& id : *ids) {
    const auto spec = ReadSpec(connection, id);
    if (absl::IsDataLoss(spec.status())) {
      return absl::DataLossError(absl::StrCat("the stored process ", id,
                                              " is damaged: ", spec.status().message(),
                                              "; restore a backup of the database"));
    }
    if (!spec.ok()) return spec.status();
    auto insert = connection.Prepare("INSERT INTO process_specs (process_id, spec) VALUES (?, ?)");
    if (!insert.ok()) return insert.status();
    const std::string encoded = core::EncodeTagged(*spec);
    (*insert)->BindText(0, id);
    (*insert)->BindBlob(1, encoded);
    if (auto done = (*insert)->Step(); !done.ok()) return done.status();
  }
  return absl::OkStatus();
}

}  // namespace grpc_os::store
