#include "core/domain/domain_name.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::core {

void CheckDomainName(std::string_view name, const std::string& field,
                     const IsPublicSuffix& is_public_suffix, Violations& violations) {
  if (std::string problem = DomainNameProblem(name); !problem.empty()) {
    violations.Add(field, std::move(problem));
    return;
  }
  const std::string_view wildcard = name.starts_with("*.") ? "*." : "";
  name.remove_prefix(wildcard.size());
  if (IsSpecialUseName(name) || !is_public_suffix(name)) return;
  violations.Add(field, absl::StrCat("'", std::string(name),
                                     "' is a public suffix, below which others have names; give "
                                     "your own, such as ",
                                     std::string(wildcard), "example.", std::string(name)));
}

void CheckRoutePath(std::string_view path, const std::string& field, Violations& violations) {
  if (std::string problem = RoutePathProblem(path); !problem.empty())
    violations.Add(field, std::move(problem));
}

}  // namespace grpc_os::core
