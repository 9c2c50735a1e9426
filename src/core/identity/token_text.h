// The form of API tokens.
#ifndef GRPC_OS_CORE_IDENTITY_TOKEN_TEXT_H_
#define GRPC_OS_CORE_IDENTITY_TOKEN_TEXT_H_

#include <cstddef>
#include <string_view>

#include "core/identity/identity_ports.h"

namespace grpc_os::core {

// Before 256 random bits in base64url: tells them from signed tokens, and lets scanners for leaked
// secrets find them. Between the two there is the instance of the signer (TokenSigner::Instance)
// that the system had; tokens of before have none.
inline constexpr char kApiTokenPrefix[] = "gost_";
inline constexpr size_t kApiTokenRandomChars = 43;

// The instance in an API token, as anybody can write it; empty: there is none.
inline std::string_view InstanceInApiToken(std::string_view token) {
  constexpr size_t kBefore = sizeof(kApiTokenPrefix) - 1;
  if (token.size() != kBefore + TokenSigner::kInstanceDigits + kApiTokenRandomChars) return "";
  const std::string_view instance = token.substr(kBefore, TokenSigner::kInstanceDigits);
  return IsInstance(instance) ? instance : "";
}

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_TOKEN_TEXT_H_
