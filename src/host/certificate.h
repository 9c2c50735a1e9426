// Certificates that people give.
#ifndef GRPC_OS_HOST_CERTIFICATE_H_
#define GRPC_OS_HOST_CERTIFICATE_H_

#include <cstdint>
#include <string>

#include "core/domain/domain.h"
#include "core/violations.h"

namespace grpc_os::host {

// core::CheckCertificate, at this time: a chain whose first one covers `domain`, each signed by the
// next, and the first one's key. Both texts are written anew, so that there is nothing else in
// them.
void CheckCertificate(const std::string& domain, const std::string& field, int64_t now_ms,
                      core::GivenCertificate& certificate, core::Violations& violations);

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_CERTIFICATE_H_
