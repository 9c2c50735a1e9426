// gRPC as a transport of calls.
#ifndef GRPC_OS_SERVER_GRPC_ADAPTER_H_
#define GRPC_OS_SERVER_GRPC_ADAPTER_H_

#include <grpcpp/impl/service_type.h>

#include <memory>
#include <vector>

#include "services/handlers.h"

namespace grpc_os::server {

// The services of the API, whose calls begin in `handlers`, which outlives them and is complete
// (Handlers::Check). Requests and answers pass as bytes: nothing here knows a type of theirs.
std::vector<std::unique_ptr<grpc::Service>> MakeGrpcServices(const services::Handlers& handlers);

}  // namespace grpc_os::server

#endif  // GRPC_OS_SERVER_GRPC_ADAPTER_H_
