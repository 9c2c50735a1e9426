// What all Lists have in common: how long a page is, and where the next one begins.
#ifndef GRPC_OS_SERVICES_PAGING_H_
#define GRPC_OS_SERVICES_PAGING_H_

#include <google/protobuf/repeated_field.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "base/limits.h"
#include "core/violations.h"
#include "services/call.h"

namespace grpc_os::services {

// Which page a call asks for. A page token is opaque, URL-safe and grants nothing.
class PageQuery {
 public:
  // Of a List's request. INVALID_ARGUMENT: with `violations` and that of its page_size, if there
  // are any; or (PAGE_TOKEN_INVALID) its page_token is malformed, or of another method or caller,
  // or of other `arguments`: those besides the page's that make the list what it is.
  template <typename Request>
  static absl::StatusOr<PageQuery> Of(const Call& call, const Request& request,
                                      core::Violations violations = {},
                                      std::initializer_list<std::string_view> arguments = {}) {
    int size = 0;
    if constexpr (requires { request.page_size(); }) size = request.page_size();
    return Read(call, size, request.page_token(), std::move(violations), arguments);
  }

  // How many at most.
  int size() const { return size_; }
  // The key of the last thing of the page before; empty: from the start.
  const std::string& after() const { return after_; }
  std::string TokenAfter(std::string_view key) const;

 private:
  static absl::StatusOr<PageQuery> Read(const Call& call, int size, const std::string& token,
                                        core::Violations violations,
                                        std::initializer_list<std::string_view> arguments);

  int size_ = 0;
  std::string after_;
  std::string arguments_;
};

// For the key of a token that is not one of this list: only a made-up token has it.
absl::Status PageTokenInvalid();

// Keys of two numbers.
std::string KeyOf(int64_t first, int64_t second);
// False: `key` is none.
bool ParseKey(const std::string& key, int64_t& first, int64_t& second);

// Fills a page: as many as were asked for, or fewer, if they are so large that the message would
// have more than kBytes, which leaves room for all else that it says; one always.
template <typename Item>
class Page {
 public:
  Page(const PageQuery& query, google::protobuf::RepeatedPtrField<Item>* items)
      : query_(query), items_(*items) {}

  // False, and the next page begins with this one: the page is full. `key`: by which the list is in
  // order.
  bool Add(Item item, std::string key) {
    const size_t bytes = item.ByteSizeLong() + kFrameBytes;
    if (items_.size() == query_.size() || (!items_.empty() && bytes_ + bytes > kBytes)) {
      full_ = true;
      return false;
    }
    bytes_ += bytes;
    items_.Add(std::move(item));
    last_key_ = std::move(key);
    return true;
  }
  // Empty, if all were added and there is no more. `more_after`: the key after which there is.
  std::string NextToken(std::string_view more_after = {}) const {
    if (full_) return query_.TokenAfter(last_key_);
    return more_after.empty() ? "" : query_.TokenAfter(more_after);
  }

 private:
  static constexpr auto kBytes = static_cast<size_t>(limits::kMessageBytes / 4 * 3);
  static constexpr size_t kFrameBytes = 6;  // tag and length of an item

  const PageQuery& query_;
  google::protobuf::RepeatedPtrField<Item>& items_;
  size_t bytes_ = 0;
  bool full_ = false;
  std::string last_key_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_PAGING_H_
