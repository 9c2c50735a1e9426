// grpc.reflection: what the server offers, to clients that ask.
#ifndef GRPC_OS_SERVER_REFLECTION_H_
#define GRPC_OS_SERVER_REFLECTION_H_

#include "transport/io_thread.h"

namespace grpc_os::server {

// Adds v1 and v1alpha, which tell of the services of all methods that are there by now, and of
// themselves. Any file of protobuf that the program was built with can be asked for.
void AddReflection(transport::Methods& methods);

}  // namespace grpc_os::server

#endif  // GRPC_OS_SERVER_REFLECTION_H_
