// What goes wrong with deploys, as errors that say what to do.
#ifndef GRPC_OS_CORE_DEPLOY_DEPLOY_ERRORS_H_
#define GRPC_OS_CORE_DEPLOY_DEPLOY_ERRORS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace grpc_os::core {

// `number` 0: there is none at all.
absl::Status RevisionNotFound(const std::string& process, int64_t number);
absl::Status NothingToRollBackTo(const std::string& process);
// `number` 0: it has no number yet.
absl::Status DeployInProgress(const std::string& process, int64_t number);
absl::Status SpecTooLarge(int64_t bytes);
absl::Status BundleNotFound(const std::string& digest);
// `why`, a clause.
absl::Status BundleRefused(const std::string& digest, const std::string& why);
absl::Status BundleDamaged(const std::string& digest, const std::string& why);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DEPLOY_DEPLOY_ERRORS_H_
