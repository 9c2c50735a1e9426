// Domains as people look at them.
#ifndef GRPC_OS_SHELL_RENDER_DOMAIN_H_
#define GRPC_OS_SHELL_RENDER_DOMAIN_H_

#include <string>
#include <vector>

#include "grpc_os/v1/domain_services.pb.h"
#include "shell/render/process.h"
#include "shell/render/resource_view.h"

namespace grpc_os::shell {

// Where requests for the domain go, route by route: what its status says, or without that its spec.
std::vector<v1::DomainTargetStatus> TargetsOf(const v1::Domain& domain);
// "web:8080".
std::string TargetText(const v1::DomainTargetStatus& target);
// The command that sends it a request for `path`, at `host`, the machine of its daemon; "" if the
// daemon does not say where it is reached.
std::string RequestCommand(const v1::Domain& domain, const std::string& host,
                           const std::string& path);
// Why it is not served, and what to do next, in sentences; "" if it is and nothing is to be done.
std::string ProblemOf(const v1::Domain& domain);

// `host` as for RequestCommand.
ResourceView<v1::Domain> DomainView(const std::string& host, const Typing& typed);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_RENDER_DOMAIN_H_
