#include "core/change/envelope.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace grpc_os::core {

std::string OriginFindings::Named(const std::string& resource) const {
  if (names.empty()) return resource;
  const auto append = [this](std::string* out, absl::string_view word) {
    const absl::string_view id = absl::StripSuffix(word, ":");  // of a task: "web: ls -l"
    const auto found = names.find(std::string(id));
    if (found == names.end()) return absl::StrAppend(out, word);
    absl::StrAppend(out, found->second, " (", id, ")", word.substr(id.size()));
  };
  return absl::StrJoin(absl::StrSplit(resource, ' '), " ", append);
}

}  // namespace grpc_os::core
