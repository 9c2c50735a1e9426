#include "server/call_adapter.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/identity/throttle.h"
#include "server/message_bytes.h"
#include "transport/stream.h"

namespace grpc_os::server {
namespace {

using google::protobuf::Message;
using services::Call;
using services::WireStatus;

constexpr char kHow[] = "leave out bytes of names and texts that are not UTF-8";

services::Arrival ArrivalOf(const transport::Stream& stream) {
  const transport::Peer& peer = stream.peer();
  services::Arrival arrival;
  arrival.authorization = stream.metadata().Only("authorization");
  arrival.request_id = stream.metadata().Only("x-request-id");
  arrival.edge_secret = stream.metadata().Only("x-grpc-os-edge");
  arrival.forwarded_for = stream.metadata().Only("x-forwarded-for");
  arrival.deadline_ms = stream.deadline_ms();
  if (peer.relay) {
    arrival.address = "unknown";  // unless Handlers::Arrive learns it
  } else {
    arrival.local = peer.local;
    arrival.peer_uid = peer.uid;
    arrival.address = peer.address;
  }
  return arrival;
}

// The exchange of a call, and the user of its stream. Deletes itself.
class Exchange final : public services::Exchange, public transport::StreamUser {
 public:
  explicit Exchange(transport::Stream& stream) : stream_(stream) {}

  // ---- services::Exchange
  void Open(std::shared_ptr<Call> call) override {
    stream_.AddInitialMetadata("x-request-id", call->request_id());
    call_ = std::move(call);
  }
  absl::Status Parse(Message& request) override { return Parse(stream_.request(), request); }
  void Read(Message& message) override {
    message_ = &message;
    stream_.Read();
  }
  void Write(const Message& message) override { stream_.Write(ToBytes(message)); }
  void Finish(const Message* answer, const WireStatus& status) override {
    std::optional<std::string> bytes;
    if (answer != nullptr) bytes = ToBytes(*answer);
    stream_.Finish({static_cast<int>(status.code), status.message, status.details},
                   std::move(bytes));
  }

 private:
  // ---- transport::StreamUser
  void OnMessage(std::string_view bytes) override {
    Message& message = *std::exchange(message_, nullptr);
    if (absl::Status parsed = Parse(bytes, message); !parsed.ok()) return call_->End(parsed);
    call_->OnRead(true);
  }
  void OnHalfClosed() override {
    message_ = nullptr;
    call_->OnRead(false);
  }
  void OnWritten(bool taken) override { call_->OnWritten(taken); }
  void OnCancelled(const absl::Status& why) override { call_->End(why); }
  void OnGone() override {
    if (message_ != nullptr) call_->OnRead(false);
    call_->OnGone();
    delete this;
  }

  static absl::Status Parse(std::string_view bytes, Message& message) {
    if (message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      return absl::OkStatus();
    return services::MalformedRequest(message, kHow);
  }

  transport::Stream& stream_;
  std::shared_ptr<Call> call_;
  Message* message_ = nullptr;  // that was asked for
};

}  // namespace

std::string UserOf(const services::Handlers& handlers, const transport::Stream& stream) {
  services::Arrival arrival = ArrivalOf(stream);
  handlers.Arrive(arrival);
  return arrival.through_edge ? core::Throttle::SourceOf(arrival.address) : "";
}

void AddApi(const services::Handlers& handlers, transport::Methods& methods) {
  for (const services::MethodInfo& method : handlers.methods().all()) {
    methods[absl::StrCat("/", method.full_name)] = {
        .client_streams = method.descriptor->client_streaming(),
        .begin = [&handlers, &method](transport::Stream& stream) -> transport::StreamUser* {
          auto* exchange = new Exchange(stream);
          handlers.Begin(method, ArrivalOf(stream), *exchange);
          return exchange;
        }};
  }
}

}  // namespace grpc_os::server
