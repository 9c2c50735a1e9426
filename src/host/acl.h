// Access to a directory for an account that neither owns it nor is in its group, by a POSIX ACL:
// grpc-osd has no right to chown.
#ifndef GRPC_OS_HOST_ACL_H_
#define GRPC_OS_HOST_ACL_H_

#include <sys/types.h>

#include "absl/status/status.h"

namespace grpc_os::host {

enum class Access { kReadOnly, kReadWrite, kFile };

// With kFile lets `uid` read the file that `directory` is open for. Else lets `uid` list and enter
// the directory that `directory` is open for, and with kReadWrite also make and remove things in
// it. Replaces what was granted to `uid` before; the rights of all others stay. What lies in the
// directory has rights of its own. The owner has the rights of the directory's mode; for it, this
// only checks that they suffice. Refused: FAILED_PRECONDITION where the file system has no ACLs, or
// the directory is another's; UNAVAILABLE with the reason else.
absl::Status GrantAccess(int directory, uid_t uid, Access access);

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_ACL_H_
