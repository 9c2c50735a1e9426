// The server of gRPC's interoperability tests, and an event service on which nothing happens:
//   transport-interop CERTIFICATE KEY
// Says its TCP port, then that of TLS, and serves until its input ends.
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "blocking_call.h"
#include "grpc/testing/test.pb.h"
#include "grpc_os/v1/event_services.pb.h"
#include "must.h"
#include "transport/listener.h"
#include "transport/server.h"

namespace grpc_os::tests {
namespace {

using grpc::testing::ResponseParameters;
using transport::EndStatus;

constexpr char kEchoInitial[] = "x-grpc-test-echo-initial";
constexpr char kEchoTrailing[] = "x-grpc-test-echo-trailing-bin";

void EchoMetadata(transport::Stream& stream) {
  for (const auto& [name, value] : stream.metadata().entries()) {
    if (name == kEchoInitial) stream.AddInitialMetadata(name, value);
    if (name == kEchoTrailing) stream.AddTrailer(name, value);
  }
}

EndStatus StatusOf(const grpc::testing::EchoStatus& status) {
  return {.code = status.code(), .message = status.message()};
}

EndStatus Empty(BlockingCall& call) {
  grpc::testing::Empty message;
  call.Read(message);
  call.Answer(message);
  return {};
}

EndStatus Unary(BlockingCall& call) {
  EchoMetadata(call.stream());
  grpc::testing::SimpleRequest request;
  if (!call.Read(request)) return {};
  grpc::testing::SimpleResponse response;
  response.mutable_payload()->mutable_body()->resize(static_cast<size_t>(request.response_size()));
  call.Answer(response);
  return StatusOf(request.response_status());
}

template <typename Parameters>
bool WriteAll(BlockingCall& call, const Parameters& parameters) {
  for (const ResponseParameters& one : parameters) {
    if (!call.Wait(one.interval_us())) return false;
    grpc::testing::StreamingOutputCallResponse response;
    response.mutable_payload()->mutable_body()->resize(static_cast<size_t>(one.size()));
    if (!call.Write(response)) return false;
  }
  return true;
}

EndStatus StreamingOutput(BlockingCall& call) {
  EchoMetadata(call.stream());
  grpc::testing::StreamingOutputCallRequest request;
  if (!call.Read(request) || !WriteAll(call, request.response_parameters())) return {};
  return StatusOf(request.response_status());
}

EndStatus StreamingInput(BlockingCall& call) {
  EchoMetadata(call.stream());
  grpc::testing::StreamingInputCallRequest request;
  grpc::testing::StreamingInputCallResponse response;
  size_t size = 0;
  while (call.Read(request)) size += request.payload().body().size();
  response.set_aggregated_payload_size(static_cast<int32_t>(size));
  call.Answer(response);
  return {};
}

EndStatus FullDuplex(BlockingCall& call) {
  EchoMetadata(call.stream());
  grpc::testing::StreamingOutputCallRequest request;
  while (call.Read(request)) {
    if (request.response_status().code() != 0) return StatusOf(request.response_status());
    if (!WriteAll(call, request.response_parameters())) return {};
  }
  return {};
}

EndStatus HalfDuplex(BlockingCall& call) {
  EchoMetadata(call.stream());
  std::vector<ResponseParameters> all;
  grpc::testing::StreamingOutputCallRequest request;
  while (call.Read(request))
    all.insert(all.end(), request.response_parameters().begin(),
               request.response_parameters().end());
  WriteAll(call, all);
  return {};
}

// A heartbeat each 10 ms, which says how many there were.
EndStatus Heartbeats(BlockingCall& call) {
  v1::WatchResponse response;
  response.set_synced(true);
  for (int64_t beat = 1; call.Write(response) && call.Wait(10'000); ++beat) {
    response.set_synced(false);
    response.set_revision(beat);
  }
  return {};
}

void Serve(const std::string& certificate, const std::string& key) {
  const std::string service = "/grpc.testing.TestService/";
  transport::Methods methods;
  methods[service + "EmptyCall"] = BlockingCall::Serve(false, Empty);
  methods[service + "UnaryCall"] = BlockingCall::Serve(false, Unary);
  methods[service + "CacheableUnaryCall"] = BlockingCall::Serve(false, Unary);
  methods[service + "StreamingOutputCall"] = BlockingCall::Serve(false, StreamingOutput);
  methods[service + "StreamingInputCall"] = BlockingCall::Serve(true, StreamingInput);
  methods[service + "FullDuplexCall"] = BlockingCall::Serve(true, FullDuplex);
  methods[service + "HalfDuplexCall"] = BlockingCall::Serve(true, HalfDuplex);
  methods["/grpc_os.v1.EventService/Watch"] = BlockingCall::Serve(false, Heartbeats);
  UniqueFd tcp = Must(transport::ListenTcp("127.0.0.1", 0));
  UniqueFd tls = Must(transport::ListenTcp("127.0.0.1", 0));
  std::cout << transport::PortOf(tcp.get()) << "\n" << transport::PortOf(tls.get()) << std::endl;
  std::vector<transport::Server::Endpoint> endpoints;
  endpoints.push_back({.listener = std::move(tcp)});
  endpoints.push_back(
      {.listener = std::move(tls), .tls = Must(transport::TlsContext::Load(certificate, key))});
  std::signal(SIGPIPE, SIG_IGN);  // as TLS needs it
  transport::Server server(std::move(endpoints), std::move(methods), {.io_threads = 2});
  for (char byte = 0; read(STDIN_FILENO, &byte, 1) > 0;) {
  }
  server.Stop(1000);
}

}  // namespace
}  // namespace grpc_os::tests

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: transport-interop CERTIFICATE KEY\n";
    return 2;
  }
  grpc_os::tests::Serve(argv[1], argv[2]);
  return 0;
}
