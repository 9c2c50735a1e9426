// For tests: a data directory of their own.
#ifndef GRPC_OS_MAIN_PARTS_PARTS_HARNESS_H_
#define GRPC_OS_MAIN_PARTS_PARTS_HARNESS_H_

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace grpc_os {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "parts.XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_PARTS_HARNESS_H_
