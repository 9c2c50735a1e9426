// Watchers that come, go, lag and resume while commits go on: each is told exactly the log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/event/event_hub.h"
#include "testing/fake_event_log.h"

namespace grpc_os::core {
namespace {

constexpr int kCommits = 4000;
constexpr int kWatchers = 12;
constexpr int kMarkAhead = 50;

using Place = std::tuple<int64_t, int, std::string>;  // revision, sequence, name

std::string SomeName(std::mt19937& random) {
  return absl::StrCat("/", random() % 3, "/", random() % 3, "/", random() % 5);
}

Event SomeEvent(std::mt19937& random) {
  Event event;
  event.kind = random() % 4 == 0 ? "process" : "object";
  event.name = SomeName(random);
  event.action = "updated";
  if (random() % 5 == 0) event.attributes[kMovedFrom] = SomeName(random);
  return event;
}

EventFilter SomeFilter(std::mt19937& random) {
  switch (random() % 5) {
    case 0:
      return {.kinds = {"object"}, .prefix = ""};
    case 1:
      return {.kinds = {"process", "object"}, .prefix = ""};
    case 2:
      return {.kinds = {"object"}, .prefix = absl::StrCat("/", random() % 3, "/")};
    case 3:
      return {.kinds = {"object"}, .prefix = SomeName(random)};
    default:
      return {.kinds = {"object"}, .prefix = "/never/"};
  }
}

// One client over several watches: it goes on from its last position each time.
class Client {
 public:
  Client(EventHub& hub, unsigned seed) : hub_(hub), random_(seed), filter_(SomeFilter(random_)) {}

  // Until it knows everything up to `end`, once that is not 0.
  void Watch(const std::atomic<int64_t>& end) {
    while (!Arrived(end)) {
      watcher_ = hub_.Join(filter_, position());
      WatchOnce(end, 1 + random_() % 40);
      hub_.Leave(watcher_);
      // What it asked for last may still have been to come.
      const std::lock_guard lock(mutex_);
      waiting_ = false;
      ++watches_;
    }
  }

  const EventFilter& filter() const { return filter_; }
  const std::vector<Place>& seen() const { return seen_; }
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  LogPosition position() {
    const std::lock_guard lock(mutex_);
    return position_;
  }
  bool Arrived(const std::atomic<int64_t>& end) { return end != 0 && position().Whole() >= end; }

  void WatchOnce(const std::atomic<int64_t>& end, size_t stretches) {
    for (size_t i = 0; i < stretches && !Arrived(end); ++i) {
      if (random_() % 8 == 0) Lag();
      Ask(position().revision + 1 + static_cast<int64_t>(random_() % kMarkAhead));
      CheckBookmark();
      if (random_() % 50 == 0) return;  // leaves while something may be on its way
      std::unique_lock lock(mutex_);
      answered_.wait(lock, [&] { return !waiting_; });
    }
  }

  void Lag() {
    for (unsigned i = random_() % 300; i > 0; --i) std::this_thread::yield();
  }

  void Ask(int64_t mark) {
    int watch = 0;
    {
      const std::lock_guard lock(mutex_);
      waiting_ = true;
      watch = watches_;
    }
    hub_.Next(watcher_, mark, [this, watch](const EventHub::Given& given) {
      const std::lock_guard lock(mutex_);
      if (watch != watches_) faults_.push_back("a call after it had left");
      waiting_ = false;
      answered_.notify_all();
      if (!given.ok()) return faults_.push_back(given.status().ToString());
      Take(**given);
    });
  }

  void Take(const EventHub::Stretch& stretch) {
    for (const auto& event : stretch.events) {
      if (PositionOf(*event) <= position_) faults_.push_back("an event of before its position");
      if (event->revision <= bookmark_) faults_.push_back("an event of before its bookmark");
      if (PositionOf(*event) > stretch.upto) faults_.push_back("an event of after the stretch");
      seen_.emplace_back(event->revision, event->sequence, event->name);
    }
    if (stretch.upto < position_) faults_.push_back("it was taken back");
    position_ = std::max(position_, stretch.upto);
  }

  // What is told next must come after what it says. Asked without the lock, as a heartbeat does
  // that is written before the next events.
  void CheckBookmark() {
    const auto bookmark = hub_.Bookmark(watcher_);
    if (!bookmark.has_value()) return;
    const std::lock_guard lock(mutex_);
    if (waiting_) bookmark_ = std::max(bookmark_, *bookmark);
  }

  EventHub& hub_;
  std::mt19937 random_;
  const EventFilter filter_;
  EventHub::Watcher watcher_ = 0;
  std::mutex mutex_;
  std::condition_variable answered_;
  bool waiting_ = false;
  int watches_ = 0;
  LogPosition position_ = 0;
  int64_t bookmark_ = 0;
  std::vector<Place> seen_;
  std::vector<std::string> faults_;
};

void CommitAll(grpc_os::testing::FakeEventLog& log, unsigned seed, int commits) {
  std::mt19937 random(seed);
  for (int i = 0; i < commits; ++i) {
    std::vector<Event> events(random() % 200 == 0 ? 700 : random() % 4);
    for (Event& event : events) event = SomeEvent(random);
    log.Commit(std::move(events));
    if (random() % 16 == 0) std::this_thread::yield();
  }
}

std::vector<Place> Filtered(const std::vector<Event>& events, const EventFilter& filter) {
  std::vector<Place> places;
  for (const Event& event : events) {
    if (Matches(filter, event)) places.emplace_back(event.revision, event.sequence, event.name);
  }
  return places;
}

// Ends each pause a little later, on a thread of its own.
class Pauses {
 public:
  ~Pauses() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void Add(std::function<void()> then) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(then));
    changed_.notify_all();
  }
  int ended() const { return ended_; }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
      if (closed_) return;
      const auto then = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      then();
      ++ended_;
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool closed_ = false;
  std::atomic<int> ended_ = 0;
  std::thread thread_{[this] { Run(); }};
};

void Stress(EventHub::Bounds bounds, int readers, unsigned seed, Pauses* pauses = nullptr) {
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  grpc_os::testing::FakeEventLog log;
  EventHub::Pause pause;
  if (pauses != nullptr) {
    pause = [pauses](std::function<void()> then) { pauses->Add(std::move(then)); };
  }
  const auto hub = EventHub::Start(log, bounds, std::move(pause));
  std::vector<std::thread> serving;
  for (int i = 0; i < readers; ++i) serving.emplace_back([&] { log.ServeReads(); });
  std::atomic<int64_t> end = 0;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::thread> watching;
  for (unsigned i = 0; i < kWatchers; ++i) {
    clients.push_back(std::make_unique<Client>(*hub, seed + i));
    watching.emplace_back([&, client = clients.back().get()] { client->Watch(end); });
  }
  std::thread other([&] { CommitAll(log, seed + 1000, kCommits / 2); });
  CommitAll(log, seed + 2000, kCommits / 2);
  other.join();
  end = log.Commit({});
  for (int i = 0; i < kMarkAhead; ++i) log.Commit({});  // beyond every mark, so that none waits on
  for (std::thread& thread : watching) thread.join();
  hub->Stop();
  log.Close();
  for (std::thread& thread : serving) thread.join();
  const std::vector<Event> events = log.events();
  for (const auto& client : clients) {
    EXPECT_THAT(client->faults(), ::testing::IsEmpty());
    EXPECT_TRUE(client->seen() == Filtered(events, client->filter()))
        << "prefix " << client->filter().prefix << ": " << client->seen().size() << " events of "
        << Filtered(events, client->filter()).size();
  }
}

TEST(EventHubThreadsTest, EachIsToldExactlyTheLogWhateverTheMemoryHolds) {
  Stress({.memory_events = 4096, .memory_bytes = 1 << 20}, /*readers=*/1, 1);
}

TEST(EventHubThreadsTest, EachIsToldExactlyTheLogAcrossManySeams) {
  Stress({.memory_events = 40, .memory_bytes = 1 << 20}, /*readers=*/1, 2);
}

TEST(EventHubThreadsTest, EachIsToldExactlyTheLogWithReadsThatOvertakeEachOther) {
  Stress({.memory_events = 40, .memory_bytes = 1 << 20}, /*readers=*/3, 3);
}

TEST(EventHubThreadsTest, EachIsToldExactlyTheLogByAHubThatRests) {
  Pauses pauses;
  // On a machine with much else to do it rests less often.
  for (unsigned seed = 4; seed < 24 && pauses.ended() <= 10; ++seed)
    Stress({.memory_events = 40, .memory_bytes = 1 << 20}, /*readers=*/2, seed, &pauses);
  EXPECT_GT(pauses.ended(), 10) << "it hardly rested: nothing is proved";
}

}  // namespace
}  // namespace grpc_os::core
