// What changes of objects do within a write transaction. Private to core::Objects.
#ifndef GRPC_OS_CORE_OBJECT_OBJECT_EDIT_H_
#define GRPC_OS_CORE_OBJECT_OBJECT_EDIT_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/event/event.h"
#include "core/object/object.h"
#include "core/object/object_store.h"
#include "core/object/objects.h"

namespace grpc_os::core {

// What one change comes to. Its content lies in `object` from the beginning; all else is found anew
// each time that its transaction is run.
struct ObjectStep {
  enum class Kind {
    kNothing,
    kInsert,   // `object`
    kReplace,  // the content of `live`, which becomes a version, by that of `object`
    kUpdate,   // all of `object` but its content
    kRemove,   // `affected`
    kForget,   // the versions of what was deleted
    kRename,   // `affected`, which is all that begins with `from`, to what begins with object.name
    kMove,     // as kRename, but `affected` is a part of it; and `merged` goes
  };
  Kind kind = Kind::kNothing;
  Object object = {};  // as it will be; of kRemove and kForget: as it was
  const char* action = "";
  std::optional<Object> live = {};
  std::vector<Object> affected = {};
  std::vector<Object> merged = {};        // folders that are made where they would come
  std::vector<Object> expired = {};       // what is in the way
  std::vector<VersionKey> versions = {};  // of kForget
  std::string from = {};                  // the name before
  bool purge = false;
  int64_t restored_generation = 0;  // the version that `object` was
  int64_t count = 0;                // what was deleted or moved, once it is
  bool more = false;                // it was a part

  // Everything but the content.
  void Reset();
  // What only its check and its writing need: it may be much, and the step waits for its commit.
  void DropRows();
};

// A change that was asked for; its content is in the step.
struct ObjectWork {
  ObjectChange asked;
  ObjectStep step = {};
};
ObjectWork WorkOf(ObjectChange change);

// What can be told before anything is looked at: of a name. An id is asked for once its name is
// known.
absl::Status CheckMayRead(const ObjectAccess& access, const std::string& reference);

inline constexpr int kExpiredInTheWay = 1000;  // more are left to the sweep

// One run of a write transaction. Each change is checked, which only reads, before the first is
// written: so a refusal has changed nothing.
class ObjectEdit {
 public:
  struct Scene {
    ObjectRows& rows;
    int64_t revision;
    int64_t now_ms;
    const Origin& origin;  // its user owns what is made
    const ObjectAccess& access;
    std::vector<Event>& events;
  };
  explicit ObjectEdit(const Scene& scene) : scene_(scene) {}

  // `earlier`: the changes of the transaction before this one.
  absl::Status Check(ObjectWork& work, const std::vector<ObjectWork>& earlier, size_t index);
  absl::Status CheckCreate(const CreateObject& asked, ObjectStep& step);
  absl::Status CheckPut(const PutObject& asked, ObjectStep& step);
  absl::Status CheckUpdate(const UpdateObject& asked, ObjectStep& step);
  absl::Status CheckDelete(const DeleteObject& asked, ObjectStep& step);
  absl::Status CheckGet(const GetObject& asked, const std::vector<ObjectWork>& earlier,
                        size_t index, ObjectStep& step);
  absl::Status CheckUndelete(const std::string& reference, int64_t generation, ObjectStep& step);
  absl::Status CheckMove(const std::string& reference, const std::string& destination,
                         const Preconditions& preconditions, ObjectStep& step);
  absl::Status CheckCopy(const std::string& reference, int64_t generation,
                         const std::string& destination, const Preconditions& preconditions,
                         ObjectStep& step);
  absl::Status CheckMovePart(const std::string& reference, const std::string& destination,
                             ObjectStep& step);
  // `name` ends with a slash.
  absl::Status CheckFolder(const std::string& name, ObjectStep& step);

  absl::StatusOr<bool> Compare(const CompareObject& wanted);
  // Once all are checked, and before the first is written: what they do together to the quotas. A
  // refusal names the first that adds to the exceeded one (`index`).
  absl::Status Charge(const std::vector<const ObjectStep*>& steps, size_t* index = nullptr);
  absl::Status Write(ObjectStep& step);
  // Clears away what has expired, at most `limit`; how many.
  absl::StatusOr<int64_t> Sweep(int limit);

 private:
  using Found = absl::StatusOr<std::optional<Object>>;

  bool Expired(const Object& object) const { return HasExpired(object, scene_.now_ms); }
  absl::Status Permit(ObjectVerb verb, const std::string& name) const;
  // Before it is looked at what there is; of an id, once its name is known.
  absl::Status PermitReference(ObjectVerb verb, const std::string& reference) const;
  // For what lies behind an id, or as a version behind another name: as if it were not there, if
  // nothing may be known of it.
  absl::Status PermitFound(ObjectVerb verb, const Object& found, const std::string& reference,
                           int64_t generation = 0) const;
  // For what lies in `folder`, which was asked for.
  absl::Status PermitInside(ObjectVerb verb, const std::string& folder,
                            const std::string& name) const;
  // As they lie there, expired or not.
  Found FindRow(const std::string& reference) const;
  // Nothing, if it has expired.
  Found FindLive(const std::string& reference) const;
  // Why there is no object `reference`.
  absl::Status Missing(const std::string& reference) const;
  absl::StatusOr<bool> FolderExists(const std::string& folder) const;

  // OK if a new object may have this id.
  absl::Status CheckId(const std::string& id) const;
  // OK if a new object may have this name; what has expired and is in its way, into the step.
  absl::Status CheckPlace(const std::string& name, ObjectStep& step) const;
  absl::Status CheckAncestors(const std::string& name, ObjectStep& step) const;
  absl::Status CheckNothingBelow(const std::string& folder, ObjectStep& step) const;
  absl::Status CheckFolderPlace(const std::string& folder, ObjectStep& step) const;

  absl::Status CheckDeleteFolder(const DeleteObject& asked, const std::string& folder,
                                 ObjectStep& step);
  absl::Status CheckDeleteAll(const std::string& folder, ObjectStep& step);
  absl::Status CheckDeletePart(const std::string& folder, ObjectStep& step);
  absl::Status CheckDeleteEmpty(const std::string& folder, ObjectStep& step);
  absl::Status CheckDeleteVersions(const DeleteObject& asked, ObjectStep& step);
  absl::Status CheckDeleteVersionsBelow(const DeleteObject& asked, const std::string& folder,
                                        ObjectStep& step);
  // The first of what lies in `folder`, in the order of names: with `purge` and its versions,
  // kObjectsPerPart of both. A folder that was made comes with the last of what lies in it.
  struct Part {
    std::vector<Object> rows;
    bool more = false;
  };
  absl::StatusOr<Part> PartOf(const std::string& folder, bool purge);
  absl::Status CheckPurge(const DeleteObject& asked, ObjectStep& step);
  // OK if a purge of `asked` may remove this version, or all of `object`.
  absl::Status CheckVersion(const VersionKey& version, const std::string& asked);
  absl::Status CheckVersionsOf(const Object& object, const std::string& asked);
  // OK if a part of `folder` may move this row to `to`; into the step.
  absl::Status CheckMoveOne(const std::string& folder, Object row, std::string to, bool fresh,
                            ObjectStep& step);
  absl::Status CheckMoveFolder(const std::string& folder, const std::string& destination,
                               const Preconditions& preconditions, ObjectStep& step);
  // Where `source` goes: a destination that ends with a slash, or is a folder, means into it.
  absl::StatusOr<std::string> DestinationOf(const std::string& source,
                                            const std::string& destination) const;
  // When it expires after a Put or an Update.
  template <typename Asked>
  int64_t ExpiryOf(const Asked& asked, int64_t old_ms) const;
  // Numbers, times and owner of an object that is made now.
  void MakeNew(const std::string& id, Object& object);

  // That the rows of `objects` go, or become versions, as far as `gone` does not know yet
  // (numbers).
  static void AddRemovals(const std::vector<Object>& objects, bool retired, std::set<int64_t>& gone,
                          std::vector<QuotaDelta>& deltas);
  // `names` keeps what the deltas are about.
  static void AddDeltas(const ObjectStep& step, std::set<int64_t>& gone,
                        std::deque<std::string>& names, std::vector<QuotaDelta>& deltas);
  absl::Status WriteRemoval(ObjectStep& step);
  absl::Status ForgetVersions(ObjectStep& step);
  absl::Status WriteRename(ObjectStep& step);
  absl::Status WriteMove(ObjectStep& step);
  absl::Status ClearAway(const Object& object);
  void Tell(const Object& object, const char* action, const std::string& from = "");

  const Scene scene_;
  int64_t made_ = 0;
  int64_t rows_ = 0;      // that the changes checked so far remove
  int64_t versions_ = 0;  // that they purge
  // Numbers: several changes may find the same in their way, or one what another deletes.
  std::set<int64_t> cleared_;
};

// That no two changes of a transaction are about the same name or id, nor one about what lies in a
// folder that another deletes or an object that another makes.
class ObjectClaims {
 public:
  // `step` outlives this.
  absl::Status Add(const ObjectStep& step, size_t index);

 private:
  std::set<std::string_view> names_;
  std::set<std::string_view> ids_;      // of what is made
  std::set<std::string_view> made_;     // names
  std::set<std::string_view> folders_;  // deleted
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_OBJECT_EDIT_H_
