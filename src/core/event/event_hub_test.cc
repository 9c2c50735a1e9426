#include "core/event/event_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "testing/fake_event_log.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::IsEmpty;
using ::testing::Optional;

Event Of(const std::string &kind, const std::string &name, const std::string &from = "") {
  Event event;
  event.kind = kind;
  event.name = name;
  event.action = from.empty() ? "updated" : "moved";
  if (!from.empty()) event.attributes[kMovedFrom] = from;
  return event;
}
Event Object(const std::string &name, const std::string &from = "") {
  return Of("object", name, from);
}
EventFilter Objects(const std::string &prefix) { return {.kinds = {"object"}, .prefix = prefix}; }

class EventHubTest : public ::testing::Test {
 protected:
  // A watcher and what it was given.
  struct Client {
    EventHub::Watcher watcher = 0;
    int calls = 0;
    std::vector<std::string> names = {};  // of the events, each with its revision
    int64_t upto = 0;                     // everything, whole
    size_t most = 0;                      // events at once
    std::vector<absl::Status> errors = {};
  };

  ~EventHubTest() override { hub_->Stop(); }

  void StartHub(EventHub::Bounds bounds) {
    hub_->Stop();
    hub_ = EventHub::Start(log_, bounds);
  }
  std::unique_ptr<Client> Join(const EventFilter &filter, int64_t after,
                               const std::string &user = "") {
    auto client = std::make_unique<Client>();
    client->watcher = hub_->Join(filter, after, user);
    return client;
  }
  std::unique_ptr<Client> JoinAtEnd(const EventFilter &filter) {
    auto client = Join(filter, log_.NewestRevision());
    Ask(*client);
    return client;
  }
  void Ask(Client &client, int64_t mark = EventHub::kNoMark) {
    hub_->Next(client.watcher, mark, [&client](const EventHub::Given &given) {
      ++client.calls;
      if (!given.ok()) return client.errors.push_back(given.status());
      client.upto = (*given)->upto.Whole();
      client.most = std::max(client.most, (*given)->events.size());
      for (const auto &event : (*given)->events)
        client.names.push_back(absl::StrCat(event->name, "@", event->revision));
    });
  }
  // Commits one event, and lets everything be read.
  int64_t Tell(const Event &event) {
    const int64_t revision = log_.Commit({event});
    log_.RunReads();
    return revision;
  }

  grpc_os::testing::FakeEventLog log_;
  std::shared_ptr<EventHub> hub_ = EventHub::Start(log_);
};

TEST_F(EventHubTest, GivesEachWatcherWhatItsFilterMatches) {
  const auto config = JoinAtEnd(Objects("/config/"));
  const auto app = JoinAtEnd(Objects("/config/app"));
  const auto all = JoinAtEnd(Objects(""));
  const auto processes = JoinAtEnd({.kinds = {"process", "user"}});
  log_.Commit({Object("/config/app.json"), Object("/config/b"), Of("process", "/config/app"),
               Object("/data/a"), Object("/config"), Of("user", "ada")});
  log_.RunReads();
  EXPECT_THAT(config->names, ElementsAre("/config/app.json@1", "/config/b@1"));
  EXPECT_THAT(app->names, ElementsAre("/config/app.json@1"));
  EXPECT_THAT(all->names,
              ElementsAre("/config/app.json@1", "/config/b@1", "/data/a@1", "/config@1"));
  EXPECT_THAT(processes->names, ElementsAre("/config/app@1", "ada@1"));
}

TEST_F(EventHubTest, TellsOfAMoveUnderTheOldAndTheNewNameOnce) {
  const auto old_name = JoinAtEnd(Objects("/a/"));
  const auto new_name = JoinAtEnd(Objects("/b/"));
  const auto both = JoinAtEnd(Objects("/"));
  const auto neither = JoinAtEnd(Objects("/c/"));
  Tell(Object("/b/x", "/a/x"));
  EXPECT_THAT(old_name->names, ElementsAre("/b/x@1"));
  EXPECT_THAT(new_name->names, ElementsAre("/b/x@1"));
  EXPECT_THAT(both->names, ElementsAre("/b/x@1"));
  EXPECT_EQ(neither->calls, 0);
}

TEST_F(EventHubTest, MatchesInTheLogAsInTheMemory) {
  Tell(Object("/b/x", "/a/x"));
  Tell(Object("/c/x", "/b/x"));
  Tell(Of("process", "/a/x"));
  const std::vector<std::pair<std::string, std::vector<std::string>>> expected = {
      {"/a/", {"/b/x@1"}},
      {"/b/", {"/b/x@1", "/c/x@2"}},
      {"/c/", {"/c/x@2"}},
      {"", {"/b/x@1", "/c/x@2"}}};
  for (const auto &[prefix, names] : expected) {
    const auto client = Join(Objects(prefix), 0);
    Ask(*client);
    log_.RunReads();
    EXPECT_EQ(client->names, names) << prefix;
  }
}

TEST_F(EventHubTest, ReadsTheLogOnceForAThousandWatchersAndWakesNoneWithoutNeed) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 1000; ++i) clients.push_back(JoinAtEnd(Objects(absl::StrCat("/", i, "/"))));
  Tell(Object("/7/x"));
  EXPECT_EQ(log_.reads(), 1);
  int calls = 0;
  for (const auto &client : clients) calls += client->calls;
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(clients[7]->names, ElementsAre("/7/x@1"));
}

TEST_F(EventHubTest, ReadsNothingWhileNobodyWatches) {
  Tell(Object("/a"));
  EXPECT_EQ(log_.reads(), 0);
  const auto client = JoinAtEnd(Objects("/"));
  hub_->Leave(client->watcher);
  Tell(Object("/b"));
  EXPECT_EQ(log_.reads(), 0);
  EXPECT_EQ(client->calls, 0);
}

TEST_F(EventHubTest, ReadsTogetherWhatIsCommittedDuringARead) {
  const auto client = JoinAtEnd(Objects("/"));
  for (const char *name : {"/a", "/b", "/c"}) log_.Commit({Object(name)});
  log_.RunReads();
  Ask(*client);
  EXPECT_THAT(client->names, ElementsAre("/a@1", "/b@2", "/c@3"));
  EXPECT_LE(log_.reads(), 2);
}

// While the hub rests, what ends the pause is here.
class RestingEventHubTest : public EventHubTest {
 protected:
  RestingEventHubTest() {
    hub_->Stop();
    hub_ = EventHub::Start(log_, [this](std::function<void()> then) {
      ASSERT_FALSE(rested_) << "it rests already";
      rested_ = std::move(then);
    });
  }
  void EndPause() {
    ASSERT_TRUE(rested_) << "it does not rest";
    std::exchange(rested_, nullptr)();
    log_.RunReads();
  }
  std::function<void()> rested_;
};

TEST_F(RestingEventHubTest, TellsAtOnceAfterASilenceAndThenTogether) {
  const auto client = JoinAtEnd(Objects("/"));
  Tell(Object("/a"));
  EXPECT_THAT(client->names, ElementsAre("/a@1"));
  Ask(*client);
  for (const char *name : {"/b", "/c", "/d"}) Tell(Object(name));
  EXPECT_THAT(client->names, ElementsAre("/a@1"));
  EXPECT_EQ(log_.reads(), 1);
  EndPause();
  EXPECT_THAT(client->names, ElementsAre("/a@1", "/b@2", "/c@3", "/d@4"));
  EXPECT_EQ(log_.reads(), 2);
  EXPECT_EQ(client->calls, 2);
  // It was silent during the second pause.
  Ask(*client);
  EndPause();
  EXPECT_EQ(log_.reads(), 2);
  Tell(Object("/e"));
  EXPECT_EQ(client->names.back(), "/e@5");
}

TEST_F(RestingEventHubTest, DoesNotRestWhileItIsFarBehind) {
  const auto client = JoinAtEnd(Objects("/"));
  log_.Commit({Object("/first")});
  for (int i = 0; i < 1500; ++i) log_.Commit({Object(absl::StrCat("/", i))});
  log_.RunReads();
  EXPECT_TRUE(rested_);
  for (int asked = 0; asked < 4; ++asked) Ask(*client);
  EXPECT_EQ(client->names.size(), 1501U);
}

TEST_F(RestingEventHubTest, AMarkIsReachedAfterThePause) {
  const auto client = JoinAtEnd(Objects("/"));
  Tell(Object("/a"));
  Tell(Of("process", "p"));
  const auto late = Join(Objects("/x"), 1);
  Ask(*late, /*mark=*/2);
  log_.RunReads();
  EXPECT_EQ(late->calls, 0);
  EndPause();
  EXPECT_EQ(late->calls, 1);
  EXPECT_EQ(late->upto, 2);
}

TEST_F(RestingEventHubTest, NothingIsReadAfterItsEnd) {
  const auto client = JoinAtEnd(Objects("/"));
  Tell(Object("/a"));
  Ask(*client);
  Tell(Object("/b"));
  hub_->Stop();
  EndPause();
  EXPECT_EQ(log_.reads(), 1);
  EXPECT_THAT(client->names, ElementsAre("/a@1"));
}

TEST_F(RestingEventHubTest, APauseMayEndAfterTheHub) {
  const auto client = JoinAtEnd(Objects("/"));
  Tell(Object("/a"));
  hub_->Stop();
  hub_ = EventHub::Start(log_);
  EndPause();
  EXPECT_EQ(log_.reads(), 1);
}

TEST_F(EventHubTest, GivesFromMemoryWhatCameWhileTheWatcherWasBusy) {
  const auto client = JoinAtEnd(Objects("/a"));
  Tell(Object("/a1"));
  Tell(Object("/b"));
  Tell(Object("/a2"));
  EXPECT_THAT(client->names, ElementsAre("/a1@1"));
  const int reads = log_.reads();
  Ask(*client);
  EXPECT_THAT(client->names, ElementsAre("/a1@1", "/a2@3"));
  EXPECT_EQ(client->upto, 3);
  EXPECT_EQ(log_.reads(), reads);
}

TEST_F(EventHubTest, ABookmarkGoesOnWhileNothingMatchesAndNeverPastWhatWasNotGiven) {
  const auto client = JoinAtEnd(Objects("/a"));
  EXPECT_THAT(hub_->Bookmark(client->watcher), Optional(0));
  Tell(Object("/b"));
  Tell(Object("/b"));
  EXPECT_THAT(hub_->Bookmark(client->watcher), Optional(2));
  log_.Commit({Object("/a")});
  EXPECT_THAT(hub_->Bookmark(client->watcher), Optional(2)) << "not read yet";
  log_.RunReads();
  EXPECT_THAT(hub_->Bookmark(client->watcher), Eq(std::nullopt)) << "given, perhaps not sent";
  Tell(Object("/b"));
  Ask(*client);
  EXPECT_THAT(hub_->Bookmark(client->watcher), Optional(4));
}

TEST_F(EventHubTest, ABookmarkOfOneThatCatchesUpIsThatOfWhatItWasGiven) {
  Tell(Object("/a"));
  Tell(Object("/b"));
  const auto client = Join(Objects("/a"), 0);
  Ask(*client);
  EXPECT_THAT(hub_->Bookmark(client->watcher), Optional(0));
  log_.RunReads();
  EXPECT_THAT(hub_->Bookmark(client->watcher), Eq(std::nullopt));
}

TEST_F(EventHubTest, AnswersAtTheMarkWithoutEvents) {
  const auto from_log = Join(Objects("/a"), 0);
  Tell(Object("/b"));
  Ask(*from_log, 1);
  log_.RunReads();
  EXPECT_EQ(from_log->calls, 1);
  EXPECT_EQ(from_log->upto, 1);

  const auto waiting = Join(Objects("/a"), 1);
  Ask(*waiting, 3);
  Tell(Object("/b"));
  EXPECT_EQ(waiting->calls, 0);
  Tell(Object("/b"));
  EXPECT_EQ(waiting->calls, 1);
  EXPECT_EQ(waiting->upto, 3);
  EXPECT_THAT(waiting->names, IsEmpty());

  const auto there = Join(Objects("/a"), 3);
  Ask(*there, 3);
  EXPECT_EQ(there->calls, 1);
}

TEST_F(EventHubTest, AnswersAtTheMarkBeforeTheWholeLogIsRead) {
  for (int i = 0; i < 1000; ++i) log_.Commit({Object("/b")});
  const auto early = Join(Objects("/a"), 0);
  Ask(*early, 500);
  log_.RunRead();
  EXPECT_EQ(early->upto, 512);
  const auto client = Join(Objects("/a"), 0);
  Ask(*client, 600);
  log_.RunRead();
  EXPECT_EQ(client->calls, 0);
  log_.RunRead();
  EXPECT_EQ(client->calls, 1);
  EXPECT_EQ(client->upto, 1000);
}

TEST_F(EventHubTest, WhatIsGivenReachesOverCommitsThatTellOfNothing) {
  Tell(Object("/a"));
  log_.Commit({});
  const auto client = Join(Objects("/a"), 0);
  Ask(*client);
  log_.RunReads();
  EXPECT_THAT(client->names, ElementsAre("/a@1"));
  EXPECT_EQ(client->upto, 2);
}

TEST_F(EventHubTest, OneThatIsAheadOfTheReaderIsNotGivenWhatItHas) {
  const auto other = JoinAtEnd(Objects("/b"));
  log_.Commit({Object("/a1")});
  log_.Commit({Object("/a2")});
  // It has seen revision 1 elsewhere (a list); the hub has read nothing yet.
  const auto client = Join(Objects("/a"), 1);
  Ask(*client);
  log_.RunReads();
  EXPECT_THAT(client->names, ElementsAre("/a2@2"));
  const auto newest = Join(Objects("/a"), 2);
  Ask(*newest);
  Tell(Object("/a3"));
  EXPECT_THAT(newest->names, ElementsAre("/a3@3"));
}

TEST_F(EventHubTest, OneFarAheadOfTheReaderStaysUnwokenAndKeepsItsBookmark) {
  const auto other = JoinAtEnd(Objects("/b"));
  for (int i = 0; i < 600; ++i) log_.Commit({Object("/a")});
  const auto client = Join(Objects("/a"), 600);
  Ask(*client);
  log_.RunRead();  // of 600, as asked for at the first commit: 512 at a time
  EXPECT_EQ(client->calls, 0);
  EXPECT_THAT(hub_->Bookmark(client->watcher), Optional(600));
  log_.RunReads();
  EXPECT_EQ(client->calls, 0);
  Tell(Object("/a"));
  EXPECT_THAT(client->names, ElementsAre("/a@601"));
}

TEST_F(EventHubTest, OneBehindTheMemoryReadsTheLogUntilItHasCaughtUp) {
  StartHub({.memory_events = 4, .memory_bytes = 1 << 20});
  const auto slow = JoinAtEnd(Objects("/a"));
  Tell(Object("/a"));
  for (int i = 0; i < 10; ++i) Tell(Object("/a"));
  EXPECT_EQ(slow->names.size(), 1u);
  const int reads = log_.reads();
  Ask(*slow);
  log_.RunReads();
  EXPECT_EQ(log_.reads(), reads + 1);
  EXPECT_EQ(slow->names.size(), 11u);
  EXPECT_EQ(slow->names.back(), "/a@11");
  Ask(*slow);
  Tell(Object("/a"));
  EXPECT_EQ(log_.reads(), reads + 2) << "it has joined the others";
  EXPECT_EQ(slow->names.back(), "/a@12");
}

TEST_F(EventHubTest, TheSeamBetweenLogAndMemoryHasNoGapAndNoDouble) {
  StartHub({.memory_events = 4, .memory_bytes = 1 << 20});
  const auto other = JoinAtEnd(Objects("/b"));
  for (int i = 0; i < 8; ++i) Tell(Object("/a"));
  for (int64_t after = 0; after <= 8; ++after) {
    const auto client = Join(Objects("/a"), after);
    std::vector<std::string> expected;
    for (int64_t revision = after + 1; revision <= 8; ++revision)
      expected.push_back(absl::StrCat("/a@", revision));
    Ask(*client);
    log_.RunReads();
    EXPECT_EQ(client->names, expected) << after;
    EXPECT_EQ(client->upto, after == 8 ? 0 : 8);
  }
}

TEST_F(EventHubTest, ALargeRevisionIsGivenInPieces) {
  for (const int64_t memory : {4, 700, 4096}) {
    StartHub({.memory_events = memory, .memory_bytes = 1 << 20});
    const int64_t begin = log_.NewestRevision();
    const auto waiting = JoinAtEnd(Objects("/a"));
    const auto busy = JoinAtEnd(Objects("/a"));
    Tell(Object("/a"));
    Ask(*waiting);
    std::vector<std::string> expected = {absl::StrCat("/a@", begin + 1)};
    std::vector<Event> large;
    for (int i = 0; i < 2000; ++i) {
      large.push_back(Object(absl::StrCat("/a", i)));
      expected.push_back(absl::StrCat("/a", i, "@", begin + 2));
    }
    log_.Commit(std::move(large));
    log_.RunReads();
    EXPECT_EQ(waiting->names.size(), 513u);
    EXPECT_EQ(waiting->upto, begin + 1) << "it goes on";
    for (Client *client : {waiting.get(), busy.get()}) {
      while (client->upto < begin + 2 && client->calls < 10) {
        Ask(*client, begin + 2);
        log_.RunReads();
      }
      EXPECT_EQ(client->names, expected);
      EXPECT_EQ(client->most, 512u);
    }
  }
}

TEST_F(EventHubTest, ARevisionThatIsGivenInPartIsNotBookmarked) {
  StartHub({.memory_events = 4, .memory_bytes = 1 << 20});
  std::vector<Event> large(600, Object("/a"));
  large.resize(3000, Object("/b"));
  const auto client = JoinAtEnd(Objects("/a"));
  log_.Commit(std::move(large));
  log_.RunReads();
  EXPECT_EQ(client->names.size(), 512u);
  EXPECT_EQ(client->upto, 0);
  Ask(*client, 1);
  EXPECT_THAT(hub_->Bookmark(client->watcher), Optional(0));
  ASSERT_TRUE(log_.RunRead());
  EXPECT_EQ(client->names.size(), 600u);
  EXPECT_EQ(client->upto, 0);
  Ask(*client, 1);
  ASSERT_TRUE(log_.RunRead());
  EXPECT_THAT(hub_->Bookmark(client->watcher), Optional(0));
  EXPECT_EQ(client->calls, 2);
  log_.RunReads();
  EXPECT_EQ(client->calls, 3) << "of its end it is told at the mark";
  EXPECT_EQ(client->upto, 1);
}

TEST_F(EventHubTest, OneWithLittleOfALargeRevisionIsGivenItAtOnceWithItsEnd) {
  StartHub({.memory_events = 4, .memory_bytes = 1 << 20});
  std::vector<Event> large(3000, Object("/b"));
  for (int i = 0; i < 3000; i += 100) large[i].name = "/a";
  const auto client = JoinAtEnd(Objects("/a"));
  log_.Commit(std::move(large));
  log_.RunReads();
  EXPECT_EQ(client->calls, 1);
  EXPECT_EQ(client->names.size(), 30u);
  EXPECT_EQ(client->upto, 1);
  const int reads = log_.reads();
  Ask(*client);
  EXPECT_EQ(log_.reads(), reads) << "it has missed nothing";
}

TEST_F(EventHubTest, AFewWhoCatchUpTogetherReadTheLogOnce) {
  StartHub({.memory_events = 4, .memory_bytes = 1 << 20});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(JoinAtEnd(Objects("/a")));
  log_.Commit(std::vector<Event>(5000, Object("/a")));
  log_.RunReads();
  while (clients.back()->upto < 1 && clients.back()->calls < 20) {
    for (const auto &client : clients) Ask(*client, 1);
    log_.RunReads();
  }
  for (const auto &client : clients) EXPECT_EQ(client->names.size(), 5000u);
  EXPECT_EQ(log_.reads(), 10 + 9);
}

TEST_F(EventHubTest, OfManyWhoCatchUpTogetherAFewAreGivenItAtATime) {
  StartHub({.memory_events = 4, .memory_bytes = 1 << 20});
  for (int i = 0; i < 10; ++i) Tell(Object("/a"));
  std::vector<std::unique_ptr<Client>> many;
  for (int i = 0; i < 20; ++i) many.push_back(Join(Objects("/a"), 0, "eva"));
  for (const auto &client : many) Ask(*client);
  const auto other = Join(Objects("/a"), 0, "bob");
  Ask(*other);
  const auto given = [&] {
    return std::count_if(many.begin(), many.end(), [](const auto &one) { return one->calls > 0; });
  };
  ASSERT_TRUE(log_.RunRead());
  EXPECT_EQ(given(), 8);
  EXPECT_EQ(other->calls, 0) << "it reads for itself, in its own turn";
  ASSERT_TRUE(log_.RunRead());
  EXPECT_EQ(given(), 8);
  EXPECT_EQ(other->names.size(), 10u);
  ASSERT_TRUE(log_.RunRead());
  EXPECT_EQ(given(), 16);
  const auto late = Join(Objects("/a"), 0, "eva");
  Ask(*late);
  EXPECT_EQ(late->calls, 0) << "behind those who asked before";
  log_.RunReads();
  EXPECT_EQ(given(), 20);
  for (const auto &client : many) EXPECT_EQ(client->names, other->names);
  EXPECT_EQ(late->names, other->names);
}

TEST_F(EventHubTest, AReadIsDroppedOnceAllWhoWaitForItHaveLeft) {
  StartHub({.memory_events = 4, .memory_bytes = 1 << 20});
  for (int i = 0; i < 10; ++i) Tell(Object("/a"));
  const auto first = Join(Objects("/a"), 0, "eva");
  const auto second = Join(Objects("/a"), 0, "eva");
  Ask(*first);
  Ask(*second);
  ASSERT_EQ(log_.waiting().size(), 1u);
  EXPECT_EQ(log_.waiting()[0].user(), "eva");
  hub_->Leave(first->watcher);
  EXPECT_FALSE(log_.waiting()[0].gone()) << "the other waits for it";
  hub_->Leave(second->watcher);
  EXPECT_TRUE(log_.waiting()[0].gone());
  // Whoever comes there before its turn has a read of their own.
  const auto third = Join(Objects("/a"), 0, "eva");
  Ask(*third);
  ASSERT_TRUE(log_.RunRead());
  EXPECT_EQ(third->calls, 0);
  log_.RunReads();
  EXPECT_EQ(third->names.size(), 10u);
  EXPECT_THAT(third->errors, IsEmpty());
}

// One that still has what was read, has it for those who come there after it.
TEST_F(EventHubTest, WhatOneHoldsIsNotReadAgainForOthers) {
  for (int i = 0; i < 10; ++i) Tell(Object("/a"));
  const auto first = hub_->Join(Objects("/a"), 0);
  std::shared_ptr<const EventHub::Stretch> held;
  hub_->Next(first, EventHub::kNoMark, [&](const EventHub::Given &given) { held = *given; });
  log_.RunReads();
  ASSERT_NE(held, nullptr);
  const int reads = log_.reads();
  const auto second = Join(Objects("/a"), 0);
  Ask(*second);
  EXPECT_EQ(second->names.size(), 10u);
  EXPECT_EQ(log_.reads(), reads);
  held = nullptr;
  const auto third = Join(Objects("/a"), 0);
  Ask(*third);
  log_.RunReads();
  EXPECT_EQ(third->names, second->names);
  EXPECT_EQ(log_.reads(), reads + 1);
}

TEST_F(EventHubTest, AStretchIsBounded) {
  const auto client = JoinAtEnd(Objects("/a"));
  Tell(Object("/a"));
  for (int i = 0; i < 40; ++i) {
    log_.Commit(std::vector<Event>(100, Object("/a")));
    log_.RunReads();
  }
  Ask(*client);
  EXPECT_EQ(client->names.size(), 513u);
  EXPECT_EQ(client->names.back(), "/a@7");
  EXPECT_EQ(client->upto, 6);
  while (client->upto < 41) Ask(*client);
  EXPECT_EQ(client->names.size(), 4001u);
  EXPECT_EQ(client->most, 512u);
}

TEST_F(EventHubTest, AFailedReadIsToldToThoseWhoWaitAndLosesNothing) {
  const auto waiting = JoinAtEnd(Objects("/a"));
  const auto busy = JoinAtEnd(Objects("/a"));
  Tell(Object("/a"));
  Ask(*waiting);
  log_.FailReads(absl::UnavailableError("disk"));
  Tell(Object("/a"));
  EXPECT_EQ(waiting->errors.size(), 1u);
  EXPECT_TRUE(absl::IsUnavailable(waiting->errors[0]));
  log_.FailReads(absl::OkStatus());
  Tell(Object("/a"));
  for (Client *client : {waiting.get(), busy.get()}) {
    Ask(*client);
    log_.RunReads();
    EXPECT_THAT(client->names, ElementsAre("/a@1", "/a@2", "/a@3"));
    Ask(*client);
  }
  Tell(Object("/a"));
  EXPECT_EQ(waiting->names.back(), "/a@4");
  EXPECT_EQ(busy->names.back(), "/a@4");
}

TEST_F(EventHubTest, WhatIsNoLongerKeptIsToldToTheOneWhoNeedsIt) {
  for (int i = 0; i < 10; ++i) Tell(Object("/a"));
  log_.Compact(5);
  const auto late = Join(Objects("/a"), 4);
  Ask(*late);
  const auto good = Join(Objects("/a"), 5);
  Ask(*good);
  log_.RunReads();
  EXPECT_EQ(late->errors.size(), 1u);
  EXPECT_TRUE(absl::IsOutOfRange(late->errors[0]));
  EXPECT_EQ(good->names.size(), 5u);
}

TEST_F(EventHubTest, OneThatHasLeftHearsNothing) {
  const auto waiting = JoinAtEnd(Objects("/a"));
  const auto reading = Join(Objects("/a"), 0);
  Tell(Object("/a"));
  Ask(*waiting);
  Ask(*reading);
  hub_->Leave(waiting->watcher);
  hub_->Leave(reading->watcher);
  const int calls = waiting->calls + reading->calls;
  Tell(Object("/a"));
  EXPECT_EQ(waiting->calls + reading->calls, calls);
  hub_->Leave(waiting->watcher);
  Ask(*waiting);
  EXPECT_EQ(hub_->Bookmark(waiting->watcher), std::nullopt);
}

TEST_F(EventHubTest, OneMayLeaveInsideItsOwnCall) {
  const auto other = JoinAtEnd(Objects("/a"));
  const auto watcher = hub_->Join(Objects("/a"), 0);
  int calls = 0;
  hub_->Next(watcher, EventHub::kNoMark, [&](const auto &) {
    hub_->Leave(watcher);
    ++calls;
  });
  Tell(Object("/a"));
  Tell(Object("/a"));
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(other->names, ElementsAre("/a@1"));
}

TEST_F(EventHubTest, OneThatLeavesDuringTheCallOfAnotherIsNotCalledAfterIt) {
  const auto first = hub_->Join(Objects("/a"), 0);
  const auto second = hub_->Join(Objects("/a"), 0);
  int calls = 0;
  for (const auto &[own, other] : {std::pair(first, second), std::pair(second, first)}) {
    hub_->Next(own, EventHub::kNoMark, [&, leaving = other](const auto &) {
      ++calls;
      hub_->Leave(leaving);
    });
  }
  Tell(Object("/a"));
  EXPECT_EQ(calls, 1);
}

TEST_F(EventHubTest, LeavingWaitsForACallThatRuns) {
  const auto watcher = hub_->Join(Objects("/a"), 0);
  std::promise<void> inside;
  std::promise<void> leaving;
  std::atomic<bool> returned = false;
  hub_->Next(watcher, EventHub::kNoMark, [&](const auto &) {
    inside.set_value();
    leaving.get_future().wait();
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();
    returned = true;
  });
  std::thread reader([&] { Tell(Object("/a")); });
  inside.get_future().wait();
  std::thread leaver([&] {
    leaving.set_value();
    hub_->Leave(watcher);
    EXPECT_TRUE(returned);
  });
  leaver.join();
  reader.join();
}

TEST_F(EventHubTest, AStoppedHubAsksAndTellsNothing) {
  const auto client = JoinAtEnd(Objects("/a"));
  log_.Commit({Object("/a")});
  hub_->Stop();
  log_.RunReads();
  log_.Commit({Object("/a")});
  Ask(*client);
  log_.RunReads();
  EXPECT_EQ(client->calls, 0);
  EXPECT_EQ(log_.reads(), 1);
}

TEST(EventMemoryTest, KeepsTheNewestWithinItsBounds) {
  EventMemory memory(4, 1 << 20);
  const auto add = [&](int64_t revision, int sequence) {
    auto event = std::make_shared<Event>();
    event->revision = revision;
    event->sequence = sequence;
    memory.Add(std::move(event));
  };
  add(1, 0);
  add(1, 1);
  add(2, 0);
  add(3, 0);
  memory.Trim();
  EXPECT_EQ(memory.start(), LogPosition(0));
  add(4, 0);
  memory.Trim();
  EXPECT_EQ(memory.start(), LogPosition(1, 0)) << "in the middle of a revision";
  EXPECT_EQ(memory.first(), 1);
  EXPECT_EQ(memory.at(1)->sequence, 1);
  for (int i = 0; i < 5; ++i) add(5, i);
  memory.Trim();
  EXPECT_EQ(memory.start(), LogPosition(5, 0));
  EXPECT_EQ(memory.end() - memory.first(), 4);
}

TEST(EventMemoryTest, IsBoundedInBytesToo) {
  EventMemory memory(4096, 100'000);
  for (int64_t revision = 1; revision <= 100; ++revision) {
    auto event = std::make_shared<Event>();
    event->revision = revision;
    event->name = std::string(1000, 'n');
    event->attributes["k"] = std::string(9000, 'v');
    memory.Add(std::move(event));
    memory.Trim();
  }
  EXPECT_LT(memory.end() - memory.first(), 10);
  EXPECT_GT(memory.end() - memory.first(), 5);
}

}  // namespace
}  // namespace grpc_os::core
