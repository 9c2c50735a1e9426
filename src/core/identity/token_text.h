// The form of API tokens.
#ifndef GRPC_OS_CORE_IDENTITY_TOKEN_TEXT_H_
#define GRPC_OS_CORE_IDENTITY_TOKEN_TEXT_H_

namespace grpc_os::core {

// Before 256 random bits in base64url: tells them from signed tokens, and lets scanners for leaked
// secrets find them.
inline constexpr char kApiTokenPrefix[] = "gost_";

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_TOKEN_TEXT_H_
