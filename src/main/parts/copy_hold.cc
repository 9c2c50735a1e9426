#include "main/parts/copy_hold.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "main/check.h"
#include "store/sqlite/sqlite_clean_stop.h"

namespace grpc_os {

absl::Status CopyHold::Start() {
  auto identity = protocol::ReadSystemIdentity(directory_.fd());
  if (!identity.ok()) return identity.status();
  if (identity->has_value()) identity_ = **std::move(identity);
  return Check();
}

// What was copied while it ran can be of several moments; only reading all of it shows that.
absl::Status CopyHold::Check() const {
  const std::string database = directory_.DatabasePath();
  if (identity_.held.empty() || access(database.c_str(), F_OK) != 0 ||
      store::WasStoppedCleanly(database)) {
    return absl::OkStatus();
  }
  log_.Note(absl::StrCat("Reads all of ", directory_.path(), " before it is used, because ",
                         identity_.held, ", and was not stopped cleanly."));
  if (access((database + "-wal").c_str(), F_OK) != 0) {
    log_.Note(absl::StrCat(
        "Its log ", database,
        "-wal was not copied along: the last changes of the original may be missing."));
  }
  const auto report = CheckLockedDirectory(directory_.path());
  if (!report.ok() && !absl::IsDataLoss(report.status())) return report.status();
  if (report.ok() && report->findings.empty()) return absl::OkStatus();
  constexpr size_t kShownBytes = 200;  // of what may be a long list
  const std::string damage =
      report.ok() ? report->findings.front() : std::string(report.status().message());
  return absl::DataLossError(absl::StrCat(
      "the copy in ", directory_.path(), " is damaged (", damage.substr(0, kShownBytes),
      "), because it was made while the system ran; end the original's control plane, whose "
      "processes go on, with: grpc-os-init --data-dir ORIGINAL --stop, and copy it again"));
}

absl::Status CopyHold::HoldProcesses(core::Processes& processes) {
  if (identity_.held.empty()) return absl::OkStatus();
  if (!enabled_) return End();
  processes.Hold(identity_.held);
  log_.Note(absl::StrCat("This system's processes are held, because ", identity_.held,
                         ": `stop NAME` what must not run here, then `resume` lets the others "
                         "run."));
  return absl::OkStatus();
}

absl::Status CopyHold::End() {
  protocol::SystemIdentity identity = identity_;
  identity.held.clear();
  absl::Status status = protocol::WriteSystemIdentity(directory_.fd(), identity);
  if (status.ok()) identity_ = std::move(identity);
  return status;
}

}  // namespace grpc_os
