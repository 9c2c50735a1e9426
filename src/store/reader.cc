#include "store/reader.h"

#include <pthread.h>

#include <limits>
#include <vector>

#include "base/event_loop.h"
#include "base/limits.h"
#include "store/storage_error.h"
#include "store/transaction.h"

namespace grpc_os::store {

Reader::Reader(const char* name, std::unique_ptr<Connection> connection, const Dialect& dialect)
    : connection_(std::move(connection)),
      dialect_(dialect),
      queue_(limits::kReaderQueue),
      thread_([this, name] { Run(name); }) {}

Reader::~Reader() { Finish(); }

void Reader::Finish() {
  queue_.Close();
  if (thread_.joinable()) thread_.join();
}

absl::Status Reader::Readable(const absl::Status& status) {
  return StorageError("the database cannot be read", status);
}

void Reader::Submit(std::unique_ptr<Task> task) {
  using Queue = WorkQueue<std::unique_ptr<Task>>;
  pulse_.BeginIfIdle(EventLoop::NowMs());
  switch (queue_.Push(task)) {
    case Queue::Pushed::kYes:
      return;
    case Queue::Pushed::kFull:
      task->Fail(QueueFullError("a queue of the store's readers", limits::kReaderQueue));
      break;
    case Queue::Pushed::kClosed:
      task->Fail(ShuttingDownError());
      break;
  }
  task->Answer();
}

void Reader::Run(const char* name) {
  pthread_setname_np(pthread_self(), name);
  for (;;) {
    const std::vector<std::unique_ptr<Task>> tasks =
        queue_.Take(std::numeric_limits<size_t>::max());
    if (tasks.empty()) return;
    for (const auto& task : tasks) {
      pulse_.Begin(EventLoop::NowMs());
      RunTask(*task);
      task->Answer();
      pulse_.End();
    }
  }
}

void Reader::RunTask(Task& task) {
  task.Prepare();
  Transaction transaction(*connection_);
  if (auto status = transaction.Begin(dialect_.begin_read); !status.ok()) return task.Fail(status);
  task.Read(*connection_);
}

}  // namespace grpc_os::store
