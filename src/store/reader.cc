#include "store/reader.h"

#include <pthread.h>

#include "base/event_loop.h"
#include "base/limits.h"
#include "store/storage_error.h"
#include "store/transaction.h"

namespace grpc_os::store {

Reader::Reader(const char* name, std::unique_ptr<Connection> connection, const Dialect& dialect,
               std::atomic<int64_t>& dropped)
    : connection_(std::move(connection)),
      dialect_(dialect),
      dropped_(dropped),
      queue_(limits::kReaderQueue, kReadsOfUser),
      thread_([this, name] { Run(name); }) {}

Reader::~Reader() { Finish(); }

void Reader::Finish() {
  queue_.Close();
  if (thread_.joinable()) thread_.join();
}

absl::Status Reader::Readable(const absl::Status& status) {
  return StorageError("the database cannot be read", status);
}

void Reader::Submit(const core::Requester& by, std::unique_ptr<Task> task) {
  using Queue = ReadQueue<std::unique_ptr<Task>>;
  pulse_.BeginIfIdle(EventLoop::NowMs());
  switch (queue_.Push(by, task)) {
    case Queue::Pushed::kYes:
      return;
    case Queue::Pushed::kFull:
      task->Fail(QueueFullError("a queue of the store's readers", limits::kReaderQueue));
      break;
    case Queue::Pushed::kUserFull:
      task->Fail(QueueFullError("your part of a queue of the store's readers", kReadsOfUser));
      break;
    case Queue::Pushed::kClosed:
      task->Fail(ShuttingDownError());
      break;
  }
  task->Answer();
}

void Reader::Run(const char* name) {
  pthread_setname_np(pthread_self(), name);
  while (const auto taken = queue_.Take()) {
    Task& task = *taken->item;
    pulse_.Begin(EventLoop::NowMs());
    if (taken->by.gone()) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      task.Fail(absl::CancelledError("nobody waits for what was to be read"));
    } else {
      RunTask(task);
    }
    task.Answer();
    pulse_.End();
  }
}

void Reader::RunTask(Task& task) {
  task.Prepare();
  Transaction transaction(*connection_);
  if (auto status = transaction.Begin(dialect_.begin_read); !status.ok()) return task.Fail(status);
  task.Read(*connection_);
}

}  // namespace grpc_os::store
