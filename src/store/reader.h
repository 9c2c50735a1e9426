// A thread that reads while the daemon serves.
#ifndef GRPC_OS_STORE_READER_H_
#define GRPC_OS_STORE_READER_H_

#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/pulse.h"
#include "store/database.h"
#include "store/work_queue.h"

namespace grpc_os::store {

// Carries out reads in their order, each in one snapshot of what is committed. Thread-safe.
class Reader {
 public:
  // `name`: of its thread. `connection` is used by that thread only, after this.
  Reader(const char* name, std::unique_ptr<Connection> connection, const Dialect& dialect);
  ~Reader();

  const core::Pulse& pulse() const { return pulse_; }

  // Answers everything that was asked, takes nothing more, and ends the thread.
  void Finish();

  // Never blocks. Calls `read`, then, out of its snapshot, `done`, on the reader's thread. If it is
  // refused (RESOURCE_EXHAUSTED: the queue is full; UNAVAILABLE: shutting down), `done` is called
  // at once, on the calling thread. `before`: first of all, before the snapshot.
  template <typename Result>
  void Read(std::function<absl::StatusOr<Result>(Connection&)> read,
            std::function<void(absl::StatusOr<Result>)> done, std::function<void()> before = {}) {
    Submit(
        std::make_unique<TypedTask<Result>>(std::move(read), std::move(done), std::move(before)));
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
  void Submit(std::unique_ptr<Task> task);
  void Run(const char* name);
  void RunTask(Task& task);

  const std::unique_ptr<Connection> connection_;
  const Dialect& dialect_;
  core::Pulse pulse_;
  WorkQueue<std::unique_ptr<Task>> queue_;
  std::thread thread_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_READER_H_
