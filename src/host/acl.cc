#include "host/acl.h"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace grpc_os::host {
namespace {

constexpr char kAttribute[] = "system.posix_acl_access";

struct Entry {
  uint16_t tag = 0;
  uint16_t rights = 0;
  uint32_t id = static_cast<uint32_t>(ACL_UNDEFINED_ID);
};

// Of a directory that has no more than its mode.
std::vector<Entry> EntriesOfMode(mode_t mode) {
  const auto rights = [mode](int shift) { return static_cast<uint16_t>((mode >> shift) & 7); };
  return {{ACL_USER_OBJ, rights(6)}, {ACL_GROUP_OBJ, rights(3)}, {ACL_OTHER, rights(0)}};
}

// In the order that the kernel wants: by tag, and the users by id.
void Grant(std::vector<Entry>& entries, uid_t uid, uint16_t rights) {
  std::erase_if(entries, [uid](const Entry& entry) {
    return entry.tag == ACL_MASK || (entry.tag == ACL_USER && entry.id == uid);
  });
  entries.push_back({ACL_USER, rights, uid});
  uint16_t mask = 0;  // what all but the owner and others have at most
  for (const Entry& entry : entries) {
    if (entry.tag != ACL_USER_OBJ && entry.tag != ACL_OTHER) mask |= entry.rights;
  }
  entries.push_back({ACL_MASK, mask});
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.tag != b.tag ? a.tag < b.tag : a.id < b.id;
  });
}

std::string Encode(const std::vector<Entry>& entries) {
  const posix_acl_xattr_header header{htole32(POSIX_ACL_XATTR_VERSION)};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  for (const Entry& entry : entries) {
    const posix_acl_xattr_entry raw{htole16(entry.tag), htole16(entry.rights), htole32(entry.id)};
    bytes.append(reinterpret_cast<const char*>(&raw), sizeof(raw));
  }
  return bytes;
}

bool Decode(const std::string& bytes, std::vector<Entry>& entries) {
  posix_acl_xattr_header header{};
  if (bytes.size() < sizeof(header)) return false;
  memcpy(&header, bytes.data(), sizeof(header));
  if (le32toh(header.a_version) != POSIX_ACL_XATTR_VERSION) return false;
  entries.clear();
  for (size_t at = sizeof(header); at + sizeof(posix_acl_xattr_entry) <= bytes.size();
       at += sizeof(posix_acl_xattr_entry)) {
    posix_acl_xattr_entry raw{};
    memcpy(&raw, bytes.data() + at, sizeof(raw));
    entries.push_back({le16toh(raw.e_tag), le16toh(raw.e_perm), le32toh(raw.e_id)});
  }
  return true;
}

absl::Status Refused(const char* what, int error) {
  if (error == EOPNOTSUPP) {
    return absl::FailedPreconditionError(
        "the file system of the data directory has no POSIX ACLs, by which accounts get access to "
        "single directories; mount it with ACLs, or put the data directory on ext4, xfs or btrfs");
  }
  if (error == EPERM) {
    return absl::FailedPreconditionError(
        "the directory belongs to another account, which alone may grant access to it");
  }
  return absl::UnavailableError(absl::StrCat(what, ": ", strerror(error)));
}

}  // namespace

absl::Status GrantAccess(int directory, uid_t uid, Access access) {
  const uint16_t rights = access == Access::kFile       ? ACL_READ
                          : access == Access::kReadOnly ? ACL_READ | ACL_EXECUTE
                                                        : ACL_READ | ACL_WRITE | ACL_EXECUTE;
  struct stat status {};
  if (fstat(directory, &status) != 0) return Refused("cannot look at the directory", errno);
  if (status.st_uid == uid) {
    if ((status.st_mode >> 6 & rights) == rights) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("the directory belongs to uid ", uid,
                                                      ", whose own rights to it do not suffice"));
  }
  std::string bytes(64 << 10, '\0');  // XATTR_SIZE_MAX
  const ssize_t size = fgetxattr(directory, kAttribute, bytes.data(), bytes.size());
  if (size < 0 && errno != ENODATA) return Refused("cannot read the directory's ACL", errno);
  std::vector<Entry> entries = EntriesOfMode(status.st_mode);
  if (size >= 0) {
    bytes.resize(static_cast<size_t>(size));
    if (!Decode(bytes, entries)) {
      return absl::UnavailableError("the directory's ACL is of an unknown form");
    }
  }
  // An entry that the mask hid would come to hold with the new mask.
  for (const Entry& mask : std::vector<Entry>(entries)) {
    if (mask.tag != ACL_MASK) continue;
    for (Entry& entry : entries) {
      if (entry.tag != ACL_USER_OBJ && entry.tag != ACL_OTHER) entry.rights &= mask.rights;
    }
  }
  Grant(entries, uid, rights);
  const std::string encoded = Encode(entries);
  if (size >= 0 && encoded == bytes) return absl::OkStatus();
  if (fsetxattr(directory, kAttribute, encoded.data(), encoded.size(), 0) != 0) {
    return Refused("cannot write the directory's ACL", errno);
  }
  return absl::OkStatus();
}

}  // namespace grpc_os::host
