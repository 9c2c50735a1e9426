#include "services/event_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "services/call_harness.h"
#include "testing/fake_event_log.h"

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

// The log as the stream sees it. Something happens when it is asked for its end for the second
// time: the stream has begun, but does not know yet where it stands.
class LogAtItsBeginning final : public core::EventLog {
 public:
  explicit LogAtItsBeginning(core::EventLog& log) : log_(log) {}

  void ReadEvents(const core::Requester& by, core::LogPosition after, int limit,
                  ReadDone done) override {
    log_.ReadEvents(by, after, limit, std::move(done));
  }
  void FindBefore(const core::Requester& by, int64_t from_ms, int64_t now_ms,
                  FindDone done) override {
    log_.FindBefore(by, from_ms, now_ms, std::move(done));
  }
  int64_t NewestRevision() const override {
    if (++asked_ == 2 && meanwhile) meanwhile();
    return log_.NewestRevision();
  }
  int64_t OldestRevision() const override { return log_.OldestRevision(); }
  Subscription Subscribe(std::function<void(int64_t)> on_commit) override {
    return log_.Subscribe(std::move(on_commit));
  }
  void Unsubscribe(Subscription subscription) override { log_.Unsubscribe(subscription); }

  std::function<void()> meanwhile;

 private:
  core::EventLog& log_;
  mutable int asked_ = 0;
};

class EventStreamTest : public ::testing::Test {
 protected:
  EventStreamTest() {
    for (int i = 0; i < 7; ++i) Commit();
    log_.RunReads();
  }
  ~EventStreamTest() override {
    if (!left_) Leave();
    hub_->Stop();
  }

  void Commit() { log_.Commit({EventAt(log_.NewestRevision() + 1)}); }
  void CommitMany(int events) {
    log_.Commit(std::vector<core::Event>(events, EventAt(log_.NewestRevision() + 1)));
  }
  // What the client got since it was synced: how many events, of which revisions, and what it is
  // told of them.
  std::vector<std::string> Sizes() {
    Told();
    std::vector<std::string> sizes;
    for (const v1::WatchResponse& message : client_.received) {
      if (message.events_size() == 0) continue;
      sizes.push_back(absl::StrCat(message.events_size(), " of ", message.events(0).revision(), "-",
                                   message.events(message.events_size() - 1).revision(),
                                   message.more_of_revision() ? " and more" : "", " at ",
                                   message.revision()));
    }
    return sizes;
  }
  void Start(std::vector<core::Event> snapshot) {
    EventStream::Start(call_, hub_, beginning_,
                       {.kinds = {{"process", 7}}, .authority = [] { return core::Authority(); }},
                       std::move(snapshot));
  }
  std::shared_ptr<EventStream::WatchCall> BeginWatch() {
    auto call = std::make_shared<EventStream::WatchCall>(
        world_.environment, *world_.environment.methods.Find(v1::WatchRequest::descriptor()),
        Arrival{}, client_);
    client_.Open(call);
    return call;
  }
  void Leave() {
    client_.Leave();
    left_ = true;
  }
  // What the client got, each message as its events, then what it says of itself.
  std::vector<std::string> Told() {
    do {
      client_.TakeAll();
    } while (log_.RunRead());
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
  testing::FakeEventLog log_;
  LogAtItsBeginning beginning_{log_};
  const std::shared_ptr<core::EventHub> hub_ = core::EventHub::Start(log_);
  Client<v1::WatchResponse> client_;
  const std::shared_ptr<EventStream::WatchCall> call_ = BeginWatch();
  bool left_ = false;
};

TEST_F(EventStreamTest, TheSnapshotThenSyncedThenWhatComes) {
  Start({EventAt(3), EventAt(5)});
  EXPECT_THAT(Told(), ElementsAre("change 3; change 5; at 7", "synced 7"));
  Commit();
  EXPECT_THAT(Told(), ElementsAre("change 3; change 5; at 7", "synced 7", "change 8; at 8"));
}

// Of another kind, which was listed later.
TEST_F(EventStreamTest, TheSnapshotMayTellOfWhatIsNewerThanWhereTheWatchBegins) {
  Start({EventAt(3), EventAt(9)});
  EXPECT_THAT(Told(), ElementsAre("change 3; change 9; at 7", "synced 7"));
}

TEST_F(EventStreamTest, ACommitWhileItBeginsIsToldAfterTheSnapshotAndBeforeSynced) {
  beginning_.meanwhile = [this] { Commit(); };
  Start({EventAt(5)});
  EXPECT_THAT(Told(), ElementsAre("change 5; at 7", "change 8; at 8", "synced 8"));
}

TEST_F(EventStreamTest, WithoutASnapshotTheSame) {
  Start({});
  EXPECT_THAT(Told(), ElementsAre("synced 7"));
  Commit();
  EXPECT_THAT(Told(), ElementsAre("synced 7", "change 8; at 8"));
}

TEST_F(EventStreamTest, ARevisionThatFitsIntoAMessageIsNeverSplit) {
  Start({});
  Told();
  for (int i = 0; i < 3; ++i) CommitMany(100);
  CommitMany(256);
  Commit();
  EXPECT_THAT(Sizes(), ElementsAre("200 of 8-9 at 9", "100 of 10-10 at 10", "256 of 11-11 at 11",
                                   "1 of 12-12 at 12"));
}

TEST_F(EventStreamTest, ALargerOneIsToldInSeveralMessagesThatSaySo) {
  Start({});
  Told();
  CommitMany(3);
  CommitMany(300);
  CommitMany(250);
  EXPECT_THAT(Sizes(), ElementsAre("3 of 8-8 at 8", "256 of 9-9 and more at 8", "44 of 9-9 at 9",
                                   "250 of 10-10 at 10"));
}

// The hub's pieces end inside it, wherever it begins.
TEST_F(EventStreamTest, WhereAPieceEndsIsNotToBeSeen) {
  Start({});
  Told();
  for (int before : {300, 500, 511, 512, 513}) {
    client_.received.clear();
    CommitMany(before);
    CommitMany(256);
    CommitMany(1);
    const int64_t last = log_.NewestRevision();
    const auto of = [&](int events, int64_t revision, bool more) {
      return absl::StrCat(events, " of ", revision, "-", revision, more ? " and more at " : " at ",
                          more ? revision - 1 : revision);
    };
    std::vector<std::string> expected;
    for (; before > 256; before -= 256) expected.push_back(of(256, last - 2, true));
    expected.push_back(of(before, last - 2, false));
    expected.push_back(of(256, last - 1, false));
    expected.push_back(of(1, last, false));
    EXPECT_EQ(Sizes(), expected);
  }
}

TEST_F(EventStreamTest, ARevisionOfTenThousandIsToldInFullMessages) {
  Start({});
  Told();
  CommitMany(10'000);
  const std::vector<std::string> sizes = Sizes();
  ASSERT_EQ(sizes.size(), 40u);
  for (size_t i = 0; i < 39; ++i) EXPECT_EQ(sizes[i], "256 of 8-8 and more at 7");
  EXPECT_EQ(sizes.back(), "16 of 8-8 at 8");
}

TEST_F(EventStreamTest, AMessageEndsWhereItWouldBeLargerThanAClientTakes) {
  Start({});
  Told();
  client_.received.clear();
  core::Event large = EventAt(8);
  large.attributes["roles"] = std::string(60'000, 'r');
  log_.Commit(std::vector<core::Event>(100, large));
  EXPECT_THAT(Sizes(),
              ElementsAre("34 of 8-8 and more at 7", "34 of 8-8 and more at 7", "32 of 8-8 at 8"));
  for (const v1::WatchResponse& message : client_.received)
    EXPECT_LT(message.ByteSizeLong(), size_t{3} << 20);
}

TEST_F(EventStreamTest, OfThingsThatItsRoleDoesNotCoverItHearsNothing) {
  EventStream::Start(call_, hub_, log_,
                     {.kinds = {{"process", 7}, {"role", 7}},
                      .permissions = {{"process", "process.read"}},
                      .authority =
                          [] {
                            core::Role role;
                            role.spec.rules = {{.permission = "process.read", .prefix = "web-"}};
                            return core::Authority({std::make_shared<core::RuleSet>(
                                std::vector{static_cast<const core::Role*>(&role)})});
                          }},
                     {});
  Told();
  std::vector<core::Event> events(3, EventAt(8));
  events[0].kind = events[1].kind = "process";
  events[0].name = "web-1";
  events[1].name = "db";
  events[2].kind = "role";
  events[2].name = "any";
  log_.Commit(events);
  EXPECT_THAT(Sizes(), ElementsAre("2 of 8-8 at 8"));
}

// Of a large revision it may hear of a few alone: they come in one message, with its end.
TEST_F(EventStreamTest, WhatIsScatteredOverALargeRevisionComesTogether) {
  EventStream::Start(call_, hub_, log_,
                     {.kinds = {{"object", 7}},
                      .authority =
                          [] {
                            core::Role role;
                            role.spec.rules = {{.permission = "object.read", .prefix = "/mine"}};
                            return core::Authority({std::make_shared<core::RuleSet>(
                                std::vector{static_cast<const core::Role*>(&role)})});
                          }},
                     {});
  Told();
  std::vector<core::Event> events;
  for (int i = 0; i < 5000; ++i) {
    events.push_back(EventAt(8));
    events.back().kind = "object";
    events.back().name = i % 100 == 99 ? "/mine" : "/hidden";
  }
  log_.Commit(events);
  EXPECT_THAT(Sizes(), ElementsAre("50 of 8-8 at 8"));
  for (core::Event& event : events) event.name = "/mine";
  events.resize(300);
  core::Event hidden = events.front();
  hidden.name = "/hidden";
  events.resize(5000, hidden);
  client_.received.clear();
  log_.Commit(events);
  EXPECT_THAT(Sizes(), ElementsAre("256 of 9-9 and more at 8", "44 of 9-9 at 9"));
}

TEST_F(EventStreamTest, SyncedComesNeitherInsideNorAheadOfALargeRevision) {
  CommitMany(600);
  Start({});
  const std::vector<std::string> told = Told();
  EXPECT_TRUE(client_.received[0].more_of_revision());
  EXPECT_TRUE(client_.received[1].more_of_revision());
  EXPECT_EQ(client_.received[2].events_size(), 88);
  EXPECT_EQ(told.back(), "synced 8");
  EXPECT_EQ(told.size(), 4u);
}

// What comes after it is of no concern to this client; the hub no longer has it in its memory.
TEST_F(EventStreamTest, TheEndOfALargeRevisionIsToldThoughItMatchesNoMore) {
  Start({});
  Told();
  std::vector<core::Event> events(600, EventAt(8));
  core::Event other = EventAt(8);
  other.kind = "user";
  events.resize(6000, other);
  log_.Commit(events);
  EXPECT_THAT(Sizes(), ElementsAre("256 of 8-8 and more at 7", "256 of 8-8 and more at 7",
                                   "88 of 8-8 at 8"));
}

TEST_F(EventStreamTest, SyncedDoesNotComeBetweenThePartsOfALaterRevision) {
  EventStream::Start(call_, hub_, log_,
                     {.kinds = {{"process", 5}}, .authority = [] { return core::Authority(); }},
                     {});
  CommitMany(600);
  EXPECT_THAT(Sizes(), ElementsAre("2 of 6-7 at 7", "256 of 8-8 and more at 7",
                                   "256 of 8-8 and more at 7", "88 of 8-8 at 8"));
  EXPECT_EQ(client_.received.size(), 5u);
  EXPECT_EQ(Told().back(), "synced 8");
}

// For an hour, say: it is told how far it is, and may go on from there.
TEST_F(EventStreamTest, WhoHearsOfNothingIsToldHowFarItIs) {
  EventStream::Start(call_, hub_, log_,
                     {.kinds = {{"process", 7}},
                      .filter = {.kinds = {}, .names = {"proc_1"}, .actions = {"exited"}},
                      .authority = [] { return core::Authority(); }},
                     {});
  EXPECT_THAT(Told(), ElementsAre("synced 7"));
  world_.environment.Add(call_.get());
  for (int i = 0; i < 5; ++i) {
    Commit();
    log_.RunReads();
    world_.clock.Advance(limits::kHeartbeatMs);
    world_.environment.Tick();
    Told();
  }
  EXPECT_THAT(Told(), ElementsAre("synced 7", "at 8", "at 9", "at 10", "at 11", "at 12"));
  core::Event other = EventAt(13);
  other.action = "exited";
  core::Event its = other;
  other.resource_id = "proc_2";
  log_.Commit({other, its});
  EXPECT_EQ(Told().back(), "exited; at 13");
}

// To who may read the old name alone, a thing that is renamed is deleted.
TEST_F(EventStreamTest, WhoAsksForDeletionsHearsOfARenameThatIsOne) {
  const auto role = std::make_shared<core::Role>();
  role->spec.rules = {{.permission = "object.read", .prefix = "/mine/"}};
  EventStream::Start(call_, hub_, log_,
                     {.kinds = {{"object", 7}},
                      .filter = {.kinds = {}, .actions = {"deleted"}},
                      .authority =
                          [role] {
                            return core::Authority({std::make_shared<core::RuleSet>(
                                std::vector<const core::Role*>{role.get()})});
                          }},
                     {});
  Told();
  std::vector<core::Event> events(3, EventAt(8));
  for (core::Event& event : events) {
    event.kind = "object";
    event.action = "renamed";
    event.attributes["from"] = "/mine/a";
    event.name = "/mine/b";
  }
  events[1].name = "/other/b";
  events[2].attributes["from"] = "/other/a";
  log_.Commit(events);
  EXPECT_EQ(Told().back(), "deleted; at 8");
}

TEST_F(EventStreamTest, AClientThatHasLeftIsNotReadFor) {
  Start({EventAt(5)});
  EXPECT_THAT(Told(), ElementsAre("change 5; at 7", "synced 7"));
  Leave();
  const int before = log_.reads();
  Commit();
  log_.RunReads();
  EXPECT_EQ(log_.reads(), before);
  EXPECT_EQ(client_.received.size(), 2u);
}

}  // namespace
}  // namespace grpc_os::services
