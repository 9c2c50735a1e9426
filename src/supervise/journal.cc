#include "supervise/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::supervise {
namespace {

constexpr int64_t kHeaderBytes = 8;
constexpr uint32_t kRecordBytesMax = 64 << 10;
constexpr size_t kQueueSlackBytes = 64 << 10;
constexpr int64_t kAckBytesMax = kHeaderBytes + 11;  // of a record of an acknowledgement
constexpr int64_t kLeftByReports = limits::kJournalReserveBytes / 2;

constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320u : 0u);
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = MakeCrcTable();

// CRC-32 as in zlib and Ethernet.
uint32_t Crc32(std::string_view bytes) {
  uint32_t crc = 0xffffffffu;
  for (const char byte : bytes) {
    crc = kCrcTable[(crc ^ static_cast<uint8_t>(byte)) & 0xff] ^ (crc >> 8);
  }
  return ~crc;
}

void PutU32(uint32_t value, std::string& out) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

uint32_t GetU32(const char* bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = (value << 8) | static_cast<uint8_t>(bytes[i]);
  return value;
}

void AppendFrame(const internal::JournalRecord& record, std::string& out) {
  const std::string payload = record.SerializeAsString();
  PutU32(static_cast<uint32_t>(payload.size()), out);
  PutU32(Crc32(payload), out);
  out.append(payload);
}

// The payload of a frame, empty if it is not whole and sound.
std::string_view Payload(std::string_view frame) {
  if (static_cast<int64_t>(frame.size()) < kHeaderBytes) return {};
  const std::string_view payload = frame.substr(kHeaderBytes);
  if (GetU32(frame.data()) != payload.size() || GetU32(frame.data() + 4) != Crc32(payload))
    return {};
  return payload;
}

bool ReadAt(int fd, int64_t offset, size_t size, std::string& out) {
  out.resize(size);
  return pread(fd, out.data(), size, offset) == static_cast<ssize_t>(size);
}

bool WriteAll(const Journal::Write& write_bytes, int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write_bytes(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return true;
}

}  // namespace

Journal::Journal(const std::string& directory, Write write, Fallocate fallocate)
    : path_(directory + "/journal"),
      write_(write ? std::move(write) : Write(::write)),
      fallocate_(fallocate ? std::move(fallocate) : Fallocate([](int fd, off_t from, off_t size) {
        return ::fallocate(fd, FALLOC_FL_KEEP_SIZE, from, size) == 0 ? 0 : errno;
      })) {}

Journal::Weight Journal::WeightOf(const internal::Report& report) {
  constexpr const char* kLesser[] = {"backoff",  "crash_looping", "ready",    "not_ready",
                                     "not_live", "restarting",    "stopping", "spec"};
  if (report.action() == "message") return Weight::kMessage;
  if (report.action() == "exited") return Weight::kExit;
  const bool lesser =
      std::find(std::begin(kLesser), std::end(kLesser), report.action()) != std::end(kLesser);
  return lesser ? Weight::kLesser : Weight::kOther;
}

// Those that lead to a state of rest: a few in the life of an instance.
bool Journal::MayUseReserve(const internal::Report& report) {
  constexpr const char* kActions[] = {"stopping", "exited", "stopped", "completed", "failed"};
  const internal::InstanceState state = report.status().state();
  return std::find(std::begin(kActions), std::end(kActions), report.action()) !=
             std::end(kActions) &&
         (state == internal::INSTANCE_STOPPING || state == internal::INSTANCE_STOPPED ||
          state == internal::INSTANCE_EXITED || state == internal::INSTANCE_FAILED);
}

absl::StatusOr<std::optional<Journal::Last>> Journal::Open() {
  file_.Reset(open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file_)
    return absl::InternalError(absl::StrCat("cannot open ", path_, ": ", strerror(errno)));
  std::optional<Last> last;
  const absl::Status scanned = Scan(last);
  if (!scanned.ok()) return scanned;
  while (!entries_.empty() && entries_.front().seq <= acked_seq_) entries_.pop_front();
  Coalesce();
  KeepRoom(0, kLeftByReports);
  return last;
}

// Makes room for the bytes [from, end) and the reserve. Gives the place up to which there is room,
// `from` if there is none for sure.
int64_t Journal::Allocate(int fd, int64_t from, int64_t end) {
  // Half of it may be there already when all of it cannot be had.
  for (const int64_t reserve : {limits::kJournalReserveBytes, kLeftByReports}) {
    if (!can_keep_room_) break;
    const int error = fallocate_(fd, from, end - from + reserve);
    if (error == 0) return end + reserve;
    if (error == EOPNOTSUPP || error == ENOSYS || error == EINVAL) can_keep_room_ = false;
  }
  return from;
}

bool Journal::KeepRoom(int64_t queued_bytes, int64_t reserve) {
  const int64_t end = file_bytes_ + queued_bytes;
  const int64_t wanted = end + reserve;
  if (allocated_to_ < wanted) {
    allocated_to_ = std::max(allocated_to_, Allocate(file_.get(), file_bytes_, end));
  }
  return !can_keep_room_ || allocated_to_ >= wanted;
}

absl::Status Journal::Scan(std::optional<Last>& last) {
  const int64_t end = lseek(file_.get(), 0, SEEK_END);
  std::string frame;
  internal::JournalRecord record;
  while (file_bytes_ + kHeaderBytes <= end) {
    if (!ReadAt(file_.get(), file_bytes_, kHeaderBytes, frame)) break;
    const uint32_t size = GetU32(frame.data());
    if (size > kRecordBytesMax || file_bytes_ + kHeaderBytes + size > end) break;
    if (!ReadAt(file_.get(), file_bytes_, kHeaderBytes + size, frame)) break;
    const std::string_view payload = Payload(frame);
    if (payload.empty() || !record.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
      break;
    if (record.has_report()) {
      last_seq_ = record.report().seq();
      newest_ = {last_seq_, file_bytes_, static_cast<uint32_t>(frame.size()),
                 WeightOf(record.report()), MayUseReserve(record.report())};
      entries_.push_back(newest_);
      last = Last{record.report(), record.resume()};
    } else {
      acked_seq_ = acked_seq_written_ = std::max(acked_seq_, record.ack_seq());
    }
    file_bytes_ += static_cast<int64_t>(frame.size());
  }
  flushed_seq_ = last_seq_;
  if (file_bytes_ < end && ftruncate(file_.get(), file_bytes_) != 0) {
    return absl::InternalError(
        absl::StrCat("cannot cut off the torn end of ", path_, ": ", strerror(errno)));
  }
  return absl::OkStatus();
}

void Journal::Add(const internal::Report& report, const internal::Resume& resume) {
  internal::JournalRecord record;
  *record.mutable_report() = report;
  *record.mutable_resume() = resume;
  DropWaitingMessage();
  const int64_t offset = file_bytes_ + static_cast<int64_t>(queue_.size());
  AppendFrame(record, queue_);
  const int64_t size = file_bytes_ + static_cast<int64_t>(queue_.size()) - offset;
  last_seq_ = report.seq();
  newest_ = {last_seq_, offset, static_cast<uint32_t>(size), WeightOf(report),
             MayUseReserve(report)};
  entries_.push_back(newest_);
  Coalesce();
}

// Each report has the whole status, so the next one says what a message would have said.
void Journal::DropWaitingMessage() {
  if (newest_.weight != Weight::kMessage || newest_.offset < file_bytes_ || queue_.empty()) return;
  if (!entries_.empty() && entries_.back().seq == newest_.seq) entries_.pop_back();
  queue_.resize(static_cast<size_t>(newest_.offset - file_bytes_));
  acked_seq_written_ = 0;  // its record may have been behind it
}

void Journal::Coalesce() {
  while (entries_.size() > kMaxReports) {
    const auto newest_exit =
        std::find_if(entries_.rbegin(), entries_.rend(),
                     [](const Entry& entry) { return entry.weight == Weight::kExit; });
    const int64_t keep = newest_exit == entries_.rend() ? 0 : newest_exit->seq;
    const auto last = std::prev(entries_.end());
    auto victim = std::find_if(entries_.begin(), last,
                               [](const Entry& entry) { return entry.weight <= Weight::kLesser; });
    if (victim == last) {
      victim = std::find_if(entries_.begin(), last,
                            [keep](const Entry& entry) { return entry.seq != keep; });
    }
    entries_.erase(victim);
  }
}

bool Journal::Sync() const { return file_ && fdatasync(file_.get()) == 0; }

bool Journal::Flush() {
  if (queue_.empty()) return true;
  const bool only_message = newest_.weight == Weight::kMessage && newest_.offset == file_bytes_;
  if (!KeepRoom(static_cast<int64_t>(queue_.size()) + kAckBytesMax,
                only_message ? limits::kJournalReserveBytes : kLeftByReports)) {
    const bool ends = std::any_of(entries_.begin(), entries_.end(), [this](const Entry& entry) {
      return entry.may_use_reserve && entry.offset >= file_bytes_;
    });
    if (!ends) {
      PruneQueue();
      return false;
    }
    FitQueue(allocated_to_ - file_bytes_ - kAckBytesMax - limits::kJournalReserveBytes / 4);
  }
  if (acked_seq_ > acked_seq_written_) {
    internal::JournalRecord record;
    record.set_ack_seq(acked_seq_);
    AppendFrame(record, queue_);
    acked_seq_written_ = acked_seq_;
  }
  const int64_t before = file_bytes_;
  if (!WriteAll(write_, file_.get(), queue_)) {
    // Cutting off what was written gives the room beyond it back, so only if there is something. If
    // not even this works, the torn tail is found by its checksum when the file is read.
    const bool torn = lseek(file_.get(), 0, SEEK_END) != before;
    if (torn) allocated_to_ = 0;
    if (torn && ftruncate(file_.get(), before) != 0) return false;
    PruneQueue();
    return false;
  }
  file_bytes_ += static_cast<int64_t>(queue_.size());
  flushed_seq_ = last_seq_;
  queue_.clear();
  if (queue_.capacity() > kQueueSlackBytes) queue_.shrink_to_fit();
  return true;
}

// While the disk is full, the queue holds no more than what is still kept.
void Journal::PruneQueue() {
  size_t live = newest_.size;
  for (const Entry& entry : entries_) live += entry.offset >= file_bytes_ ? entry.size : 0;
  if (queue_.size() > live + kQueueSlackBytes) RebuildQueue();
}

// Lets go of what waits, the oldest first, until `bytes` hold the rest, or only the reports that
// may use the reserve and the newest of all are left.
void Journal::FitQueue(int64_t bytes) {
  int64_t live = 0;
  for (const Entry& entry : entries_) live += entry.offset >= file_bytes_ ? entry.size : 0;
  std::erase_if(entries_, [&](const Entry& entry) {
    const bool goes = live > bytes && entry.offset >= file_bytes_ && !entry.may_use_reserve &&
                      entry.seq != newest_.seq;
    if (goes) live -= entry.size;
    return goes;
  });
  RebuildQueue();
}

void Journal::RebuildQueue() {
  std::string kept;
  const bool newest_is_kept = !entries_.empty() && entries_.back().seq == newest_.seq;
  const auto move = [&](Entry& entry) {
    if (entry.offset < file_bytes_) return;
    const std::string frame = Frame(entry);
    entry.offset = file_bytes_ + static_cast<int64_t>(kept.size());
    kept += frame;
  };
  for (Entry& entry : entries_) move(entry);
  if (newest_is_kept) {
    newest_ = entries_.back();
  } else {
    move(newest_);
  }
  acked_seq_written_ = 0;  // its record may have been in the queue
  queue_ = std::move(kept);
}

void Journal::Acknowledge(int64_t seq) {
  acked_seq_ = std::max(acked_seq_, std::min(seq, last_seq_));
  while (!entries_.empty() && entries_.front().seq <= acked_seq_) entries_.pop_front();
}

std::string Journal::Frame(const Entry& entry) const {
  std::string frame;
  if (entry.offset >= file_bytes_) {
    frame = queue_.substr(static_cast<size_t>(entry.offset - file_bytes_), entry.size);
  } else if (!ReadAt(file_.get(), entry.offset, entry.size, frame)) {
    frame.clear();
  }
  if (Payload(frame).empty()) frame.clear();
  return frame;
}

absl::StatusOr<std::optional<internal::Report>> Journal::ReadAfter(int64_t seq) const {
  const auto entry = std::upper_bound(entries_.begin(), entries_.end(), seq,
                                      [](int64_t value, const Entry& e) { return value < e.seq; });
  if (entry == entries_.end() || entry->seq > flushed_seq_) return std::nullopt;
  const std::string frame = Frame(*entry);
  const std::string_view payload = Payload(frame);
  internal::JournalRecord record;
  if (payload.empty() || !record.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return absl::InternalError(absl::StrCat("report ", entry->seq, " in ", path_, " is damaged"));
  }
  return std::move(*record.mutable_report());
}

void Journal::CompactIfLarge() {
  int64_t live = newest_.size;
  for (const Entry& entry : entries_) live += entry.size;
  if (file_bytes_ > std::max(kCompactBytes, 2 * live)) Rewrite();
}

void Journal::Restore() {
  if (file_ && access(path_.c_str(), F_OK) != 0 && errno == ENOENT) Rewrite();
}

void Journal::Rewrite() {
  if (!queue_.empty()) return;
  const std::string temporary = path_ + ".new";
  UniqueFd file(open(temporary.c_str(),
                     O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return;  // tried again after the next report
  std::deque<Entry> moved;
  int64_t bytes = 0;
  bool works = true;
  const auto copy = [&](Entry entry) {
    const std::string frame = Frame(entry);
    works = works && !frame.empty() && WriteAll(write_, file.get(), frame);
    entry.offset = bytes;
    bytes += entry.size;
    return entry;
  };
  for (const Entry& entry : entries_) moved.push_back(copy(entry));
  const Entry newest = moved.empty() ? copy(newest_) : moved.back();
  internal::JournalRecord record;
  record.set_ack_seq(acked_seq_);
  std::string ack;
  AppendFrame(record, ack);
  works = works && WriteAll(write_, file.get(), ack);
  bytes += static_cast<int64_t>(ack.size());
  const int64_t allocated_to = works ? Allocate(file.get(), bytes, bytes) : 0;
  works = works && (!can_keep_room_ || allocated_to > bytes);
  if (!works || rename(temporary.c_str(), path_.c_str()) != 0) {
    unlink(temporary.c_str());
    return;
  }
  file_ = std::move(file);
  file_bytes_ = bytes;
  allocated_to_ = allocated_to;
  entries_ = std::move(moved);
  newest_ = newest;
  acked_seq_written_ = acked_seq_;
}

}  // namespace grpc_os::supervise
