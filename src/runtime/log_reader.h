// Reads the log files of processes while they are being written and rotated.
#ifndef GRPC_OS_RUNTIME_LOG_READER_H_
#define GRPC_OS_RUNTIME_LOG_READER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace grpc_os::runtime {

struct LogEntry {
  int64_t time_ns = 0;
  enum class Stream { kStdout, kStderr, kSystem } stream = Stream::kStdout;
  bool partial = false;
  std::string text;
};

struct LogBatch {
  std::vector<LogEntry> entries;  // at most limits::kStreamChunkBytes of text
  std::string cursor;             // after the last entry
  bool gap = false;               // lines before these were rotated away unread
};

// All tails are served by one thread of its own ("log-reader"): pread and inotify, nothing of the
// files is kept in memory. Thread-safe.
class LogReader {
 public:
  // `logs_directory` is DATA_DIR/logs.
  explicit LogReader(std::string logs_directory);
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;
  ~LogReader();  // ends all tails with UNAVAILABLE

  struct Options {
    std::string process_id;
    int64_t lines = 100;  // how many of the last lines to begin with; -1: none
    bool follow = false;
    std::string cursor = {};  // if not empty, begin right after it (`lines` is ignored)
  };
  // A tail in progress. `on_batch` and `on_end` are called on the reader's thread, never at the
  // same time. After each batch the tail waits for Continue: a slow client holds at most one batch.
  // `on_end` is called once, as the last: OK when everything was read that was there at the start
  // (not following) or at the call of Finish, OUT_OF_RANGE for a bad cursor, UNAVAILABLE at
  // shut-down, CANCELLED after Cancel, INVALID_ARGUMENT for a bad process
  // id, FAILED_PRECONDITION where a link or other such thing lies in the place of a log,
  // RESOURCE_EXHAUSTED when the kernel's limits of files or inotify watches are reached.
  //
  // Following a log whose end has nothing to give (`lines` -1, or an empty file) begins with a
  // batch that has just a cursor, so that whoever loses the connection knows where to go on.
  //
  // A process without a log has an empty one; following waits for its first line. When a log is
  // removed while it is followed, following goes on with the one that supervise begins then. What
  // is in a log but is not of the format is given as it is, as a line of kSystem with time 0.
  // Letting go of the last reference to a Tail cancels it.
  class Tail {
   public:
    virtual ~Tail() = default;
    virtual void Continue() = 0;  // thread-safe
    virtual void Cancel() = 0;    // thread-safe, idempotent
    // Nothing more will be written: following ends once all that is there was read. Thread-safe.
    virtual void Finish() = 0;
  };
  std::shared_ptr<Tail> Start(Options options, std::function<void(LogBatch)> on_batch,
                              std::function<void(absl::Status)> on_end);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_LOG_READER_H_
