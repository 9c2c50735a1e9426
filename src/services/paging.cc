#include "services/paging.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/error_detail.h"
#include "core/error_reason.h"

namespace grpc_os::services {
namespace {

constexpr char kVersion = '1';

}  // namespace

absl::StatusOr<PageQuery> PageQuery::Read(const Call& call, int size, const std::string& token,
                                          core::Violations violations,
                                          std::initializer_list<std::string_view> arguments) {
  if (size < 0) violations.Add("page_size", "give 0 (for 100) to 1000");
  if (!violations.empty()) return violations.ToStatus();
  PageQuery query;
  query.size_ = size == 0 ? limits::kPageSizeDefault : std::min(size, limits::kPageSizeMax);
  query.arguments_ = absl::StrCat(call.method().full_name, "\n", call.caller().user);
  for (const std::string_view argument : arguments) query.arguments_.append("\n").append(argument);
  if (token.empty()) return query;
  std::string decoded;
  if (!absl::WebSafeBase64Unescape(token, &decoded) || decoded.empty() || decoded[0] != kVersion)
    return PageTokenInvalid();
  const size_t end = decoded.find('\0');
  if (end == std::string::npos || decoded.substr(end + 1) != query.arguments_)
    return PageTokenInvalid();
  query.after_ = decoded.substr(1, end - 1);
  return query;
}

std::string PageQuery::TokenAfter(std::string_view key) const {
  std::string text(1, kVersion);
  text += key;
  text += '\0';
  text += arguments_;
  return absl::WebSafeBase64Escape(text);
}

absl::Status PageTokenInvalid() {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   "the page token is malformed or belongs to other arguments; list from the start",
                   {.reason = core::reason::kPageTokenInvalid});
}

std::string KeyOf(int64_t first, int64_t second) { return absl::StrCat(first, " ", second); }

bool ParseKey(const std::string& key, int64_t& first, int64_t& second) {
  const std::vector<std::string> parts = absl::StrSplit(key, ' ');
  return parts.size() == 2 && absl::SimpleAtoi(parts[0], &first) &&
         absl::SimpleAtoi(parts[1], &second);
}

}  // namespace grpc_os::services
