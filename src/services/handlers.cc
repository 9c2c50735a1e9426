#include "services/handlers.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace grpc_os::services {

void Handlers::Enter(const Shape& shape, BeginCall begin) {
  const MethodInfo* method = environment_.methods.Find(shape.request);
  if (method == nullptr) {
    mistakes_.push_back(absl::StrCat("no method takes a ", shape.request->full_name()));
    return;
  }
  const auto* declared = method->descriptor;
  if (declared->output_type() != shape.response ||
      declared->client_streaming() != shape.client_streams ||
      declared->server_streaming() != shape.server_streams) {
    mistakes_.push_back(absl::StrCat(
        "the handler of ", method->full_name, " is made for (",
        shape.client_streams ? "stream " : "", shape.request->full_name(), ") returns (",
        shape.server_streams ? "stream " : "", shape.response->full_name(), ")"));
  }
  BeginCall& entry = begin_[static_cast<size_t>(method->index)];
  if (entry != nullptr) mistakes_.push_back(absl::StrCat("two handlers for ", method->full_name));
  entry = std::move(begin);
}

absl::Status Handlers::Check() const {
  std::vector<std::string> mistakes = mistakes_;
  for (const MethodInfo& method : environment_.methods.all()) {
    if (begin_[static_cast<size_t>(method.index)] == nullptr)
      mistakes.push_back(absl::StrCat("no handler for ", method.full_name));
  }
  if (mistakes.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "handlers and methods do not match, so nothing is served: ", absl::StrJoin(mistakes, "; ")));
}

bool Handlers::Open(const std::shared_ptr<Call>& call, const Arrival& arrival, Exchange& exchange,
                    google::protobuf::Message* request) {
  exchange.Open(call);
  absl::Status status = call->Admit(arrival);
  // What strangers ask for is not kept.
  const bool known = !call->caller().user.empty();
  if (request != nullptr && (status.ok() || (known && call->IsAudited(status)))) {
    const absl::Status parsed = exchange.Parse(*request);
    if (parsed.ok()) call->SetSubject(*request);
    if (status.ok()) status = parsed;
  }
  if (!status.ok()) call->End(status);
  return status.ok();
}

}  // namespace grpc_os::services
