// The accounts that processes run as.
#ifndef GRPC_OS_HOST_ACCOUNT_H_
#define GRPC_OS_HOST_ACCOUNT_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace grpc_os::host {

// The uid of an account of this machine; empty: our own. `shielded`: processes run as other
// accounts than ours (--user); otherwise only our own will do.
// FAILED_PRECONDITION: there is no such account, or it is another than ours.
absl::StatusOr<uid_t> UidOfAccount(const std::string& account, bool shielded);

// The first account in the file, as which a process of a shielded system runs that names none.
// FAILED_PRECONDITION: it cannot be read, or names none.
absl::StatusOr<std::string> DefaultAccount(const std::string& file);

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_ACCOUNT_H_
