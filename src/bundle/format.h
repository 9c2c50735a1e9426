// The one form of a bundle's archive: a tar archive (POSIX.1-2001 pax) without anything in it that
// may differ between machines or days. Each directory has exactly one archive, and so one SHA-256:
//   - entries in the order of IsBefore, each directory before what lies in it, the root without
//   one;
//   - regular files (0644, or 0755 if their owner may execute them), directories (0755), links;
//   - owner 0 without a name, time 0; a pax header only for a name or target that is longer than
//     100 bytes or not ASCII;
//   - two blocks of zeros, and zeros up to a multiple of 10,240 bytes.
// Python's tarfile makes the same bytes of the same entries. It is not compressed: compressors
// make other bytes with each of their versions.
#ifndef GRPC_OS_BUNDLE_FORMAT_H_
#define GRPC_OS_BUNDLE_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace grpc_os::bundle {

inline constexpr size_t kBlockBytes = 512;
inline constexpr size_t kRecordBytes = 20 * kBlockBytes;  // what an archive is a multiple of

enum class Kind { kFile, kDirectory, kLink };

struct Entry {
  Kind kind = Kind::kFile;
  std::string path = {};  // below the root: "lib/a.txt"
  bool executable = false;
  int64_t size = 0;         // of a file
  std::string target = {};  // of a link
};

// What stands in the archive before the contents of `entry`.
std::string EncodeHeader(const Entry& entry);
// How many zeros follow contents of so many bytes.
size_t PaddingOf(int64_t bytes);

// Whether `a` stands in an archive before `b`: names are compared byte by byte, one directory after
// the other.
bool IsBefore(std::string_view a, std::string_view b);

// Why a bundle cannot have an entry of this name, or with `target` a link of it that leads there;
// empty: it can. A link may lead anywhere below the root, and says ".." only at its beginning:
// after a name, which may itself be a link, ".." may be anywhere.
std::string WhyNotPath(std::string_view path);
std::string WhyNotTarget(std::string_view path, std::string_view target);

// `name` in quotes, as it can be shown on a terminal.
std::string Quoted(std::string_view name);

}  // namespace grpc_os::bundle

#endif  // GRPC_OS_BUNDLE_FORMAT_H_
