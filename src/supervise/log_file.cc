#include "supervise/log_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"

namespace grpc_os::supervise {
namespace {

// Lines are written in batches of about this size; bounds the memory of a flood of short lines.
constexpr size_t kBatchBytes = 48 << 10;
constexpr int64_t kRetryNs = 100'000'000;
// How far back a line that was cut off by the death of its writer is looked for. Of one stream it
// can be further back only if the other wrote more than this after it.
constexpr int64_t kCutScanBytes = 64 << 10;

bool MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0750) == 0 || errno == EEXIST) return true;
  if (errno != ENOENT) return false;
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return false;
  mkdir(path.substr(0, slash).c_str(), 0750);
  return mkdir(path.c_str(), 0750) == 0 || errno == EEXIST;
}

UniqueFd OpenDirectory(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// The numbers of the segments that are there, in no order.
std::vector<uint64_t> SegmentsIn(int directory) {
  std::vector<uint64_t> numbers;
  UniqueFd copy(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!copy) return numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(copy.get()), closedir);
  if (!entries) return numbers;
  (void)copy.Release();
  while (const dirent* entry = readdir(entries.get())) {
    if (const auto number = protocol::SegmentNumber(entry->d_name)) numbers.push_back(*number);
  }
  return numbers;
}

bool IsOrdinary(int fd, int64_t* size) {
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return false;
  *size = info.st_size;
  return true;
}

// For the failpoint "supervise.log.mid" only: whether tests may want to find us in the middle of a
// line.
bool MayBeKilled() {
  static const bool may = getenv("GRPC_OS_FAILPOINT_DIR") != nullptr;
  return may;
}

}  // namespace

LogFile::LogFile(std::string directory, int64_t max_bytes, Write write)
    : directory_(std::move(directory)),
      write_(write ? std::move(write) : Write(::write)),
      segment_bytes_(max_bytes / kSegments) {}

void LogFile::Append(int64_t time_ns, protocol::LogStream stream, const Piece& piece) {
  protocol::AppendLogLine({time_ns, stream, piece.partial, piece.text}, queue_);
  lines_.push_back({queue_.size(), piece.source_bytes, stream, piece.partial});
  newest_time_ns_ = time_ns;
  if (queue_.size() >= kBatchBytes) Flush();
}

void LogFile::AppendSystem(int64_t time_ns, std::string_view text) {
  Append(time_ns, protocol::LogStream::kSystem, {text, false, 0});
}

void LogFile::Flush() {
  size_t line = 0;
  size_t begin = 0;
  const bool too_soon = failing_ && std::abs(newest_time_ns_ - failed_at_ns_) < kRetryNs;
  bool works = !lines_.empty() && !too_soon && Open() && WriteRecoveryLines(newest_time_ns_);
  while (works && line < lines_.size()) {
    // As many lines as fit into the segment; one at least, into an empty one.
    size_t end_line = line;
    const auto fits = [&](size_t i) {
      return size_ + static_cast<int64_t>(lines_[i].end - begin) <= segment_bytes_;
    };
    while (end_line < lines_.size() && fits(end_line)) ++end_line;
    if (end_line == line && size_ > 0) {
      BeginSegment();
      works = Open();
      continue;
    }
    end_line = std::max(end_line, line + 1);
    const size_t end = lines_[end_line - 1].end;
    const size_t written = WriteLines(begin, end);
    works = written == end - begin;
    for (; line < end_line && lines_[line].end <= begin + written; ++line) {
      const Line& done = lines_[line];
      endings_[static_cast<size_t>(done.stream)] = done.partial ? Ending::kGoesOn : Ending::kWhole;
    }
    begin += written;
  }
  if (line < lines_.size()) Drop(line);
  queue_.clear();
  lines_.clear();
}

void LogFile::Retry(int64_t time_ns) {
  if (!failing_) return;
  if (!Open() || !WriteRecoveryLines(time_ns)) failed_at_ns_ = time_ns;
}

void LogFile::Drop(size_t first_line) {
  for (size_t i = first_line; i < lines_.size(); ++i) {
    dropped_bytes_ += lines_[i].source_bytes;
    untold_bytes_ += lines_[i].source_bytes;
    Ending& ending = endings_[static_cast<size_t>(lines_[i].stream)];
    if (ending == Ending::kGoesOn) ending = Ending::kCut;
  }
  // Within the 100 ms nothing was tried: they are counted from the last try.
  if (!failing_ || std::abs(newest_time_ns_ - failed_at_ns_) >= kRetryNs) {
    failed_at_ns_ = newest_time_ns_;
  }
  failing_ = true;
}

bool LogFile::WriteRecoveryLines(int64_t time_ns) {
  std::string lines;
  for (const protocol::LogStream stream : kPayloadStreams) {
    if (endings_[static_cast<size_t>(stream)] == Ending::kCut) {
      protocol::AppendLogLine({time_ns, stream, false, ""}, lines);
    }
  }
  if (untold_bytes_ > 0) {
    const std::string text =
        absl::StrCat(untold_bytes_, " bytes of output were dropped: ", strerror(errno_));
    protocol::AppendLogLine({time_ns, protocol::LogStream::kSystem, false, text}, lines);
  }
  if (!lines.empty()) {
    const size_t written = WriteBytes(lines.data(), lines.size());
    if (written < lines.size()) {
      if (written > 0 && ftruncate(file_.get(), size_) != 0) BeginSegment();
      return false;
    }
    size_ += static_cast<int64_t>(written);
    std::replace(endings_.begin(), endings_.end(), Ending::kCut, Ending::kWhole);
  }
  untold_bytes_ = 0;
  failing_ = false;
  return true;
}

size_t LogFile::WriteLines(size_t begin, size_t end) {
  const size_t size = end - begin;
  size_t done = 0;
  if (MayBeKilled()) {
    done = WriteBytes(queue_.data() + begin, size / 2);
    Failpoint("supervise.log.mid");
  }
  if (done == size / 2 || !MayBeKilled()) {
    done += WriteBytes(queue_.data() + begin + done, size - done);
  }
  size_t whole = done;
  if (done < size) {
    const size_t newline = std::string_view(queue_).substr(begin, done).rfind('\n');
    whole = newline == std::string_view::npos ? 0 : newline + 1;
  }
  size_ += static_cast<int64_t>(whole);
  // A tail that cannot be cut off is left behind, in a segment that is not added to.
  if (whole < done && ftruncate(file_.get(), size_) != 0) BeginSegment();
  return whole;
}

// Returns how much was written; if that is less than `size`, errno_ says why.
size_t LogFile::WriteBytes(const char* data, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t wrote = write_(file_.get(), data + done, size - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      errno_ = wrote < 0 ? errno : EIO;
      break;
    }
    done += static_cast<size_t>(wrote);
  }
  return done;
}

void LogFile::BeginSegment() {
  file_.Reset();
  ++number_;
}

bool LogFile::StillThere() const {
  struct stat info {};
  return fstat(file_.get(), &info) == 0 && info.st_nlink > 0;
}

bool LogFile::Open() {
  if (file_) {
    if (StillThere()) return true;
    BeginSegment();  // someone removed it; what follows must not vanish with it
  }
  const bool works = number_ == 0 ? OpenNewest() : Create();
  if (!works) errno_ = errno;
  return works;
}

// Looks for lines that the writer before this one could not end, in what it wrote last.
void LogFile::FindCutLines(int directory, uint64_t newest) {
  std::array<bool, 3> seen{};
  const auto both = [&seen] { return seen[0] && seen[1]; };
  int64_t left = kCutScanBytes;
  for (uint64_t number = newest; number > 0 && left > 0 && !both(); --number) {
    const UniqueFd file(openat(directory, protocol::SegmentName(number).c_str(),
                               O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    int64_t size = 0;
    if (!file || !IsOrdinary(file.get(), &size)) return;
    std::string text(static_cast<size_t>(std::min(size, left)), '\0');
    left -= static_cast<int64_t>(text.size());
    if (pread(file.get(), text.data(), text.size(), size - static_cast<int64_t>(text.size())) !=
        static_cast<ssize_t>(text.size())) {
      return;
    }
    std::string_view rest = text;
    while (!rest.empty() && !both()) {
      if (rest.back() == '\n') rest.remove_suffix(1);  // else its writer died in the midst of it
      const size_t begin = rest.rfind('\n') + 1;
      const auto line = protocol::ParseLogLine(rest.substr(begin));
      rest = rest.substr(0, begin);
      if (!line || std::exchange(seen[static_cast<size_t>(line->stream)], true)) continue;
      if (line->partial) endings_[static_cast<size_t>(line->stream)] = Ending::kCut;
    }
  }
  malloc_trim(0);  // there may be thousands of us
}

// Goes on in the newest segment that is there, or begins the first.
bool LogFile::OpenNewest() {
  if (!MakeDirectory(directory_)) return false;
  const UniqueFd directory = OpenDirectory(directory_);
  if (!directory) return false;
  const std::vector<uint64_t> numbers = SegmentsIn(directory.get());
  const uint64_t newest = numbers.empty() ? 0 : *std::max_element(numbers.begin(), numbers.end());
  for (const uint64_t number : numbers) {
    if (number + kSegments <= newest) {
      unlinkat(directory.get(), protocol::SegmentName(number).c_str(), 0);
    }
  }
  number_ = std::max<uint64_t>(newest, 1);
  if (newest == 0) return Create();
  FindCutLines(directory.get(), newest);
  UniqueFd file(openat(directory.get(), protocol::SegmentName(newest).c_str(),
                       O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file || !IsOrdinary(file.get(), &size_)) {
    ++number_;
    return Create();
  }
  char last = '\n';
  if (size_ > 0 && pread(file.get(), &last, 1, size_ - 1) == 1 && last != '\n') {
    // The writer before us died in the middle of a line.
    if (write_(file.get(), "\n", 1) == 1) {
      ++size_;
    } else {
      ++number_;
      return Create();
    }
  }
  file_ = std::move(file);
  return true;
}

bool LogFile::Create() {
  if (!MakeDirectory(directory_)) return false;
  const UniqueFd directory = OpenDirectory(directory_);
  if (!directory) return false;
  constexpr int kTries = 100;  // names that something else has taken are passed over
  for (int i = 0; i < kTries; ++i) {
    file_.Reset(openat(directory.get(), protocol::SegmentName(number_).c_str(),
                       O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640));
    if (file_ || errno != EEXIST) break;
    ++number_;
  }
  if (!file_) return false;
  size_ = 0;
  if (number_ > kSegments) {
    unlinkat(directory.get(), protocol::SegmentName(number_ - kSegments).c_str(), 0);
  }
  return true;
}

}  // namespace grpc_os::supervise
