#include "core/request/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/error_detail.h"
#include "core/error_reason.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Answers when told to.
class SlowRequestStore final : public RequestStore {
 public:
  void FindRequest(
      const RequestKey& key,
      std::function<void(absl::StatusOr<std::optional<CommittedRequest>>)> done) override {
    asked.push_back({key, std::move(done)});
  }
  void AnswerFirst() {
    auto [key, done] = std::move(asked.front());
    asked.erase(asked.begin());
    if (!failure.ok()) return done(failure);
    const auto it = committed.find(key);
    done(it == committed.end() ? std::nullopt : std::optional(it->second));
  }

  std::vector<
      std::pair<RequestKey, std::function<void(absl::StatusOr<std::optional<CommittedRequest>>)>>>
      asked;
  std::map<RequestKey, CommittedRequest> committed;
  absl::Status failure;
};

class RequestsTest : public ::testing::Test {
 protected:
  void Begin(const std::string& name, const std::string& digest = "same") {
    requests_->Begin(
        key_, digest,
        {.carry_out =
             [this, name](std::shared_ptr<void> slot) {
               told_.push_back(name + " carries out");
               slots_.push_back(std::move(slot));
             },
         .repeat =
             [this, name](absl::StatusOr<CommittedRequest> found) {
               told_.push_back(name + (found.ok()
                                           ? " repeats " + found->subject
                                           : " is refused: " + DetailOf(found.status())->reason));
             }});
  }
  // The first call committed.
  void Commit(const std::string& digest = "same") {
    store_.committed[key_] = {key_, digest, "subject", 1};
  }

  const RequestKey key_{"ada", "Service/Method", "id-1"};
  SlowRequestStore store_;
  std::vector<std::shared_ptr<void>> slots_;
  std::optional<Requests> requests_{store_};
  std::vector<std::string> told_;
};

TEST_F(RequestsTest, WithoutAnIdItIsCarriedOutAtOnce) {
  bool carried_out = false;
  requests_->Begin(
      {"ada", "Service/Method", ""}, "digest",
      {.carry_out = [&](const std::shared_ptr<void>& slot) { carried_out = slot == nullptr; },
       .repeat = [](const absl::StatusOr<CommittedRequest>&) { FAIL(); }});
  EXPECT_TRUE(carried_out);
  EXPECT_THAT(store_.asked, IsEmpty());
}

TEST_F(RequestsTest, TheSecondOfTwoAtOnceWaitsForTheFirstAndRepeatsIt) {
  Begin("first");
  Begin("second");
  store_.AnswerFirst();
  EXPECT_THAT(told_, ElementsAre("first carries out"));
  Commit();
  slots_.clear();
  store_.AnswerFirst();
  EXPECT_THAT(told_, ElementsAre("first carries out", "second repeats subject"));
}

TEST_F(RequestsTest, AfterOneThatCommittedNothingTheNextIsCarriedOut) {
  Begin("first");
  Begin("second");
  Begin("third");
  store_.AnswerFirst();
  slots_.clear();
  store_.AnswerFirst();
  EXPECT_THAT(told_, ElementsAre("first carries out", "second carries out"));
  Commit();
  slots_.clear();
  store_.AnswerFirst();
  EXPECT_EQ(told_.back(), "third repeats subject");
}

TEST_F(RequestsTest, AnotherContentIsRefused) {
  Commit("other");
  Begin("first");
  store_.AnswerFirst();
  EXPECT_THAT(told_, ElementsAre("first is refused: REQUEST_ID_REUSED"));
}

TEST_F(RequestsTest, WhoWaitsIsServedAfterARefusalToo) {
  Commit("other");
  Begin("first");
  Begin("second", "other");
  store_.AnswerFirst();
  store_.AnswerFirst();
  EXPECT_THAT(told_, ElementsAre("first is refused: REQUEST_ID_REUSED", "second repeats subject"));
}

TEST_F(RequestsTest, WithoutAnAnswerOfTheStoreNothingIsCarriedOut) {
  store_.failure =
      MakeError(absl::StatusCode::kUnavailable, "disk", {.reason = reason::kStoreUnavailable});
  Begin("first");
  store_.AnswerFirst();
  EXPECT_THAT(told_, ElementsAre("first is refused: STORE_UNAVAILABLE"));
}

TEST_F(RequestsTest, TooManyForOneKeyAreRefused) {
  Begin("first");
  for (int i = 0; i < 32; ++i) Begin("more");
  Begin("last");
  EXPECT_THAT(told_, ElementsAre("last is refused: LIMIT_REACHED"));
  store_.AnswerFirst();
  Commit();
  slots_.clear();
  for (int i = 0; i < 32; ++i) store_.AnswerFirst();
  EXPECT_EQ(told_.back(), "more repeats subject");
  EXPECT_THAT(store_.asked, IsEmpty());
}

TEST_F(RequestsTest, ASlotMayOutliveItAll) {
  Begin("first");
  Begin("second");
  store_.AnswerFirst();
  requests_.reset();
  slots_.clear();
  EXPECT_THAT(store_.asked, IsEmpty());
}

TEST_F(RequestsTest, AKeyThatIsOverIsForgotten) {
  Begin("first");
  store_.AnswerFirst();
  slots_.clear();
  Begin("again");
  EXPECT_EQ(store_.asked.size(), 1u);
}

}  // namespace
}  // namespace grpc_os::core
