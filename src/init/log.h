// What init says of itself.
#ifndef GRPC_OS_INIT_LOG_H_
#define GRPC_OS_INIT_LOG_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "base/line_budget.h"
#include "base/unique_fd.h"

namespace grpc_os::init {

// JSON lines into a file; warnings also, as plain lines, onto standard error. A line that cannot be
// written is dropped. At most limits::kLogLinesPerSecond of a kind are written a second; how many
// were left out is said before the next line. The file has a bound while it is written, too. Lives
// on the loop's thread.
class Log {
 public:
  // Opens the file, or begins it anew where it has grown too large.
  using Open = std::function<absl::StatusOr<UniqueFd>()>;
  // While there is no file (a full disk at the start), opening is tried again after `retry_ms`.
  Log(UniqueFd file, Open open, int64_t retry_ms = 1'000)
      : file_(std::move(file)), open_(std::move(open)), retry_ms_(retry_ms) {}

  void Info(const std::string& message) { Info(message, message); }
  void Warn(const std::string& message) { Warn(message, message); }
  // For a message that names what it is about: the kind does not.
  void Info(std::string_view kind, const std::string& message) { Write("info", kind, message); }
  void Warn(std::string_view kind, const std::string& message) { Write("warning", kind, message); }

 private:
  void Write(const std::string& level, std::string_view kind, const std::string& message);
  void WriteLine(const std::string& level, const std::string& message);
  void OpenAgain();

  UniqueFd file_;
  const Open open_;
  const int64_t retry_ms_;
  int64_t open_at_ms_ = 0;  // not tried before
  LineBudget budget_;
};

// `text` as a JSON string, quotes included. Bytes beyond ASCII become U+FFFD each.
std::string JsonString(const std::string& text);

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_LOG_H_
