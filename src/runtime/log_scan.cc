#include "runtime/log_scan.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::runtime {
namespace {

using protocol::LogCursor;

// 1 MiB per call of SeekOn.
constexpr int kSeekBlocks = 16;
// Listing a directory that changes meanwhile: once more, as often as this.
constexpr int kTries = 100;

absl::StatusOr<int64_t> SizeOf(int file) {
  struct stat status {};
  if (fstat(file, &status) != 0) return absl::ErrnoToStatus(errno, "cannot stat a log segment");
  return int64_t{status.st_size};
}

// The bytes [offset, offset + size) of `file`, as many as there are.
absl::StatusOr<std::string_view> ReadAt(int file, int64_t offset, size_t size,
                                        LogScan::Block& block) {
  size = std::min(size, block.size());
  size_t done = 0;
  while (done < size) {
    const ssize_t got =
        pread(file, block.data() + done, size - done, offset + static_cast<int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, "cannot read a log segment");
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return std::string_view(block.data(), done);
}

// The place after the last newline in the first `size` bytes of `file`, 0 if there is none.
absl::StatusOr<int64_t> EndOfLastLine(int file, int64_t size, LogScan::Block& block) {
  while (size > 0) {
    const int64_t begin = std::max<int64_t>(0, size - static_cast<int64_t>(block.size()));
    absl::StatusOr<std::string_view> text =
        ReadAt(file, begin, static_cast<size_t>(size - begin), block);
    if (!text.ok()) return text.status();
    const size_t newline = text->rfind('\n');
    if (newline != std::string_view::npos) return begin + static_cast<int64_t>(newline) + 1;
    size = begin;
  }
  return 0;
}

absl::Status NoSuchPlace(const LogCursor& cursor) {
  return absl::OutOfRangeError(absl::StrCat("there is no place ", protocol::FormatCursor(cursor),
                                            " in this log; begin without a cursor"));
}

// Whether `line` only ends the line that the last one of `before` is a part of.
bool EndsWhatIsBefore(std::string_view line, std::string_view before) {
  const std::optional<protocol::LogLine> end = protocol::ParseLogLine(line);
  if (!end || end->partial || !end->text.empty()) return false;
  const auto part = protocol::ParseLogLine(before.substr(before.rfind('\n') + 1));
  return part && part->partial && part->stream == end->stream;
}

LogEntry::Stream StreamFrom(protocol::LogStream stream) {
  switch (stream) {
    case protocol::LogStream::kStdout:
      return LogEntry::Stream::kStdout;
    case protocol::LogStream::kStderr:
      return LogEntry::Stream::kStderr;
    case protocol::LogStream::kSystem:
      break;
  }
  return LogEntry::Stream::kSystem;
}

}  // namespace

void LogScan::SeekFirst() { position_ = {1, 0}; }

absl::StatusOr<std::optional<LogScan::Newest>> LogScan::FindNewest(Block& block) const {
  for (int i = 0; i < kTries; ++i) {
    absl::StatusOr<std::vector<uint64_t>> segments = directory_->Segments();
    if (!segments.ok()) return segments.status();
    if (segments->empty()) return std::nullopt;
    absl::StatusOr<UniqueFd> file = directory_->OpenSegment(segments->back());
    if (absl::IsNotFound(file.status())) continue;  // rotated away meanwhile
    if (!file.ok()) return file.status();
    absl::StatusOr<int64_t> size = SizeOf(file->get());
    if (!size.ok()) return size.status();
    absl::StatusOr<int64_t> end = EndOfLastLine(file->get(), *size, block);
    if (!end.ok()) return end.status();
    return Newest{*std::move(file), {segments->back(), *end}};
  }
  return absl::UnavailableError("the log is rotated faster than it can be listed; try again");
}

absl::Status LogScan::SeekCursor(const LogCursor& cursor, Block& block) {
  absl::StatusOr<std::optional<Newest>> newest = FindNewest(block);
  if (!newest.ok()) return newest.status();
  if (!*newest || cursor.segment > (*newest)->end.segment) return NoSuchPlace(cursor);
  if (!follow_) end_ = (*newest)->end;
  position_ = cursor;
  absl::StatusOr<UniqueFd> file = directory_->OpenSegment(cursor.segment);
  // Rotated away: reading begins at the oldest line there is, and tells of the gap.
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  if (!file.ok()) return file.status();
  file_ = *std::move(file);
  if (cursor.offset == 0) return absl::OkStatus();
  absl::StatusOr<std::string_view> before = ReadAt(file_.get(), cursor.offset - 1, 1, block);
  if (!before.ok()) return before.status();
  return *before == "\n" ? absl::OkStatus() : NoSuchPlace(cursor);
}

absl::Status LogScan::SeekLast(int64_t lines, Block& block) {
  absl::StatusOr<std::optional<Newest>> newest = FindNewest(block);
  if (!newest.ok()) return newest.status();
  if (!*newest) {
    SeekFirst();
    if (!follow_) end_ = position_;
    return absl::OkStatus();
  }
  position_ = (*newest)->end;
  if (!follow_) end_ = position_;
  file_ = std::move((*newest)->file);
  lines_wanted_ = std::max<int64_t>(lines, 0);
  if (position_.offset == 0) return absl::OkStatus();
  // A line begins after the newline of the one before: its own is not to be found.
  if (lines_wanted_ > 0) --position_.offset;
  return absl::OkStatus();
}

absl::StatusOr<bool> LogScan::SeekOn(Block& block) {
  if (!file_) return true;
  for (int i = 0; i < kSeekBlocks && lines_wanted_ > 0; ++i) {
    if (position_.offset == 0) {
      absl::StatusOr<bool> found = SeekToPrevious(block);
      if (!found.ok() || !*found) lines_wanted_ = 0;
      if (!found.ok()) return found.status();
      continue;
    }
    const int64_t begin =
        std::max<int64_t>(0, position_.offset - static_cast<int64_t>(block.size()));
    absl::StatusOr<std::string_view> text =
        ReadAt(file_.get(), begin, static_cast<size_t>(position_.offset - begin), block);
    if (!text.ok()) return text.status();
    const int64_t end = std::exchange(position_.offset, begin);
    bool again = false;
    for (size_t at = text->rfind('\n'); at != std::string_view::npos; at = text->rfind('\n')) {
      // The line before it has to be whole, too, to see whether it ends that; unless both are more
      // than a block.
      const int64_t line_end = begin + static_cast<int64_t>(text->size());
      again = whole_ && begin > 0 && line_end < end &&
              text->substr(0, at).find('\n') == std::string_view::npos;
      if (again) {
        position_.offset = line_end;
        break;
      }
      const std::string_view line = text->substr(at + 1);
      text->remove_suffix(text->size() - at);
      if (std::exchange(whole_, true) && EndsWhatIsBefore(line, *text)) continue;
      if (--lines_wanted_ > 0) continue;
      position_.offset = begin + static_cast<int64_t>(at) + 1;
      break;
    }
    whole_ = again;
    // The first line of a segment has no newline before it.
    if (begin == 0 && lines_wanted_ > 0) --lines_wanted_;
  }
  return lines_wanted_ == 0;
}

absl::StatusOr<bool> LogScan::SeekToPrevious(Block& block) {
  if (position_.segment <= 1) return false;
  absl::StatusOr<UniqueFd> file = directory_->OpenSegment(position_.segment - 1);
  if (absl::IsNotFound(file.status())) return false;
  if (!file.ok()) return file.status();
  absl::StatusOr<int64_t> size = SizeOf(file->get());
  if (!size.ok()) return size.status();
  absl::StatusOr<int64_t> end = EndOfLastLine(file->get(), *size, block);
  if (!end.ok()) return end.status();
  file_ = *std::move(file);
  position_ = {position_.segment - 1, std::max<int64_t>(*end - 1, 0)};
  whole_ = true;
  return true;
}

bool LogScan::AtEnd() const {
  return end_ && (position_.segment > end_->segment ||
                  (position_.segment == end_->segment && position_.offset >= end_->offset));
}

absl::StatusOr<LogScan::Progress> LogScan::Read(LogBatch& batch, Block& block) {
  full_ = false;
  batch_bytes_ = 0;
  while (!full_ && batch_bytes_ < limits::kStreamChunkBytes) {
    if (AtEnd()) return batch.entries.empty() ? Progress::kEnd : Progress::kMore;
    if (!file_) {
      absl::StatusOr<bool> opened = OpenNext();
      if (!opened.ok()) return opened.status();
      if (!*opened) {
        if (!batch.entries.empty()) return Progress::kMore;
        return follow_ ? Progress::kCaughtUp : Progress::kEnd;
      }
      continue;
    }
    // What comes after a gap is a batch of its own.
    if (gap_ && !batch.entries.empty()) return Progress::kMore;
    size_t wanted = block.size();
    if (end_ && end_->segment == position_.segment) {
      wanted = std::min(wanted, static_cast<size_t>(end_->offset - position_.offset));
    }
    absl::StatusOr<std::string_view> text = ReadAt(file_.get(), position_.offset, wanted, block);
    if (!text.ok()) return text.status();
    const int64_t before = position_.offset;
    TakeLines(*text, batch);
    if (position_.offset != before || full_) continue;
    absl::StatusOr<Progress> progress = TakeRest(*text, batch, block);
    if (!progress.ok()) return progress;
    if (*progress != Progress::kMore) {
      return batch.entries.empty() ? *progress : Progress::kMore;
    }
  }
  return Progress::kMore;
}

void LogScan::TakeLines(std::string_view text, LogBatch& batch) {
  if (skipping_) {
    const size_t newline = text.find('\n');
    const size_t size = newline == std::string_view::npos ? text.size() : newline + 1;
    skipping_ = newline == std::string_view::npos;
    position_.offset += static_cast<int64_t>(size);
    batch_bytes_ += static_cast<int64_t>(size);
    return;
  }
  for (size_t newline = text.find('\n'); newline != std::string_view::npos;
       newline = text.find('\n')) {
    const auto size = static_cast<int64_t>(newline) + 1;
    if (batch_bytes_ + size > limits::kStreamChunkBytes) {
      full_ = true;
      return;
    }
    position_.offset += size;
    TakeLine(text.substr(0, newline), batch);
    text.remove_prefix(newline + 1);
  }
}

void LogScan::TakeLine(std::string_view line, LogBatch& batch) {
  LogEntry entry;
  if (const std::optional<protocol::LogLine> parsed = protocol::ParseLogLine(line)) {
    entry.time_ns = parsed->time_ns;
    entry.stream = StreamFrom(parsed->stream);
    entry.partial = parsed->partial;
    entry.text = parsed->text;
  } else {
    // Written by someone else, or damaged: shown as it is.
    entry.stream = LogEntry::Stream::kSystem;
    entry.text = line.substr(0, static_cast<size_t>(limits::kLogLineBytes));
  }
  if (gap_) batch.gap = true;
  gap_ = false;
  batch.entries.push_back(std::move(entry));
  batch_bytes_ += static_cast<int64_t>(line.size()) + 1;
  batch.cursor = protocol::FormatCursor(position_);
}

absl::StatusOr<LogScan::Progress> LogScan::TakeRest(std::string_view text, LogBatch& batch,
                                                    Block& block) {
  if (text.size() == block.size()) {
    // No line is so long: its beginning is shown, and the rest skipped up to the next newline.
    TakeLine(text, batch);
    skipping_ = true;
    return Progress::kMore;
  }
  if (!finished_) {
    absl::StatusOr<bool> newer = HasNewer();
    if (!newer.ok()) return newer.status();
    finished_ = *newer;
    // Lines may have come between reading and seeing the newer segment.
    if (finished_) return Progress::kMore;
    absl::StatusOr<int64_t> size = SizeOf(file_.get());
    if (!size.ok()) return size.status();
    if (*size < position_.offset) {
      // Someone cut it: what comes now comes after what is left.
      absl::StatusOr<int64_t> end = EndOfLastLine(file_.get(), *size, block);
      if (!end.ok()) return end.status();
      position_.offset = *end;
      return Progress::kMore;
    }
    return follow_ ? Progress::kCaughtUp : Progress::kEnd;
  }
  position_ = {position_.segment + 1, 0};
  file_.Reset();
  finished_ = false;
  skipping_ = false;
  // A remainder is what a supervisor could not finish, and has counted as dropped.
  return Progress::kMore;
}

absl::StatusOr<bool> LogScan::HasNewer() const {
  if (directory_->Has(position_.segment + 1)) return true;
  if (directory_->Has(position_.segment)) return false;
  absl::StatusOr<std::vector<uint64_t>> segments = directory_->Segments();
  if (!segments.ok()) return segments.status();
  return !segments->empty() && segments->back() > position_.segment;
}

absl::StatusOr<bool> LogScan::OpenNext() {
  for (int i = 0; i < kTries; ++i) {
    absl::StatusOr<UniqueFd> file = directory_->OpenSegment(position_.segment);
    if (file.ok()) {
      file_ = *std::move(file);
      return true;
    }
    if (!absl::IsNotFound(file.status())) return file.status();
    absl::StatusOr<std::vector<uint64_t>> segments = directory_->Segments();
    if (!segments.ok()) return segments.status();
    auto next = std::lower_bound(segments->begin(), segments->end(), position_.segment);
    if (next == segments->end()) return false;
    // A listing may miss what was made while it was taken.
    uint64_t oldest = *next;
    const uint64_t lowest =
        std::max(position_.segment, oldest - std::min<uint64_t>(oldest, limits::kLogFiles));
    for (uint64_t number = oldest; number-- > lowest;) {
      if (directory_->Has(number)) oldest = number;
    }
    if (oldest == position_.segment) continue;
    position_ = {oldest, 0};
    gap_ = true;
  }
  return absl::UnavailableError("the log is rotated faster than it can be opened; try again");
}

}  // namespace grpc_os::runtime
