#include "services/funnel.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/id.h"

namespace grpc_os::services {
namespace {

constexpr size_t kRequestIdBytes = 128;

std::string MetadataValue(const grpc::CallbackServerContext* context, const char* key) {
  const auto range = context->client_metadata().equal_range(key);
  // Two of them could mean two different things to two readers.
  if (range.first == range.second || std::next(range.first) != range.second) return "";
  return {range.first->second.data(), range.first->second.size()};
}

bool Printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char byte) { return absl::ascii_isgraph(byte); });
}

// As long as 128 random bits, which would be a system call each: half of it is random and of this
// daemon, half a count. It is shown to people and need not be hard to guess.
std::string NewCallId() {
  static const std::string daemon = RandomHex128().substr(0, 16);
  static std::atomic<uint64_t> count{0};
  return absl::StrCat(
      daemon, absl::Hex(count.fetch_add(1, std::memory_order_relaxed) + 1, absl::kZeroPad16));
}

}  // namespace

void Funnel::Prepare(grpc::CallbackServerContext* context, Call& call) const {
  std::string id = MetadataValue(context, "x-request-id");
  if (id.empty() || id.size() > kRequestIdBytes || !Printable(id)) id = NewCallId();
  context->AddInitialMetadata("x-request-id", id);
  call.set_request_id(std::move(id));
  call.set_peer(context->peer());
}

std::string Funnel::Authorization(const grpc::CallbackServerContext* context) {
  return MetadataValue(context, "authorization");
}

int64_t Funnel::DeadlineMs(const grpc::CallbackServerContext* context) const {
  const auto deadline = context->deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return INT64_MAX;
  return std::chrono::duration_cast<std::chrono::milliseconds>(deadline.time_since_epoch()).count();
}

}  // namespace grpc_os::services
