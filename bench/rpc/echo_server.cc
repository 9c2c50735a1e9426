// The bare peer: one callback method that answers what it was sent, and nothing else; gRPC, its
// version and the compiler's options are those of grpc-osd.
//   bench-echo ADDRESS    Ends with its standard input.
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <memory>

#include "rpc/echo.grpc.pb.h"

namespace {

using grpc_os::bench::EchoMessage;

class EchoService final : public grpc_os::bench::EchoService::CallbackService {
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const EchoMessage* request,
                                 EchoMessage* response) override {
    response->set_payload(request->payload());
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fputs("usage: bench-echo ADDRESS\n", stderr);
    return 2;
  }
  EchoService service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(argv[1], grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    fprintf(stderr, "bench-echo: cannot listen on %s\n", argv[1]);
    return 1;
  }
  puts("listens");
  fflush(stdout);
  while (getchar() != EOF) {
  }
  server->Shutdown();
}
