#include "bundle/format.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/utf8.h"
#include "bundle/limits.h"

namespace grpc_os::bundle {
namespace {

constexpr size_t kNameBytes = 100;

// The fields of a ustar header.
struct Header {
  char name[kNameBytes];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char target[kNameBytes];
  char magic[8];
  char rest[247];  // names of owner and group, device, prefix: nothing
};
static_assert(sizeof(Header) == kBlockBytes);

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char byte) { return (byte & 0x80) == 0; });
}

bool NeedsPax(std::string_view text) { return text.size() > kNameBytes || !IsAscii(text); }

// What a reader that knows no pax headers sees: "?" for a character that is not ASCII.
void PutName(char* field, std::string_view text) {
  for (size_t at = 0, put = 0; at < text.size() && put < kNameBytes; ++put) {
    const bool ascii = (text[at] & 0x80) == 0;
    field[put] = ascii ? text[at] : '?';
    at += ascii ? 1 : std::max<size_t>(Utf8CharacterLength(text.substr(at)), 1);
  }
}

std::string Block(std::string_view name, int mode, int64_t size, char type,
                  std::string_view target) {
  Header header{};
  PutName(header.name, name);
  PutName(header.target, target);
  snprintf(header.mode, sizeof(header.mode), "%07o", mode);
  snprintf(header.uid, sizeof(header.uid), "%07o", 0);
  snprintf(header.gid, sizeof(header.gid), "%07o", 0);
  snprintf(header.size, sizeof(header.size), "%011llo", static_cast<unsigned long long>(size));
  snprintf(header.mtime, sizeof(header.mtime), "%011o", 0);
  memset(header.checksum, ' ', sizeof(header.checksum));
  header.type = type;
  memcpy(header.magic,
         "ustar\0"
         "00",
         sizeof(header.magic));
  const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
  snprintf(header.checksum, sizeof(header.checksum) - 1, "%06o",
           std::accumulate(bytes, bytes + sizeof(header), 0U));
  return {reinterpret_cast<const char*>(&header), sizeof(header)};
}

// "<bytes of all this> <key>=<value>\n"
std::string Record(std::string_view key, std::string_view value) {
  const size_t without = key.size() + value.size() + 3;
  size_t size = without;
  while (size != without + absl::StrCat(size).size()) size = without + absl::StrCat(size).size();
  std::string record = absl::StrCat(size, " ");
  record.append(key).append("=").append(value).append("\n");
  return record;
}

}  // namespace

std::string EncodeHeader(const Entry& entry) {
  const std::string name = entry.kind == Kind::kDirectory ? entry.path + "/" : entry.path;
  std::string records;
  if (NeedsPax(name)) records += Record("path", name);
  if (NeedsPax(entry.target)) records += Record("linkpath", entry.target);
  std::string encoded;
  if (!records.empty()) {
    const auto size = static_cast<int64_t>(records.size());
    encoded = Block("././@PaxHeader", 0, size, 'x', "") + records;
    encoded.append(PaddingOf(size), '\0');
  }
  switch (entry.kind) {
    case Kind::kFile:
      return encoded + Block(name, entry.executable ? 0755 : 0644, entry.size, '0', "");
    case Kind::kDirectory:
      return encoded + Block(name, 0755, 0, '5', "");
    case Kind::kLink:
      break;
  }
  return encoded + Block(name, 0777, 0, '2', entry.target);
}

size_t PaddingOf(int64_t bytes) {
  return (kBlockBytes - static_cast<size_t>(bytes) % kBlockBytes) % kBlockBytes;
}

bool IsBefore(std::string_view a, std::string_view b) {
  // "/" comes before all that a name can have in it.
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(),
      [](unsigned char x, unsigned char y) { return (x == '/' ? 0 : x) < (y == '/' ? 0 : y); });
}

std::string WhyNotPath(std::string_view path) {
  if (path.empty()) return "has no name";
  if (path.size() > static_cast<size_t>(limits::kPathBytes)) {
    return absl::StrCat("has a name of more than ", limits::kPathBytes, " bytes");
  }
  if (path.find('\0') != std::string_view::npos) return "has a NUL in its name";
  if (!IsValidUtf8(path)) return "has a name that is not UTF-8";
  if (path.front() == '/') return "has an absolute name";
  int depth = 0;
  for (size_t begin = 0; begin <= path.size(); ++depth) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    if (name.empty()) return "has an empty name in its path";
    if (name == "." || name == "..")
      return absl::StrCat("has '", std::string(name), "' in its path");
    if (name.size() > static_cast<size_t>(limits::kPathSegmentBytes)) {
      return absl::StrCat("has a name of more than ", limits::kPathSegmentBytes,
                          " bytes in its path");
    }
    if (name == ".git") return "is Git's, which is no part of a bundle";
    begin = end + 1;
  }
  if (depth <= limits::kBundleDepth) return "";
  return absl::StrCat("lies deeper than ", limits::kBundleDepth, " directories");
}

std::string WhyNotTarget(std::string_view path, std::string_view target) {
  if (target.empty()) return "is a link to nothing";
  if (target.size() > static_cast<size_t>(limits::kPathBytes)) {
    return absl::StrCat("is a link to a name of more than ", limits::kPathBytes, " bytes");
  }
  if (target.find('\0') != std::string_view::npos || !IsValidUtf8(target)) {
    return "is a link to a name that is not UTF-8";
  }
  if (target.front() == '/') {
    return absl::StrCat("is a link to ", Quoted(target), ", outside the directory");
  }
  auto above = std::count(path.begin(), path.end(), '/');
  bool named = false;
  for (size_t begin = 0; begin <= target.size();) {
    const size_t end = std::min(target.find('/', begin), target.size());
    const std::string_view name = target.substr(begin, end - begin);
    if (name == "..") {
      if (named)
        return absl::StrCat("is a link to ", Quoted(target), ", which has '..' after a name");
      if (--above < 0)
        return absl::StrCat("is a link to ", Quoted(target), ", outside the directory");
    } else if (!name.empty() && name != ".") {
      named = true;
    }
    begin = end + 1;
  }
  return "";
}

std::string Quoted(std::string_view name) {
  return absl::StrCat("'",
                      IsValidUtf8(name) ? absl::Utf8SafeCEscape({name.data(), name.size()})
                                        : absl::CHexEscape({name.data(), name.size()}),
                      "'");
}

}  // namespace grpc_os::bundle
