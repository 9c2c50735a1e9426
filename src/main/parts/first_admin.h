// The admin that the first start makes.
#ifndef GRPC_OS_MAIN_PARTS_FIRST_ADMIN_H_
#define GRPC_OS_MAIN_PARTS_FIRST_ADMIN_H_

#include <string>
#include <utility>

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

  absl::Status Start() override;

 private:
  absl::StatusOr<std::string> GeneratePassword() const;

  const DataDirectory& directory_;
  const IdentityPart& identity_;
  std::string password_;
  const SystemLog::Say say_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_FIRST_ADMIN_H_
