// Objects: contents under absolute path names, with generations, versions and metadata.
#ifndef GRPC_OS_CORE_OBJECT_OBJECT_H_
#define GRPC_OS_CORE_OBJECT_OBJECT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace grpc_os::core {

// A live object, or one of its versions. See grpc_os.v1.Object.
struct Object {
  // Unique for ever, ascending in the order of creation: the revision that made it, and its place
  // among those that this revision made (object_id.h).
  int64_t number = 0;
  std::string id = {};    // of `number`, or as its creator wished
  std::string name = {};  // a folder's ends with '/'
  bool folder = false;    // made by CreateFolder; it has no content
  int64_t generation = 0;
  int64_t metageneration = 1;
  int64_t create_revision = 0;
  int64_t revision = 0;  // of its last change
  int64_t size_bytes = 0;
  std::string sha256 = {};  // 32 bytes
  uint32_t crc32c = 0;
  std::string content_type = {};
  std::map<std::string, std::string> metadata = {};
  std::string owner = {};
  int64_t create_time_ms = 0;
  int64_t update_time_ms = 0;
  int64_t expire_time_ms = 0;  // 0: never
  // Of a version: when it was replaced or deleted; 0: it is live.
  int64_t retire_time_ms = 0;
  bool deleted = false;  // of a version: it ended by deletion
  // The content lies in a file named after its sha256 (core::Blobs) and not in the row.
  bool blob = false;
  std::string data = {};  // where it was asked for, and is not a blob

  bool operator==(const Object&) const = default;
};

// It counts as not there by then.
inline bool HasExpired(const Object& object, int64_t now_ms) {
  return object.expire_time_ms != 0 && object.expire_time_ms <= now_ms;
}

// What the live object has to be for a call to go on. 0 as a generation: there is none.
struct Preconditions {
  std::optional<int64_t> generation = {};
  std::optional<int64_t> not_generation = {};
  std::optional<int64_t> metageneration = {};
  std::optional<int64_t> not_metageneration = {};

  bool operator==(const Preconditions&) const = default;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_OBJECT_H_
