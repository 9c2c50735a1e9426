#include "core/deploy/revision.h"

namespace grpc_os::core {

const char* ToString(RevisionState state) {
  switch (state) {
    case RevisionState::kDeploying:
      return "deploying";
    case RevisionState::kDeployed:
      return "deployed";
    case RevisionState::kFailed:
      break;
  }
  return "failed";
}

const char* ToString(DeployStep step) {
  switch (step) {
    case DeployStep::kReleasing:
      return "releasing";
    case DeployStep::kStarting:
      return "starting";
    case DeployStep::kRollingBack:
      break;
  }
  return "rolling_back";
}

std::optional<RevisionState> RevisionStateFrom(const std::string& word) {
  for (const auto state :
       {RevisionState::kDeploying, RevisionState::kDeployed, RevisionState::kFailed}) {
    if (word == ToString(state)) return state;
  }
  return std::nullopt;
}

std::optional<DeployStep> DeployStepFrom(const std::string& word) {
  for (const auto step :
       {DeployStep::kReleasing, DeployStep::kStarting, DeployStep::kRollingBack}) {
    if (word == ToString(step)) return step;
  }
  return std::nullopt;
}

Process ProcessOf(const RevisionSpec& revision) {
  Process process;
  process.id = revision.process_id;
  process.name = revision.process;
  process.spec = revision.spec;
  return process;
}

std::string HasNow(const RevisionSpec& spec) {
  if (spec.generation == 0) return "there is no revision before it";
  if (spec.previous == 0) return "the process has the spec of before";
  return absl::StrCat("the process has revision ", spec.previous);
}

}  // namespace grpc_os::core
