#include "core/request/requests.h"

#include <deque>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/guarded.h"
#include "core/error_reason.h"

namespace grpc_os::core {
namespace {

constexpr size_t kWaitingPerKey = 32;

absl::Status Reused(const RequestKey& key) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("the request_id ", key.id,
                                " was used for a call of other content; take a new one for each "
                                "change, and the same one only to repeat it"),
                   {.reason = reason::kRequestIdReused, .metadata = {{"request_id", key.id}}});
}

absl::Status TooManyWait(const RequestKey& key) {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   absl::StrCat(kWaitingPerKey, " calls wait already for the one with request_id ",
                                key.id, "; wait for their answer"),
                   {.reason = reason::kLimitReached,
                    .metadata = {{"limit", "calls with one request_id"},
                                 {"value", absl::StrCat(kWaitingPerKey)}},
                    .retry_after_ms = 1000});
}

}  // namespace

// The keys that are held, and who waits for each. Slots know it weakly: they may outlive Requests,
// and the store that it asks.
class Requests::Keys : public std::enable_shared_from_this<Keys> {
 public:
  explicit Keys(RequestStore& store) : store_(store) {}

  struct Waiting {
    std::string digest;
    Paths paths;
  };

  void Take(const RequestKey& key, Waiting one) {
    {
      auto held = held_.Lock();
      if (auto it = held->find(key); it == held->end()) {
        (*held)[key];
      } else if (it->second.size() < kWaitingPerKey) {
        it->second.push_back(std::move(one));
        return;
      } else {
        held.lock().unlock();
        return one.paths.repeat(TooManyWait(key));
      }
    }
    Look(key, std::move(one));
  }

 private:
  // The key is held.
  void Look(const RequestKey& key, Waiting first) {
    store_.FindRequest(key, [weak = weak_from_this(), key, first = std::move(first)](
                                absl::StatusOr<std::optional<CommittedRequest>> found) mutable {
      const std::shared_ptr<void> slot(nullptr, [weak, key](void*) {
        if (const auto keys = weak.lock()) keys->End(key);
      });
      if (!found.ok()) return first.paths.repeat(found.status());
      if (!found->has_value()) return first.paths.carry_out(slot);
      if ((*found)->digest != first.digest) return first.paths.repeat(Reused(key));
      first.paths.repeat(**std::move(found));
    });
  }

  void End(const RequestKey& key) {
    std::optional<Waiting> next;
    {
      auto held = held_.Lock();
      const auto it = held->find(key);
      if (it->second.empty()) {
        held->erase(it);
        return;
      }
      next = std::move(it->second.front());
      it->second.pop_front();
    }
    Look(key, *std::move(next));
  }

  RequestStore& store_;
  Guarded<std::map<RequestKey, std::deque<Waiting>>> held_;
};

Requests::Requests(RequestStore& store) : keys_(std::make_shared<Keys>(store)) {}
Requests::~Requests() = default;

void Requests::Begin(const RequestKey& key, const std::string& digest, Paths paths) {
  if (key.id.empty()) return paths.carry_out(nullptr);
  keys_->Take(key, {digest, std::move(paths)});
}

}  // namespace grpc_os::core
