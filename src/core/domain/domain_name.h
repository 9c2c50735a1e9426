// What users give as the names of domains and as their paths.
#ifndef GRPC_OS_CORE_DOMAIN_DOMAIN_NAME_H_
#define GRPC_OS_CORE_DOMAIN_DOMAIN_NAME_H_

#include <functional>
#include <string>
#include <string_view>

#include "base/domain_name.h"
#include "core/violations.h"

namespace grpc_os::core {

// Whether others register names below this one: "com", "co.uk". A name that no list has is none.
using IsPublicSuffix = std::function<bool(std::string_view name)>;

// A canonical name (base/domain_name.h) that belongs to somebody: neither a public suffix, nor all
// that is below one. Names of special use are fine.
void CheckDomainName(std::string_view name, const std::string& field,
                     const IsPublicSuffix& is_public_suffix, Violations& violations);
// See RoutePathProblem.
void CheckRoutePath(std::string_view path, const std::string& field, Violations& violations);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DOMAIN_DOMAIN_NAME_H_
