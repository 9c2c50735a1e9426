#include "edge/access_log_scan.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::edge {
namespace {

// 1 MiB per call of SeekOn.
constexpr int kSeekBlocks = 16;

absl::StatusOr<int64_t> SizeOf(int file) {
  struct stat status {};
  if (fstat(file, &status) != 0) return absl::ErrnoToStatus(errno, "cannot stat an access log");
  return int64_t{status.st_size};
}

// The bytes [offset, offset + size) of `file`, as many as there are and fit.
absl::StatusOr<std::string_view> ReadAt(int file, int64_t offset, int64_t size,
                                        AccessLogScan::Block& block) {
  const size_t wanted = std::min(static_cast<size_t>(size), block.size());
  size_t done = 0;
  while (done < wanted) {
    const ssize_t got =
        pread(file, block.data() + done, wanted - done, offset + static_cast<int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, "cannot read an access log");
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return std::string_view(block.data(), done);
}

// The place after the last newline in the first `size` bytes of `file`, 0 if there is none.
absl::StatusOr<int64_t> EndOfLastLine(int file, int64_t size, AccessLogScan::Block& block) {
  while (size > 0) {
    const int64_t begin = std::max<int64_t>(0, size - static_cast<int64_t>(block.size()));
    const auto text = ReadAt(file, begin, size - begin, block);
    if (!text.ok()) return text.status();
    const size_t newline = text->rfind('\n');
    if (newline != std::string_view::npos) return begin + static_cast<int64_t>(newline) + 1;
    size = begin;
  }
  return 0;
}

absl::StatusOr<int64_t> EndOf(int file, AccessLogScan::Block& block) {
  const auto size = SizeOf(file);
  return size.ok() ? EndOfLastLine(file, *size, block) : size;
}

}  // namespace

int64_t TimeOfAccessLine(std::string_view line) {
  constexpr std::string_view kBegin = "{\"t\":";
  constexpr size_t kSecondsDigits = 11;
  constexpr size_t kFractionDigits = 9;
  if (!line.starts_with(kBegin)) return 0;
  line.remove_prefix(kBegin.size());
  const bool quoted = line.starts_with('"');
  if (quoted) line.remove_prefix(1);
  const auto take_digits = [&](size_t most) {
    const size_t size = std::min(line.find_first_not_of("0123456789"), line.size());
    std::string digits(line.substr(0, size));
    line.remove_prefix(size);
    if (size > most) digits.clear();
    return digits;
  };
  const std::string seconds = take_digits(kSecondsDigits - 1);
  std::string fraction;
  if (line.starts_with('.')) {
    line.remove_prefix(1);
    fraction = take_digits(kFractionDigits);
    if (fraction.empty()) return 0;
  }
  if (quoted && !line.starts_with('"')) return 0;
  if (!quoted && !line.starts_with(',') && !line.starts_with('}')) return 0;
  fraction.resize(kFractionDigits, '0');
  int64_t ns = 0;
  return absl::SimpleAtoi(seconds + fraction, &ns) && !seconds.empty() ? ns : 0;
}

std::string AccessLogScan::Cursor() const {
  return absl::StrCat(place_.number, ":", place_.offset);
}

std::optional<AccessLogScan::Place> AccessLogScan::ParseCursor(const std::string& text) {
  Place place;
  const size_t colon = text.find(':');
  if (colon == std::string::npos || text.find_first_not_of("0123456789:") != std::string::npos ||
      !absl::SimpleAtoi(text.substr(0, colon), &place.number) || place.number == 0 ||
      !absl::SimpleAtoi(text.substr(colon + 1), &place.offset)) {
    return std::nullopt;
  }
  return place;
}

absl::Status AccessLogScan::SeekCursor(const std::string& cursor, Block& block) {
  const absl::Status refused = absl::OutOfRangeError(absl::StrCat(
      "there is no place ", cursor.substr(0, 64), " in this log; begin without a cursor"));
  const auto place = ParseCursor(cursor);
  if (!place) return refused;
  auto newest = files_.Newest();
  if (!newest.ok()) return newest.status();
  const uint64_t last = *newest ? (*newest)->number : 0;
  place_ = *place;
  // Just after the last file is where the next one will begin.
  if (place->number > last + 1 || (place->number > last && place->offset > 0)) return refused;
  if (!follow_ && *newest) {
    const auto end = EndOf((*newest)->file.get(), block);
    if (!end.ok()) return end.status();
    end_ = Place{last, *end};
  } else if (!follow_) {
    end_ = place_;
  }
  auto file = files_.At(place->number);
  if (!file.ok()) return file.status();
  // Rotated away: reading begins at the oldest line there is, with a gap.
  if (!*file) return absl::OkStatus();
  file_ = std::move((*file)->file);
  if (place->offset == 0) return absl::OkStatus();
  const auto before = ReadAt(file_->get(), place->offset - 1, 1, block);
  if (!before.ok()) return before.status();
  return *before == "\n" ? absl::OkStatus() : refused;
}

absl::Status AccessLogScan::SeekLast(int64_t lines, Block& block) {
  auto newest = files_.Newest();
  if (!newest.ok()) return newest.status();
  if (*newest) {
    const auto end = EndOf((*newest)->file.get(), block);
    if (!end.ok()) return end.status();
    place_ = {(*newest)->number, *end};
    file_ = std::move((*newest)->file);
    lines_wanted_ = std::max<int64_t>(lines, 0);
    // The newline of the last line begins none.
    searched_ = std::max<int64_t>(place_.offset - 1, 0);
  }
  if (!follow_) end_ = place_;
  return absl::OkStatus();
}

absl::StatusOr<bool> AccessLogScan::SeekOn(Block& block) {
  for (int i = 0; i < kSeekBlocks && lines_wanted_ > 0; ++i) {
    if (searched_ == 0) {
      // The first line has no newline before it.
      if (std::exchange(place_.offset, 0) > 0 && --lines_wanted_ == 0) break;
      auto file = files_.At(place_.number - 1);
      if (!file.ok()) return file.status();
      if (!*file) return true;
      const auto end = EndOf((*file)->file.get(), block);
      if (!end.ok()) return end.status();
      file_ = std::move((*file)->file);
      place_ = {(*file)->number, *end};
      searched_ = std::max<int64_t>(*end - 1, 0);
      continue;
    }
    const int64_t begin = std::max<int64_t>(0, searched_ - static_cast<int64_t>(block.size()));
    auto text = ReadAt(file_->get(), begin, searched_ - begin, block);
    if (!text.ok()) return text.status();
    searched_ = begin;
    for (size_t newline = text->rfind('\n'); newline != std::string_view::npos && lines_wanted_ > 0;
         newline = text->rfind('\n')) {
      place_.offset = begin + static_cast<int64_t>(newline) + 1;
      text->remove_suffix(text->size() - newline);
      --lines_wanted_;
    }
  }
  return lines_wanted_ == 0;
}

bool AccessLogScan::AtEnd() const {
  return end_ && (place_.number > end_->number ||
                  (place_.number == end_->number && place_.offset >= end_->offset));
}

absl::StatusOr<AccessLogScan::Progress> AccessLogScan::Read(core::LogLines& batch, Block& block) {
  full_ = false;
  batch_bytes_ = 0;
  const auto done = [&](Progress nothing) {
    return batch.lines.empty() ? nothing : Progress::kMore;
  };
  while (!full_ && batch_bytes_ < limits::kStreamChunkBytes) {
    if (AtEnd()) return done(Progress::kEnd);
    if (!file_ || finished_) {
      // What comes after a gap is a batch of its own.
      if (!batch.lines.empty()) return Progress::kMore;
      const auto opened = OpenNext();
      if (!opened.ok()) return opened.status();
      if (!*opened) return follow_ ? Progress::kCaughtUp : Progress::kEnd;
    }
    int64_t wanted = static_cast<int64_t>(block.size());
    if (end_ && end_->number == place_.number)
      wanted = std::min(wanted, end_->offset - place_.offset);
    const auto text = ReadAt(file_->get(), place_.offset, wanted, block);
    if (!text.ok()) return text.status();
    const int64_t before = place_.offset;
    TakeLines(*text, batch);
    // Each piece of a long line counts, so that a call ends.
    if (begun_) batch_bytes_ += static_cast<int64_t>(text->size());
    if (place_.offset != before || full_) continue;
    if (text->size() == block.size()) {
      // Of so long a line the rest is passed over, up to its newline.
      begun_ = text->substr(0, static_cast<size_t>(limits::kLogLineBytes));
      place_.offset += static_cast<int64_t>(text->size());
      continue;
    }
    const auto size = SizeOf(file_->get());
    if (!size.ok()) return size.status();
    if (*size < place_.offset) {
      // Somebody cut it: what comes now comes after what is left.
      const auto end = EndOf(file_->get(), block);
      if (!end.ok()) return end.status();
      place_.offset = *end;
      continue;
    }
    if (leaving_) {
      finished_ = true;
    } else if (follow_) {
      return done(Progress::kCaughtUp);
    } else {
      leaving_ = true;  // a file before the last
    }
  }
  return Progress::kMore;
}

absl::StatusOr<bool> AccessLogScan::OpenNext() {
  auto next = file_ ? files_.After(place_.number, file_->get())
                    : files_.After(place_.number - 1, /*file=*/-1);
  if (!next.ok()) return next.status();
  if (!*next) return false;
  const uint64_t expected = place_.number + (file_ ? 1 : 0);
  gap_ = gap_ || (*next)->number != expected;
  place_ = {(*next)->number, 0};
  file_ = std::move((*next)->file);
  leaving_ = false;
  finished_ = false;
  begun_.reset();  // a line that was not written to its end
  return true;
}

bool AccessLogScan::MayLeave(int64_t settle_ms) const {
  struct stat status {};
  struct timespec now {};
  if (!file_ || !files_.IsLeft(file_->get()) || fstat(file_->get(), &status) != 0) return false;
  clock_gettime(CLOCK_REALTIME, &now);
  const int64_t age_ms = (now.tv_sec - status.st_ctim.tv_sec) * 1000 +
                         (now.tv_nsec - status.st_ctim.tv_nsec) / 1'000'000;
  return age_ms < 0 || age_ms >= settle_ms;  // less than 0: the clock was set back
}

void AccessLogScan::TakeLines(std::string_view text, core::LogLines& batch) {
  for (size_t newline = text.find('\n'); newline != std::string_view::npos;
       newline = text.find('\n')) {
    const std::string_view line = begun_ ? std::string_view(*begun_) : text.substr(0, newline);
    const int64_t size = std::min(static_cast<int64_t>(line.size()), limits::kLogLineBytes) + 1;
    full_ = !batch.lines.empty() && batch_bytes_ + size > limits::kStreamChunkBytes;
    if (full_) return;
    place_.offset += static_cast<int64_t>(newline) + 1;
    TakeLine(line, batch);
    begun_.reset();
    batch_bytes_ += size;
    text.remove_prefix(newline + 1);
  }
  if (!begun_) return;
  place_.offset += static_cast<int64_t>(text.size());
}

void AccessLogScan::TakeLine(std::string_view line, core::LogLines& batch) {
  batch.gap = batch.gap || std::exchange(gap_, false);
  batch.lines.push_back(
      {.time_ns = TimeOfAccessLine(line),
       .stream = core::LogLine::Stream::kStdout,
       .partial = false,
       .text = std::string(line.substr(0, static_cast<size_t>(limits::kLogLineBytes)))});
  batch.cursor = Cursor();
}

}  // namespace grpc_os::edge
