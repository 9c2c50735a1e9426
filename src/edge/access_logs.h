// Reads the access logs of domains while nginx writes them.
#ifndef GRPC_OS_EDGE_ACCESS_LOGS_H_
#define GRPC_OS_EDGE_ACCESS_LOGS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/process/process_ports.h"

namespace grpc_os::edge {

// A LogSource whose `process_id` is the id of a domain. All tails are served by one thread of its
// own ("access-logs"), which looks for new lines every `poll_ms`. Thread-safe.
//
// A line is given as nginx wrote it, as kStdout, with the time that it begins with ("t", the first
// field); 0 if it begins otherwise. Of one longer than limits::kLogLineBytes only its beginning. A
// line that was not written to its end is left out.
//
// A cursor is NUMBER:OFFSET in the files (access_log_files.h); it outlives the daemon. Following a
// log whose end has nothing to give (`lines` -1, or no line yet) begins with a batch that has just
// a cursor.
//
// Beside the ends that core::LogSource names: INVALID_ARGUMENT for what is no id of a domain,
// FAILED_PRECONDITION where something else lies in the place of a log.
class AccessLogs final : public core::LogSource {
 public:
  struct Timing {
    int64_t poll_ms = 100;
    // How long a renamed file is still read after nginx has begun the next: its workers reopen it
    // one after the other.
    int64_t settle_ms = 1000;
  };

  // `directory` has the logs (EDGE/logs); it need not be there yet.
  explicit AccessLogs(std::string directory) : AccessLogs(std::move(directory), Timing()) {}
  AccessLogs(std::string directory, Timing timing);
  AccessLogs(const AccessLogs&) = delete;
  AccessLogs& operator=(const AccessLogs&) = delete;
  ~AccessLogs() override;  // ends all tails with UNAVAILABLE

  std::shared_ptr<Tail> Start(Options options, std::function<void(core::LogLines)> on_lines,
                              std::function<void(absl::Status)> on_end) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_ACCESS_LOGS_H_
