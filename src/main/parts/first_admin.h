// The admin that the first start makes.
#ifndef GRPC_OS_MAIN_PARTS_FIRST_ADMIN_H_
#define GRPC_OS_MAIN_PARTS_FIRST_ADMIN_H_

#include <future>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "host/secret_file.h"
#include "main/parts/data_directory.h"
#include "main/parts/identity_part.h"
#include "main/parts/system_log.h"

namespace grpc_os {

class FirstAdmin final : public Part {
 public:
  // `password` empty: one is generated. `say` takes a line for whoever started the daemon.
  FirstAdmin(const DataDirectory& directory, const IdentityPart& identity, std::string password,
             SystemLog::Say say)
      : directory_(directory),
        identity_(identity),
        password_(std::move(password)),
        say_(std::move(say)) {}

  absl::Status Start() override {
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

 private:
  // It is in its file before anyone can log in with it, and one that is there from a start that did
  // not get so far is taken.
  absl::StatusOr<std::string> GeneratePassword() const {
    const std::string path = directory_.PathOf("secrets/admin.password");
    auto made = host::LoadOrMakePassword(path);
    if (made.ok()) {
      say_(absl::StrCat("note: The first admin: `login admin` with the password in ", path,
                        "; set another with `user passwd admin`, then remove the file."));
    }
    return made;
  }

  const DataDirectory& directory_;
  const IdentityPart& identity_;
  std::string password_;
  const SystemLog::Say say_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_FIRST_ADMIN_H_
