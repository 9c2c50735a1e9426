#include "store/sqlite/sqlite_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "store/sqlite/sqlite_error.h"

namespace grpc_os::store {
namespace {

constexpr size_t kHeaderBytes = 100;
constexpr size_t kLogHeaderBytes = 32;
constexpr size_t kFrameHeaderBytes = 24;
constexpr uint32_t kLogMagic = 0x377f0682;  // and the next number: checksums of big-endian words

uint32_t Big32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

class File {
 public:
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat info {};
    if (fd_ && fstat(fd_.get(), &info) == 0) size_ = static_cast<size_t>(info.st_size);
  }
  bool there() const { return static_cast<bool>(fd_); }
  size_t size() const { return size_; }
  // Fewer bytes at the end of the file, or where they cannot be read.
  std::string Read(size_t offset, size_t bytes) const {
    std::string read(bytes, '\0');
    size_t done = 0;
    while (done < bytes) {
      const ssize_t got =
          pread(fd_.get(), read.data() + done, bytes - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      done += static_cast<size_t>(got);
    }
    read.resize(done);
    return read;
  }

 private:
  UniqueFd fd_;
  size_t size_ = 0;
};

// The running checksum of a log.
struct Checksum {
  uint32_t first = 0;
  uint32_t second = 0;
  bool operator==(const Checksum&) const = default;

  void Add(std::string_view bytes, bool big_endian) {
    for (size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      first += Word(bytes, at, big_endian) + second;
      second += Word(bytes, at + 4, big_endian) + first;
    }
  }
  static uint32_t Word(std::string_view bytes, size_t at, bool big_endian) {
    const uint32_t big = Big32(bytes, at);
    return big_endian ? big : __builtin_bswap32(big);
  }
};

// What a log holds.
struct Log {
  uint32_t pages = 0;          // of the database after the last commit; 0: no commit
  std::set<uint32_t> numbers;  // of the pages in committed frames
  // Commits in frames behind the first that is not valid, of the generation that has most.
  int commits_behind = 0;
  std::string invalid;  // where that one is
};

using Salts = std::pair<uint32_t, uint32_t>;

Salts SaltsOf(std::string_view frame) { return {Big32(frame, 8), Big32(frame, 12)}; }

// The frames that follow each other in one generation of a log, as far as they are valid.
struct Generation {
  uint32_t pages = 0;                  // of the database after the last commit; 0: no commit
  std::map<uint32_t, size_t> written;  // where the last committed frame of each page is
  size_t end = 0;                      // of the valid frames
};

// `sum`: up to the first frame. Without it that frame is taken as it is, and tells its own.
Generation ReadGeneration(const File& file, size_t page_bytes, Salts salts,
                          std::optional<Checksum> sum, bool big_endian) {
  Generation read;
  const size_t frame_bytes = kFrameHeaderBytes + page_bytes;
  std::map<uint32_t, size_t> uncommitted;
  for (size_t& at = read.end = kLogHeaderBytes; at + frame_bytes <= file.size();
       at += frame_bytes) {
    const std::string frame = file.Read(at, frame_bytes);
    if (frame.size() < frame_bytes) break;
    const Checksum told = {Big32(frame, 16), Big32(frame, 20)};
    if (sum.has_value()) {
      sum->Add(std::string_view(frame).substr(0, 8), big_endian);
      sum->Add(std::string_view(frame).substr(kFrameHeaderBytes), big_endian);
    }
    if (SaltsOf(frame) != salts || sum.value_or(told) != told) break;
    sum = told;
    uncommitted[Big32(frame, 0)] = at;
    if (const uint32_t pages = Big32(frame, 4); pages != 0) {
      read.pages = pages;
      for (const auto& [page, where] : uncommitted) read.written[page] = where;
      uncommitted.clear();
    }
  }
  return read;
}

// Whether the database has all that was committed in the generation.
bool IsIn(const File& database, const File& log, size_t page_bytes, const Generation& generation) {
  for (const auto& [page, at] : generation.written) {
    if (page > generation.pages) continue;  // was cut off later
    const std::string bytes = log.Read(at + kFrameHeaderBytes, page_bytes);
    if (page == 0 || bytes != database.Read((size_t{page} - 1) * page_bytes, page_bytes)) {
      return false;
    }
  }
  return generation.pages != 0;
}

// Frames behind the valid ones are counted by their salts, which each generation of a log has anew:
// an older generation lies behind a newer one, and is in the database. `salts`: of this generation.
void CountBehind(const File& file, size_t page_bytes, size_t from, const Salts* salts, Log& log) {
  std::map<Salts, int> commits;
  const size_t frame_bytes = kFrameHeaderBytes + page_bytes;
  for (size_t at = from; at + frame_bytes <= file.size(); at += frame_bytes) {
    const std::string header = file.Read(at, kFrameHeaderBytes);
    if (header.size() < kFrameHeaderBytes) break;
    if (Big32(header, 0) != 0 && Big32(header, 4) != 0) ++commits[SaltsOf(header)];
  }
  for (const auto& [found, count] : commits) {
    if (salts != nullptr && found != *salts) continue;
    log.commits_behind = std::max(log.commits_behind, count);
  }
}

// A log that begins again is given its new header, which is synced, before its first new frame. If
// the power goes in between, the header is torn and the last generation lies behind it: whole, and
// in the database, else the log would not have begun again.
Log ReadLogWithoutHeader(const File& database, const File& file, size_t page_bytes) {
  Log log;
  log.invalid = "its header";
  const std::string first = file.Read(kLogHeaderBytes, kFrameHeaderBytes);
  if (first.size() < kFrameHeaderBytes) return log;
  const Salts salts = SaltsOf(first);
  for (const bool big_endian : {false, true}) {
    const Generation last = ReadGeneration(file, page_bytes, salts, std::nullopt, big_endian);
    if (!IsIn(database, file, page_bytes, last)) continue;
    Log nothing = log;
    CountBehind(file, page_bytes, last.end, &salts, nothing);
    if (nothing.commits_behind == 0) return nothing;
  }
  CountBehind(file, page_bytes, kLogHeaderBytes, nullptr, log);
  return log;
}

Log ReadLog(const File& database, const File& file, size_t page_bytes) {
  Log log;
  const std::string header = file.Read(0, kLogHeaderBytes);
  if (header.size() < kLogHeaderBytes) return log;
  const bool big_endian = (Big32(header, 0) & 1) != 0;
  Checksum sum;
  sum.Add(header.substr(0, 24), big_endian);
  if ((Big32(header, 0) & ~1U) != kLogMagic || Big32(header, 8) != page_bytes ||
      sum != Checksum{Big32(header, 24), Big32(header, 28)}) {
    return ReadLogWithoutHeader(database, file, page_bytes);
  }
  const Salts salts = {Big32(header, 16), Big32(header, 20)};
  const Generation read = ReadGeneration(file, page_bytes, salts, sum, big_endian);
  log.pages = read.pages;
  for (const auto& [page, at] : read.written) log.numbers.insert(page);
  log.invalid = absl::StrCat("its frame at byte ", read.end);
  CountBehind(file, page_bytes, read.end, &salts, log);
  return log;
}

}  // namespace

absl::Status CheckSqliteBytes(const std::string& path) {
  const File file(path);
  if (!file.there()) {
    return absl::UnavailableError(absl::StrCat("opening ", path, ": ",
                                               std::generic_category().message(errno),
                                               "; see that this account may read it"));
  }
  const std::string header = file.Read(0, kHeaderBytes);
  if (header.size() < kHeaderBytes ||
      header.substr(0, 16) != std::string_view("SQLite format 3\0", 16)) {
    return SqliteDamaged("it does not begin as an SQLite database does", path);
  }
  size_t page_bytes = Big32(header, 16) >> 16;
  if (page_bytes == 1) page_bytes = 65536;
  if (page_bytes < 512 || (page_bytes & (page_bytes - 1)) != 0) {
    return SqliteDamaged(absl::StrCat("its header tells of pages of ", page_bytes, " bytes"), path);
  }
  const Log log = ReadLog(file, File(path + "-wal"), page_bytes);
  if (log.commits_behind >= 2) {
    return SqliteDamaged(
        absl::StrCat("its log ", path, "-wal is damaged: ", log.invalid, " is not valid, and ",
                     log.commits_behind, " commits lie behind it"),
        path);
  }
  // The count of the header holds if it is of the last change that the header tells of; SQLite
  // itself goes by the length of the file else.
  const bool counted = Big32(header, 24) == Big32(header, 92);
  const size_t pages = log.pages != 0 ? log.pages : (counted ? Big32(header, 28) : 0);
  for (size_t page = file.size() / page_bytes + 1; page <= pages; ++page) {
    // The last page in the range of SQLite's locks is never written, but no database is that large.
    if (log.numbers.contains(static_cast<uint32_t>(page))) continue;
    return SqliteDamaged(absl::StrCat("it was cut off: it has ", pages, " pages of ", page_bytes,
                                      " bytes, the file ends after ", file.size(), " bytes"),
                         path);
  }
  return absl::OkStatus();
}

}  // namespace grpc_os::store
