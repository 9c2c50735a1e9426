#include "server/grpc_adapter.h"

#include <grpc/support/log.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>
// What generated code is made of, too.
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>

#include <chrono>
#include <iterator>
#include <list>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace grpc_os::server {
namespace {

using google::protobuf::Message;
using services::Call;
using services::Handlers;
using services::MethodInfo;
using services::WireStatus;
using Context = grpc::CallbackServerContext;

constexpr char kHow[] = "leave out bytes of names and texts that are not UTF-8";

absl::Status ParseBytes(grpc::ByteBuffer& bytes, Message& message) {
  const bool parsed =
      grpc::GenericDeserialize<grpc::ProtoBufferReader, Message>(&bytes, &message).ok();
  return parsed ? absl::OkStatus() : services::MalformedRequest(message, kHow);
}

void SerializeBytes(const Message& message, grpc::ByteBuffer& bytes) {
  bool own = true;
  const grpc::Status made =
      grpc::GenericSerialize<grpc::ProtoBufferWriter, Message>(message, &bytes, &own);
  GPR_ASSERT(made.ok());  // only what has 2 GiB cannot be
}

grpc::Status ToGrpc(const WireStatus& status) {
  return {static_cast<grpc::StatusCode>(status.code), status.message, status.details};
}

// ---- What comes with a call ---------------------------------------------------------------------

std::string_view MetadataValue(const Context& context, const char* key) {
  const auto range = context.client_metadata().equal_range(key);
  // Two of them could mean two different things to two readers.
  if (range.first == range.second || std::next(range.first) != range.second) return {};
  return {range.first->second.data(), range.first->second.size()};
}

// gRPC has it as "unix:…", "ipv4:127.0.0.1:1234", "ipv6:%5B::1%5D:1234".
void SetPeer(const std::string& peer, services::Arrival& arrival) {
  arrival.local = peer.starts_with("unix:");
  if (arrival.local) return;
  const size_t begin = peer.find(':');
  const size_t end = peer.rfind(':');
  arrival.address = begin < end ? peer.substr(begin + 1, end - begin - 1) : "unknown";
  if (begin >= end || !absl::SimpleAtoi(peer.substr(end + 1), &arrival.port)) arrival.port = 0;
  for (const char* bracket : {"%5B", "%5D"}) {  // of IPv6
    if (const size_t at = arrival.address.find(bracket); at != std::string::npos)
      arrival.address.erase(at, 3);
  }
}

services::Arrival ArrivalOf(const Context& context) {
  services::Arrival arrival;
  arrival.authorization = MetadataValue(context, "authorization");
  arrival.request_id = MetadataValue(context, "x-request-id");
  if (const auto deadline = context.deadline();
      deadline != std::chrono::system_clock::time_point::max()) {
    arrival.deadline_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline.time_since_epoch()).count();
  }
  SetPeer(context.peer(), arrival);
  return arrival;
}

// ---- Calls --------------------------------------------------------------------------------------
// Each is gRPC's reactor of a call, which deletes itself, and the exchange of ours.

class GrpcExchange : public services::Exchange {
 public:
  // `request`: of a call that has one.
  GrpcExchange(Context& context, const grpc::ByteBuffer* request)
      // It is gRPC's, and nobody else reads it: what was parsed need not be kept.
      : context_(context), request_(const_cast<grpc::ByteBuffer*>(request)) {}

  void Open(std::shared_ptr<Call> call) final {
    context_.AddInitialMetadata("x-request-id", call->request_id());
    call_ = std::move(call);
  }
  absl::Status Parse(Message& request) final { return ParseBytes(*request_, request); }
  void Read(Message&) override { GPR_ASSERT(false); }
  void Write(const Message&) override { GPR_ASSERT(false); }

 protected:
  // As gRPC reports it.
  void Cancel() const {
    const auto kept = call_;  // Finish may run OnDone
    kept->End(absl::CancelledError("the client gave up"));
  }
  void Gone() const { call_->OnGone(); }
  Call& call() const { return *call_; }

 private:
  std::shared_ptr<Call> call_;
  Context& context_;
  grpc::ByteBuffer* const request_;
};

class UnaryExchange final : public grpc::ServerUnaryReactor, public GrpcExchange {
 public:
  UnaryExchange(Context& context, const grpc::ByteBuffer* request, grpc::ByteBuffer* response)
      : GrpcExchange(context, request), response_(*response) {}

  void Finish(const Message* answer, const WireStatus& status) override {
    if (answer != nullptr) SerializeBytes(*answer, response_);
    ServerUnaryReactor::Finish(ToGrpc(status));
  }

 private:
  void OnCancel() override { Cancel(); }
  void OnDone() override {
    Gone();
    delete this;
  }
  // Both are quick, so gRPC need not hand them to its executor's thread: that costs two wake-ups
  // a call, as much as all the rest (docs/PERFORMANCE.md). They may run inside Finish then.
  bool InternalInlineable() override { return true; }

  grpc::ByteBuffer& response_;
};

class WritingExchange final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                              public GrpcExchange {
 public:
  WritingExchange(Context& context, const grpc::ByteBuffer* request)
      : GrpcExchange(context, request) {}

  void Write(const Message& message) override {
    SerializeBytes(message, bytes_);
    StartWrite(&bytes_);
  }
  void Finish(const Message* /*answer*/, const WireStatus& status) override {
    ServerWriteReactor::Finish(ToGrpc(status));
  }

 private:
  void OnWriteDone(bool ok) override {
    bytes_.Clear();
    call().OnWritten(ok);
  }
  void OnCancel() override { Cancel(); }
  void OnDone() override {
    Gone();
    delete this;
  }

  grpc::ByteBuffer bytes_;  // being written
};

class ReadingExchange final : public grpc::ServerReadReactor<grpc::ByteBuffer>,
                              public GrpcExchange {
 public:
  ReadingExchange(Context& context, grpc::ByteBuffer* response)
      : GrpcExchange(context, nullptr), response_(*response) {}

  void Read(Message& message) override {
    message_ = &message;
    StartRead(&bytes_);
  }
  void Finish(const Message* answer, const WireStatus& status) override {
    if (answer != nullptr) SerializeBytes(*answer, response_);
    ServerReadReactor::Finish(ToGrpc(status));
  }

 private:
  void OnReadDone(bool ok) override {
    if (ok) {
      if (absl::Status status = ParseBytes(bytes_, *message_); !status.ok())
        return call().End(status);
    }
    call().OnRead(ok);
  }
  void OnCancel() override { Cancel(); }
  void OnDone() override {
    Gone();
    delete this;
  }

  Message* message_ = nullptr;
  grpc::ByteBuffer bytes_;  // being read
  grpc::ByteBuffer& response_;
};

// ---- Services -----------------------------------------------------------------------------------

class GrpcService final : public grpc::Service {
 public:
  void Add(const Handlers& handlers, const MethodInfo& method) {
    using grpc::ByteBuffer;
    using grpc::internal::RpcMethod;
    const auto begin = [&handlers, &method](Context* context, auto* exchange) {
      handlers.Begin(method, ArrivalOf(*context), *exchange);
      return exchange;
    };
    if (method.descriptor->client_streaming()) {
      Add(method, RpcMethod::CLIENT_STREAMING,
          new grpc::internal::CallbackClientStreamingHandler<ByteBuffer, ByteBuffer>(
              [begin](Context* context, ByteBuffer* response) {
                return begin(context, new ReadingExchange(*context, response));
              }));
    } else if (method.descriptor->server_streaming()) {
      Add(method, RpcMethod::SERVER_STREAMING,
          new grpc::internal::CallbackServerStreamingHandler<ByteBuffer, ByteBuffer>(
              [begin](Context* context, const ByteBuffer* request) {
                return begin(context, new WritingExchange(*context, request));
              }));
    } else {
      Add(method, RpcMethod::NORMAL_RPC,
          new grpc::internal::CallbackUnaryHandler<ByteBuffer, ByteBuffer>(
              [begin](Context* context, const ByteBuffer* request, ByteBuffer* response) {
                return begin(context, new UnaryExchange(*context, request, response));
              }));
    }
  }

 private:
  // Takes the handler.
  void Add(const MethodInfo& method, grpc::internal::RpcMethod::RpcType type,
           grpc::internal::MethodHandler* handler) {
    paths_.push_back(absl::StrCat("/", method.full_name));
    AddMethod(new grpc::internal::RpcServiceMethod(paths_.back().c_str(), type, nullptr));
    MarkMethodRawCallback(static_cast<int>(paths_.size()) - 1, handler);
  }

  std::list<std::string> paths_;  // gRPC keeps pointers to them
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> MakeGrpcServices(const Handlers& handlers) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  const google::protobuf::ServiceDescriptor* last = nullptr;
  GrpcService* service = nullptr;
  for (const MethodInfo& method : handlers.methods().all()) {  // those of a service together
    if (std::exchange(last, method.descriptor->service()) != method.descriptor->service()) {
      auto next = std::make_unique<GrpcService>();
      service = next.get();
      services.push_back(std::move(next));
    }
    service->Add(handlers, method);
  }
  return services;
}

}  // namespace grpc_os::server
