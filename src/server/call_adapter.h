// Calls of the transport as calls of the services.
#ifndef GRPC_OS_SERVER_CALL_ADAPTER_H_
#define GRPC_OS_SERVER_CALL_ADAPTER_H_

#include <string>

#include "services/handlers.h"
#include "transport/io_thread.h"

namespace grpc_os::server {

// Adds the methods of the API, whose calls begin in `handlers`, which outlives them and is complete
// (Handlers::Check). Requests and answers pass as bytes: nothing here knows a type of theirs.
void AddApi(const services::Handlers& handlers, transport::Methods& methods);

// transport::UserOf: the client that the edge passes a call on for.
std::string UserOf(const services::Handlers& handlers, const transport::Stream& stream);

}  // namespace grpc_os::server

#endif  // GRPC_OS_SERVER_CALL_ADAPTER_H_
