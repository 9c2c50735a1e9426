// A place in the access log of a domain, moving forward.
#ifndef GRPC_OS_EDGE_ACCESS_LOG_SCAN_H_
#define GRPC_OS_EDGE_ACCESS_LOG_SCAN_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/process/process_ports.h"
#include "edge/access_log_files.h"

namespace grpc_os::edge {

// In nanoseconds since 1970, what a line of nginx's says in its first field, as
// in {"t":"1764500000.123",…; 0 if it says none.
int64_t TimeOfAccessLine(std::string_view line);

// Finds where to begin and then reads whole lines, across files. Each call does a bounded piece of
// work, so that one thread can serve many. Not thread-safe.
class AccessLogScan {
 public:
  // What is read at once.
  using Block = std::array<char, 64 << 10>;

  // Unless `follow`, the scan ends where the log ended when it was sought.
  AccessLogScan(AccessLogFiles files, bool follow) : files_(std::move(files)), follow_(follow) {}

  // One of these comes first: right after `cursor` (OUT_OF_RANGE: there is no such place); before
  // the last `lines` lines (0 or less: at the end), which takes calls of SeekOn until it gives
  // true.
  absl::Status SeekCursor(const std::string& cursor, Block& block);
  absl::Status SeekLast(int64_t lines, Block& block);
  absl::StatusOr<bool> SeekOn(Block& block);

  enum class Progress {
    kMore,      // call again
    kCaughtUp,  // following: everything that is there was read
    kEnd,       // not following: everything was read
  };
  // Reads the next lines into `batch`, which is empty: at most limits::kStreamChunkBytes of text.
  absl::StatusOr<Progress> Read(core::LogLines& batch, Block& block);
  // After kCaughtUp: whether nginx writes another file now, and this one was neither written to nor
  // renamed for `settle_ms`.
  bool MayLeave(int64_t settle_ms) const;
  // Goes on with the next file.
  void Leave() { leaving_ = true; }
  // The place after all that was read.
  std::string Cursor() const;

 private:
  struct Place {
    uint64_t number = 1;
    int64_t offset = 0;
  };
  static std::optional<Place> ParseCursor(const std::string& text);
  absl::StatusOr<bool> OpenNext();
  bool AtEnd() const;
  void TakeLines(std::string_view text, core::LogLines& batch);
  void TakeLine(std::string_view line, core::LogLines& batch);

  const AccessLogFiles files_;
  const bool follow_;

  Place place_;  // where to read next; without a file, of the first that comes
  std::optional<UniqueFd> file_;
  bool leaving_ = false;   // nothing more is written to the file: it is to be read once more
  bool finished_ = false;  // it was
  std::optional<std::string> begun_;  // of a line of more than a block: what is shown of it
  bool gap_ = false;                  // not yet reported
  bool full_ = false;                 // the batch has no room for the next line
  int64_t batch_bytes_ = 0;
  std::optional<Place> end_;  // where to end; not while following
  int64_t lines_wanted_ = 0;  // still to be found before place_, where a line begins
  int64_t searched_ = 0;      // all from here to place_ has been searched for lines
};

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_ACCESS_LOG_SCAN_H_
