// Small files of the data directory that people and other programs read.
#ifndef GRPC_OS_MAIN_PARTS_PUBLISHED_FILES_H_
#define GRPC_OS_MAIN_PARTS_PUBLISHED_FILES_H_

#include <map>
#include <string>

#include "base/guarded.h"
#include "main/parts/data_directory.h"
#include "main/parts/system_log.h"

namespace grpc_os {

// The daemon does without them: one for which there is no room, or that was removed, is written on
// the next tick.
class PublishedFiles final : public Part {
 public:
  PublishedFiles(const DataDirectory& directory, const SystemLog& log)
      : directory_(directory), log_(log) {}

  // `name` below the data directory. Thread-safe.
  void Write(const std::string& name, const std::string& text);
  void Tick(int64_t now_ms) override;

 private:
  const DataDirectory& directory_;
  const SystemLog& log_;
  Guarded<std::map<std::string, std::string>> files_;  // what is to be in them
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_PUBLISHED_FILES_H_
