#include "store/reader.h"

#include <pthread.h>

#include <utility>
#include <vector>

#include "base/limits.h"
#include "store/event_table.h"
#include "store/storage_error.h"
#include "store/transaction.h"

namespace grpc_os::store {

Reader::Reader(std::unique_ptr<Connection> connection, const Dialect& dialect)
    : connection_(std::move(connection)),
      dialect_(dialect),
      queue_(limits::kReaderQueue),
      thread_([this] { Run(); }) {}

Reader::~Reader() { Finish(); }

void Reader::Finish() {
  queue_.Close();
  if (thread_.joinable()) thread_.join();
}

void Reader::ReadEvents(int64_t after, int limit, core::EventLog::ReadDone done) {
  Request request{after, limit, std::move(done)};
  switch (queue_.Push(request)) {
    case WorkQueue<Request>::Pushed::kYes:
      return;
    case WorkQueue<Request>::Pushed::kFull:
      request.done(QueueFullError("the queue of the store's reader", limits::kReaderQueue));
      return;
    case WorkQueue<Request>::Pushed::kClosed:
      request.done(ShuttingDownError());
      return;
  }
}

void Reader::Run() {
  pthread_setname_np(pthread_self(), "store-reader");
  for (;;) {
    std::vector<Request> requests = queue_.TakeAll();
    if (requests.empty()) return;
    for (Request& request : requests) request.done(Read(request));
  }
}

absl::StatusOr<std::vector<core::Event>> Reader::Read(const Request& request) {
  Transaction transaction(*connection_);
  if (auto status = transaction.Begin(dialect_.begin_read); !status.ok()) {
    return StorageError("events cannot be read", status);
  }
  auto events = SelectEvents(*connection_, request.after, request.limit);
  if (!events.ok()) return StorageError("events cannot be read", events.status());
  return events;
}

}  // namespace grpc_os::store
