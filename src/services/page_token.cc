#include "services/page_token.h"

#include "absl/strings/escaping.h"
#include "base/error_detail.h"
#include "core/error_reason.h"

namespace grpc_os::services {
namespace {

constexpr char kVersion = '1';

}  // namespace

std::string MakePageToken(const std::string& last_key, const std::string& arguments) {
  return absl::WebSafeBase64Escape(std::string(1, kVersion) + last_key + std::string(1, '\0') +
                                   arguments);
}

absl::StatusOr<std::string> ParsePageToken(const std::string& token, const std::string& arguments) {
  if (token.empty()) return "";
  std::string decoded;
  if (absl::WebSafeBase64Unescape(token, &decoded) && !decoded.empty() && decoded[0] == kVersion) {
    const size_t end = decoded.find('\0');
    if (end != std::string::npos && decoded.substr(end + 1) == arguments)
      return decoded.substr(1, end - 1);
  }
  return PageTokenInvalid();
}

absl::Status PageTokenInvalid() {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   "the page token is malformed or belongs to other arguments; list from the start",
                   {.reason = core::reason::kPageTokenInvalid});
}

}  // namespace grpc_os::services
