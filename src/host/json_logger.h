// The daemon's own log: one JSON object a line, in files that are rotated (spdlog).
#ifndef GRPC_OS_HOST_JSON_LOGGER_H_
#define GRPC_OS_HOST_JSON_LOGGER_H_

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/statusor.h"
#include "core/logger.h"

namespace spdlog {
class logger;
}

namespace grpc_os::host {

// 5 files of 10 MiB at `path`. Thread-safe. A line that cannot be written (full disk) is dropped.
// Warnings and errors, and all that came before them, are with the kernel when Write returns; what
// is below goes there together with what follows it within 20 ms, by a thread ("log"): a line per
// call would otherwise be a system call per call, and wait for the file system.
class JsonLogger final : public core::Logger {
 public:
  static absl::StatusOr<std::unique_ptr<JsonLogger>> Open(const std::string& path,
                                                          core::LogLevel level);
  ~JsonLogger() override;

  bool Enabled(core::LogLevel level) const override;
  void SetLevel(core::LogLevel level) override;
  core::LogLevel Level() const override;
  void Write(core::LogLevel level, std::string_view message,
             const core::LogFields& fields) override;

 private:
  explicit JsonLogger(std::shared_ptr<spdlog::logger> logger, core::LogLevel level);
  void FlushSoon();
  void RunFlusher();

  std::shared_ptr<spdlog::logger> logger_;
  std::atomic<core::LogLevel> level_;
  std::atomic<bool> unflushed_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // under mutex_
  std::thread flusher_;
};

// `text` as a JSON string, with its quotes; bytes that are not valid in JSON are escaped.
void AppendJsonString(std::string_view text, std::string& out);

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_JSON_LOGGER_H_
