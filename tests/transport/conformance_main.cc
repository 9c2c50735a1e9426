// The server under test of Connect's conformance suite: reads a ServerCompatRequest, writes a
// ServerCompatResponse, and serves until SIGTERM.
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "blocking_call.h"
#include "connectrpc/conformance/v1/server_compat.pb.h"
#include "connectrpc/conformance/v1/service.pb.h"
#include "must.h"
#include "transport/listener.h"
#include "transport/metadata.h"
#include "transport/server.h"

namespace grpc_os::tests {
namespace {

namespace v1 = connectrpc::conformance::v1;
using Info = v1::ConformancePayload::RequestInfo;
using transport::EndStatus;
using Headers = google::protobuf::RepeatedPtrField<v1::Header>;

// The suite writes bytes of "-bin" headers as base64.
template <typename Add>
void ForEach(const Headers& headers, const Add& add) {
  for (const v1::Header& header : headers) {
    const std::string name = absl::AsciiStrToLower(header.name());
    for (const std::string& value : header.value()) {
      const auto bytes = transport::IsBinary(name) ? transport::DecodeBinary(value) : std::nullopt;
      add(name, bytes.has_value() ? bytes->front() : value);
    }
  }
}

template <typename Definition>
void SendMetadata(transport::Stream& stream, const Definition& definition) {
  ForEach(definition.response_headers(),
          [&stream](const std::string& name, const std::string& value) {
            stream.AddInitialMetadata(name, value);
          });
  ForEach(definition.response_trailers(),
          [&stream](const std::string& name, const std::string& value) {
            stream.AddTrailer(name, value);
          });
}

void TellOfCall(const transport::Stream& stream, Info& info) {
  std::map<std::string, v1::Header*> headers;
  for (const auto& [name, value] : stream.metadata().entries()) {
    v1::Header*& header = headers[name];
    if (header == nullptr) header = info.add_request_headers();
    header->set_name(name);
    header->add_value(transport::IsBinary(name) ? transport::EncodeBinary(value) : value);
  }
  if (stream.deadline_ms() == INT64_MAX) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  info.set_timeout_ms(std::max<int64_t>(stream.deadline_ms() - now_ms, 0));
}

// An Error has the fields of google.rpc.Status, by the same numbers.
EndStatus ToEnd(v1::Error error, const Info* info) {
  if (info != nullptr) error.add_details()->PackFrom(*info);
  return {.code = error.code(), .message = error.message(), .details = error.SerializeAsString()};
}

// Unary calls and those of a stream of requests.
template <typename Request, typename Response>
EndStatus OneAnswer(BlockingCall& call) {
  std::optional<v1::UnaryResponseDefinition> definition;
  Response response;
  Info& info = *response.mutable_payload()->mutable_request_info();
  bool first = true;
  for (Request request; call.Read(request);) {
    if (std::exchange(first, false) && request.has_response_definition())
      definition = request.response_definition();
    info.add_requests()->PackFrom(request);
  }
  TellOfCall(call.stream(), info);
  if (definition.has_value()) {
    SendMetadata(call.stream(), *definition);
    call.Wait(int64_t{definition->response_delay_ms()} * 1000);
    if (definition->has_error()) return ToEnd(definition->error(), &info);
    response.mutable_payload()->set_data(definition->response_data());
  }
  call.Answer(response);
  return {};
}

bool IsFullDuplex(const v1::BidiStreamRequest& request) { return request.full_duplex(); }
bool IsFullDuplex(const v1::ServerStreamRequest&) { return false; }

// Calls that are answered by a stream.
template <typename Request, typename Response>
EndStatus ManyAnswers(BlockingCall& call) {
  v1::StreamResponseDefinition definition;
  bool full_duplex = false;
  bool first = true;
  int sent = 0;
  Info info;
  const auto send = [&] {
    Response response;
    response.mutable_payload()->set_data(definition.response_data(sent));
    if (sent++ == 0) TellOfCall(call.stream(), info);
    *response.mutable_payload()->mutable_request_info() = std::exchange(info, {});
    return call.Wait(int64_t{definition.response_delay_ms()} * 1000) && call.Write(response);
  };
  for (Request request; call.Read(request);) {
    info.add_requests()->PackFrom(request);
    if (std::exchange(first, false)) {
      definition = request.response_definition();
      full_duplex = IsFullDuplex(request);
      SendMetadata(call.stream(), definition);
    }
    if (!full_duplex) continue;
    if (sent >= definition.response_data_size()) break;
    if (!send()) return {};
  }
  while (sent < definition.response_data_size()) {
    if (!send()) return {};
  }
  if (!definition.has_error()) return {};
  if (sent == 0) TellOfCall(call.stream(), info);
  return ToEnd(definition.error(), sent == 0 ? &info : nullptr);
}

transport::Methods AllMethods() {
  const std::string service = "/connectrpc.conformance.v1.ConformanceService/";
  transport::Methods methods;
  methods[service + "Unary"] =
      BlockingCall::Serve(false, OneAnswer<v1::UnaryRequest, v1::UnaryResponse>);
  methods[service + "IdempotentUnary"] = BlockingCall::Serve(
      false, OneAnswer<v1::IdempotentUnaryRequest, v1::IdempotentUnaryResponse>);
  methods[service + "ClientStream"] =
      BlockingCall::Serve(true, OneAnswer<v1::ClientStreamRequest, v1::ClientStreamResponse>);
  methods[service + "ServerStream"] =
      BlockingCall::Serve(false, ManyAnswers<v1::ServerStreamRequest, v1::ServerStreamResponse>);
  methods[service + "BidiStream"] =
      BlockingCall::Serve(true, ManyAnswers<v1::BidiStreamRequest, v1::BidiStreamResponse>);
  return methods;
}

// With the certificate that the suite made.
std::unique_ptr<transport::TlsContext> MakeTls(const v1::TLSCreds& credentials) {
  std::string home = (std::filesystem::temp_directory_path() / "conformance.XXXXXX").string();
  if (mkdtemp(home.data()) == nullptr) std::exit(1);
  std::ofstream(home + "/certificate", std::ios::binary) << credentials.cert();
  std::ofstream(home + "/key", std::ios::binary) << credentials.key();
  auto tls = transport::TlsContext::Load(home + "/certificate", home + "/key");
  std::filesystem::remove_all(home);
  return Must(std::move(tls));
}

// The suite's messages: four bytes of their length, the first is the highest, before each.
v1::ServerCompatRequest ReadRequest() {
  uint32_t size = 0;
  for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<uint8_t>(std::cin.get());
  std::string bytes(size, '\0');
  v1::ServerCompatRequest request;
  if (!std::cin.read(bytes.data(), size) || !request.ParseFromString(bytes)) std::exit(2);
  return request;
}

void WriteResponse(const v1::ServerCompatResponse& response) {
  const std::string bytes = response.SerializeAsString();
  for (int shift = 24; shift >= 0; shift -= 8)
    std::cout.put(static_cast<char>(bytes.size() >> shift));
  std::cout << bytes << std::flush;
}

void Serve() {
  std::signal(SIGPIPE, SIG_IGN);  // as TLS needs it
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &end, nullptr);
  const v1::ServerCompatRequest request = ReadRequest();
  v1::ServerCompatResponse response;
  response.set_host("127.0.0.1");
  std::vector<transport::Server::Endpoint> endpoints(1);
  endpoints[0].listener = Must(transport::ListenTcp(response.host(), 0));
  response.set_port(static_cast<uint32_t>(transport::PortOf(endpoints[0].listener.get())));
  if (request.use_tls()) {
    endpoints[0].tls = MakeTls(request.server_creds());
    response.set_pem_cert(request.server_creds().cert());
  }
  transport::Server::Options options;
  if (request.message_receive_limit() > 0)
    options.budgets.message_bytes = request.message_receive_limit();
  transport::Server server(std::move(endpoints), AllMethods(), std::move(options));
  WriteResponse(response);
  int signal = 0;
  sigwait(&end, &signal);
  server.Stop(1000);
}

}  // namespace
}  // namespace grpc_os::tests

int main() {
  umask(077);  // a key that all may read is not taken
  grpc_os::tests::Serve();
  return 0;
}
