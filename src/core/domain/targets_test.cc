#include "core/domain/targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "testing/manual_scheduler.h"
#include "testing/memory_process_store.h"
#include "testing/recording_supervision.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using All = std::map<std::string, Endpoints>;
using Up = Endpoints::State;

// Answers when it is let, as long as it does not `hold`.
class FakeEdge final : public EdgeEndpoints {
 public:
  explicit FakeEdge(testing::ManualScheduler& scheduler) : scheduler_(scheduler) {}

  void Set(const All& all, std::function<void(absl::Status)> done) override {
    sets.push_back(all);
    Answer([done = std::move(done), status = set_answer] { done(status); });
  }
  void ReadTraffic(std::function<void(absl::StatusOr<EdgeTraffic>)> done) override {
    ++reads;
    if (silent) return;
    absl::StatusOr<EdgeTraffic> answer = EdgeTraffic{.domains = {}, .in_flight = in_flight};
    if (!traffic_answer.ok()) answer = traffic_answer;
    scheduler_.Post([done = std::move(done), answer] { done(answer); });
  }
  void Release() {
    auto answer = std::move(held_.front());
    held_.pop_front();
    scheduler_.Post(std::move(answer));
    scheduler_.RunAll();
  }

  std::vector<All> sets;
  absl::Status set_answer, traffic_answer;
  std::map<int, int64_t> in_flight;
  int reads = 0;
  bool hold = false;
  bool silent = false;  // no counts come

 private:
  void Answer(std::function<void()> answer) {
    if (!hold) return scheduler_.Post(std::move(answer));
    held_.push_back(std::move(answer));
  }
  testing::ManualScheduler& scheduler_;
  std::deque<std::function<void()>> held_;
};

constexpr int64_t kStart = 900'000;

Process MakeProcess(const std::string& name, ProcessState state, bool ready = true,
                    DesiredState desired = DesiredState::kRunning) {
  Process process;
  process.id = "proc_" + name;
  process.name = name;
  process.spec.command = "serve";
  process.spec.port = 8080;
  process.desired = desired;
  process.provisional = false;
  process.instance_id = "instance of " + name;
  process.revision = 1;
  process.status.state = state;
  process.status.ready = ready && state == ProcessState::kRunning;
  process.status.start_time_ms = kStart;
  process.status.observed_generation = process.status.running_generation = 1;
  return process;
}

class TargetsTest : public ::testing::Test {
 protected:
  // As the daemon finds them. Their supervisors are not connected, so that they stay as they are.
  void Load(std::vector<Process> processes) {
    processes_ = std::make_unique<Processes>(store_, supervision_, scheduler_);
    targets_ = std::make_unique<Targets>(Targets::Parts{
        .processes = *processes_, .scheduler = scheduler_, .edge = edge_, .domains = [this] {
          return domains_;
        }});
    processes_->SetTraffic(*targets_);
    processes_->Load(std::move(processes), 1, /*rebooted=*/false);
  }
  void Connect(const std::string& name) {
    const Process process = *processes_->Find(name);
    processes_->OnInstances({process.instance_id});
    InstanceReport snapshot;
    snapshot.instance_id = process.instance_id;
    snapshot.status = process.status;
    snapshot.restart_number = process.restart_number;
    processes_->OnConnected(snapshot);
    scheduler_.RunAll();
  }
  void Report(const std::string& name, const std::string& action, ProcessState state,
              bool ready = false, int64_t start_ms = kStart) {
    const Process process = *processes_->Find(name);
    InstanceReport report;
    report.instance_id = process.instance_id;
    report.seq = process.instance_seq + 1;
    report.action = action;
    report.status.state = state;
    report.status.ready = ready;
    report.status.start_time_ms = start_ms;
    report.status.observed_generation = report.status.running_generation = process.generation;
    report.restart_number = process.restart_number;
    report.ever_started = true;
    processes_->OnReport(report);
    scheduler_.RunAll();
  }
  static Domain To(std::vector<DomainTarget> targets, const std::string& id = "dom_1") {
    Domain domain;
    domain.id = id;
    domain.name = id + ".example";
    domain.spec.routes = {{.path = "/", .targets = std::move(targets)}};
    return domain;
  }
  void OnDomains() {
    targets_->OnDomains();
    scheduler_.RunAll();
  }
  // What the edge has of the first route.
  Endpoints Known(const std::string& upstream = "dom_1_0") const {
    if (edge_.sets.empty() || !edge_.sets.back().contains(upstream)) return {};
    return edge_.sets.back().at(upstream);
  }
  void Pass(int64_t ms, int64_t step = Targets::kPollMs) {
    for (; ms > 0; ms -= step) {
      scheduler_.Advance(std::min(ms, step));
      scheduler_.RunAll();
    }
  }
  // 'web' runs, and a domain leads to it.
  void WebRuns() {
    domains_ = {To({{.process = "proc_web"}})};
    Load({MakeProcess("web", ProcessState::kRunning)});
    Connect("web");
    OnDomains();
  }
  void Stop(const std::string& name) {
    processes_->Stop(name, "", [](const absl::StatusOr<Process>&) {});
    scheduler_.RunAll();
  }
  void Start(const std::string& name) {
    processes_->Start(name, "", [](const absl::StatusOr<Process>&) {});
    scheduler_.RunAll();
  }

  testing::ManualScheduler scheduler_;
  testing::MemoryProcessStore store_;
  testing::RecordingSupervision supervision_;
  FakeEdge edge_{scheduler_};
  std::vector<Domain> domains_;
  std::unique_ptr<Processes> processes_;
  std::unique_ptr<Targets> targets_;
};

// ---- What the edge is to know -------------------------------------------------------------------

TEST_F(TargetsTest, EachStateOfAProcessIsOneOfItsRequests) {
  const auto running = DesiredState::kRunning;
  const auto stopped = DesiredState::kStopped;
  const auto completed = DesiredState::kCompleted;
  struct Case {
    ProcessState state;
    bool ready;
    DesiredState desired;
    TargetState target;
    Up endpoints;
  };
  const Case cases[] = {
      {ProcessState::kPending, false, running, TargetState::kAway, Up::kAway},
      {ProcessState::kStarting, false, running, TargetState::kAway, Up::kAway},
      {ProcessState::kRunning, true, running, TargetState::kUp, Up::kUp},
      {ProcessState::kRunning, false, running, TargetState::kAway, Up::kAway},
      {ProcessState::kRunning, true, stopped, TargetState::kUp, Up::kUp},  // until it is drained
      {ProcessState::kRunning, false, stopped, TargetState::kStopped, Up::kOff},
      {ProcessState::kStopping, false, running, TargetState::kAway, Up::kAway},
      {ProcessState::kStopping, false, stopped, TargetState::kStopped, Up::kOff},
      {ProcessState::kBackoff, false, running, TargetState::kAway, Up::kAway},
      {ProcessState::kCrashLooping, false, running, TargetState::kAway, Up::kAway},
      {ProcessState::kUnkillable, false, running, TargetState::kAway, Up::kAway},
      {ProcessState::kStopped, false, running, TargetState::kAway, Up::kAway},
      {ProcessState::kStopped, false, stopped, TargetState::kStopped, Up::kOff},
      {ProcessState::kExited, false, completed, TargetState::kStopped, Up::kOff},
      {ProcessState::kFailed, false, running, TargetState::kStopped, Up::kOff},
      {ProcessState::kHeld, false, running, TargetState::kStopped, Up::kOff},
  };
  domains_ = {To({{.process = "proc_web"}})};
  for (const Case& one : cases) {
    SCOPED_TRACE(std::string(ToString(one.state)) + (one.ready ? ", ready" : "") + ", wanted " +
                 ToString(one.desired));
    edge_.sets.clear();
    Load({MakeProcess("web", one.state, one.ready, one.desired)});
    OnDomains();
    EXPECT_EQ(Known().state, one.endpoints);
    EXPECT_THAT(Known().endpoints, SizeIs(one.endpoints == Up::kOff ? 0 : 1));
    const auto views = targets_->ViewOf(domains_[0]);
    ASSERT_THAT(views, SizeIs(1));
    EXPECT_EQ(views[0].state, one.target);
  }
}

TEST_F(TargetsTest, AProcessIsNamedByIdOrNameAndItsPortIsTheTargetsOrItsOwn) {
  domains_ = {To({{.process = "proc_web", .port = 9090, .weight = 3}, {.process = "web"}})};
  Load({MakeProcess("web", ProcessState::kRunning)});
  OnDomains();
  EXPECT_EQ(Known(), (Endpoints{.state = Up::kUp, .endpoints = {{9090, 3}, {8080, 1}}}));
  const auto views = targets_->ViewOf(domains_[0]);
  ASSERT_THAT(views, SizeIs(2));
  EXPECT_EQ(views[1].process, "web");
  EXPECT_EQ(views[1].process_id, "proc_web");
  EXPECT_EQ(views[1].port, 8080);
  EXPECT_EQ(views[0].weight, 3);
}

TEST_F(TargetsTest, AProcessThatIsNotThereOrHasNoPortIsMissing) {
  Process portless = MakeProcess("web", ProcessState::kRunning);
  portless.spec.port = 0;
  domains_ = {To({{.process = "proc_gone", .port = 80}}), To({{.process = "web"}}, "dom_2")};
  Load({portless});
  OnDomains();
  EXPECT_EQ(Known("dom_1_0").state, Up::kOff);
  EXPECT_EQ(Known("dom_2_0").state, Up::kOff);
  EXPECT_EQ(targets_->ViewOf(domains_[0])[0].state, TargetState::kMissing);
  EXPECT_EQ(targets_->ViewOf(domains_[0])[0].process, "proc_gone");
  EXPECT_EQ(targets_->ViewOf(domains_[0])[0].process_id, "");
  EXPECT_EQ(targets_->ViewOf(domains_[1])[0].state, TargetState::kMissing);
  EXPECT_EQ(targets_->ViewOf(domains_[1])[0].process_id, "proc_web");
}

TEST_F(TargetsTest, OneThatComesLaterIsFoundByItsName) {
  domains_ = {To({{.process = "web"}})};
  Load({});
  processes_->OnInstances({});
  OnDomains();
  EXPECT_EQ(Known().state, Up::kOff);
  Process web;
  web.name = "web";
  web.spec.command = "serve";
  web.spec.port = 8080;
  processes_->Create(web, [](const absl::StatusOr<Process>&) {});
  scheduler_.RunAll();
  EXPECT_EQ(Known(), (Endpoints{.state = Up::kAway, .endpoints = {{8080, 1}}}));
}

TEST_F(TargetsTest, OfSeveralTargetsThoseThatAreUpHaveTheRequests) {
  domains_ = {To({{.process = "proc_a", .port = 1}, {.process = "proc_b", .port = 2}})};
  Load({MakeProcess("a", ProcessState::kRunning), MakeProcess("b", ProcessState::kBackoff)});
  OnDomains();
  EXPECT_EQ(Known(), (Endpoints{.state = Up::kUp, .endpoints = {{1, 1}}}));
  Load({MakeProcess("a", ProcessState::kStarting), MakeProcess("b", ProcessState::kBackoff)});
  OnDomains();
  EXPECT_EQ(Known(), (Endpoints{.state = Up::kAway, .endpoints = {{1, 1}, {2, 1}}}));
  Load({MakeProcess("a", ProcessState::kFailed), MakeProcess("b", ProcessState::kBackoff)});
  OnDomains();
  EXPECT_EQ(Known(), (Endpoints{.state = Up::kAway, .endpoints = {{2, 1}}}));
}

TEST_F(TargetsTest, WhatIsReportedGoesToTheEdge) {
  WebRuns();
  ASSERT_EQ(Known().state, Up::kUp);
  Report("web", "exited", ProcessState::kBackoff);
  EXPECT_EQ(Known().state, Up::kAway);
  Report("web", "started", ProcessState::kRunning, /*ready=*/false, kStart + 1);
  EXPECT_EQ(Known().state, Up::kAway);
  Report("web", "ready", ProcessState::kRunning, /*ready=*/true, kStart + 1);
  EXPECT_EQ(Known().state, Up::kUp);
  EXPECT_THAT(edge_.sets, SizeIs(3)) << "what changes nothing is not sent";
}

TEST_F(TargetsTest, WhatCannotBeStoredGoesToTheEdgeToo) {
  WebRuns();
  store_.failure = absl::UnavailableError("disk full");
  Report("web", "exited", ProcessState::kBackoff);
  EXPECT_EQ(Known().state, Up::kAway);
}

TEST_F(TargetsTest, RoutesThatAreGoneAreNotSentAnyMore) {
  domains_ = {To({{.process = "web"}}), To({{.process = "web"}}, "dom_2")};
  Load({MakeProcess("web", ProcessState::kRunning)});
  OnDomains();
  domains_.pop_back();
  OnDomains();
  EXPECT_THAT(edge_.sets.back(), SizeIs(1));
  OnDomains();
  EXPECT_THAT(edge_.sets, SizeIs(2));
}

TEST_F(TargetsTest, ItIsKnownSinceWhenATargetIsAsItIs) {
  WebRuns();
  EXPECT_EQ(targets_->ViewOf(domains_[0])[0].since_ms, 1'000'000);
  scheduler_.Advance(5'000);
  Report("web", "message", ProcessState::kRunning, /*ready=*/true);
  EXPECT_EQ(targets_->ViewOf(domains_[0])[0].since_ms, 1'000'000);
  Report("web", "exited", ProcessState::kBackoff);
  EXPECT_EQ(targets_->ViewOf(domains_[0])[0].since_ms, 1'005'000);
}

// ---- Sending ------------------------------------------------------------------------------------

TEST_F(TargetsTest, OneSetIsUnderWayAtATimeAndTheNextHasTheNewest) {
  WebRuns();
  edge_.sets.clear();
  edge_.hold = true;
  Report("web", "exited", ProcessState::kBackoff);
  Report("web", "started", ProcessState::kRunning, /*ready=*/true, kStart + 1);
  Report("web", "exited", ProcessState::kBackoff);
  Report("web", "started", ProcessState::kRunning, /*ready=*/true, kStart + 2);
  EXPECT_THAT(edge_.sets, SizeIs(1));
  edge_.Release();
  ASSERT_THAT(edge_.sets, SizeIs(2));
  EXPECT_EQ(Known().state, Up::kUp);
  edge_.Release();
  EXPECT_THAT(edge_.sets, SizeIs(2));
}

TEST_F(TargetsTest, WhatTheEdgeDidNotTakeIsSentAgain) {
  WebRuns();
  edge_.set_answer = absl::DeadlineExceededError("silent");
  Report("web", "exited", ProcessState::kBackoff);
  edge_.sets.clear();
  Pass(Targets::kRetryMs - 1);
  EXPECT_THAT(edge_.sets, IsEmpty());
  Pass(1);
  ASSERT_THAT(edge_.sets, SizeIs(1));
  EXPECT_EQ(Known().state, Up::kAway);
  edge_.set_answer = absl::OkStatus();
  Pass(Targets::kRetryMs);
  EXPECT_THAT(edge_.sets, SizeIs(2));
  Pass(10'000);
  EXPECT_THAT(edge_.sets, SizeIs(2));
}

TEST_F(TargetsTest, WhatFailedWhileARetryWasDueIsSentAgainToo) {
  WebRuns();
  edge_.set_answer = absl::DeadlineExceededError("silent");
  Report("web", "exited", ProcessState::kBackoff);
  Pass(50);
  Report("web", "started", ProcessState::kRunning, /*ready=*/true, kStart + 1);
  edge_.sets.clear();
  edge_.set_answer = absl::OkStatus();
  Pass(Targets::kRetryMs);
  ASSERT_THAT(edge_.sets, SizeIs(1));
  EXPECT_EQ(Known().state, Up::kUp);
}

TEST_F(TargetsTest, AnEdgeThatHasNoRoomIsSaidAndAskedLessOften) {
  WebRuns();
  edge_.set_answer = absl::ResourceExhaustedError("no memory");
  Report("web", "exited", ProcessState::kBackoff);
  EXPECT_TRUE(targets_->full());
  edge_.sets.clear();
  Pass(Targets::kFullRetryMs - 1);
  EXPECT_THAT(edge_.sets, IsEmpty());
  edge_.set_answer = absl::OkStatus();
  Pass(1);
  EXPECT_THAT(edge_.sets, SizeIs(1));
  EXPECT_FALSE(targets_->full());
}

TEST_F(TargetsTest, AnEdgeThatWasStartedIsGivenAllAnew) {
  WebRuns();
  targets_->Renew();
  scheduler_.RunAll();
  ASSERT_THAT(edge_.sets, SizeIs(2));
  EXPECT_EQ(edge_.sets[0], edge_.sets[1]);
}

TEST_F(TargetsTest, WhoWaitsForTheEdgeIsAnsweredByTheSetThatHasAllThatIsKnown) {
  WebRuns();
  int answers = 0;
  targets_->WhenSet([&] { ++answers; });
  EXPECT_EQ(answers, 0) << "never from inside";
  scheduler_.RunAll();
  EXPECT_EQ(answers, 1) << "there is nothing to wait for";
  edge_.hold = true;
  Report("web", "exited", ProcessState::kBackoff);
  targets_->WhenSet([&] { ++answers; });
  scheduler_.RunAll();
  EXPECT_EQ(answers, 1);
  Report("web", "started", ProcessState::kRunning, /*ready=*/true, kStart + 1);
  targets_->WhenSet([&] { ++answers; });
  edge_.Release();
  EXPECT_EQ(answers, 2) << "that set has all that was known to the first of them";
  edge_.Release();
  EXPECT_EQ(answers, 3);
}

TEST_F(TargetsTest, WhoWaitsForAnEdgeThatTakesNothingIsAnswered) {
  WebRuns();
  edge_.set_answer = absl::UnavailableError("nobody listens");
  Report("web", "exited", ProcessState::kBackoff);
  bool answered = false;
  targets_->WhenSet([&] { answered = true; });
  scheduler_.RunAll();
  EXPECT_TRUE(answered);
}

// ---- Drains -------------------------------------------------------------------------------------

TEST_F(TargetsTest, AProcessThatNoDomainLeadsToIsStoppedAtOnce) {
  WebRuns();
  domains_ = {To({{.process = "proc_other"}})};
  OnDomains();
  EXPECT_FALSE(targets_->Drain(*processes_->Find("web"), [] {}));
  Stop("web");
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(TargetsTest, AStopWaitsForTheRequestsThatAreInFlight) {
  WebRuns();
  edge_.in_flight = {{8080, 2}, {9999, 7}};
  Stop("web");
  EXPECT_EQ(Known().state, Up::kOff) << "who is stopped for good has no new requests";
  EXPECT_EQ(targets_->ViewOf(domains_[0])[0].state, TargetState::kDraining);
  EXPECT_EQ(targets_->ViewOf(domains_[0])[0].in_flight, 2);
  Pass(1'000);
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  edge_.in_flight = {{8080, 0}, {9999, 7}};
  Pass(Targets::kPollMs);
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
  Pass(60'000, 1'000);
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(TargetsTest, TheEdgeKnowsBeforeItIsAskedWhatIsInFlight) {
  WebRuns();
  edge_.hold = true;
  Stop("web");
  EXPECT_EQ(edge_.reads, 0);
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  edge_.Release();
  EXPECT_EQ(edge_.reads, 1);
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(TargetsTest, ARestartHoldsTheRequestsUntilItIsUpAgain) {
  WebRuns();
  edge_.in_flight = {{8080, 1}};
  processes_->Restart("web", "", [](const absl::StatusOr<Process>&) {});
  scheduler_.RunAll();
  EXPECT_EQ(Known(), (Endpoints{.state = Up::kAway, .endpoints = {{8080, 1}}}));
  EXPECT_THAT(supervision_.restarts, IsEmpty());
  edge_.in_flight.clear();
  Pass(Targets::kPollMs);
  EXPECT_THAT(supervision_.restarts, SizeIs(1));
  Report("web", "restarting", ProcessState::kStopping);
  EXPECT_EQ(Known().state, Up::kAway);
  Report("web", "ready", ProcessState::kRunning, /*ready=*/true, kStart + 5'000);
  EXPECT_EQ(Known().state, Up::kUp) << "it is another execution";
  EXPECT_EQ(targets_->ViewOf(domains_[0])[0].state, TargetState::kUp);
}

TEST_F(TargetsTest, RequestsAreWaitedForAsLongAsTheDomainSays) {
  WebRuns();
  domains_[0].spec.drain_ms = 3'000;
  OnDomains();
  edge_.in_flight = {{8080, 1}};
  Stop("web");
  Pass(2'900);
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  Pass(125);
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(TargetsTest, TheLongestOfSeveralDomainsCountsAndNoLongerThanTheStopTimeout) {
  domains_ = {To({{.process = "proc_web"}}), To({{.process = "web"}}, "dom_2")};
  domains_[0].spec.drain_ms = 1'000;
  domains_[1].spec.drain_ms = 30'000;
  Process web = MakeProcess("web", ProcessState::kRunning);
  web.spec.stop_timeout_ms = 5'000;
  Load({web});
  Connect("web");
  OnDomains();
  edge_.in_flight = {{8080, 1}};
  Stop("web");
  Pass(4'900);
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  Pass(125);
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(TargetsTest, AnEdgeThatDoesNotRunIsNotWaitedFor) {
  WebRuns();
  edge_.set_answer = edge_.traffic_answer = absl::UnavailableError("nobody listens");
  Stop("web");
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(TargetsTest, AnEdgeThatDoesNotAnswerIsWaitedForAMoment) {
  WebRuns();
  edge_.traffic_answer = absl::DeadlineExceededError("silent");
  Stop("web");
  Pass(Targets::kUnreachedMs - Targets::kPollMs);
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  Pass(2 * Targets::kPollMs);
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(TargetsTest, NothingThatTheEdgeOwesKeepsAProcessFromBeingStopped) {
  WebRuns();
  edge_.silent = true;
  Stop("web");
  Pass(kDefaultDrainMs);
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  Pass(Targets::kUnreachedMs);
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(TargetsTest, AStartDuringTheDrainEndsIt) {
  WebRuns();
  edge_.in_flight = {{8080, 1}};
  Stop("web");
  ASSERT_EQ(Known().state, Up::kOff);
  Start("web");
  Report("web", "message", ProcessState::kRunning, /*ready=*/true);  // it goes on
  EXPECT_EQ(Known().state, Up::kUp);
  EXPECT_EQ(targets_->ViewOf(domains_[0])[0].state, TargetState::kUp);
  edge_.in_flight.clear();
  Pass(60'000, 1'000);
  EXPECT_THAT(supervision_.stopped, IsEmpty());
}

TEST_F(TargetsTest, AStopAfterThatDrainsAnew) {
  WebRuns();
  edge_.in_flight = {{8080, 1}};
  Stop("web");
  Start("web");
  Report("web", "message", ProcessState::kRunning, /*ready=*/true);
  Pass(5'000);
  Stop("web");
  EXPECT_EQ(Known().state, Up::kOff);
  Pass(9'000);
  EXPECT_THAT(supervision_.stopped, IsEmpty()) << "of its own time, not of the first one's";
  Pass(1'500);
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(TargetsTest, OneThatIsNotReadyYetIsDrainedToo) {
  domains_ = {To({{.process = "proc_web"}})};
  Load({MakeProcess("web", ProcessState::kRunning, /*ready=*/false)});
  Connect("web");
  OnDomains();
  Stop("web");
  EXPECT_EQ(Known().state, Up::kOff);
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

}  // namespace
}  // namespace grpc_os::core
