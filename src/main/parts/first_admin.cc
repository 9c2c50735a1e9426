#include "main/parts/first_admin.h"

#include <future>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "host/secret_file.h"

namespace grpc_os {

absl::Status FirstAdmin::Start() {
  std::string password = std::exchange(password_, "");
  if (identity_.identity().HasAdmin()) return absl::OkStatus();
  if (password.empty()) {
    auto made = GeneratePassword();
    if (!made.ok()) return made.status();
    password = *std::move(made);
  }
  std::promise<absl::StatusOr<std::string>> hashed;
  identity_.hasher().Hash(std::move(password), [&hashed](absl::StatusOr<std::string> hash) {
    hashed.set_value(std::move(hash));
  });
  const auto hash = hashed.get_future().get();
  if (!hash.ok()) return hash.status();
  Failpoint("osd.start.first_password");
  return identity_.identity().MakeAdmin(*hash);
}

// It is in its file before anyone can log in with it, and one that is there from a start that did
// not get so far is taken.
absl::StatusOr<std::string> FirstAdmin::GeneratePassword() const {
  const std::string path = directory_.PathOf("secrets/admin.password");
  auto made = host::LoadOrMakePassword(path);
  if (made.ok()) {
    say_(absl::StrCat("note: The first admin: `login admin` with the password in ", path,
                      "; set another with `user passwd admin`, then remove the file."));
  }
  return made;
}

}  // namespace grpc_os
