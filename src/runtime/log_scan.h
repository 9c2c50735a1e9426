// A place in the log segments of a process, moving forward.
#ifndef GRPC_OS_RUNTIME_LOG_SCAN_H_
#define GRPC_OS_RUNTIME_LOG_SCAN_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "protocol/log_format.h"
#include "runtime/log_directory.h"
#include "runtime/log_reader.h"

namespace grpc_os::runtime {

// Finds where to begin and then reads whole lines, across segments, while they are written, rotated
// and removed. A line without its newline is left for later as long as its segment is the newest.
// Not thread-safe.
//
// Each call does a bounded piece of work, so that one thread can serve many scans.
class LogScan {
 public:
  // What is read at once. More than any line that supervise writes.
  using Block = std::array<char, 64 << 10>;

  // Unless `follow`, the scan ends where the log ended when it was sought.
  LogScan(std::shared_ptr<const LogDirectory> directory, bool follow)
      : directory_(std::move(directory)), follow_(follow) {}

  // Exactly one of these comes first: at the first line there will be; right after `cursor`
  // (OUT_OF_RANGE: there is no such place); before the last `lines` lines (0 or less: at the end),
  // which takes calls of SeekOn until it gives true.
  void SeekFirst();
  absl::Status SeekCursor(const protocol::LogCursor& cursor, Block& block);
  absl::Status SeekLast(int64_t lines, Block& block);
  absl::StatusOr<bool> SeekOn(Block& block);

  enum class Progress {
    kMore,      // call again
    kCaughtUp,  // following: everything that is there was read
    kEnd,       // not following: everything was read
  };
  // Reads the next lines into `batch`, which is empty. When something was put there, the progress
  // is kMore.
  absl::StatusOr<Progress> Read(LogBatch& batch, Block& block);
  // The place after all that was read; empty while there is no file yet.
  std::string Cursor() const { return file_ ? protocol::FormatCursor(position_) : ""; }

 private:
  struct Newest {
    UniqueFd file;
    protocol::LogCursor end;  // after its last whole line
  };
  absl::StatusOr<std::optional<Newest>> FindNewest(Block& block) const;
  absl::StatusOr<bool> SeekToPrevious(Block& block);

  absl::StatusOr<bool> OpenNext();
  absl::StatusOr<bool> HasNewer() const;
  bool AtEnd() const;
  void TakeLines(std::string_view text, LogBatch& batch);
  void TakeLine(std::string_view line, LogBatch& batch);
  // No whole line came of `text`, all that is left of the segment. Gives kMore if there is reason
  // to read again.
  absl::StatusOr<Progress> TakeRest(std::string_view text, LogBatch& batch, Block& block);

  const std::shared_ptr<const LogDirectory> directory_;
  const bool follow_;

  // Where to read next. Without a file, `position_.segment` is the lowest number to open.
  protocol::LogCursor position_;
  UniqueFd file_;
  bool finished_ = false;  // a newer segment was seen: nothing more will be written to this one
  bool skipping_ = false;  // in the midst of something too long to be a line
  bool gap_ = false;       // not yet told
  bool full_ = false;      // the batch has no room for the next line
  int64_t batch_bytes_ = 0;
  std::optional<protocol::LogCursor> end_;  // where to end; not set while following

  // While seeking:
  int64_t lines_wanted_ = 0;  // still to be found before position_
  bool whole_ = true;         // position_ is the end of a line
};

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_LOG_SCAN_H_
