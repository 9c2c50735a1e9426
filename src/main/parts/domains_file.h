// domains.conf, as the core has domains.
#ifndef GRPC_OS_MAIN_PARTS_DOMAINS_FILE_H_
#define GRPC_OS_MAIN_PARTS_DOMAINS_FILE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/domain/domain.h"

namespace grpc_os {

// Its domains, checked; none where there is no file. `owner_of`: what of gRPC OS listens on a port.
// FAILED_PRECONDITION (DOMAINS_FILE): why it cannot be read, or what is wrong with it, line by
// line. Blocks.
absl::StatusOr<std::vector<core::Domain>> ReadDomainsFile(
    const std::string& path, const std::function<std::string(int)>& owner_of);

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_DOMAINS_FILE_H_
