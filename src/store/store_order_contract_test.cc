// What every engine behind the store must do: tell of commits in their order, and never before
// them. An engine joins by store_contract.h.
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <latch>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/error_reason.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/store_contract.h"
#include "store/store_under_test.h"

namespace grpc_os::store {
namespace {

using core::Event;
using core::ProcessWrite;
using testing::ElementsAre;
using testing::IsEmpty;

class StoreOrderContract : public StoreUnderTest, public testing::TestWithParam<DatabaseFactory> {
 protected:
  StoreOrderContract() : StoreUnderTest(GetParam()) {}
};

// ---- Order -------------------------------------------------------------------------------------

TEST_P(StoreOrderContract, AnswersComeInOrderOnTheWritersThread) {
  std::vector<int> order;
  std::set<std::string> threads;
  std::promise<void> all;
  {
    const Held held(*store_);
    for (int i = 0; i < 100; ++i) {
      // Some are refused, some are of another kind: all keep their places.
      const auto note = [&, i](bool) {
        char name[16] = "";
        pthread_getname_np(pthread_self(), name, sizeof name);
        threads.insert(name);
        order.push_back(i);
        if (i == 99) all.set_value();
      };
      if (i % 5 == 3) {
        store_->PutAudit({}, [note](const absl::Status& status) { note(status.ok()); });
      } else {
        store_->Commit(PutOf(absl::StrCat("proc_", i), i % 7 == 0 ? "same" : absl::StrCat("n", i)),
                       core::Envelope::OfSystem(),
                       [note](const Revision& revision) { note(revision.ok()); });
      }
    }
  }
  all.get_future().wait();
  std::vector<int> expected(100);
  for (int i = 0; i < 100; ++i) expected[i] = i;
  EXPECT_EQ(order, expected);
  EXPECT_THAT(threads, ElementsAre("store-writer"));
}

TEST_P(StoreOrderContract, NothingIsSeenBeforeItsCommit) {
  ASSERT_TRUE(Commit(PutOf("proc_0", "zero")).ok());
  Settle();
  std::atomic<bool> answered{false};
  std::atomic<bool> notified{false};
  int looked = 0;
  const auto subscription = store_->Subscribe([&](int64_t) { notified = true; });
  faults_->BeforeCommit([&] {
    ++looked;
    EXPECT_FALSE(answered);
    EXPECT_FALSE(notified);
    EXPECT_EQ(store_->NewestRevision(), 1);
    EXPECT_THAT(ActionsOf(Events(0)), ElementsAre("1.0 proc_0 created"));
    EXPECT_THAT(NamesOf(Processes()), ElementsAre("zero"));
  });
  std::promise<void> done;
  store_->Commit(PutOf("proc_1", "one"), core::Envelope::OfSystem(), [&](const Revision& revision) {
    answered = true;
    EXPECT_EQ(NumberOf(revision), 2);
    EXPECT_EQ(store_->NewestRevision(), 2);
    EXPECT_THAT(ActionsOf(Events(1)), ElementsAre("2.0 proc_1 created"));
    done.set_value();
  });
  done.get_future().wait();
  EXPECT_EQ(looked, 1);
  store_->Unsubscribe(subscription);
}

TEST_P(StoreOrderContract, ConcurrentSubmittersGetEachRevisionOnceAndInOrder) {
  constexpr int kThreads = 8;
  constexpr int kEach = 100;
  constexpr size_t kAll = size_t{kThreads} * kEach;
  std::vector<int64_t> answered;
  std::vector<int64_t> notified;
  const auto subscription =
      store_->Subscribe([&](int64_t revision) { notified.push_back(revision); });
  std::atomic<bool> stop{false};
  std::vector<std::string> followed;
  std::thread follower([&] {
    for (int64_t after = 0; !stop || after < store_->NewestRevision();) {
      for (const Event& event : Events(after, 7)) {
        EXPECT_TRUE(event.revision == after + 1 && event.sequence == 0) << event.revision;
        after = event.revision;
        followed.push_back(event.resource_id);
      }
    }
  });
  std::vector<std::thread> submitters;
  submitters.reserve(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) {
    submitters.emplace_back([&, thread] {
      int64_t last = 0;
      for (int i = 0; i < kEach; ++i) {
        const std::string id = absl::StrCat("proc_", thread, "x", i);
        std::promise<Revision> promise;
        store_->Commit(PutOf(id, id), core::Envelope::OfSystem(), [&](Revision revision) {
          answered.push_back(revision.ok() ? *revision : -1);  // the writer's thread only
          promise.set_value(std::move(revision));
        });
        const Revision revision = promise.get_future().get();
        ASSERT_TRUE(revision.ok()) << revision.status();
        EXPECT_GT(*revision, last);
        last = *revision;
      }
    });
  }
  for (std::thread& submitter : submitters) submitter.join();
  stop = true;
  follower.join();
  Settle();
  store_->Unsubscribe(subscription);

  std::vector<int64_t> expected(kAll);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<int64_t>(i) + 1;
  EXPECT_EQ(answered, expected);
  EXPECT_TRUE(std::is_sorted(notified.begin(), notified.end(), std::less_equal<>()))
      << "each newer than the one before";
  EXPECT_EQ(notified.back(), kThreads * kEach);
  EXPECT_EQ(std::set<std::string>(followed.begin(), followed.end()).size(), expected.size());
  EXPECT_EQ(Processes().size(), expected.size());
}

TEST_P(StoreOrderContract, DestructionFinishesWhatWasSubmitted) {
  Store* const store = store_.get();
  std::latch held(1);
  std::latch release(1);
  store->PutAudit({}, [&](const absl::Status&) {
    held.count_down();
    release.wait();
  });
  held.wait();
  std::atomic<int> committed{0};
  std::atomic<int> read{0};
  const auto submit = [&](const std::string& id) {
    store->Commit(PutOf(id, id), core::Envelope::OfSystem(), [&](const Revision& revision) {
      if (!revision.ok()) return;
      ++committed;
      store->ReadEvents({}, 0, 1, [&](const auto& events) { read += events.ok() ? 1 : 0; });
    });
  };
  for (int i = 0; i < 50; ++i) submit(absl::StrCat("proc_", i));
  std::thread destroyer([&] { store_.reset(); });
  // The destructor waits for the held writer; from its beginning nothing more is taken in.
  std::atomic<bool> closed{false};
  while (!closed) {
    store->PutAudit({}, [&](const absl::Status& status) {
      if (ReasonOf(status) == core::reason::kShuttingDown) closed = true;
    });
    std::this_thread::yield();
  }
  release.count_down();
  destroyer.join();
  EXPECT_EQ(committed, 50);
  EXPECT_EQ(read, 50);
  Open();
  EXPECT_EQ(Processes().size(), 50u);
}

// ---- Events ------------------------------------------------------------------------------------

TEST_P(StoreOrderContract, EventsComeBackInOrderAndOnlyThoseAfter) {
  ASSERT_TRUE(
      Commit({.put = {},
              .remove = {},
              .events = {MakeEvent("b", "one"), MakeEvent("a", "two"), MakeEvent("c", "three")}})
          .ok());
  ASSERT_TRUE(Commit({.put = {}, .remove = {}, .events = {MakeEvent("a", "four")}}).ok());
  EXPECT_THAT(ActionsOf(Events(0)),
              ElementsAre("1.0 b one", "1.1 a two", "1.2 c three", "2.0 a four"));
  EXPECT_THAT(ActionsOf(Events(1)), ElementsAre("2.0 a four"));
  EXPECT_THAT(Events(2), IsEmpty());
  Event whole = MakeEvent("b", "one");
  whole.revision = 1;
  EXPECT_EQ(Events(0).at(0), whole);
}

TEST_P(StoreOrderContract, AReadIsBoundedAndTheNextGoesOnInsideARevision) {
  for (int size : {3, 1, 0, 4}) {
    ProcessWrite write;
    for (int i = 0; i < size; ++i) write.events.push_back(MakeEvent("proc_1", absl::StrCat(i)));
    ASSERT_TRUE(Commit(std::move(write)).ok());
  }
  const std::vector<Event> all = Events(0);
  ASSERT_EQ(all.size(), 8u);
  for (const int limit : {1, 2, 3, 5, 8, 100}) {
    std::vector<Event> read;
    for (core::LogPosition after = 0;;) {
      const auto events = Events(after, limit);
      EXPECT_LE(events.size(), static_cast<size_t>(limit));
      if (events.empty()) break;
      read.insert(read.end(), events.begin(), events.end());
      after = core::PositionOf(events.back());
    }
    EXPECT_EQ(read, all) << limit;
  }
  EXPECT_EQ(Events({1, 0}, 100).size(), 7u);
  EXPECT_EQ(Events(1, 100).size(), 5u);
  EXPECT_EQ(Events(0, 0).size(), 1u) << "a limit below 1 counts as 1";
}

TEST_P(StoreOrderContract, ARevisionThatIsYetToComeIsOutOfRange) {
  ASSERT_TRUE(Commit(PutOf("proc_1", "one")).ok());
  const auto events = TryEvents(2);
  EXPECT_EQ(events.status().code(), absl::StatusCode::kOutOfRange);
  const auto detail = DetailOf(events.status());
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->reason, core::reason::kRevisionUnavailable);
  EXPECT_EQ(detail->metadata, (std::map<std::string, std::string>{
                                  {"revision", "2"}, {"oldest", "0"}, {"newest", "1"}}));
}

TEST_P(StoreOrderContract, ARevisionThatIsNoLongerKeptIsOutOfRange) {
  for (int i = 1; i <= 5; ++i) {
    ASSERT_TRUE(Commit(PutOf(absl::StrCat("proc_", i), absl::StrCat("n", i))).ok());
  }
  store_.reset();
  {
    auto database = data_->Open();
    ASSERT_TRUE(database.ok());
    auto writer = (*database)->OpenWriter();
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Execute("UPDATE store_meta SET compact_revision = 3 WHERE id = 1").ok());
    ASSERT_TRUE((*writer)->Execute("DELETE FROM events WHERE revision <= 3").ok());
  }
  Open();
  EXPECT_EQ(TryEvents(2).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(TryEvents({3, 0}).status().code(), absl::StatusCode::kOutOfRange) << "the rest of it";
  EXPECT_THAT(ActionsOf(Events(3)), ElementsAre("4.0 proc_4 created", "5.0 proc_5 created"));
}

// ---- Subscriptions -----------------------------------------------------------------------------

TEST_P(StoreOrderContract, SubscribersHearOnceOfEachCommitWithTheNewestRevision) {
  std::vector<int64_t> heard;
  const auto subscription = store_->Subscribe([&](int64_t revision) { heard.push_back(revision); });
  ASSERT_TRUE(Commit(PutOf("proc_1", "one")).ok());
  std::vector<std::future<Revision>> answers;
  {
    const Held held(*store_);
    answers.push_back(Submit(PutOf("proc_2", "two")));
    answers.push_back(Submit(PutOf("proc_3", "one")));
    answers.push_back(Submit(PutOf("proc_4", "four")));
  }
  ASSERT_TRUE(PutSession(MakeSession("s1", 1, 2)).ok());
  ASSERT_FALSE(Commit(PutOf("proc_5", "one")).ok());
  Settle();
  EXPECT_THAT(heard, ElementsAre(1, 3));
  store_->Unsubscribe(subscription);
  ASSERT_TRUE(Commit(PutOf("proc_6", "six")).ok());
  Settle();
  EXPECT_THAT(heard, ElementsAre(1, 3));
}

TEST_P(StoreOrderContract, UnsubscribeWaitsForACallThatRuns) {
  std::latch entered(1);
  std::latch release(1);
  std::atomic<bool> returned{false};
  const auto subscription = store_->Subscribe([&](int64_t) {
    entered.count_down();
    release.wait();
    returned = true;
  });
  auto answer = Submit(PutOf("proc_1", "one"));
  entered.wait();
  std::atomic<bool> unsubscribed{false};
  std::thread unsubscriber([&] {
    store_->Unsubscribe(subscription);
    EXPECT_TRUE(returned) << "it came back while the call ran";
    unsubscribed = true;
  });
  // Another subscriber comes and goes meanwhile: only the one that is being called is waited for.
  store_->Unsubscribe(store_->Subscribe([](int64_t) { FAIL(); }));
  EXPECT_FALSE(unsubscribed);
  release.count_down();
  unsubscriber.join();
  EXPECT_TRUE(answer.get().ok());
}

TEST_P(StoreOrderContract, ASubscriberMayRemoveItselfAndAddAnother) {
  std::vector<std::string> heard;
  auto owned = std::make_shared<int>(1);
  core::EventLog::Subscription first = 0;
  core::EventLog::Subscription second = 0;
  first = store_->Subscribe([&, owned](int64_t revision) {
    heard.push_back(absl::StrCat("first ", revision));
    second =
        store_->Subscribe([&](int64_t next) { heard.push_back(absl::StrCat("second ", next)); });
    store_->Unsubscribe(first);
  });
  ASSERT_TRUE(Commit(PutOf("proc_1", "one")).ok());
  Settle();
  ASSERT_TRUE(Commit(PutOf("proc_2", "two")).ok());
  Settle();
  EXPECT_THAT(heard, ElementsAre("first 1", "second 1", "second 2"));
  EXPECT_EQ(owned.use_count(), 1) << "what the callback owned is freed";
  store_->Unsubscribe(second);
  store_->Unsubscribe(second);
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreOrderContract, testing::ValuesIn(DatabaseFactories()),
                         [](const auto& suite) { return suite.param.engine; });

}  // namespace
}  // namespace grpc_os::store
