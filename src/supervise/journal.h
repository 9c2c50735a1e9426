// What an instance went through, on disk until the daemon has stored it: the file `journal` of the
// instance directory.
#ifndef GRPC_OS_SUPERVISE_JOURNAL_H_
#define GRPC_OS_SUPERVISE_JOURNAL_H_

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/limits.h"
#include "base/unique_fd.h"
#include "protocol/messages.pb.h"

namespace grpc_os::supervise {

// An append-only file of records, each `length (4 bytes, little-endian), CRC-32 of the payload (4
// bytes), payload (JournalRecord)`. A torn or damaged tail is cut off when it is opened. It
// survives the death of its supervisor, not that of the machine: nothing is synced but the end of
// one that was shut down, for nothing else in run/ outlives a boot.
//
// Room for the reports of a stop and of an end is kept on the disk beyond the end of the file, so
// that a full one keeps nothing from being stopped: limits::kJournalReserveBytes are allocated, of
// which all other reports leave half; they wait in memory for space. A message leaves all of it,
// and one that waits goes when the next report comes, which says the same. To fit, the oldest of
// those that wait go first.
//
// Reports are kept until acknowledged, up to kMaxReports. Beyond that (the daemon is away while a
// process crashes over and over) the oldest of the lesser ones go first: backoff, crash_looping,
// not_ready, not_live, ready, restarting, stopping, message, spec; then the oldest others; never
// the newest exit, nor the newest of all. So a reader may see gaps in `seq`, always increasing.
// Only an index is in memory. Not thread-safe.
class Journal {
 public:
  // As write(2), and as fallocate(2) that leaves the size alone but gives the error; given in
  // tests.
  using Write = std::function<ssize_t(int, const void*, size_t)>;
  using Fallocate = std::function<int(int fd, off_t from, off_t size)>;

  explicit Journal(const std::string& directory, Write write = {}, Fallocate fallocate = {});

  // What the newest record says; nullopt if there is none.
  struct Last {
    internal::Report report;
    internal::Resume resume;
  };
  absl::StatusOr<std::optional<Last>> Open();

  // Queues a report, whose `seq` must be last_seq() + 1.
  void Add(const internal::Report& report, const internal::Resume& resume);
  bool has_queued() const { return !queue_.empty(); }
  // Writes what is queued. False: it could not be (a full disk) and stays queued.
  bool Flush();
  // False: the file system cannot do so.
  bool can_keep_room() const { return can_keep_room_; }
  // What was flushed outlives the machine from here on. False: that is not sure.
  bool Sync() const;
  int64_t last_seq() const { return last_seq_; }

  // Reports up to `seq` need not be kept.
  void Acknowledge(int64_t seq);
  // The first flushed and kept report after `seq`; nullopt if there is none. INTERNAL if the file
  // was damaged meanwhile.
  absl::StatusOr<std::optional<internal::Report>> ReadAfter(int64_t seq) const;

  // Rewrites the file without what is not needed, if that is worth it. Not for the way from a crash
  // to a restart.
  void CompactIfLarge();
  // Writes the file again if it is gone.
  void Restore();

  size_t kept_reports() const { return entries_.size(); }

  static constexpr size_t kMaxReports = 1000;
  static constexpr int64_t kCompactBytes = 256 << 10;

 private:
  enum class Weight : uint8_t { kMessage, kLesser, kExit, kOther };
  struct Entry {
    int64_t seq;
    int64_t offset;  // of the frame; beyond file_bytes_ it is in queue_
    uint32_t size;
    Weight weight;
    bool may_use_reserve;
  };
  static Weight WeightOf(const internal::Report& report);
  static bool MayUseReserve(const internal::Report& report);
  // Makes sure that writing `queued_bytes` leaves `reserve`. False: it would not.
  bool KeepRoom(int64_t queued_bytes, int64_t reserve);
  void DropWaitingMessage();
  int64_t Allocate(int fd, int64_t from, int64_t end);
  void FitQueue(int64_t bytes);
  absl::Status Scan(std::optional<Last>& last);
  void Coalesce();
  void PruneQueue();
  void RebuildQueue();
  void Rewrite();
  std::string Frame(const Entry& entry) const;  // empty: damaged

  const std::string path_;
  const Write write_;
  const Fallocate fallocate_;
  bool can_keep_room_ = true;
  UniqueFd file_;
  int64_t file_bytes_ = 0;
  int64_t allocated_to_ = 0;  // the place in the file up to which there is room on the disk
  std::string queue_;         // frames to be written at file_bytes_
  std::deque<Entry> entries_;
  Entry newest_{0, 0, 0, Weight::kOther, false};  // even if acknowledged
  int64_t last_seq_ = 0;
  int64_t flushed_seq_ = 0;
  int64_t acked_seq_ = 0;
  int64_t acked_seq_written_ = 0;
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_JOURNAL_H_
