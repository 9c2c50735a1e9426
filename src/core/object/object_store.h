// The ports through which objects are kept.
#ifndef GRPC_OS_CORE_OBJECT_OBJECT_STORE_H_
#define GRPC_OS_CORE_OBJECT_OBJECT_STORE_H_

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/change/envelope.h"
#include "core/event/event.h"
#include "core/object/object.h"
#include "core/object/quota.h"
#include "core/requester.h"

namespace grpc_os::core {

// A version, as what is to be removed.
struct VersionKey {
  int64_t number = 0;
  int64_t generation = 0;
  std::string id = {};
  std::string name = {};
  bool deleted = false;

  bool operator==(const VersionKey&) const = default;
};

// The rows of a write transaction under way: each function sees what those before it changed. On
// the store's writer thread. Errors are the storage's.
class ObjectRows {
 public:
  virtual ~ObjectRows() = default;

  // Live ones, without their data. A folder's name ends with '/'.
  virtual absl::StatusOr<std::optional<Object>> FindByName(const std::string& name) = 0;
  virtual absl::StatusOr<std::optional<Object>> FindById(const std::string& id) = 0;
  // Cheaper than FindByName.
  virtual absl::StatusOr<bool> Exists(const std::string& name) = 0;
  // The first live name from `name` on, and the last one before it, in the order of bytes; empty:
  // there is none. From the index of names alone.
  virtual absl::StatusOr<std::string> NameFrom(const std::string& name) = 0;
  virtual absl::StatusOr<std::string> NameBefore(const std::string& name) = 0;
  // Whether a live name begins with `folder` and is longer.
  virtual absl::StatusOr<bool> AnyBelow(const std::string& folder) = 0;
  // Live ones whose names begin with `prefix` and come after `after`, in the order of bytes.
  virtual absl::StatusOr<std::vector<Object>> List(const std::string& prefix,
                                                   const std::string& after, int limit) = 0;
  // Live ones that have expired by then, at most `limit`.
  virtual absl::StatusOr<std::vector<Object>> ListExpired(int64_t now_ms, int limit) = 0;
  // Of a live object or a version that is not a blob.
  virtual absl::StatusOr<std::string> DataOf(const Object& object) = 0;

  // ALREADY_EXISTS without a detail: the name or id is taken.
  virtual absl::Status Insert(const Object& object) = 0;
  // By number.
  enum class Content { kStays, kReplaced };
  virtual absl::Status Update(const Object& object, Content content) = 0;
  virtual absl::Status Remove(const Object& object) = 0;
  // All live names that begin with `from` begin with `to` then, with this revision and time; how
  // many. Their folder rows with them.
  virtual absl::StatusOr<int64_t> Rename(const std::string& from, const std::string& to,
                                         int64_t revision, int64_t now_ms) = 0;

  // Copies the live row, its data too, among the versions; forgets the oldest versions of the
  // object, and of its name, but limits::kVersionsPerObject.
  virtual absl::Status Retire(const Object& live, int64_t now_ms, bool deleted) = 0;
  // The newest version with this name or id and generation (0: any that ended by deletion), without
  // data.
  virtual absl::StatusOr<std::optional<Object>> FindVersion(const std::string& name_or_id,
                                                            int64_t generation) = 0;
  // Of all that FindVersion could find, what was retired last first.
  virtual absl::StatusOr<std::vector<VersionKey>> ListVersionKeys(
      const std::string& name_or_id) = 0;
  // Of those whose own name begins with `prefix`, in the order of names and generations.
  virtual absl::StatusOr<std::vector<VersionKey>> ListVersionKeysBelow(const std::string& prefix,
                                                                       int limit) = 0;
  // Of all versions of an object.
  virtual absl::Status RemoveVersions(int64_t number) = 0;
  // Of one, if it is there (still).
  virtual absl::Status RemoveVersion(int64_t number, int64_t generation) = 0;

  // Adds what the deltas together do to each quota that they lie below. RESOURCE_EXHAUSTED
  // (QUOTA_EXCEEDED): one would be exceeded and gets more (CheckQuota); nothing is changed then. As
  // long as there are no quotas it costs nothing. Versions are looked at here, and counted as they
  // come and go.
  virtual absl::Status Charge(const std::vector<QuotaDelta>& deltas) = 0;
  // In the order of their prefixes.
  virtual absl::StatusOr<std::vector<Quota>> ListQuotas() = 0;
  // Replaces that of the same prefix. What is used of a new one, or of one that is to count
  // versions or no longer is, is counted: all below its prefix is looked at. The quota as it is
  // then.
  virtual absl::StatusOr<Quota> PutQuota(const Quota& quota) = 0;
  // Whether there was one.
  virtual absl::StatusOr<bool> RemoveQuota(const std::string& prefix) = 0;
};

// One change: all of it becomes durable under one new revision, or nothing does.
struct ObjectWrite {
  // What `apply` has written with the change.
  struct Outcome {
    std::vector<Event> events = {};
    std::string subject = {};  // of the envelope's request
  };
  // Decides and changes. Run on the writer's thread, and again where a transaction was lost, so it
  // begins anew each time and takes times from what it was made with. Not OK: its caller is refused
  // with that.
  std::function<absl::Status(ObjectRows& rows, int64_t revision, Outcome& outcome)> apply;
  // Whenever `apply` refuses, it has changed nothing yet: the transaction's neighbours need not be
  // run again.
  bool refuses_clean = false;
  // As in ProcessWrite: it deletes.
  bool may_use_reserve = false;
};

struct ObjectQuery {
  std::string prefix = {};  // names begin with it
  std::string after = {};   // and come after it
  bool recursive =
      true;  // else: what lies in `prefix`, a folder, itself, folders that are only implied too
  int limit = 100;
  int64_t now_ms = 0;  // what has expired by then is not there
  // Instead of what is there, of each name the version that was deleted last, unless the name or
  // the id is live. Folders are only implied then.
  bool deleted = false;
  int most_looks = 2'000;  // of these, names that are looked at for one page
  Requester by = {};
};
// Of an object or version in a list of versions, the newest first. Those that one transaction made
// have the same generation. {}: before all.
struct VersionPlace {
  int64_t generation = 0;
  int64_t number = 0;

  auto operator<=>(const VersionPlace&) const = default;
};
inline VersionPlace PlaceOf(const Object& object) { return {object.generation, object.number}; }

struct ObjectPage {
  std::vector<Object> objects;  // without data
  bool more = false;
  int64_t revision = 0;  // of the snapshot that it was read in
  // Set by core::Objects, which leaves out what its caller may not read, and by the store where
  // `most_looks` ended the page: where the next page goes on, as ObjectQuery::after and as `before`
  // of ListVersions.
  std::string next_after = {};
  VersionPlace next_before = {};
};
struct ObjectUsage {
  int64_t objects = 0;
  int64_t bytes = 0;
  int64_t versions = 0;
  int64_t version_bytes = 0;
};

// Thread-safe. Reads wait in the turn of their requester, and end with CANCELLED if that has gone.
// Each `done` comes once: of a write on the writer's thread, after it is durable; of a
// read on the reader's, which sees all that was acknowledged before it was asked; that of
// FindObject at once, on the calling thread, where the answer is in memory.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // UNAUTHENTICATED or PERMISSION_DENIED: the envelope is not permitted (any more).
  virtual void CommitObjects(ObjectWrite write, Envelope envelope,
                             std::function<void(absl::StatusOr<int64_t>)> done) = 0;

  // The live object (generation 0 or its own) or a version; nullopt: there is none, or it has
  // expired.
  struct Wanted {
    std::string name_or_id = {};
    int64_t generation = 0;
    bool data = false;  // unless it is a blob
    int64_t now_ms = 0;
    Requester by = {};
  };
  using Found = absl::StatusOr<std::optional<Object>>;
  virtual void FindObject(const Wanted& wanted, std::function<void(Found)> done) = 0;
  virtual void ListObjects(const ObjectQuery& query,
                           std::function<void(absl::StatusOr<ObjectPage>)> done) = 0;
  // Of a name or id, the newest first, the live one included; those that come after `before`.
  virtual void ListVersions(const Requester& by, const std::string& name_or_id,
                            const VersionPlace& before, int limit,
                            std::function<void(absl::StatusOr<ObjectPage>)> done) = 0;
  // Whether a live object has expired by then. Cheap: it is asked once a second.
  virtual void AnyExpired(int64_t now_ms, std::function<void(absl::StatusOr<bool>)> done) = 0;
  // Of what begins with `prefix`; counts on from `after`, at most `limit` rows, and says where to
  // go on ("": done).
  virtual void MeasureObjects(
      const Requester& by, const std::string& prefix, const std::string& after, int limit,
      std::function<void(absl::StatusOr<std::pair<ObjectUsage, std::string>>)> done) = 0;
  // In the order of their prefixes.
  virtual void ListQuotas(const Requester& by,
                          std::function<void(absl::StatusOr<std::vector<Quota>>)> done) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_OBJECT_STORE_H_
