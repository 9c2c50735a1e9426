#include "server/health.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.pb.h"
#include "server/message_bytes.h"
#include "server/one_answer.h"
#include "transport/stream.h"

namespace grpc_os::server {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr char kCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kWatch[] = "/grpc.health.v1.Health/Watch";

std::string BytesOf(HealthCheckResponse::ServingStatus status) {
  HealthCheckResponse response;
  response.set_status(status);
  return ToBytes(response);
}

bool Parse(transport::Stream& stream, HealthCheckRequest& request) {
  const std::string_view bytes = stream.request();
  return request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace

// Sends each change, but only the last of those that came while it was writing. Its members are
// under the health's lock, under which the transport takes a write without calling anything back.
class Health::Watcher final : public transport::StreamUser {
 public:
  Watcher(transport::Stream& stream, Health& health, bool known)
      : stream_(stream), health_(health), known_(known) {
    auto state = health_.state_.Lock();
    state->watchers.insert(this);
    Update(*state);
  }

  void Update(const State& state) {
    const auto now = !known_          ? HealthCheckResponse::SERVICE_UNKNOWN
                     : state.Serves() ? HealthCheckResponse::SERVING
                                      : HealthCheckResponse::NOT_SERVING;
    if (writing_ || end_.has_value() || now == sent_) return;
    sent_ = now;
    writing_ = true;
    stream_.Write(BytesOf(now));
  }

 private:
  void OnMessage(std::string_view) override {}
  void OnHalfClosed() override {}
  void OnWritten(bool) override {
    auto state = health_.state_.Lock();
    writing_ = false;
    end_.has_value() ? Leave(*state) : Update(*state);
  }
  void OnCancelled(const absl::Status& why) override {
    auto state = health_.state_.Lock();
    end_ = ToEnd(why);
    if (!writing_) Leave(*state);
  }
  void OnGone() override { delete this; }

  void Leave(State& state) {
    state.watchers.erase(this);
    stream_.Finish(*end_, std::nullopt);
  }

  transport::Stream& stream_;
  Health& health_;
  const bool known_;
  std::optional<HealthCheckResponse::ServingStatus> sent_;
  bool writing_ = false;
  std::optional<transport::EndStatus> end_;
};

bool Health::Knows(std::string_view service) const {
  return service.empty() || services_.find(service) != services_.end();
}

void Health::AddTo(transport::Methods& methods) {
  methods[kCheck] = {
      .client_streams = false, .begin = [this](transport::Stream& stream) {
        HealthCheckRequest request;
        if (!Parse(stream, request))
          return OneAnswer::End(stream, absl::InternalError("this is no HealthCheckRequest"));
        if (!Knows(request.service())) {
          return OneAnswer::End(
              stream, absl::NotFoundError(absl::StrCat("there is no service ", request.service())));
        }
        return OneAnswer::Send(stream,
                               BytesOf(state_.Lock()->Serves() ? HealthCheckResponse::SERVING
                                                               : HealthCheckResponse::NOT_SERVING));
      }};
  methods[kWatch] = {.client_streams = false,
                     .begin = [this](transport::Stream& stream) -> transport::StreamUser* {
                       HealthCheckRequest request;
                       if (!Parse(stream, request))
                         return OneAnswer::End(
                             stream, absl::InternalError("this is no HealthCheckRequest"));
                       return new Watcher(stream, *this, Knows(request.service()));
                     }};
}

void Health::AnswerFor(const transport::Methods& methods) {
  for (const auto& [path, method] : methods)
    services_.insert(path.substr(1, path.find('/', 1) - 1));
}

void Health::SetServing(bool serving) {
  auto state = state_.Lock();
  state->serving = serving;
  Update(*state);
}

void Health::SetStuck(bool stuck) {
  auto state = state_.Lock();
  state->stuck = stuck;
  Update(*state);
}

void Health::Update(const State& state) {
  for (Watcher* watcher : state.watchers) watcher->Update(state);
}

}  // namespace grpc_os::server
