// Files of the source tree that are part of grpc-osd.
#ifndef GRPC_OS_MAIN_PARTS_TEXTS_H_
#define GRPC_OS_MAIN_PARTS_TEXTS_H_

#include <string_view>

namespace grpc_os {

extern const std::string_view kNginxConfig;  // processes/default/nginx/config.yml

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_TEXTS_H_
