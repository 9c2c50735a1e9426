#include "core/reconcile/reconciliation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/reconcile/reconciler.h"
#include "core/resource/resource.h"
#include "testing/manual_scheduler.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using State = PlaneOutcome::State;

// Refuses every text with "bad" in it. Answers when it is let, as long as it does not `hold`.
class FakePlane final : public DataPlane {
 public:
  explicit FakePlane(testing::ManualScheduler& scheduler) : scheduler_(scheduler) {}

  void Check(const PlaneFiles& files, Checked done) override {
    checks.push_back(files);
    absl::StatusOr<Verdict> answer = Verdict{};
    if (!check_failure.ok()) {
      answer = check_failure;
    } else if (broken) {
      answer = Verdict{.accepted = false, .words = "nginx.conf is broken"};
    } else {
      for (const auto& [id, file] : files) {
        if (!absl::StrContains(file->text, "bad")) continue;
        answer = Verdict{.accepted = false,
                         .words = absl::StrCat(file->text, " is refused"),
                         .culprit = names_culprit ? id : ""};
        break;
      }
    }
    Answer([done = std::move(done), answer] { done(answer); });
  }
  void Apply(std::function<void(absl::Status)> done) override {
    applied.push_back(checks.back());
    Answer([done = std::move(done), answer = apply_failure] { done(answer); });
  }
  bool Idle() const override { return idle; }
  int Draining() const override { return draining; }
  void Release() {
    hold = false;
    for (auto& answer : std::exchange(held_, {})) scheduler_.Post(std::move(answer));
    scheduler_.RunAll();
  }

  std::vector<PlaneFiles> checks, applied;
  bool names_culprit = true;
  bool broken = false;  // whatever it is given
  bool hold = false;
  absl::Status check_failure, apply_failure;
  int draining = 0;
  bool idle = false;

 private:
  void Answer(std::function<void()> answer) {
    if (hold) {
      held_.push_back(std::move(answer));
    } else {
      scheduler_.Post(std::move(answer));
    }
  }
  testing::ManualScheduler& scheduler_;
  std::vector<std::function<void()>> held_;
};

class ReconciliationTest : public ::testing::Test {
 protected:
  ReconciliationTest() { Restart(); }
  // As a new daemon.
  void Restart() {
    outcomes_.clear();
    reports_ = 0;
    rounds_ = std::make_unique<Reconciliation>(
        Reconciliation::Parts{.scheduler = scheduler_,
                              .plane = plane_,
                              .wanted = [this] { return wanted_; },
                              .report =
                                  [this](const std::string& id, const PlaneOutcome& outcome) {
                                    ++reports_;
                                    outcomes_[id] = outcome;
                                  }});
  }
  void Want(const std::string& id, const std::string& text, int64_t generation = 1) {
    wanted_[id] = std::make_shared<const PlaneFile>(PlaneFile{generation, text});
  }
  void WantUnfit(const std::string& id, const std::string& why, int64_t generation = 1) {
    wanted_[id] = std::make_shared<const PlaneFile>(
        PlaneFile{.generation = generation, .text = "", .unfit = why});
  }
  void Pass(int64_t ms) {
    scheduler_.Advance(ms);
    scheduler_.RunAll();
  }
  // A change, and all that follows from it.
  void Change() {
    rounds_->Wake();
    scheduler_.RunAll();
    Pass(Reconciliation::kGapMs);
  }
  static std::map<std::string, std::string> Texts(const PlaneFiles& files) {
    std::map<std::string, std::string> texts;
    for (const auto& [id, file] : files) texts[id] = file->text;
    return texts;
  }
  std::map<std::string, std::string> Live() const {
    return plane_.applied.empty() ? std::map<std::string, std::string>()
                                  : Texts(plane_.applied.back());
  }
  std::set<std::string> Rejected() const {
    std::set<std::string> ids;
    for (const auto& [id, outcome] : outcomes_)
      if (outcome.state == State::kRejected) ids.insert(id);
    return ids;
  }
  static PlaneOutcome Active(int64_t generation) {
    return {.state = State::kActive,
            .generation = generation,
            .active_generation = generation,
            .message = ""};
  }
  // Many that are live, without names of culprits.
  void ManyAreLive(int count) {
    plane_.names_culprit = false;
    for (int i = 0; i < count; ++i) Want(absl::StrCat("dom_", 1000 + i), absl::StrCat("text ", i));
    Change();
    plane_.checks.clear();
    plane_.applied.clear();
  }

  testing::ManualScheduler scheduler_;
  FakePlane plane_{scheduler_};
  PlaneFiles wanted_;
  std::map<std::string, PlaneOutcome> outcomes_;
  int reports_ = 0;
  std::unique_ptr<Reconciliation> rounds_;
};

TEST_F(ReconciliationTest, WhereNothingIsWantedAPlaneThatIsIdleIsNotAsked) {
  plane_.idle = true;
  Change();
  EXPECT_THAT(plane_.checks, IsEmpty());
  // The first that is wanted is not to blame for what is refused without it, too.
  plane_.broken = true;
  Want("a", "one");
  Change();
  EXPECT_THAT(plane_.checks, SizeIs(2));
  EXPECT_THAT(Rejected(), IsEmpty());
  EXPECT_EQ(rounds_->problem(), "nginx.conf is broken");
}

// ---- When ---------------------------------------------------------------------------------------

TEST_F(ReconciliationTest, TheFirstChangeBeginsARoundAtOnce) {
  Want("a", "one", 7);
  rounds_->Wake();
  scheduler_.RunAll();
  EXPECT_THAT(Live(), ElementsAre(std::pair("a", "one")));
  EXPECT_EQ(outcomes_["a"], Active(7));
}

TEST_F(ReconciliationTest, ChangesThatComeSoonAfterWaitForEachOther) {
  Want("a", "one");
  rounds_->Wake();
  scheduler_.RunAll();
  for (int i = 0; i < 9; ++i) {
    Want("a", absl::StrCat("change ", i), 2 + i);
    rounds_->Wake();
    Pass(10);
  }
  EXPECT_THAT(plane_.applied, SizeIs(1)) << "100 ms are not over";
  Pass(10);
  ASSERT_THAT(plane_.applied, SizeIs(2));
  EXPECT_EQ(Live()["a"], "change 8");
  Pass(60'000);
  EXPECT_THAT(plane_.checks, SizeIs(2)) << "nothing more is to be done";
}

TEST_F(ReconciliationTest, AfterAQuietTimeAChangeIsAtOnceAgain) {
  Want("a", "one");
  Change();
  Pass(1'000);
  Want("a", "two", 2);
  rounds_->Wake();
  scheduler_.RunAll();
  EXPECT_EQ(Live()["a"], "two");
}

TEST_F(ReconciliationTest, ThereIsOneRoundAtATime) {
  Want("a", "one");
  plane_.hold = true;
  rounds_->Wake();
  scheduler_.RunAll();
  Want("a", "two", 2);
  rounds_->Wake();
  Pass(10'000);
  EXPECT_THAT(plane_.checks, SizeIs(1));
  plane_.Release();
  Pass(0);
  EXPECT_THAT(plane_.checks, SizeIs(2));
  EXPECT_EQ(Live()["a"], "two");
  EXPECT_EQ(outcomes_["a"].active_generation, 2);
}

TEST_F(ReconciliationTest, WhileGenerationsDrainRoundsAreFurtherApart) {
  Want("a", "one");
  Change();
  Pass(10'000);
  Want("a", "two", 2);
  rounds_->Wake();
  scheduler_.RunAll();
  plane_.draining = Reconciliation::kBusyDraining;
  Want("a", "three", 3);
  rounds_->Wake();
  Pass(Reconciliation::kBusyGapMs - 1);
  EXPECT_EQ(Live()["a"], "two");
  Pass(1);
  EXPECT_EQ(Live()["a"], "three");
  plane_.draining = Reconciliation::kBusyDraining - 1;
  Want("a", "four", 4);
  rounds_->Wake();
  Pass(Reconciliation::kGapMs);
  EXPECT_EQ(Live()["a"], "four");
}

TEST_F(ReconciliationTest, WhatIsLiveAsItIsNeitherCheckedNorApplied) {
  Want("a", "one");
  Change();
  plane_.checks.clear();
  Want("a", "one", 2);  // a change that the plane does not see
  Change();
  EXPECT_THAT(plane_.checks, IsEmpty());
  EXPECT_THAT(plane_.applied, SizeIs(1));
  EXPECT_EQ(outcomes_["a"], Active(2));
}

TEST_F(ReconciliationTest, WhatIsNotWantedAnyMoreGoes) {
  Want("a", "one");
  Want("b", "two");
  Change();
  wanted_.erase("a");
  Change();
  EXPECT_THAT(Live(), ElementsAre(std::pair("b", "two")));
  wanted_.clear();
  Change();
  EXPECT_THAT(Live(), IsEmpty());
  EXPECT_THAT(plane_.applied, SizeIs(3));
}

TEST_F(ReconciliationTest, OutcomesAreReportedOnce) {
  Want("a", "one");
  Change();
  EXPECT_EQ(reports_, 1);
  Want("b", "two");
  Change();
  EXPECT_EQ(reports_, 2) << "of 'a' nothing is new";
}

// ---- One that is bad ----------------------------------------------------------------------------

TEST_F(ReconciliationTest, OneThatIsRefusedIsRejectedAloneAndTheOthersBecomeActive) {
  Want("a", "one");
  Want("b", "bad b");
  Want("c", "three");
  Change();
  EXPECT_THAT(Live(), ElementsAre(std::pair("a", "one"), std::pair("c", "three")));
  EXPECT_EQ(outcomes_["b"], (PlaneOutcome{.state = State::kRejected,
                                          .generation = 1,
                                          .active_generation = 0,
                                          .message = "bad b is refused"}));
  EXPECT_EQ(outcomes_["a"].state, State::kActive);
  EXPECT_EQ(outcomes_["c"].state, State::kActive);
  EXPECT_THAT(plane_.checks, SizeIs(2)) << "it was named: nobody was looked for";
}

TEST_F(ReconciliationTest, ItsLastGoodTextStaysLive) {
  Want("a", "good", 4);
  Change();
  Want("a", "bad", 5);
  Want("b", "two");
  Change();
  EXPECT_THAT(Live(), ElementsAre(std::pair("a", "good"), std::pair("b", "two")));
  EXPECT_EQ(outcomes_["a"], (PlaneOutcome{.state = State::kRejected,
                                          .generation = 5,
                                          .active_generation = 4,
                                          .message = "bad is refused"}));
}

TEST_F(ReconciliationTest, ARefusalOfTheOnlyChangeAppliesNothing) {
  Want("a", "good");
  Change();
  Want("a", "bad", 2);
  Change();
  EXPECT_THAT(plane_.applied, SizeIs(1));
}

TEST_F(ReconciliationTest, WhatWasRefusedIsNotTriedAgainBeforeItChanges) {
  Want("a", "bad");
  Change();
  plane_.checks.clear();
  Want("a", "bad", 2);  // the same text
  Want("b", "two");
  Change();
  ASSERT_THAT(plane_.checks, SizeIs(1));
  EXPECT_THAT(Texts(plane_.checks[0]), ElementsAre(std::pair("b", "two")));
  EXPECT_EQ(outcomes_["a"].generation, 2);
  EXPECT_EQ(outcomes_["a"].state, State::kRejected);
  Want("a", "mended", 3);
  Change();
  EXPECT_EQ(Live()["a"], "mended");
  EXPECT_EQ(outcomes_["a"], Active(3));
}

TEST_F(ReconciliationTest, OneThatIsSetBackToWhatIsLiveIsActiveAgainWithoutACheck) {
  Want("a", "good");
  Change();
  Want("a", "bad", 2);
  Change();
  plane_.checks.clear();
  Want("a", "good", 3);
  Change();
  EXPECT_THAT(plane_.checks, IsEmpty());
  EXPECT_EQ(outcomes_["a"], Active(3));
}

TEST_F(ReconciliationTest, ARenewalTriesAgainWhatWasRefused) {
  Want("a", "bad");
  Want("b", "two");
  Change();
  plane_.checks.clear();
  rounds_->Renew();
  Pass(Reconciliation::kGapMs);
  ASSERT_THAT(plane_.checks, SizeIs(2));
  EXPECT_TRUE(plane_.checks[0].contains("a"));
  EXPECT_THAT(plane_.applied, SizeIs(2)) << "it goes all the way, though nothing changed";
  EXPECT_EQ(outcomes_["a"].state, State::kRejected);
}

TEST_F(ReconciliationTest, ARenewalDuringARoundIsDoneAfterIt) {
  Want("a", "good");
  Change();
  Want("a", "bad", 2);
  Want("b", "two");
  plane_.hold = true;
  rounds_->Wake();
  Pass(Reconciliation::kGapMs);
  const size_t before = plane_.applied.size();
  plane_.Release();  // 'a' is rejected, and 'b' is being applied
  plane_.hold = true;
  Want("b", "three", 2);
  rounds_->Wake();
  Pass(Reconciliation::kGapMs);
  rounds_->Renew();
  plane_.Release();
  EXPECT_EQ(outcomes_["a"].state, State::kRejected) << "what was refused is not active";
  EXPECT_EQ(outcomes_["a"].active_generation, 1);
  const size_t checks = plane_.checks.size();
  Pass(Reconciliation::kGapMs);
  EXPECT_GT(plane_.checks.size(), checks) << "the renewal is not lost";
  EXPECT_GT(plane_.applied.size(), before + 2);
}

TEST_F(ReconciliationTest, ACulpritThatIsNotNamedIsFoundAmongAThousand) {
  ManyAreLive(1'000);
  for (int i = 0; i < 1'000; ++i) Want(absl::StrCat("dom_", 1000 + i), absl::StrCat("next ", i), 2);
  Want("dom_1617", "bad 617", 2);
  Change();
  EXPECT_THAT(Rejected(), UnorderedElementsAre("dom_1617"));
  EXPECT_EQ(outcomes_["dom_1617"].message, "bad 617 is refused");
  EXPECT_EQ(outcomes_["dom_1617"].active_generation, 1);
  EXPECT_EQ(outcomes_["dom_1618"].active_generation, 2);
  EXPECT_EQ(Live()["dom_1617"], "text 617");
  EXPECT_EQ(Live()["dom_1999"], "next 999");
  EXPECT_THAT(plane_.applied, SizeIs(1));
  EXPECT_LE(plane_.checks.size(), 3u + 2 * 10) << "whole, base, last; two for each half";
}

TEST_F(ReconciliationTest, SoAreThree) {
  ManyAreLive(1'000);
  for (int i = 0; i < 1'000; ++i) Want(absl::StrCat("dom_", 1000 + i), absl::StrCat("next ", i), 2);
  for (const char* id : {"dom_1000", "dom_1500", "dom_1999"}) Want(id, "bad", 2);
  Change();
  EXPECT_THAT(Rejected(), UnorderedElementsAre("dom_1000", "dom_1500", "dom_1999"));
  EXPECT_EQ(Live()["dom_1998"], "next 998");
  EXPECT_LE(plane_.checks.size(), 3u + 3 * 2 * 10);
}

TEST_F(ReconciliationTest, TheOnlyChangeIsToBlameIfItsAbsenceIsAccepted) {
  ManyAreLive(3);
  Want("dom_1001", "bad", 2);
  Change();
  EXPECT_THAT(Rejected(), UnorderedElementsAre("dom_1001"));
  EXPECT_THAT(plane_.checks, SizeIs(3)) << "whole, without it, what is left";
}

TEST_F(ReconciliationTest, WhatCannotBeRenderedIsRejectedWithItsWords) {
  Want("a", "one");
  WantUnfit("b", "it has no routes");
  Change();
  EXPECT_THAT(Live(), ElementsAre(std::pair("a", "one")));
  EXPECT_EQ(outcomes_["b"], (PlaneOutcome{.state = State::kRejected,
                                          .generation = 1,
                                          .active_generation = 0,
                                          .message = "it has no routes"}));
  WantUnfit("b", "its path is too long", 2);
  Change();
  EXPECT_EQ(outcomes_["b"].message, "its path is too long");
  EXPECT_EQ(outcomes_["b"].generation, 2);
  Want("b", "two", 3);
  Change();
  EXPECT_EQ(Live()["b"], "two");
  WantUnfit("b", "unfit again", 4);
  Change();
  EXPECT_EQ(Live()["b"], "two") << "its last good text";
  EXPECT_EQ(outcomes_["b"].active_generation, 3);
}

// ---- Nobody's fault -----------------------------------------------------------------------------

TEST_F(ReconciliationTest, WhereThePlaneRefusesWhatIsLiveTooNobodyIsRejected) {
  ManyAreLive(3);
  plane_.broken = true;
  Want("dom_1001", "next", 2);
  Change();
  EXPECT_THAT(plane_.checks, SizeIs(2));
  EXPECT_EQ(rounds_->problem(), "nginx.conf is broken");
  EXPECT_EQ(outcomes_["dom_1001"], (PlaneOutcome{.state = State::kPending,
                                                 .generation = 2,
                                                 .active_generation = 1,
                                                 .message = "nginx.conf is broken"}));
  EXPECT_EQ(outcomes_["dom_1002"], Active(1)) << "it is live as it is";
  plane_.broken = false;
  Pass(Reconciliation::kRetryMs);
  EXPECT_EQ(rounds_->problem(), "");
  EXPECT_EQ(outcomes_["dom_1001"], Active(2));
  EXPECT_EQ(outcomes_["dom_1002"].state, State::kActive);
}

TEST_F(ReconciliationTest, AFailureIsTriedAgainAfterASecondDoublingToAMinute) {
  plane_.check_failure = absl::UnavailableError("nginx is not installed");
  Want("a", "one");
  rounds_->Wake();
  scheduler_.RunAll();
  size_t checks = 1;
  for (const int64_t wait_ms : {1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 60'000, 60'000}) {
    EXPECT_THAT(plane_.checks, SizeIs(checks));
    Pass(wait_ms - 1);
    EXPECT_THAT(plane_.checks, SizeIs(checks)) << wait_ms;
    Pass(1);
    ++checks;
  }
  EXPECT_THAT(plane_.checks, SizeIs(checks));
  EXPECT_EQ(rounds_->problem(), "nginx is not installed");
  plane_.check_failure = absl::OkStatus();
  Pass(60'000);
  EXPECT_EQ(outcomes_["a"].state, State::kActive);
  plane_.check_failure = absl::UnavailableError("again");
  Want("a", "two", 2);
  Change();
  checks = plane_.checks.size();
  Pass(Reconciliation::kRetryMs);
  EXPECT_THAT(plane_.checks, SizeIs(checks + 1)) << "from the beginning";
}

TEST_F(ReconciliationTest, AChangeDoesNotWaitForTheBackOff) {
  plane_.check_failure = absl::UnavailableError("away");
  Want("a", "one");
  rounds_->Wake();
  scheduler_.RunAll();
  for (int i = 0; i < 5; ++i) Pass(16'000);
  plane_.check_failure = absl::OkStatus();
  Want("a", "two", 2);
  Change();
  EXPECT_EQ(outcomes_["a"].active_generation, 2);
}

TEST_F(ReconciliationTest, WhatIsNotAppliedIsTriedAgain) {
  plane_.apply_failure = absl::UnavailableError("the port is in use");
  Want("a", "one");
  rounds_->Wake();
  scheduler_.RunAll();
  EXPECT_EQ(rounds_->problem(), "the port is in use");
  EXPECT_EQ(outcomes_["a"], (PlaneOutcome{.state = State::kPending,
                                          .generation = 1,
                                          .active_generation = 0,
                                          .message = "the port is in use"}));
  plane_.apply_failure = absl::OkStatus();
  Pass(Reconciliation::kRetryMs);
  EXPECT_EQ(outcomes_["a"].state, State::kActive);
}

TEST_F(ReconciliationTest, WhatFailedGoesAllTheWayThoughItsTextIsLiveAgain) {
  Want("a", "one");
  Change();
  plane_.apply_failure = absl::UnavailableError("no answer");
  Want("a", "two", 2);
  Change();
  plane_.apply_failure = absl::OkStatus();
  Want("a", "one", 3);  // but what the plane has is not known
  Change();
  EXPECT_EQ(Live()["a"], "one");
  EXPECT_THAT(plane_.applied, SizeIs(3));
}

TEST_F(ReconciliationTest, ARejectionOutlivesAFailure) {
  Want("a", "bad");
  Want("b", "two");
  plane_.apply_failure = absl::UnavailableError("no answer");
  rounds_->Wake();
  scheduler_.RunAll();
  EXPECT_EQ(outcomes_["a"].state, State::kRejected);
  EXPECT_EQ(outcomes_["b"].state, State::kPending);
  plane_.checks.clear();
  plane_.apply_failure = absl::OkStatus();
  Pass(Reconciliation::kRetryMs);
  ASSERT_THAT(plane_.checks, SizeIs(1));
  EXPECT_FALSE(plane_.checks[0].contains("a"));
}

// ---- Who waits ----------------------------------------------------------------------------------

TEST_F(ReconciliationTest, WhoWaitsIsAnsweredByARoundThatBeganAfterwards) {
  Want("a", "one");
  bool first = false, second = false;
  plane_.hold = true;
  rounds_->WhenCaughtUp([&] { first = true; });
  scheduler_.RunAll();
  Want("a", "two", 2);
  rounds_->WhenCaughtUp([&] { second = outcomes_["a"].active_generation == 2; });
  plane_.Release();
  EXPECT_TRUE(first);
  EXPECT_FALSE(second) << "that round does not know of it";
  Pass(Reconciliation::kGapMs);
  EXPECT_TRUE(second);
}

TEST_F(ReconciliationTest, WhoWaitsIsAnsweredByAFailureAndByARoundWithNothingToDoToo) {
  plane_.check_failure = absl::UnavailableError("away");
  Want("a", "one");
  std::string problem;
  rounds_->WhenCaughtUp([&] { problem = rounds_->problem(); });
  scheduler_.RunAll();
  EXPECT_EQ(problem, "away");
  plane_.check_failure = absl::OkStatus();
  Pass(1'000);
  plane_.checks.clear();
  bool answered = false;
  rounds_->WhenCaughtUp([&] { answered = true; });
  Pass(Reconciliation::kGapMs);
  EXPECT_TRUE(answered);
  EXPECT_THAT(plane_.checks, IsEmpty());
}

TEST_F(ReconciliationTest, AfterAStopNoRoundBegins) {
  Want("a", "one");
  Change();
  rounds_->Stop();
  Want("a", "two", 2);
  Change();
  Pass(60'000);
  EXPECT_THAT(plane_.checks, SizeIs(1));
}

TEST_F(ReconciliationTest, AnswersToOneThatIsGoneAreDropped) {
  Want("a", "one");
  plane_.hold = true;
  rounds_->Wake();
  scheduler_.RunAll();
  ASSERT_THAT(plane_.checks, SizeIs(1));
  rounds_.reset();
  plane_.Release();
  EXPECT_THAT(plane_.applied, IsEmpty());
  Restart();
  rounds_->Wake();
  rounds_.reset();
  scheduler_.RunAll();
  EXPECT_THAT(plane_.checks, SizeIs(1)) << "nor does a round begin";
}

// ---- The next daemon ----------------------------------------------------------------------------

TEST_F(ReconciliationTest, AfterARestartThePlaneIsAskedOnceForWhatItHas) {
  PlaneFiles live;
  live["a"] = std::make_shared<const PlaneFile>(PlaneFile{0, "one"});
  Want("a", "one", 5);
  rounds_->Adopt(live);
  Change();
  EXPECT_THAT(plane_.applied, SizeIs(1)) << "it acknowledges it, or is mended";
  EXPECT_EQ(outcomes_["a"], Active(5));
  Change();
  EXPECT_THAT(plane_.checks, SizeIs(1));
}

TEST_F(ReconciliationTest, AfterARestartTheLastGoodTextIsStillThere) {
  PlaneFiles live;
  live["a"] = std::make_shared<const PlaneFile>(PlaneFile{0, "good"});
  Want("a", "bad", 5);
  rounds_->Adopt(live);
  Change();
  EXPECT_THAT(Live(), ElementsAre(std::pair("a", "good")));
  EXPECT_EQ(outcomes_["a"].state, State::kRejected);
}

// ---- Reconciler ---------------------------------------------------------------------------------

using Thing = Resource<std::string>;

TEST(ReconcilerTest, EachIsRenderedOnceAGenerationUnlessAllIsRenderedAnew) {
  testing::ManualScheduler scheduler;
  FakePlane plane(scheduler);
  std::vector<Thing> things(2);
  things[0].id = "a";
  things[1].id = "b";
  std::vector<std::string> rendered;
  std::map<std::string, PlaneOutcome> outcomes;
  Reconciler<Thing> reconciler(
      {.scheduler = scheduler,
       .plane = plane,
       .wanted = [&] { return things; },
       .render = [&](const Thing& thing) -> absl::StatusOr<PlaneFile> {
         rendered.push_back(thing.id);
         if (thing.spec == "none") return absl::InvalidArgumentError("there is nothing");
         return PlaneFile{.text = thing.id + thing.spec};
       },
       .report = [&](const std::string& id,
                     const PlaneOutcome& outcome) { outcomes[id] = outcome; }});
  const auto change = [&] {
    reconciler.rounds().Wake();
    scheduler.RunAll();
    scheduler.Advance(Reconciliation::kGapMs);
    scheduler.RunAll();
  };
  change();
  EXPECT_THAT(rendered, ElementsAre("a", "b"));
  things[1].spec = "none";
  things[1].generation = 2;
  change();
  EXPECT_THAT(rendered, ElementsAre("a", "b", "b"));
  EXPECT_EQ(outcomes["b"].message, "there is nothing");
  EXPECT_EQ(outcomes["b"].active_generation, 1);
}

}  // namespace
}  // namespace grpc_os::core
