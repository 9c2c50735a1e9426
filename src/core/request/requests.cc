#include "core/request/requests.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/error_reason.h"

namespace grpc_os::core {
namespace {

absl::Status Reused(const RequestKey& key) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("the request_id ", key.id,
                                " was used for a call of other content; take a new one for each "
                                "change, and the same one only to repeat it"),
                   {.reason = reason::kRequestIdReused, .metadata = {{"request_id", key.id}}});
}

}  // namespace

void Requests::Begin(const RequestKey& key, const std::string& digest, Paths paths) {
  if (key.id.empty()) return paths.carry_out(nullptr);
  Waiting one{digest, std::move(paths)};
  {
    auto held = held_.Lock();
    if (auto it = held->find(key); it != held->end()) {
      it->second.push_back(std::move(one));
      return;
    }
    (*held)[key];
  }
  Look(key, std::move(one));
}

// `key` is held.
void Requests::Look(const RequestKey& key, Waiting first) {
  store_.FindRequest(key, [this, key, first = std::move(first)](
                              absl::StatusOr<std::optional<CommittedRequest>> found) mutable {
    const std::shared_ptr<void> slot(nullptr, [this, key](void*) { End(key); });
    if (!found.ok()) return first.paths.repeat(found.status());
    if (!found->has_value()) return first.paths.carry_out(slot);
    if ((*found)->digest != first.digest) return first.paths.repeat(Reused(key));
    first.paths.repeat(**std::move(found));
  });
}

void Requests::End(const RequestKey& key) {
  std::optional<Waiting> next;
  {
    auto held = held_.Lock();
    auto it = held->find(key);
    if (it->second.empty()) {
      held->erase(it);
      return;
    }
    next = std::move(it->second.front());
    it->second.erase(it->second.begin());
  }
  Look(key, *std::move(next));
}

}  // namespace grpc_os::core
