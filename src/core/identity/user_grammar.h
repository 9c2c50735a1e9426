// The grammar of what people give for users, roles and tokens.
#ifndef GRPC_OS_CORE_IDENTITY_USER_GRAMMAR_H_
#define GRPC_OS_CORE_IDENTITY_USER_GRAMMAR_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/identity/roles.h"
#include "core/violations.h"

namespace grpc_os::core {

// 1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter.
void CheckUserName(std::string_view name, const std::string& field, Violations& violations);
// As a user's, but for the words.
void CheckRoleName(std::string_view name, const std::string& field, Violations& violations);
// `permissions`: those that there are. `field`: the path of the role in
// the request.
void CheckRole(const RoleSpec& role, const std::vector<Permission>& permissions,
               const std::string& field, Violations& violations);
// One to be set: `bytes_min` to 1024 bytes, not the user's name.
void CheckNewPassword(std::string_view password, std::string_view user, int64_t bytes_min,
                      const std::string& field, Violations& violations);
// One to be tried: not empty, at most 1024 bytes.
void CheckTriedPassword(std::string_view password, const std::string& field,
                        Violations& violations);
// 32 hexadecimal digits.
void CheckSessionId(std::string_view id, const std::string& field, Violations& violations);
// At most 63 bytes of printable ASCII or UTF-8 without control characters.
void CheckLabel(std::string_view label, const std::string& field, Violations& violations);
// Of an API token.
void CheckTokenTtl(int64_t ttl_ms, const std::string& field, Violations& violations);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_USER_GRAMMAR_H_
