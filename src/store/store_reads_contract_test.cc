// What every engine behind the store must do: read for one user after the other, a little beside
// much, and nothing for those who have gone. An engine joins by store_contract.h.
#include <pthread.h>

#include <chrono>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/guarded.h"
#include "core/error_reason.h"
#include "core/requester.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/reader.h"
#include "store/store_contract.h"
#include "store/store_under_test.h"

namespace grpc_os::store {
namespace {

using core::Requester;
using testing::ElementsAre;

std::string ThreadName() {
  char name[16] = "";
  pthread_getname_np(pthread_self(), name, sizeof name);
  return name;
}

class StoreReadsContract : public StoreUnderTest, public testing::TestWithParam<DatabaseFactory> {
 protected:
  StoreReadsContract() : StoreUnderTest(GetParam()) {}

  // Keeps the thread of a read in its answer until it is destroyed.
  class Kept {
   public:
    explicit Kept(const std::function<void(std::function<void()> answer)>& read) {
      read([reading = reading_, release = release_] {
        reading->count_down();
        release->wait();
      });
      reading_->wait();
    }
    Kept(const Kept&) = delete;
    ~Kept() { release_->count_down(); }

   private:
    const std::shared_ptr<std::latch> reading_ = std::make_shared<std::latch>(1);
    const std::shared_ptr<std::latch> release_ = std::make_shared<std::latch>(1);
  };
  auto Measuring() {
    return [this](const std::function<void()>& answer) {
      store_->MeasureObjects({}, "/", "", 1, [answer](const auto&) { answer(); });
    };
  }
  auto ReadingEvents() {
    return [this](const std::function<void()>& answer) {
      store_->ReadEvents({}, 0, 1, [answer](const auto&) { answer(); });
    };
  }

  // What came of reads, in the order of their answers; each says its thread if all is well.
  struct Answers {
    Guarded<std::vector<std::string>> came;
    auto Note(const std::string& what) {
      return [this, what](const auto& answer) {
        came.Lock()->push_back(
            answer.ok()
                ? what
                : absl::StrCat(what, " ", absl::StatusCodeToString(answer.status().code())));
      };
    }
  };
  template <typename Answer>
  static bool Comes(std::future<Answer>& answer) {
    return answer.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  }
};

TEST_P(StoreReadsContract, AFewRowsManyRowsAndEventsAreReadBesideEachOther) {
  ASSERT_TRUE(Commit(PutOf("proc_1", "one")).ok());
  const auto promise = std::make_shared<std::promise<std::string>>();
  auto thread = promise->get_future();
  {
    const Kept scanning{Measuring()};
    const Kept watching{ReadingEvents()};
    store_->FindRequest({.user = "ada", .method = "m", .id = "i"},
                        [promise](const auto&) { promise->set_value(ThreadName()); });
    ASSERT_TRUE(Comes(thread)) << "it waits for one of the others";
  }
  EXPECT_EQ(thread.get(), "store-reader");
}

TEST_P(StoreReadsContract, WhatLooksAtManyNamesIsNoReadOfAFew) {
  const auto promise = std::make_shared<std::promise<std::string>>();
  store_->ListObjects({.prefix = "/", .deleted = true},
                      [promise](const auto&) { promise->set_value(ThreadName()); });
  EXPECT_EQ(promise->get_future().get(), "store-scan");
}

TEST_P(StoreReadsContract, UsersTakeTurnsAndSoDoesTheSystem) {
  Answers answers;
  {
    const Kept kept{Measuring()};
    const auto measure = [&](const Requester& by, const std::string& what) {
      store_->MeasureObjects(by, "/", "", 1000, answers.Note(what));
    };
    for (int i = 1; i <= 400; ++i) measure(Requester::OfUser("eva"), absl::StrCat("eva", i));
    measure(Requester::OfUser("bob"), "bob1");
    measure(Requester(), "system1");
    measure(Requester::OfUser("bob"), "bob2");
  }
  store_->FinishReads();
  const std::vector<std::string> order = *answers.came.Lock();
  ASSERT_EQ(order.size(), 403u);
  EXPECT_THAT(std::vector(order.begin(), order.begin() + 6),
              ElementsAre("eva1", "bob1", "system1", "eva2", "bob2", "eva3"));
  EXPECT_EQ(order.back(), "eva400");
}

TEST_P(StoreReadsContract, WhatNobodyWaitsForAnyMoreIsNotRead) {
  Answers answers;
  const auto call = std::make_shared<Requester::Call>();
  call->user = "eva";
  {
    const Kept scanning{Measuring()};
    const Kept watching{ReadingEvents()};
    const Requester eva(call);
    store_->MeasureObjects(eva, "/", "", 1000, answers.Note("measure"));
    store_->ReadEvents(eva, 0, 10, answers.Note("events"));
    store_->ReadAudit({.by = eva}, answers.Note("audit"));
    call->ended = true;
  }
  store_->FinishReads();
  EXPECT_THAT(
      *answers.came.Lock(),
      testing::UnorderedElementsAre("measure CANCELLED", "events CANCELLED", "audit CANCELLED"));
  EXPECT_EQ(store_->statistics().reads_dropped, 3);
}

TEST_P(StoreReadsContract, OneUserFillsOnlyItsOwnPartOfAQueue) {
  Answers answers;
  std::vector<std::string> refused;
  {
    const Kept kept{Measuring()};
    for (int i = 0; i < kReadsOfUser; ++i)
      store_->MeasureObjects(Requester::OfUser("eva"), "/", "", 1, [](const auto&) {});
    store_->MeasureObjects(Requester::OfUser("eva"), "/", "", 1, [&](const auto& measured) {
      refused.push_back(ReasonOf(measured.status()));
    });
    EXPECT_THAT(refused, ElementsAre(core::reason::kLimitReached)) << "at once";
    store_->MeasureObjects(Requester::OfUser("bob"), "/", "", 1, answers.Note("bob"));
  }
  store_->FinishReads();
  EXPECT_THAT(*answers.came.Lock(), ElementsAre("bob"));
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreReadsContract, testing::ValuesIn(DatabaseFactories()),
                         [](const auto& tested) { return tested.param.engine; });

}  // namespace
}  // namespace grpc_os::store
