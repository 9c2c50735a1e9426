// What goes wrong with domains, as errors that say what to do.
#ifndef GRPC_OS_CORE_DOMAIN_DOMAIN_ERRORS_H_
#define GRPC_OS_CORE_DOMAIN_DOMAIN_ERRORS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/domain/domain.h"

namespace grpc_os::core {

// `owners`: the names of processes that have the route; those that whoever asks may know.
absl::Status DomainTaken(const std::string& domain, const std::string& path,
                         const std::vector<std::string>& owners);
// It leads to the API of gRPC OS itself.
absl::Status DomainOfApi(const std::string& domain);
// As well, for a process whose spec is to name it: it was assigned, or another one's spec names it.
absl::Status DomainAssigned(const std::string& domain, const std::vector<std::string>& owners);
absl::Status DomainNamed(const std::string& domain, const std::vector<std::string>& owners);
// `manager`: as DomainStatus.managed_by in the API has it.
absl::Status DomainManaged(const std::string& domain, const std::string& manager);
// It does not lead there. `nameless`: the ids of processes that it leads to and whose names whoever
// asks does not know.
absl::Status NotLedThere(const std::string& domain, const std::string& process,
                         const std::string& path, const std::vector<std::string>& nameless);
// `owner`: who has the port, if whoever asks may know it.
absl::Status PortOfAnother(const std::string& process, int port, const std::string& owner);
absl::Status NoPort(const std::string& process);
// `why`, a clause or lines.
absl::Status DomainsFileRefused(const std::string& file, const std::string& why);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DOMAIN_DOMAIN_ERRORS_H_
