#include "store/writer.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "base/defect.h"
#include "base/event_loop.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "store/meta_table.h"
#include "store/storage_error.h"
#include "store/transaction.h"

namespace grpc_os::store {

Writer::Writer(std::unique_ptr<Connection> connection, const Dialect& dialect,
               int64_t newest_revision, Subscribers& subscribers, Statistics& statistics,
               Between between)
    : connection_(std::move(connection)),
      dialect_(dialect),
      subscribers_(subscribers),
      statistics_(statistics),
      between_(std::move(between)),
      newest_revision_(newest_revision),
      queue_(limits::kWriterQueue),
      thread_([this] { Run(); }) {}

Writer::~Writer() { Finish(); }

void Writer::Finish() {
  queue_.Close();
  if (thread_.joinable()) thread_.join();
}

void Writer::Submit(Operation operation) {
  // Counted before the writer can have taken it.
  statistics_.queue_depth.fetch_add(1, std::memory_order_relaxed);
  pulse_.BeginIfIdle(EventLoop::NowMs());
  switch (queue_.Push(operation)) {
    case WorkQueue<Operation>::Pushed::kYes:
      return;
    case WorkQueue<Operation>::Pushed::kFull:
      statistics_.queue_full.fetch_add(1, std::memory_order_relaxed);
      return Refuse(operation,
                    QueueFullError("the queue of the store's writer", limits::kWriterQueue));
    case WorkQueue<Operation>::Pushed::kClosed:
      return Refuse(operation, ShuttingDownError());
  }
}

void Writer::Refuse(Operation& operation, const absl::Status& status) {
  statistics_.queue_depth.fetch_sub(1, std::memory_order_relaxed);
  operation.done(status);
}

void Writer::Run() {
  pthread_setname_np(pthread_self(), "store-writer");
  for (bool more = false;;) {
    std::vector<Operation> group =
        more ? queue_.TryTake(limits::kCommitGroup) : queue_.Take(limits::kCommitGroup);
    pulse_.Begin(EventLoop::NowMs());
    if (!group.empty()) {
      statistics_.queue_depth.fetch_sub(static_cast<int64_t>(group.size()),
                                        std::memory_order_relaxed);
      RunGroup(group);
    } else if (queue_.closed() && queue_.size() == 0) {
      return;
    }
    group.clear();  // what it owned is freed before anything waits
    more = between_(*connection_);
    pulse_.End();
  }
}

void Writer::RunGroup(std::span<Operation> group) {
  const Outcome together = RunTransaction(group);
  if (together.transaction.ok() || !together.begun || group.size() == 1) {
    return Answer(group, together);
  }
  for (size_t i = 0; i < group.size(); ++i) {
    const Outcome alone = RunTransaction(group.subspan(i, 1));
    // Where not even BEGIN works, each further try could wait for its time-out.
    if (!alone.begun) return Answer(group.subspan(i), alone);
    Answer(group.subspan(i, 1), alone);
  }
}

Writer::Outcome Writer::RunTransaction(std::span<Operation> operations) {
  using std::chrono::steady_clock;
  const auto begin = steady_clock::now();
  Outcome outcome = RunUncounted(operations, Savepoints::kNo);
  if (outcome.refused && operations.size() > 1) {
    outcome = RunUncounted(operations, Savepoints::kYes);
  }
  statistics_.SetReserve(connection_->reserve());
  if (!outcome.transaction.ok()) {
    statistics_.failed_transactions.fetch_add(1, std::memory_order_relaxed);
    return outcome;
  }
  if (outcome.refused || outcome.empty) return outcome;
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begin);
  statistics_.CountCommit(static_cast<int64_t>(operations.size()), took.count());
  return outcome;
}

Writer::Outcome Writer::RunUncounted(std::span<Operation> operations, Savepoints savepoints) {
  Outcome outcome;
  Transaction transaction(*connection_);
  const bool may_use_reserve =
      std::all_of(operations.begin(), operations.end(),
                  [](const Operation& operation) { return operation.may_use_reserve; });
  if (may_use_reserve) connection_->AllowReserve();
  outcome.transaction = transaction.Begin(dialect_.begin_write);
  if (!outcome.transaction.ok()) return outcome;
  outcome.begun = true;
  outcome.transaction = RunOperations(operations, savepoints, outcome);
  if (!outcome.transaction.ok() || outcome.refused || outcome.empty) return outcome;
  if (Defect("defect.acknowledged_early")) {
    Answer(operations, outcome);
    outcome.answered = true;
  }
  Failpoint("store.before_commit");
  outcome.transaction = transaction.Commit();
  if (outcome.transaction.ok()) Failpoint("store.after_commit");
  return outcome;
}

absl::Status Writer::RunOperations(std::span<Operation> operations, Savepoints savepoints,
                                   Outcome& outcome) {
  const auto stored = ReadMeta(*connection_, dialect_.for_update);
  if (!stored.ok()) return stored.status();
  outcome.newest = stored->revision;
  outcome.results.reserve(operations.size());
  for (Operation& operation : operations) {
    const int64_t revision = operation.numbered ? outcome.newest + 1 : 0;
    absl::Status refusal;
    if (savepoints == Savepoints::kYes && !operation.refuses_clean) {
      if (auto status = RunInSavepoint(operation, revision, refusal); !status.ok()) return status;
    } else {
      refusal = operation.apply(*connection_, revision);
      if (IsStorageFailure(refusal)) return refusal;
      outcome.refused = !refusal.ok() && !operation.refuses_clean;
    }
    if (!refusal.ok()) {
      outcome.results.emplace_back(std::move(refusal));
      if (outcome.refused) return absl::OkStatus();
      continue;
    }
    outcome.empty = false;
    if (operation.numbered) outcome.newest = revision;
    outcome.results.emplace_back(revision);
  }
  if (outcome.newest == stored->revision) return absl::OkStatus();
  return WriteRevision(*connection_, outcome.newest);
}

absl::Status Writer::RunInSavepoint(Operation& operation, int64_t revision, absl::Status& refusal) {
  if (auto status = connection_->Execute("SAVEPOINT operation"); !status.ok()) return status;
  if (auto status = operation.apply(*connection_, revision); !status.ok()) {
    // SQLite has rolled the whole transaction back by itself after some of these, and nothing may
    // be built on the rest after any.
    if (IsStorageFailure(status)) return status;
    refusal = std::move(status);
    if (auto undone = connection_->Execute("ROLLBACK TO SAVEPOINT operation"); !undone.ok()) {
      return undone;
    }
  }
  return connection_->Execute("RELEASE SAVEPOINT operation");
}

void Writer::Answer(std::span<Operation> operations, const Outcome& outcome) {
  if (outcome.answered) return;
  if (!outcome.transaction.ok()) {
    statistics_.failed_operations.fetch_add(static_cast<int64_t>(operations.size()),
                                            std::memory_order_relaxed);
    if (absl::IsResourceExhausted(outcome.transaction))
      statistics_.disk_full_ms = EventLoop::NowMs();
    const absl::Status status = StorageError("nothing was stored", outcome.transaction);
    for (Operation& operation : operations) operation.done(status);
    return;
  }
  const bool newer = outcome.newest > NewestRevision();
  if (newer) newest_revision_.store(outcome.newest, std::memory_order_release);
  for (size_t i = 0; i < operations.size(); ++i) {
    if (!outcome.results[i].ok()) statistics_.refused.fetch_add(1, std::memory_order_relaxed);
    operations[i].done(outcome.results[i]);
  }
  if (newer) subscribers_.Notify(outcome.newest);
}

}  // namespace grpc_os::store
