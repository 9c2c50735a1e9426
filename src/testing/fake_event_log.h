// A log of events whose reads are carried out when the test says so.
#ifndef GRPC_OS_TESTING_FAKE_EVENT_LOG_H_
#define GRPC_OS_TESTING_FAKE_EVENT_LOG_H_

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/event/event.h"

namespace grpc_os::testing {

// Thread-safe.
class FakeEventLog final : public core::EventLog {
 public:
  // One revision, which it gives; tells the subscribers before it returns.
  int64_t Commit(std::vector<core::Event> events) {
    // One after the other, as the store's writer does; a subscriber may unsubscribe meanwhile.
    const std::lock_guard commit(commit_);
    int64_t revision = 0;
    {
      const std::lock_guard lock(mutex_);
      revision = ++newest_;
      int sequence = 0;
      for (core::Event& event : events) {
        event.revision = revision;
        event.sequence = sequence++;
        events_.push_back(std::move(event));
      }
    }
    const std::lock_guard calling(calling_);
    const auto callbacks = callbacks_;
    for (const auto& [number, callback] : callbacks) callback(revision);
    return revision;
  }
  // Forgets what came up to this revision.
  void Compact(int64_t revision) {
    const std::lock_guard lock(mutex_);
    oldest_ = revision;
    std::erase_if(events_, [&](const core::Event& event) { return event.revision <= revision; });
  }
  // The reads after this fail so; OK: no longer.
  void FailReads(absl::Status status) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(status);
  }

  // Carries out the oldest read that was asked for; false: there is none.
  bool RunRead() {
    std::unique_lock lock(mutex_);
    return RunReadLocked(lock);
  }
  // All of them, and those asked for meanwhile.
  void RunReads() {
    while (RunRead()) {
    }
  }
  // The same, on a thread of its own, until Close.
  void ServeReads() {
    for (;;) {
      std::unique_lock lock(mutex_);
      asked_.wait(lock, [&] { return closed_ || !reads_.empty(); });
      if (closed_) return;
      RunReadLocked(lock);
    }
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    asked_.notify_all();
  }

  // For whom the reads are that were asked for and not carried out, in their order.
  std::vector<core::Requester> waiting() const {
    const std::lock_guard lock(mutex_);
    std::vector<core::Requester> waiting;
    for (const Read& read : reads_) waiting.push_back(read.by);
    return waiting;
  }
  int reads() const {
    const std::lock_guard lock(mutex_);
    return reads_done_;
  }
  std::vector<core::Event> events() const {
    const std::lock_guard lock(mutex_);
    return {events_.begin(), events_.end()};
  }

  void ReadEvents(const core::Requester& by, core::LogPosition after, int limit,
                  ReadDone done) override {
    const std::lock_guard lock(mutex_);
    reads_.push_back({by, after, limit, std::move(done)});
    asked_.notify_one();
  }
  int64_t NewestRevision() const override {
    const std::lock_guard lock(mutex_);
    return newest_;
  }
  int64_t OldestRevision() const override {
    const std::lock_guard lock(mutex_);
    return oldest_;
  }
  Subscription Subscribe(std::function<void(int64_t)> on_commit) override {
    const std::lock_guard lock(calling_);
    callbacks_[next_] = std::move(on_commit);
    return next_++;
  }
  void Unsubscribe(Subscription subscription) override {
    const std::lock_guard lock(calling_);
    callbacks_.erase(subscription);
  }

 private:
  struct Read {
    core::Requester by;
    core::LogPosition after;
    int limit;
    ReadDone done;
  };

  // The snapshot is that of the moment in which it is carried out.
  bool RunReadLocked(std::unique_lock<std::mutex>& lock) {
    if (reads_.empty()) return false;
    Read read = std::move(reads_.front());
    reads_.pop_front();
    ++reads_done_;
    absl::StatusOr<std::vector<core::Event>> found = Select(read);
    lock.unlock();
    read.done(std::move(found));
    return true;
  }

  absl::StatusOr<std::vector<core::Event>> Select(const Read& read) const {
    if (read.by.gone()) return absl::CancelledError("gone");
    if (!failure_.ok()) return failure_;
    if (read.after.Whole() < oldest_ || read.after.Whole() > newest_)
      return absl::OutOfRangeError("not kept");
    std::vector<core::Event> found;
    auto next = std::partition_point(events_.begin(), events_.end(), [&](const core::Event& event) {
      return core::PositionOf(event) <= read.after;
    });
    for (; next != events_.end() && static_cast<int>(found.size()) < read.limit; ++next)
      found.push_back(*next);
    return found;
  }

  std::mutex commit_;
  std::recursive_mutex calling_;
  std::map<Subscription, std::function<void(int64_t)>> callbacks_;
  Subscription next_ = 1;

  mutable std::mutex mutex_;
  std::condition_variable asked_;
  std::deque<core::Event> events_;
  std::deque<Read> reads_;
  absl::Status failure_;
  int64_t newest_ = 0;
  int64_t oldest_ = 0;
  int reads_done_ = 0;
  bool closed_ = false;
};

}  // namespace grpc_os::testing

#endif  // GRPC_OS_TESTING_FAKE_EVENT_LOG_H_
