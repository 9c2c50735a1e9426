// The system's own objects: what gRPC OS tells of itself as read-only objects under /proc and /sys.
#ifndef GRPC_OS_CORE_OBJECT_SYSTEM_OBJECTS_H_
#define GRPC_OS_CORE_OBJECT_SYSTEM_OBJECTS_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/object/object.h"
#include "core/object/object_store.h"
#include "core/scheduler.h"

namespace grpc_os::core {

// One folder of the system, such as "/proc/". Thread-safe; `done` comes once, on some thread.
class SystemFolder {
 public:
  virtual ~SystemFolder() = default;

  // The object with its data, or the folder (its name ends with '/'), that lies at `path` below
  // this one ("web/status", "web/"); nullopt: there is none.
  using Found = absl::StatusOr<std::optional<Object>>;
  virtual void Find(const std::string& path, std::function<void(Found)> done) = 0;
  // What lies directly at `path` ("" or "web/"), or, with `recursive`, all objects whose paths
  // begin with it; after the path `after`, in the order of bytes, at most `limit`; without data.
  // Names are paths below this folder.
  struct Range {
    std::string path = {};
    bool recursive = false;
    std::string after = {};
    int limit = 0;
  };
  using Listed = absl::StatusOr<std::vector<Object>>;
  virtual void List(const Range& range, std::function<void(Listed)> done) = 0;
  // What a caller needs beside object.read.
  virtual const char* permission() const = 0;
  // The name of the thing that what lies at `path` tells of; empty: of none.
  virtual std::string ThingAt(const std::string& /*path*/) const { return ""; }
};

// An object of the system, whole, at this time.
Object SystemObject(std::string name, std::string data, int64_t now_ms);
Object SystemFolderObject(std::string name, int64_t now_ms);

// A folder of fixed names, each with what makes its content. The functions are called on the
// caller's thread and must be quick.
class FixedFolder final : public SystemFolder {
 public:
  using Contents = std::map<std::string, std::function<std::string()>>;
  FixedFolder(Contents contents, const Clock& clock)
      : contents_(std::move(contents)), clock_(clock) {}

  void Find(const std::string& path, std::function<void(Found)> done) override;
  void List(const Range& range, std::function<void(Listed)> done) override;
  const char* permission() const override { return "system.read"; }

 private:
  const Contents contents_;
  const Clock& clock_;
};

// One page of what is in both, each in the order of its names and with `next_after` where it has
// more. The revision is that of `stored`.
ObjectPage MergePages(ObjectPage stored, ObjectPage system, int limit);

// All of them, by their names: "/proc/", "/sys/". Thread-safe.
class SystemObjects {
 public:
  using Folders = std::map<std::string, std::unique_ptr<SystemFolder>>;
  SystemObjects(Folders folders, const Clock& clock)
      : folders_(std::move(folders)), clock_(clock) {}

  // nullptr: the name is none of the system's folders or below. `name` is one of IsSystemName.
  const SystemFolder* FolderOf(std::string_view name) const;
  // As SystemFolder::ThingAt, of a whole name.
  std::string ThingAt(const std::string& name) const;
  // By its whole name; a folder with or without the slash at its end.
  void Find(const std::string& name, std::function<void(SystemFolder::Found)> done) const;
  // The system's part of a list: what lies in one of its folders, and in the list of "/" the
  // folders themselves. In recursive lists only of what begins with a folder's name: who asks for
  // all objects does not want those. `next_after` is set where there is more.
  void List(const ObjectQuery& query, std::function<void(absl::StatusOr<ObjectPage>)> done) const;

 private:
  std::pair<const std::string*, SystemFolder*> Locate(std::string_view name) const;

  const Folders folders_;
  const Clock& clock_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_SYSTEM_OBJECTS_H_
