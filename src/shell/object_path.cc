#include "shell/object_path.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace grpc_os::shell {
namespace {

constexpr std::string_view kIdPrefix = "obj_";
constexpr size_t kIdMost = 32;  // behind the prefix

}  // namespace

bool IsObjectId(std::string_view name) {
  if (!name.starts_with(kIdPrefix)) return false;
  name.remove_prefix(kIdPrefix.size());
  return !name.empty() && name.size() <= kIdMost &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_islower(static_cast<unsigned char>(c)) ||
                  absl::ascii_isdigit(static_cast<unsigned char>(c));
         });
}

std::string ResolveName(std::string_view directory, std::string_view typed) {
  if (IsObjectId(typed)) return std::string(typed);
  const std::string whole =
      typed.starts_with('/') ? std::string(typed) : std::string(directory).append(typed);
  std::vector<absl::string_view> segments;
  absl::string_view last;
  for (const absl::string_view segment : absl::StrSplit(whole, '/')) {
    last = segment;
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (!segment.empty() && segment != ".") {
      segments.push_back(segment);
    }
  }
  const bool is_folder = last.empty() || last == "." || last == "..";
  if (segments.empty()) return "/";
  return absl::StrCat("/", absl::StrJoin(segments, "/"), is_folder ? "/" : "");
}

std::string ResolveBegun(std::string_view directory, std::string_view typed) {
  const size_t name = typed.rfind('/') + 1;
  return ResolveName(directory, typed.substr(0, name)).append(typed.substr(name));
}

VersionedName ParseVersionedName(std::string_view typed) {
  const size_t at = typed.rfind('@');
  int64_t generation = 0;
  if (at == std::string_view::npos || at == 0 || at + 1 == typed.size() ||
      !std::all_of(typed.begin() + static_cast<std::ptrdiff_t>(at) + 1, typed.end(),
                   [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }) ||
      !absl::SimpleAtoi(std::string(typed.substr(at + 1)), &generation)) {
    return {std::string(typed), 0};
  }
  return {std::string(typed.substr(0, at)), generation};
}

std::string LastSegment(std::string_view name) {
  if (name.size() > 1 && name.ends_with('/')) name.remove_suffix(1);
  const size_t slash = name.rfind('/');
  if (slash == std::string_view::npos || name.size() == 1) return std::string(name);
  return std::string(name.substr(slash + 1));
}

std::string AsFolder(std::string name) {
  if (!name.ends_with('/')) name.push_back('/');
  return name;
}

}  // namespace grpc_os::shell
