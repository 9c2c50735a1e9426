// What can be done with objects.
#ifndef GRPC_OS_CORE_OBJECT_OBJECTS_H_
#define GRPC_OS_CORE_OBJECT_OBJECTS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/change/envelope.h"
#include "core/object/object.h"
#include "core/object/object_store.h"
#include "core/scheduler.h"

namespace grpc_os::core {

// Whether the caller may read or write this name. Asked before it is looked at whether there is
// such an object, and again with the name behind an id.
enum class ObjectVerb { kRead, kWrite };
using ObjectAccess = std::function<bool(ObjectVerb, std::string_view name)>;

// Content that was checked and measured before: small, or a blob that lies durably in its file.
struct ObjectContent {
  std::string data = {};
  bool blob = false;
  int64_t size_bytes = 0;
  std::string sha256 = {};  // 32 bytes
  uint32_t crc32c = 0;
};

// What one part of a large folder is: a revision that holds up the other writers for milliseconds.
inline constexpr int kObjectsPerPart = 1000;

// Names and ids are checked before (object_name.h).
struct CreateObject {
  std::string name;
  std::string id = {};  // empty: generated
  ObjectContent content = {};
  std::string content_type = {};
  std::map<std::string, std::string> metadata = {};
  int64_t expire_time_ms = 0;
  int64_t ttl_ms = 0;  // instead of it: from the change on
};
struct PutObject {
  std::string name;  // or id: then it must be there
  ObjectContent content = {};
  std::optional<std::string> content_type = {};
  std::optional<std::map<std::string, std::string>> metadata = {};
  std::optional<int64_t> expire_time_ms = {};
  int64_t ttl_ms = 0;  // instead of it: from the change on
  Preconditions preconditions = {};
};
struct UpdateObject {
  std::string name;  // or id
  std::optional<std::string> content_type = {};
  std::optional<std::map<std::string, std::string>> metadata = {};
  std::optional<int64_t> expire_time_ms = {};
  int64_t ttl_ms = 0;  // instead of it: from the change on
  Preconditions preconditions = {};
};
struct DeleteObject {
  std::string name;  // or id
  bool recursive = false;
  bool purge = false;
  bool in_parts = false;       // with `recursive`: kObjectsPerPart at most, and no more versions
  bool versions_only = false;  // that are kept, and not what is live
  Preconditions preconditions = {};
};
struct GetObject {
  std::string name;  // or id
  bool data = false;
  Preconditions preconditions = {};
};
using ObjectChange = std::variant<CreateObject, PutObject, UpdateObject, DeleteObject, GetObject>;

struct CompareObject {
  std::string name;
  Preconditions preconditions = {};
  std::string sha256 = {};  // 32 bytes; empty: not compared
};

struct ObjectTransaction {
  std::vector<CompareObject> compare;
  std::vector<ObjectChange> success;
  std::vector<ObjectChange> failure;
};
struct ObjectTransactionResult {
  bool succeeded = false;
  std::vector<Object> objects = {};
  int64_t revision = 0;
};

// Thread-safe; holds no objects. Each `done` comes once, on a thread of the store or, with what can
// be refused without looking, on the caller's. Errors are those of grpc_os.v1.FilesystemService
// (object_errors.h); a repeat of a committed request answers with the object as it is (Get with its
// subject, an id or name; RepeatBatch, RepeatTransact).
//
// What has expired is not there, for changes too: one that needs its place clears it away.
class Objects {
 public:
  Objects(ObjectStore& store, const Clock& clock);

  using Done = std::function<void(absl::StatusOr<Object>)>;
  // The caller and its request; `owner` of what is made.
  struct By {
    Origin origin;
    ObjectAccess access;
  };
  void Create(CreateObject change, By by, Done done);
  void Put(PutObject change, By by, Done done);
  void Update(UpdateObject change, By by, Done done);
  // What was done with several.
  struct Batch {
    int64_t revision = 0;
    int64_t count = 0;
    bool more = false;  // of a part: there is more to do
  };
  using BatchDone = std::function<void(absl::StatusOr<Batch>)>;
  void Delete(DeleteObject change, By by, BatchDone done);
  // What lies in the folder `name` goes into that of `destination`, whether there is one or not:
  // kObjectsPerPart of it, in the order of names. NAME_TAKEN: by what lies there; nothing of this
  // part was moved.
  void MoveFolder(const std::string& name, const std::string& destination, By by, BatchDone done);
  // What Delete or MoveFolder answered, from the subject of its committed request.
  static absl::StatusOr<Batch> RepeatBatch(const std::string& subject);
  void Undelete(const std::string& name, int64_t generation, By by, Done done);
  void Move(const std::string& name, const std::string& destination, Preconditions preconditions,
            By by, Done done);
  void Copy(const std::string& name, int64_t generation, const std::string& destination,
            Preconditions preconditions, By by, Done done);
  void MakeFolder(const std::string& name, By by, Done done);
  // The changes are checked against what there was before the transaction: one of them cannot take
  // the place that another leaves.
  using TransactDone = std::function<void(absl::StatusOr<ObjectTransactionResult>)>;
  void Transact(ObjectTransaction transaction, By by, TransactDone done);
  // What a reader may read, and in whose turn they do.
  struct Reader {
    Reader(ObjectAccess may, Requester by_whom = {})  // NOLINT: the system's reads need no more
        : access(std::move(may)), by(std::move(by_whom)) {}
    ObjectAccess access;
    Requester by;
  };
  // Of one that was committed, from the subject of its request: its objects as they are; of one
  // that is gone, or that `reader` may not read, its id or name alone.
  void RepeatTransact(const std::string& subject, const Reader& reader, TransactDone done);

  // A name without a slash at its end finds a folder too, one that is only implied (generation 0,
  // no id) as well.
  void Get(const std::string& name, int64_t generation, bool data, Preconditions preconditions,
           const Reader& reader, Done done);
  // Up to where nothing may be read after a name that may not; nullopt: to the end.
  using HiddenUpTo = std::function<std::optional<std::string>(std::string_view hidden)>;
  // What `reader` may not read is left out, and goes into no page's end: a page is full unless
  // it is the last, or of what was deleted and enough was looked at for one call.
  void List(ObjectQuery query, const Reader& reader, HiddenUpTo hidden_up_to,
            std::function<void(absl::StatusOr<ObjectPage>)> done);
  void ListVersions(const std::string& name, const VersionPlace& before, int limit,
                    const Reader& reader, std::function<void(absl::StatusOr<ObjectPage>)> done);

  // At the start of the daemon: /config/, if there is no object at all. Nobody asked for it, so the
  // audit says nothing. Says whether it was made.
  void MakeFirstFolders(std::function<void(absl::StatusOr<bool>)> done);
  // What the system itself does not need any more, with all its versions. Nobody asked for it, so
  // the audit says nothing. FAILED_PRECONDITION: its generation is another one.
  void Purge(const std::string& name, int64_t generation, std::function<void(absl::Status)> done);
  // Deletes what has expired, if anything has; once at a time. To be called about once a second.
  void Tick(int64_t now_ms);

 private:
  ObjectStore& store_;
  const Clock& clock_;
  std::shared_ptr<std::atomic<bool>> sweeping_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_OBJECTS_H_
