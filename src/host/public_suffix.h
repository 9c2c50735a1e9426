// Mozilla's Public Suffix List: below which names others register theirs.
#ifndef GRPC_OS_HOST_PUBLIC_SUFFIX_H_
#define GRPC_OS_HOST_PUBLIC_SUFFIX_H_

#include <string_view>

namespace grpc_os::host {

// Of a canonical name, by the list that Debian's libpsl has in it, so that the system's updates
// renew it: whether a registry takes registrations below it. A top-level domain that the list does
// not have is none; nor are the names that companies have entered for their customers (github.io),
// which are their own, as for certificates (CA/Browser Forum, Baseline Requirements 3.2.2.6).
// Thread-safe, does not block.
bool IsPublicSuffix(std::string_view name);

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_PUBLIC_SUFFIX_H_
