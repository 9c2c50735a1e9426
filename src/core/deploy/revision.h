// A revision: what a process was to run, from one deploy to the next.
#ifndef GRPC_OS_CORE_DEPLOY_REVISION_H_
#define GRPC_OS_CORE_DEPLOY_REVISION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/process/process.h"
#include "core/resource/resource.h"

namespace grpc_os::core {

// As in grpc_os.v1.Revision, which documents each.
enum class RevisionState { kDeploying, kDeployed, kFailed };
enum class DeployStep { kReleasing, kStarting, kRollingBack };

const char* ToString(RevisionState state);
const char* ToString(DeployStep step);
std::optional<RevisionState> RevisionStateFrom(const std::string& word);
std::optional<DeployStep> DeployStepFrom(const std::string& word);

// Never changes.
struct RevisionSpec {
  std::string process;  // its name
  std::string process_id;
  int64_t number = 0;        // of this process, from 1
  ProcessSpec spec;          // whose `deployed` is the number
  int64_t previous = 0;      // the revision that the process had; 0: none
  int64_t generation = 0;    // of the spec that the process had; 0: there was no process
  int64_t rollback_of = 0;   // the revision whose spec it has
  bool no_rollback = false;  // what is not ready stays
  bool dockerfile = false;   // the directory had one
  bool was_stopped = false;  // the process was, or had run to its end

  bool operator==(const RevisionSpec&) const = default;
};
template <typename Fields>
void Describe(Fields& fields, RevisionSpec& spec) {
  fields.Text(1, spec.process);
  fields.Text(2, spec.process_id);
  fields.Int(3, spec.number);
  fields.Struct(4, spec.spec);
  fields.Int(5, spec.previous);
  fields.Int(6, spec.generation);
  fields.Int(7, spec.rollback_of);
  fields.Int(8, spec.no_rollback);
  fields.Int(9, spec.dockerfile);
  fields.Int(10, spec.was_stopped);
}

struct RevisionStatus {
  RevisionState state = RevisionState::kDeploying;
  DeployStep step = DeployStep::kStarting;
  std::string message;  // why it failed, or is about to
  ProcessSpec before;   // what the process had; only while it is deploying

  bool operator==(const RevisionStatus&) const = default;
};
template <typename Fields>
void Describe(Fields& fields, RevisionStatus& status) {
  fields.Word(1, status.state, RevisionState::kDeploying, RevisionStateFrom);
  fields.Word(2, status.step, DeployStep::kStarting, DeployStepFrom);
  fields.Text(3, status.message);
  fields.Struct(4, status.before);
}

using Revision = Resource<RevisionSpec, RevisionStatus>;

// "web/3": what it is called among all.
inline std::string RevisionName(const std::string& process, int64_t number) {
  return absl::StrCat(process, "/", number);
}

// The process, as it is to be.
Process ProcessOf(const RevisionSpec& revision);
// What a process has that got the spec of before again, or has it still: a clause.
std::string HasNow(const RevisionSpec& revision);

inline constexpr ResourceKind kRevisionKind = {
    .name = "revision",
    .id_prefix = "",
    .most = limits::kProcesses * (limits::kProcessRevisions + 1),
    .limit = "revisions",
    .not_found = reason::kRevisionNotFound,
    .exists = reason::kDeployInProgress};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DEPLOY_REVISION_H_
