#include "bundle/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "bundle/digest.h"
#include "bundle/format.h"
#include "bundle/limits.h"
#include "bundle/pack.h"
#include "bundle/tree.h"

namespace grpc_os::bundle {
namespace {

constexpr int64_t kPaxBytes = 16 << 10;  // more than any name and target, with attributes to name

absl::Status Refused(const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("cannot unpack the bundle: ", why));
}
absl::Status Refused(std::string_view path, const std::string& why) {
  return Refused(absl::StrCat(Quoted(path), " ", why));
}

// The bytes of the archive, one after the other.
class Source {
 public:
  explicit Source(int fd)
      : fd_(fd), buffer_(static_cast<size_t>(limits::kBundlePieceBytes), '\0') {}

  // Some of the next bytes, at most so many; they hold until the next call. Empty: `*status` says
  // why, or it is the end.
  std::string_view Next(size_t most, absl::Status* status) {
    if (at_ == filled_) *status = Fill();
    const std::string_view bytes(buffer_.data() + at_, std::min(most, filled_ - at_));
    at_ += bytes.size();
    offset_ += static_cast<int64_t>(bytes.size());
    return bytes;
  }
  // Appends exactly so many bytes to `to`.
  absl::Status Read(size_t size, std::string& to) {
    while (size > 0) {
      absl::Status status;
      const std::string_view bytes = Next(size, &status);
      if (!status.ok()) return status;
      if (bytes.empty()) return Refused("its archive ends in the middle");
      to.append(bytes);
      size -= bytes.size();
    }
    return absl::OkStatus();
  }
  int64_t offset() const { return offset_; }  // of what comes next
  // Reads what is left, and gives the digest of all.
  absl::StatusOr<std::string> FinishDigest() {
    while (!ended_) {
      if (absl::Status status = Fill(); !status.ok()) return status;
    }
    return digest_.Finish();
  }

 private:
  absl::Status Fill() {
    at_ = filled_ = 0;
    ssize_t got = 0;
    do {
      got = read(fd_, buffer_.data(), buffer_.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot read the archive of the bundle: ", strerror(errno)));
    }
    total_ += got;
    if (total_ > limits::kBundleBytes) {
      return Refused(absl::StrCat("it is larger than ", limits::kBundleBytes >> 20, " MiB"));
    }
    ended_ = got == 0;
    filled_ = static_cast<size_t>(got);
    digest_.Add({buffer_.data(), filled_});
    return absl::OkStatus();
  }

  const int fd_;
  std::string buffer_;
  size_t at_ = 0, filled_ = 0;
  int64_t offset_ = 0;
  int64_t total_ = 0;  // read from the descriptor
  bool ended_ = false;
  RunningDigest digest_;
};

// A field of a header: up to its first NUL.
std::string_view Text(const std::string& block, size_t at, size_t size) {
  const std::string_view field = std::string_view(block).substr(at, size);
  return field.substr(0, std::min(field.find('\0'), field.size()));
}

// -1: it is no octal number, as the base-256 of GNU is none.
int64_t Octal(std::string_view digits) {
  if (digits.empty() || digits.size() > 11) return -1;
  int64_t number = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '7') return -1;
    number = number * 8 + (digit - '0');
  }
  return number;
}

bool IsZeros(std::string_view bytes) { return bytes.find_first_not_of('\0') == bytes.npos; }

// What no bundle has in it; empty: a file, directory or link.
std::string WhyNotType(char type) {
  switch (type) {
    case '0':
    case '2':
    case '5':
      return "";
    case '1':
      return "is a hard link";
    case '3':
    case '4':
      return "is a device";
    case '6':
      return "is a named pipe";
    case 'S':
      return "is a sparse file";
    default:
      return absl::StrCat("is of the kind '", absl::CHexEscape(absl::string_view(&type, 1)),
                          "', which no bundle has");
  }
}

// The header of an entry, with the pax header before it.
struct Header {
  std::string raw;
  std::string path, target;  // of the pax header; empty: it has none
  std::string attribute;     // another one that it has: the first
  bool damaged = false;      // it is not made of records
  std::string block;         // raw's last
};

void ReadRecords(std::string_view records, Header& header) {
  while (!records.empty()) {
    size_t size = 0, at = 0;
    for (; at < records.size() && at < 6 && records[at] >= '0' && records[at] <= '9'; ++at) {
      size = size * 10 + static_cast<size_t>(records[at] - '0');
    }
    const size_t equals = records.find('=');
    if (size <= at + 2 || size > records.size() || records[at] != ' ' || equals >= size ||
        records[size - 1] != '\n') {
      header.damaged = true;
      return;
    }
    const std::string key(records.substr(at + 1, equals - at - 1));
    const std::string value(records.substr(equals + 1, size - equals - 2));
    if (key == "path") {
      header.path = value;
    } else if (key == "linkpath") {
      header.target = value;
    } else if (header.attribute.empty()) {
      header.attribute = key;
    }
    records.remove_prefix(size);
  }
}

absl::Status ReadHeader(Source& source, Header& header) {
  if (absl::Status status = source.Read(kBlockBytes, header.raw); !status.ok()) return status;
  if (header.raw[156] == 'x') {
    const int64_t size = Octal(Text(header.raw, 124, 12));
    if (size < 0 || size > kPaxBytes) return Refused("a pax header in it is too large");
    std::string records;
    if (absl::Status status = source.Read(static_cast<size_t>(size), records); !status.ok())
      return status;
    header.raw += records;
    ReadRecords(records, header);
    if (absl::Status status = source.Read(PaddingOf(size) + kBlockBytes, header.raw); !status.ok())
      return status;
  }
  header.block = header.raw.substr(header.raw.size() - kBlockBytes);
  return absl::OkStatus();
}

// The entry that a header is of; refused if EncodeHeader makes another header of it.
absl::StatusOr<Entry> Decode(const Header& header) {
  Entry entry;
  const char type = header.block[156];
  entry.path = header.path.empty() ? std::string(Text(header.block, 0, 100)) : header.path;
  const std::string shown = entry.path;
  if (type == '5' && entry.path.size() > 1 && entry.path.back() == '/') entry.path.pop_back();
  if (const std::string why = WhyNotType(type); !why.empty()) return Refused(shown, why);
  if (!header.attribute.empty())
    return Refused(shown, absl::StrCat("has the attribute ", Quoted(header.attribute)));
  if (const std::string why = WhyNotPath(entry.path); !why.empty()) return Refused(shown, why);
  const int64_t mode = Octal(Text(header.block, 100, 8));
  if (mode >= 0 && (mode & 07000) != 0)
    return Refused(shown, "has a set-user-id, set-group-id or sticky bit");
  if (type == '5') entry.kind = Kind::kDirectory;
  if (type == '2') {
    entry.kind = Kind::kLink;
    entry.target =
        header.target.empty() ? std::string(Text(header.block, 157, 100)) : header.target;
    if (const std::string why = WhyNotTarget(entry.path, entry.target); !why.empty())
      return Refused(shown, why);
  }
  if (type == '0') {
    entry.executable = mode >= 0 && (mode & 0100) != 0;
    entry.size = std::max<int64_t>(Octal(Text(header.block, 124, 12)), 0);
  }
  if (header.damaged || EncodeHeader(entry) != header.raw) {
    return Refused(shown,
                   "is not in the form of a bundle, which has no owners and times, the modes "
                   "0644 and 0755 and a right checksum");
  }
  return entry;
}

// Writes the entries of an archive below a new directory.
class Unpacker {
 public:
  Unpacker(Source& source, std::string directory)
      : source_(source), directory_(std::move(directory)) {}

  // Takes the open and empty `root`.
  absl::Status Run(UniqueFd root) {
    open_.push_back({"", std::move(root)});
    while (true) {
      Header header;
      if (absl::Status status = ReadHeader(source_, header); !status.ok()) return status;
      if (IsZeros(header.raw)) break;
      auto entry = Decode(header);
      if (!entry.ok()) return entry.status();
      if (absl::Status status = Take(*entry); !status.ok()) return status;
    }
    if (absl::Status status = ReadEnd(); !status.ok()) return status;
    while (open_.size() > 1) {
      if (absl::Status status = Close(); !status.ok()) return status;
    }
    // All at once: a thousand fsyncs are a thousand commits of a journal.
    const int top = open_.front().fd.get();
    if (fchmod(top, kRootMode) != 0 || syncfs(top) != 0) return Fail("write the bundle");
    return absl::OkStatus();
  }

 private:
  struct Open {
    std::string path;
    UniqueFd fd;
  };

  absl::Status Fail(const std::string& what) const { return Failed(directory_, what, errno); }

  absl::Status Take(const Entry& entry) {
    if (++entries_ > limits::kBundleEntries) {
      return Refused(absl::StrCat("it has more than ", limits::kBundleEntries,
                                  " files, directories and links"));
    }
    if (entries_ > 1 && !IsBefore(last_, entry.path)) {
      return Refused(entry.path, last_ == entry.path ? "is in it twice"
                                                     : "is not in its place in the order of names");
    }
    last_ = entry.path;
    const size_t slash = entry.path.rfind('/');
    const std::string parent = slash == std::string::npos ? "" : entry.path.substr(0, slash);
    const std::string name = slash == std::string::npos ? entry.path : entry.path.substr(slash + 1);
    // In the order of names, what follows lies in a directory that is open, or in none.
    while (open_.size() > 1 && open_.back().path != parent) {
      if (absl::Status status = Close(); !status.ok()) return status;
    }
    if (open_.back().path != parent) {
      return Refused(entry.path, absl::StrCat("lies in ", Quoted(parent),
                                              ", which is no directory of the bundle"));
    }
    const int in = open_.back().fd.get();
    switch (entry.kind) {
      case Kind::kFile:
        return TakeFile(in, name, entry);
      case Kind::kDirectory:
        break;
      case Kind::kLink:
        if (symlinkat(entry.target.c_str(), in, name.c_str()) == 0) return absl::OkStatus();
        return Fail("make the link " + Quoted(entry.path));
    }
    if (mkdirat(in, name.c_str(), kWritable) != 0)
      return Fail("make the directory " + Quoted(entry.path));
    UniqueFd fd(openat(in, name.c_str(), kDirectoryFlags));
    if (!fd) return Fail("open the directory " + Quoted(entry.path));
    open_.push_back({entry.path, std::move(fd)});
    return absl::OkStatus();
  }

  absl::Status TakeFile(int in, const std::string& name, const Entry& entry) {
    if (entry.size > limits::kBundleBytes - source_.offset()) {  // before any of it is written
      return Refused(absl::StrCat("it is larger than ", limits::kBundleBytes >> 20, " MiB"));
    }
    const std::string what = "write " + Quoted(entry.path);
    const UniqueFd file(
        openat(in, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return Fail(what);
    for (auto left = static_cast<size_t>(entry.size); left > 0;) {
      absl::Status status;
      std::string_view bytes = source_.Next(left, &status);
      if (!status.ok()) return status;
      if (bytes.empty()) return Refused(entry.path, "ends in the middle, as its archive does");
      left -= bytes.size();
      while (!bytes.empty()) {
        const ssize_t wrote = write(file.get(), bytes.data(), bytes.size());
        if (wrote < 0 && errno != EINTR) return Fail(what);
        if (wrote > 0) bytes.remove_prefix(static_cast<size_t>(wrote));
      }
    }
    if (fchmod(file.get(), entry.executable ? kExecutableMode : kPlainMode) != 0) return Fail(what);
    std::string padding;
    absl::Status status = source_.Read(PaddingOf(entry.size), padding);
    if (status.ok() && !IsZeros(padding)) return Refused(entry.path, "has bytes after its end");
    return status;
  }

  absl::Status Close() {
    if (fchmod(open_.back().fd.get(), kExecutableMode) != 0) return Fail("write the bundle");
    open_.pop_back();
    return absl::OkStatus();
  }

  // What follows the first block of zeros: another, and zeros that make a record whole.
  absl::Status ReadEnd() {
    const auto record = static_cast<int64_t>(kRecordBytes);
    const int64_t least = source_.offset() + static_cast<int64_t>(kBlockBytes);
    const int64_t end = (least + record - 1) / record * record;
    std::string zeros;
    const auto size = static_cast<size_t>(end - source_.offset());
    if (absl::Status status = source_.Read(size, zeros); !status.ok()) return status;
    absl::Status status;
    const bool more = !source_.Next(1, &status).empty();
    if (status.ok() && (more || !IsZeros(zeros)))
      return Refused("bytes follow the end of its archive");
    return status;
  }

  Source& source_;
  const std::string directory_;
  std::vector<Open> open_;  // the directories around what comes next, from the root
  std::string last_;
  int64_t entries_ = 0;
};

// Fills `partial`, which lies in `in`.
absl::Status UnpackInto(int in, const std::string& partial, int archive,
                        const std::string& directory, const std::string& digest) {
  UniqueFd root(openat(in, partial.c_str(), kDirectoryFlags));
  if (!root) return Failed(directory, "open " + partial, errno);
  Source source(archive);
  absl::Status status = Unpacker(source, directory).Run(std::move(root));
  if (!status.ok() && status.code() != absl::StatusCode::kInvalidArgument) return status;
  // What is wrong with an archive is its author's only if these are the author's bytes.
  const auto found = source.FinishDigest();
  if (!found.ok()) return status.ok() ? found.status() : status;
  if (*found == digest) return status;
  return absl::DataLossError(
      absl::StrCat("the archive of the bundle ", digest, " is damaged: its SHA-256 is ", *found));
}

}  // namespace

absl::Status Unpack(int archive, const std::string& directory, const std::string& digest) {
  if (absl::Status status = CheckDigest(digest); !status.ok()) return status;
  const auto in = OpenDirectory(directory);
  if (!in.ok()) return in.status();
  if (faccessat(in->get(), digest.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return absl::OkStatus();
  const std::string partial = PartialName(digest);
  if (mkdirat(in->get(), partial.c_str(), kWritable) != 0)
    return Failed(directory, "make a directory in " + Quoted(directory), errno);
  absl::Status status = UnpackInto(in->get(), partial, archive, directory, digest);
  if (status.ok()) status = Publish(in->get(), directory, partial, digest);
  RemoveTree(in->get(), partial).IgnoreError();  // what stays is removed at the next start
  return status;
}

absl::Status Verify(const std::string& directory, const std::string& digest) {
  if (absl::Status status = CheckDigest(digest); !status.ok()) return status;
  const std::string path = absl::StrCat(directory, "/", digest);
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT)
    return absl::NotFoundError(absl::StrCat("there is no bundle ", digest));
  const auto packed = Pack(path);
  if (packed.ok() && packed->digest == digest) return absl::OkStatus();
  if (packed.status().code() == absl::StatusCode::kUnavailable) return packed.status();
  return absl::DataLossError(
      absl::StrCat("the bundle ", digest, " is damaged on the disk: ",
                   packed.ok() ? absl::StrCat("its files make the bundle ", packed->digest)
                               : std::string(packed.status().message())));
}

absl::Status RemoveBundle(const std::string& directory, const std::string& name) {
  if (absl::Status status = CheckDigest(name.substr(0, 64)); !status.ok()) return status;
  const auto in = OpenDirectory(directory);
  if (!in.ok()) return in.status();
  const std::string partial = PartialName(name);
  if (renameat(in->get(), name.c_str(), in->get(), partial.c_str()) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("cannot remove ", name, ": ", strerror(errno)));
  }
  fsync(in->get());
  return RemoveTree(in->get(), partial);
}

absl::Status RemovePartials(const std::string& directory) {
  const auto in = OpenDirectory(directory);
  if (!in.ok()) return in.status();
  const auto names = NamesIn(in->get());
  if (!names.ok()) return names.status();
  absl::Status status;
  for (const std::string& name : *names) {
    if (IsPartialName(name)) status.Update(RemoveTree(in->get(), name));
  }
  return status;
}

}  // namespace grpc_os::bundle
