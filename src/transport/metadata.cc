#include "transport/metadata.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace grpc_os::transport {
namespace {

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

std::string_view Metadata::Only(std::string_view name) const {
  std::string_view found;
  bool seen = false;
  for (const auto& [key, value] : entries_) {
    if (key != name) continue;
    if (seen) return {};
    seen = true;
    found = value;
  }
  return found;
}

bool IsReserved(std::string_view name) {
  return name.empty() || name[0] == ':' || name.starts_with("grpc-") || name == "te" ||
         name == "content-type" || name == "content-length" || name == "user-agent" ||
         name == "host";
}

std::optional<std::vector<std::string>> DecodeBinary(std::string_view value) {
  std::vector<std::string> all;
  for (absl::string_view part : absl::StrSplit(View(value), ',')) {
    part = absl::StripAsciiWhitespace(part);
    if (!absl::Base64Unescape(part, &all.emplace_back())) return std::nullopt;
  }
  return all;
}

std::string EncodeBinary(std::string_view bytes) {
  std::string out = absl::Base64Escape(View(bytes));
  while (out.ends_with('=')) out.pop_back();  // as gRPC recommends
  return out;
}

std::optional<int64_t> ParseTimeout(std::string_view value) {
  if (value.size() < 2 || value.size() > 9) return std::nullopt;
  int64_t unit = 0;
  switch (value.back()) {
    case 'H':
      unit = 3'600'000'000'000;
      break;
    case 'M':
      unit = 60'000'000'000;
      break;
    case 'S':
      unit = 1'000'000'000;
      break;
    case 'm':
      unit = 1'000'000;
      break;
    case 'u':
      unit = 1'000;
      break;
    case 'n':
      unit = 1;
      break;
    default:
      return std::nullopt;
  }
  int64_t number = 0;
  for (const char digit : value.substr(0, value.size() - 1)) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(digit))) return std::nullopt;
    number = number * 10 + (digit - '0');
  }
  return std::min(number, INT64_MAX / unit) * unit;
}

std::string PercentEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && byte != '%') {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

}  // namespace grpc_os::transport
