// The daemon's own log: one JSON object a line, in files that are rotated (spdlog).
#ifndef GRPC_OS_HOST_JSON_LOGGER_H_
#define GRPC_OS_HOST_JSON_LOGGER_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/line_budget.h"
#include "core/logger.h"

namespace spdlog {
class logger;
}

namespace grpc_os::host {

// 5 files of `file_bytes` at `path`. Thread-safe. Lines are written by a thread ("log"), a warning
// or an error and all before it at once, what is below together with what follows within 20 ms:
// nobody who writes waits for the disk. At most limits::kLogQueueBytes wait for it; what comes
// beyond that is dropped, and counted in a line of its own. A line that cannot be written (full
// disk) is lost.
//
// Of the lines with one level and message, limits::kLogLinesPerSecond are written a second, for
// whoever has not logged in may cause them too; then a line "lines left out" says how many were
// not. Those with the message kEveryLine are all written.
class JsonLogger final : public core::Logger {
 public:
  static absl::StatusOr<std::unique_ptr<JsonLogger>> Open(const std::string& path,
                                                          core::LogLevel level,
                                                          int64_t file_bytes = int64_t{10} << 20);
  // Where there can be no file.
  static std::unique_ptr<JsonLogger> ToStandardError(core::LogLevel level);
  // Writes what waits.
  ~JsonLogger() override;

  bool Enabled(core::LogLevel level) const override;
  void SetLevel(core::LogLevel level) override;
  core::LogLevel Level() const override;
  void Write(core::LogLevel level, std::string_view message,
             const core::LogFields& fields) override;

  static constexpr std::string_view kEveryLine = "call";  // of a user

 private:
  struct Queue {
    std::vector<std::string> lines;
    int64_t bytes = 0;
    int64_t dropped = 0;
    bool urgent = false;
  };
  explicit JsonLogger(std::shared_ptr<spdlog::logger> logger, core::LogLevel level);
  bool Admit(core::LogLevel level, std::string_view message);
  void Put(core::LogLevel level, std::string line);
  void RunWriter();
  void WriteOut(Queue taken);

  std::shared_ptr<spdlog::logger> logger_;  // of the thread
  std::atomic<core::LogLevel> level_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_.
  Queue queue_;
  LineBudget budget_;
  bool stopping_ = false;
  std::thread writer_;
};

// `text` as a JSON string, with its quotes; control characters are escaped, and bytes that
// are no UTF-8 are U+FFFD each.
void AppendJsonString(std::string_view text, std::string& out);

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_JSON_LOGGER_H_
