// Users, roles, sessions, and what tokens and passwords need.
#ifndef GRPC_OS_MAIN_PARTS_IDENTITY_PART_H_
#define GRPC_OS_MAIN_PARTS_IDENTITY_PART_H_

#include <memory>
#include <string>
#include <utility>

#include "core/identity/identity.h"
#include "host/hs256_signer.h"
#include "host/password_hasher.h"
#include "host/sha256.h"
#include "main/parts/data_directory.h"
#include "main/parts/retention_clocks.h"
#include "main/parts/store_part.h"
#include "manifest/settings.h"

namespace grpc_os {

class IdentityPart final : public Part {
 public:
  struct Needs {
    const DataDirectory& directory;
    const StorePart& store;
    const RetentionClocks& clocks;
    const core::Clock& clock;
    bool shielded;
    const manifest::Settings& settings;  // used until Start has returned
  };
  explicit IdentityPart(Needs needs) : needs_(std::move(needs)) {}

  absl::Status Start() override;
  // Finishes the passwords that are being hashed.
  void Stop() override { hasher_->Stop(); }

  core::Identity& identity() const { return *identity_; }
  host::PasswordHasher& hasher() const { return *hasher_; }
  const core::Digest& digest() const { return digest_; }

 private:
  Needs needs_;
  const host::Sha256 digest_;
  std::unique_ptr<host::Hs256Signer> signer_;
  std::unique_ptr<host::PasswordHasher> hasher_;
  std::unique_ptr<core::Identity> identity_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_IDENTITY_PART_H_
