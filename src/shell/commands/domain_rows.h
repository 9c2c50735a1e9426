// What the files of the commands about domains give to others.
#ifndef GRPC_OS_SHELL_COMMANDS_DOMAIN_ROWS_H_
#define GRPC_OS_SHELL_COMMANDS_DOMAIN_ROWS_H_

#include <optional>
#include <string>

#include "grpc_os/v1/domain_services.pb.h"
#include "shell/session.h"

namespace grpc_os::shell {

// domain.cc: says whether what was wanted of `domain` is served, and how to send it a request for
// `path`. kConflict: nginx refuses it.
ExitCode ShowServed(Session& session, const v1::Domain& domain, const std::string& path);

// domain_file.cc: the text of a domain.yml; nullopt if `path` is something else.
std::optional<std::string> DomainFileText(const std::string& path);
// Both print all that is wrong (kUsage). Says what the file means.
ExitCode ValidateDomain(Session& session, const std::string& path, const std::string& text);
// Makes the domain what the file says, or just says what differs. kConflict: it would take a path
// from a process, and `replace` is not given.
ExitCode ApplyDomain(Session& session, const std::string& path, const std::string& text,
                     bool dry_run, bool replace);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_DOMAIN_ROWS_H_
