// The rules of uploads: whose they are, one writer at a time, how they end.
#ifndef GRPC_OS_CORE_OBJECT_UPLOADS_H_
#define GRPC_OS_CORE_OBJECT_UPLOADS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/guarded.h"
#include "core/object/objects.h"
#include "core/object/upload.h"
#include "core/request/requests.h"
#include "core/scheduler.h"

namespace grpc_os::core {

struct Upload {
  std::string id;
  std::string name;  // of what it becomes, as it was asked for
  std::string owner = {};
  UploadState state;
  int64_t create_time_ms = 0;  // 0: not known any more
  int64_t expire_time_ms = 0;
  bool busy = false;  // a call works on it just now
  bool finished = false;
};

// What the client sent, each where it says so.
struct UploadExpectation {
  std::optional<int64_t> size_bytes = {};
  std::optional<uint32_t> crc32c = {};
  std::string sha256 = {};  // 32 bytes; empty: not given
};

// Thread-safe. Each `done` comes once, on some thread. Its end waits for what it started; its ports
// outlive it. An upload is found by its user alone: for others there is none (NOT_FOUND,
// UPLOAD_NOT_FOUND). It can be had only with the right to write its object (PERMISSION_DENIED), for
// one user's tokens may have different ones. Of what gave way: ABORTED (UPLOAD_SUPERSEDED), for 24
// h, or until 1,000 others did.
class Uploads {
 public:
  struct Parts {
    UploadFiles& files;
    Requests& requests;
    RequestStore& committed;
    const Clock& clock;
    // Makes the object.
    std::function<void(PutObject, Objects::By, Objects::Done)> put;
    // The object with this id, as it is.
    std::function<void(const std::string&, const ObjectAccess&, Objects::Done)> get;
  };
  explicit Uploads(Parts parts);
  ~Uploads();

  // Before anything else: what was begun under daemons before this one.
  absl::Status Load();

  // Who asks.
  struct By {
    std::string user;
    ObjectAccess access;
    bool all_users = false;  // may see and cancel everyone's
  };

  using Done = std::function<void(absl::StatusOr<Upload>)>;
  // What is asked once more before an upload begins: whether there is room for it, say.
  using Check = std::function<void(std::function<void(absl::Status)>)>;
  // Access was asked for the name; of an id it is asked here. A request id that was used before
  // gives the upload that came of it, for as long as that is not finished; `check`, if there is
  // one, is not asked then. Where the user has as many as may be open, the one of them gives way
  // that was not touched for longest; RESOURCE_EXHAUSTED (LIMIT_REACHED): none can, all are
  // written, or are not for `by` to end. Where all users together have, one of whoever has most.
  void Start(UploadTarget target, By by, Check check, Done done);
  // Of one that was finished: with the object as it is, if `by` may read or write it.
  void Get(const std::string& id, const By& by, Done done);
  // The oldest first; not those that were finished.
  std::vector<Upload> List(const By& by) const;
  // Ends also the stream that writes it. ABORTED (UPLOAD_BUSY): it is being finished.
  void Cancel(const std::string& id, const By& by, std::function<void(absl::Status)> done);

  // One stream's right to write. When it is closed, or goes, what was written becomes durable and
  // then the next stream can have it.
  class Writer {
   public:
    virtual ~Writer() = default;
    virtual void Write(UploadFile::Piece piece, std::function<void(absl::Status)> done) = 0;
    // Once, and no more writes then.
    virtual void Close(Done done) = 0;
    virtual const std::string& path() const = 0;  // UploadTarget::path
    // NOT_FOUND (UPLOAD_NOT_FOUND): it was cancelled meanwhile; nothing of it will be kept.
    virtual absl::Status Check() const = 0;
  };
  // ABORTED (UPLOAD_BUSY), RESOURCE_EXHAUSTED (LIMIT_REACHED: streams that write).
  absl::StatusOr<std::shared_ptr<Writer>> BeginWrite(const std::string& id, const By& by);

  // Once: a repeat answers with the object as it is. `by.origin` has no request.
  void Finish(const std::string& id, UploadExpectation expected, Objects::By by,
              Objects::Done done);

  // Forgets what was idle, or gave way, limits::kUploadIdleMs before `now_ms`. To be called about
  // once a second.
  void Tick(int64_t now_ms);

  // Those that are open: begun, and neither finished nor cancelled nor forgotten.
  struct Usage {
    int uploads = 0;
    int64_t bytes = 0;  // of them that are durable
  };
  Usage usage() const;

 private:
  struct Entry;
  class Work;
  class Book;
  class Ending;
  // Under which it is known, in the transaction that made the object, that one was finished.
  static RequestKey FinishKey(const std::string& id, const std::string& user);
  using OfBook = std::shared_ptr<Book>;
  static void Enter(const OfBook& book, const UploadTarget& target, By by, const Check& check,
                    Done done);
  static void MakeRoom(const OfBook& book, const UploadTarget& target, const By& by, Done done);
  // Of a target that has its place.
  static void Create(const OfBook& book, const UploadTarget& target, Done done);

  const std::shared_ptr<Book> book_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_UPLOADS_H_
