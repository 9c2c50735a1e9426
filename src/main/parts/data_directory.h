// The data directory, which one daemon at a time has.
#ifndef GRPC_OS_MAIN_PARTS_DATA_DIRECTORY_H_
#define GRPC_OS_MAIN_PARTS_DATA_DIRECTORY_H_

#include <cstdint>
#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "main/parts/composition.h"

namespace grpc_os {

// Makes the directories that the daemon needs, and holds the lock for as long as this exists.
class DataDirectory final : public Part {
 public:
  explicit DataDirectory(std::string path) : path_(std::move(path)) {}

  absl::Status Start() override;
  // Takes a lock anew whose file is gone.
  void Tick(int64_t now_ms) override;

  const std::string& path() const { return path_; }
  std::string PathOf(const std::string& name) const;  // of what lies in it
  std::string DatabasePath() const { return PathOf("grpc-os.db"); }
  int fd() const { return directory_.get(); }

 private:
  const std::string path_;
  UniqueFd directory_;
  UniqueFd lock_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_DATA_DIRECTORY_H_
