// Ports to what is read of processes beside the store: what they use, what they wrote.
#ifndef GRPC_OS_CORE_PROCESS_PROCESS_PORTS_H_
#define GRPC_OS_CORE_PROCESS_PROCESS_PORTS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace grpc_os::core {

struct ProcessUsage {
  int64_t memory_bytes = 0;  // resident, of all its processes, shared pages counted for each
  int64_t cpu_time_ms = 0;   // of its living processes
};

// On the core's thread.
class UsageSource {
 public:
  virtual ~UsageSource() = default;
  virtual ProcessUsage UsageOf(const std::string& instance_id) const = 0;  // zeros if nothing runs
};

struct LogLine {
  enum class Stream { kStdout, kStderr, kSystem };
  int64_t time_ns = 0;  // since 1970
  Stream stream = Stream::kStdout;
  bool partial = false;  // goes on in the next line of this stream
  std::string text;
};

struct LogLines {
  std::vector<LogLine> lines;
  std::string cursor;  // after the last of them
  bool gap = false;    // lines before these were rotated away unread
};

// Thread-safe.
class LogSource {
 public:
  virtual ~LogSource() = default;

  struct Options {
    std::string process_id;
    int64_t lines = 100;  // how many of the last ones to begin with; -1: none
    bool follow = false;
    std::string cursor = {};  // if not empty: begin right after it
  };
  class Tail {
   public:
    virtual ~Tail() = default;
    virtual void Continue() = 0;  // the last batch was taken: send the next
    virtual void Cancel() = 0;
    virtual void Finish() = 0;  // end with what is there: nothing more will be written
  };
  // `on_lines` and `on_end` come on a thread of the source, one at a time; after each batch the
  // tail waits for Continue. `on_end` comes once, last: OK, OUT_OF_RANGE (cursor),
  // UNAVAILABLE, CANCELLED.
  virtual std::shared_ptr<Tail> Start(Options options, std::function<void(LogLines)> on_lines,
                                      std::function<void(absl::Status)> on_end) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_PROCESS_PORTS_H_
