#include "services/event_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/call_harness.h"

namespace grpc_os::services {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

core::Event EventAt(int64_t revision) {
  core::Event event;
  event.revision = revision;
  event.kind = "process";
  event.resource_id = "proc_1";
  event.action = absl::StrCat("change ", revision);
  return event;
}

// A log whose commits come when the test says so.
class FakeLog final : public core::EventLog {
 public:
  void ReadEvents(int64_t after, int, ReadDone done) override {
    std::vector<core::Event> events;
    for (const core::Event& event : all) {
      if (event.revision > after) events.push_back(event);
    }
    done(std::move(events));
  }
  int64_t NewestRevision() const override { return newest; }
  int64_t OldestRevision() const override { return 0; }
  Subscription Subscribe(std::function<void(int64_t)> on_commit) override {
    const Subscription number = ++subscriptions;
    open[number] = std::move(on_commit);
    if (while_subscribing) while_subscribing();
    return number;
  }
  void Unsubscribe(Subscription subscription) override { open.erase(subscription); }

  void Commit() {
    all.push_back(EventAt(++newest));
    const auto told = open;
    for (const auto& [number, on_commit] : told) on_commit(newest);
  }

  std::vector<core::Event> all;
  int64_t newest = 7;
  std::function<void()> while_subscribing;
  int subscriptions = 0;
  std::map<Subscription, std::function<void(int64_t)>> open;
};

class EventStreamTest : public ::testing::Test {
 protected:
  void Start(std::vector<core::Event> snapshot) {
    EventStream::Start(call_, log_, {{"process", 7}}, std::move(snapshot));
  }
  // What the client got, each message as its events, then what it says of itself.
  std::vector<std::string> Told() {
    client_.TakeAll();
    std::vector<std::string> told;
    for (const v1::WatchResponse& message : client_.received) {
      std::string words;
      for (const v1::Event& event : message.events()) absl::StrAppend(&words, event.action(), "; ");
      absl::StrAppend(&words, message.synced() ? "synced " : "at ", message.revision());
      told.push_back(std::move(words));
    }
    return told;
  }

  CallWorld world_;
  FakeLog log_;
  const std::shared_ptr<EventStream::WatchCall> call_ = std::make_shared<EventStream::WatchCall>(
      world_.environment, world_.environment.methods.Get("grpc_os.v1.EventService/Watch"));
  StreamClient<v1::WatchResponse> client_{call_->Open()};
};

TEST_F(EventStreamTest, TheSnapshotThenSyncedThenWhatComes) {
  Start({EventAt(3), EventAt(5)});
  EXPECT_THAT(Told(), ElementsAre("change 3; change 5; at 7", "synced 7"));
  log_.Commit();
  EXPECT_THAT(Told(), ElementsAre("change 3; change 5; at 7", "synced 7", "change 8; at 8"));
  client_.Leave();
  EXPECT_THAT(log_.open, IsEmpty());
}

TEST_F(EventStreamTest, ACommitWhileItSubscribesDoesNotMakeItSyncedBeforeItsSnapshot) {
  log_.while_subscribing = [this] { log_.Commit(); };
  Start({EventAt(5)});
  EXPECT_THAT(Told(), ElementsAre("change 5; at 7", "change 8; at 8", "synced 8"));
  client_.Leave();
}

TEST_F(EventStreamTest, ACommitWhileItSubscribesIsToldOnceAndBeforeSynced) {
  log_.while_subscribing = [this] { log_.Commit(); };
  Start({});
  EXPECT_THAT(Told(), ElementsAre("change 8; at 8", "synced 8"));
  client_.Leave();
}

TEST_F(EventStreamTest, AClientThatLeavesWhileItSubscribesLeavesNoSubscription) {
  log_.while_subscribing = [this] { client_.Leave(); };
  Start({EventAt(5)});
  EXPECT_EQ(log_.subscriptions, 1);
  EXPECT_THAT(log_.open, IsEmpty());
  EXPECT_THAT(Told(), IsEmpty());
}

}  // namespace
}  // namespace grpc_os::services
