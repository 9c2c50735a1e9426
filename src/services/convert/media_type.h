// The grammar of media types.
#ifndef GRPC_OS_SERVICES_CONVERT_MEDIA_TYPE_H_
#define GRPC_OS_SERVICES_CONVERT_MEDIA_TYPE_H_

#include <string_view>

namespace grpc_os::services {

// "text/plain", "text/plain; charset=utf-8": RFC 9110, 8.3.1, in printable ASCII.
bool IsMediaType(std::string_view text);

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_CONVERT_MEDIA_TYPE_H_
