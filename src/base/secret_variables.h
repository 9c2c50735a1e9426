// The variables of the environment that hold secrets: see .env.example.
#ifndef GRPC_OS_BASE_SECRET_VARIABLES_H_
#define GRPC_OS_BASE_SECRET_VARIABLES_H_

#include <array>

namespace grpc_os {

inline constexpr char kAdminPasswordVariable[] = "GRPC_OS_ADMIN_PASSWORD";

// Programs that were given them erase them, because /proc would show them for as long as they live.
inline constexpr std::array<const char*, 3> kSecretVariables = {kAdminPasswordVariable,
                                                                "JWT_SECRET", "DB_PASSWORD"};

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_SECRET_VARIABLES_H_
