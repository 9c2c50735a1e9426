#include "main/parts/identity_part.h"

#include <unistd.h>

#include <set>

#include "host/secret_file.h"
#include "services/declarations.h"

namespace grpc_os {
namespace {

// Who is admin by peer credentials: root, and, where nothing shields processes anyway, the account
// that runs the system.
std::set<int64_t> AdminUids(bool shielded) {
  std::set<int64_t> uids = {0};
  if (!shielded) uids.insert(geteuid());
  return uids;
}

}  // namespace

absl::Status IdentityPart::Start() {
  auto declared = services::Declarations::BuildApi();
  if (!declared.ok()) return declared.status();
  std::string key = needs_.settings.jwt_secret;
  if (key.empty()) {
    auto made = host::LoadOrMakeKey(needs_.directory.PathOf("secrets/jwt.key"));
    if (!made.ok()) return made.status();
    key = *std::move(made);
  }
  store::Store& store = needs_.store.store();
  signer_ = std::make_unique<host::Hs256Signer>(std::move(key));
  hasher_ = std::make_unique<host::PasswordHasher>();
  identity_ = std::make_unique<core::Identity>(
      core::Identity::Parts{store,
                            store,
                            *signer_,
                            *hasher_,
                            digest_,
                            needs_.clock,
                            AdminUids(needs_.shielded),
                            needs_.clocks.retention(),
                            std::move(declared->permissions),
                            {.access_token_ms = needs_.settings.access_token_ms,
                             .session_idle_ms = needs_.settings.session_idle_ms,
                             .session_ms = needs_.settings.session_ms},
                            needs_.settings.password_bytes_min});
  return identity_->Load(store.NewestRevision());
}

}  // namespace grpc_os
