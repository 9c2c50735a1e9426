// Text that others wrote, as it may stand in a report and in a line of a log.
#ifndef GRPC_OS_SUPERVISE_PRINTABLE_H_
#define GRPC_OS_SUPERVISE_PRINTABLE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace grpc_os::supervise {

// One line of valid UTF-8: '?' for each control character and each byte that is no UTF-8, cut at a
// character so that it has `most_bytes` at most.
std::string Printable(std::string_view text, size_t most_bytes);

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_PRINTABLE_H_
