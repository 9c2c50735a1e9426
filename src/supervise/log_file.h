// The log of one process as numbered segments: docs/ARCHITECTURE.md, "Log files".
#ifndef GRPC_OS_SUPERVISE_LOG_FILE_H_
#define GRPC_OS_SUPERVISE_LOG_FILE_H_

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "protocol/log_format.h"
#include "supervise/framer.h"

namespace grpc_os::supervise {

// Writes lines, never blocks on a full disk and never fails: what cannot be written is counted
// exactly and told in the log once writing works again. A line of which a part is in the log is
// ended there, by an empty part, if its end cannot come any more: it was dropped, or the writer
// before this one died. The only writer of its directory. Not thread-safe.
class LogFile {
 public:
  // As write(2). Given in tests.
  using Write = std::function<ssize_t(int, const void*, size_t)>;

  // `directory` is made when needed, and again whenever someone removed it. `max_bytes` for all
  // segments together.
  LogFile(std::string directory, int64_t max_bytes, Write write = {});

  void SetMaxBytes(int64_t max_bytes) { segment_bytes_ = max_bytes / kSegments; }

  // Queues a line; Flush writes. `time_ns` is wall-clock time.
  void Append(int64_t time_ns, protocol::LogStream stream, const Piece& piece);
  // Queues a line of the supervisor itself.
  void AppendSystem(int64_t time_ns, std::string_view text);
  // Writes what is queued, or drops it. After a failure it is tried again 100 ms (by the lines'
  // times) later at the earliest.
  void Flush();

  // The last write failed.
  bool failing() const { return failing_; }
  // While failing: tries to write the line about what was dropped.
  void Retry(int64_t time_ns);

  // Bytes of output (newlines included) that were not written, ever; begins at what RestoreDropped
  // set.
  int64_t dropped_bytes() const { return dropped_bytes_; }
  void RestoreDropped(int64_t bytes) { dropped_bytes_ = bytes; }

  static constexpr int kSegments = 5;

 private:
  struct Line {
    size_t end;        // in queue_
    int source_bytes;  // of output, 0 for the supervisor's own
    protocol::LogStream stream;
    bool partial;
  };
  // Whether the last line of a stream in the log is a part that wants another.
  enum class Ending : uint8_t { kWhole, kGoesOn, kCut };
  static constexpr std::array kPayloadStreams = {protocol::LogStream::kStdout,
                                                 protocol::LogStream::kStderr};
  bool Open();  // false: errno_ says why
  bool OpenNewest();
  bool Create();
  bool StillThere() const;
  void BeginSegment();
  void FindCutLines(int directory, uint64_t newest);
  // Ends what was cut and tells what was dropped.
  bool WriteRecoveryLines(int64_t time_ns);
  // Writes queue_[begin, end); returns how much of it is in the file now, a number of whole lines.
  size_t WriteLines(size_t begin, size_t end);
  size_t WriteBytes(const char* data, size_t size);
  void Drop(size_t first_line);

  const std::string directory_;
  const Write write_;
  int64_t segment_bytes_;
  UniqueFd file_;
  uint64_t number_ = 0;  // of the segment that is open or to be made; 0: not looked yet
  int64_t size_ = 0;     // of the open segment
  std::string queue_;
  std::vector<Line> lines_;
  std::array<Ending, 3> endings_{};  // by stream
  int64_t newest_time_ns_ = 0;
  bool failing_ = false;
  int errno_ = 0;
  int64_t failed_at_ns_ = 0;
  int64_t dropped_bytes_ = 0;
  int64_t untold_bytes_ = 0;  // of those, not yet told in the log
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_LOG_FILE_H_
