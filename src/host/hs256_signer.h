// Tokens signed with a shared key: JWT (RFC 7519) with HS256 (RFC 7515), by OpenSSL.
#ifndef GRPC_OS_HOST_HS256_SIGNER_H_
#define GRPC_OS_HOST_HS256_SIGNER_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/identity/identity_ports.h"

namespace grpc_os::host {

// One algorithm, one key, one header, one way to write the claims: what is not byte for byte as
// Sign would have made it is not ours, whatever it claims. Thread-safe.
class Hs256Signer final : public core::TokenSigner {
 public:
  explicit Hs256Signer(std::string key);  // at least 32 bytes

  std::string Sign(const core::Claims& claims) const override;
  absl::StatusOr<core::Claims> Verify(std::string_view token) const override;
  std::string Instance() const override { return instance_; }

 private:
  std::string Mac(std::string_view text) const;
  std::string Payload(const core::Claims& claims) const;  // JSON
  // Whether the encoded claims begin as Sign begins them for another key's instance.
  bool NamesAnother(std::string_view encoded) const;

  const std::string key_;
  const std::string header_;    // encoded, with its dot
  const std::string instance_;  // tells keys apart, and nothing about them
};

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_HS256_SIGNER_H_
