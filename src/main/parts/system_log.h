// The log of the daemon itself, and what whoever started it is to know.
#ifndef GRPC_OS_MAIN_PARTS_SYSTEM_LOG_H_
#define GRPC_OS_MAIN_PARTS_SYSTEM_LOG_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "host/json_logger.h"
#include "main/library_logs.h"
#include "main/parts/data_directory.h"
#include "manifest/settings.h"

namespace grpc_os {

class SystemLog final : public Part {
 public:
  // Takes lines for whoever started the daemon.
  using Say = std::function<void(const std::string& line)>;
  // `settings` are used until Start has returned.
  SystemLog(const DataDirectory& directory, const manifest::Settings& settings, Say say)
      : directory_(directory), settings_(settings), say_(std::move(say)) {}

  absl::Status Start() override;
  // Keeps standard error within its bound.
  void Tick(int64_t now_ms) override;

  core::Logger& logger() const { return *logger_; }
  // Into the log, and to whoever started the daemon: what is so, and what the start does without.
  void Note(const std::string& text) const;
  void Warn(const std::string& text) const;

 private:
  const DataDirectory& directory_;
  const manifest::Settings& settings_;
  const Say say_;
  std::unique_ptr<host::JsonLogger> logger_;
  std::unique_ptr<LibraryLogs> library_logs_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_SYSTEM_LOG_H_
