// A thread that reads while the daemon serves.
#ifndef GRPC_OS_STORE_READER_H_
#define GRPC_OS_STORE_READER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/pulse.h"
#include "core/requester.h"
#include "store/database.h"
#include "store/read_queue.h"

namespace grpc_os::store {

inline constexpr int kReadsOfUser = 4'000;  // of limits::kReaderQueue, that one user may have

// Carries out reads, each in one snapshot of what is committed: users take turns, and each user's
// are in their order. Thread-safe.
class Reader {
 public:
  // `name`: of its thread. `connection` is used by that thread only, after this. `dropped` counts
  // the reads that nobody waited for any more when their turn came.
  Reader(const char* name, std::unique_ptr<Connection> connection, const Dialect& dialect,
         std::atomic<int64_t>& dropped);
  ~Reader();

  const core::Pulse& pulse() const { return pulse_; }

  // Answers everything that was asked, takes nothing more, and ends the thread.
  void Finish();

  // Never blocks. Calls `read`, then, out of its snapshot, `done`, on the reader's thread; `done`
  // alone, with CANCELLED, if whoever it is for has gone. If it is refused (RESOURCE_EXHAUSTED: the
  // queue is full; UNAVAILABLE: shutting down), `done` is called at once, on the calling thread.
  // `before`: first of all, before the snapshot.
  template <typename Result>
  void Read(const core::Requester& by, std::function<absl::StatusOr<Result>(Connection&)> read,
            std::function<void(absl::StatusOr<Result>)> done, std::function<void()> before = {}) {
    Submit(by, std::make_unique<TypedTask<Result>>(std::move(read), std::move(done),
                                                   std::move(before)));
  }

 private:
  class Task {
   public:
    virtual ~Task() = default;
    virtual void Prepare() = 0;
    virtual void Read(Connection& connection) = 0;
    virtual void Fail(const absl::Status& status) = 0;
    virtual void Answer() = 0;  // after one of the two
  };
  template <typename Result>
  class TypedTask final : public Task {
   public:
    TypedTask(std::function<absl::StatusOr<Result>(Connection&)> read,
              std::function<void(absl::StatusOr<Result>)> done, std::function<void()> before)
        : read_(std::move(read)), done_(std::move(done)), before_(std::move(before)) {}
    void Prepare() override {
      if (before_) before_();
    }
    void Read(Connection& connection) override {
      result_ = read_(connection);
      if (!result_.ok()) Fail(result_.status());
    }
    void Fail(const absl::Status& status) override { result_ = Readable(status); }
    void Answer() override { done_(std::move(result_)); }

   private:
    const std::function<absl::StatusOr<Result>(Connection&)> read_;
    const std::function<void(absl::StatusOr<Result>)> done_;
    const std::function<void()> before_;
    absl::StatusOr<Result> result_ = absl::UnknownError("not read");
  };

  // What the storage says, in the words of the store.
  static absl::Status Readable(const absl::Status& status);
  void Submit(const core::Requester& by, std::unique_ptr<Task> task);
  void Run(const char* name);
  void RunTask(Task& task);

  const std::unique_ptr<Connection> connection_;
  const Dialect& dialect_;
  std::atomic<int64_t>& dropped_;
  core::Pulse pulse_;
  ReadQueue<std::unique_ptr<Task>> queue_;
  std::thread thread_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_READER_H_
