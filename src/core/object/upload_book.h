// Which uploads are open, whose they are, and who works on them. A part of Uploads.
#ifndef GRPC_OS_CORE_OBJECT_UPLOAD_BOOK_H_
#define GRPC_OS_CORE_OBJECT_UPLOAD_BOOK_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/guarded.h"
#include "core/object/uploads.h"

namespace grpc_os::core {

struct Uploads::Entry {
  UploadTarget target;
  std::shared_ptr<UploadFile> file;  // null: being created
  // kEnding: being finished or cancelled. kGivingWay: it has no place any more.
  enum class Use { kNone, kWritten, kEnding, kGivingWay } use = Use::kNone;
  // Who cancelled it while it was written; it ends with its writer.
  std::vector<std::function<void(absl::Status)>> cancels = {};
};

// How much is under way. Whoever works on an upload holds a token.
class Uploads::Work final {
 public:
  static std::shared_ptr<void> Begin(const std::shared_ptr<Work>& work) {
    const std::lock_guard lock(work->mutex_);
    ++work->count_;
    return {nullptr, [work](void*) {
              const std::lock_guard ending(work->mutex_);
              if (--work->count_ == 0) work->none_.notify_all();
            }};
  }
  void AwaitEnd() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};

// Shared with whatever is under way. Thread-safe. Whoever took an entry releases or removes it.
class Uploads::Book final : public std::enable_shared_from_this<Uploads::Book> {
 public:
  explicit Book(Parts parts) : parts_(std::move(parts)) {}

  const Parts& parts() const { return parts_; }
  std::shared_ptr<void> BeginWork() { return Work::Begin(work_); }
  void AwaitEnd() { work_->AwaitEnd(); }

  absl::Status Load();
  static Upload Show(const Entry& entry);

  // A place for it. Or: what came of the same request before, or a refusal.
  absl::StatusOr<std::optional<Upload>> Enter(const UploadTarget& target);
  // Of one that has entered: which has to give way for it, taken and for Supersede; none, if there
  // is a place; or the refusal if there is not, and none that gives way.
  absl::StatusOr<std::optional<Entry>> TakeExcess(const By& by);
  void SetFile(const std::string& id, std::shared_ptr<UploadFile> file);
  void Erase(const std::string& id) { entries_.Lock()->erase(id); }

  // As `by` may have it; or why there is none for them.
  absl::StatusOr<Upload> Find(const std::string& id, const By& by);
  std::vector<Upload> List(const By& by);
  // Whether it is there for `by`.
  absl::Status Permit(const std::string& id, const By& by);
  // Whoever may was asked before.
  absl::StatusOr<Entry> Take(const std::string& id, Entry::Use use);
  void Release(const std::string& id);
  // At once, or after the one who writes it.
  void Cancel(const std::string& id, std::function<void(absl::Status)> done);
  bool IsCancelled(const std::string& id);

  // With what became of it, as far as that is still there.
  void ShowFinished(const CommittedRequest& committed, Upload upload, const ObjectAccess& access,
                    Done done);
  // Of one that was taken.
  void Remove(const Entry& entry, std::function<void(absl::Status)> done);
  void Supersede(const Entry& entry, std::function<void(absl::Status)> done);
  // Those that were not touched since, and what is known of those that gave way before.
  void ForgetIdle(int64_t before_ms);

  Usage usage();

  std::atomic<int64_t> next_tick_ms{0};

 private:
  using Entries = std::map<std::string, Entry>;
  struct Superseded {
    std::string user;
    std::string path;
    int64_t time_ms = 0;  // or of this daemon's start
  };
  struct Idle {
    std::string id;
    std::string user;
    std::string path;
    int64_t write_time_ms = 0;
    int of_user = 0;  // open ones
  };

  void ForgetFinished();
  absl::Status MissingFor(const std::string& id, const By& by);
  void AddSuperseded(const UploadTarget& target);
  // In the order in which they give way.
  static std::vector<Idle> IdleOnes(const Entries& entries);

  const Parts parts_;
  const std::shared_ptr<Work> work_ = std::make_shared<Work>();
  Guarded<Entries> entries_;
  Guarded<std::map<std::string, Superseded>> superseded_;
  int writing_ = 0;  // under the lock of entries_
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_UPLOAD_BOOK_H_
