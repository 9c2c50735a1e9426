#include "core/deploy/deploys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/error_reason.h"
#include "core/process/bundle_place.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_process_store.h"
#include "testing/memory_resource_store.h"
#include "testing/recording_supervision.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kReadyMs = 30'000;

class FakeBundles final : public Bundles {
 public:
  void Prepare(const Process& process, std::function<void(absl::Status)> done) override {
    prepared.push_back(BundlePlace(process));
    if (hold) {
      held = std::move(done);
    } else {
      done(answer);
    }
  }
  void RemovePlace(const std::string& place) override { places_removed.push_back(place); }
  void RemoveBundle(const std::string& digest, int64_t used_ms) override {
    removed.push_back(digest);
    removed_as_of_ms.push_back(used_ms);
  }
  void Restore(const Process& process) override { restored.push_back(process.name); }
  void KeepOnly(std::set<std::string> places, std::set<std::string>) override {
    kept = std::move(places);
  }

  absl::Status answer;
  bool hold = false;
  std::function<void(absl::Status)> held;
  std::vector<std::string> prepared, restored, places_removed, removed;
  std::vector<int64_t> removed_as_of_ms;
  std::set<std::string> kept;
};

// Each log has one line.
class FakeLogs final : public LogSource {
 public:
  std::shared_ptr<Tail> Start(Options, std::function<void(LogLines)> on_lines,
                              std::function<void(absl::Status)> on_end) override {
    class FakeTail final : public Tail {
     public:
      explicit FakeTail(std::function<void(absl::Status)> on_end) : on_end_(std::move(on_end)) {}
      void Continue() override { on_end_(absl::OkStatus()); }
      void Cancel() override {}
      void Finish() override {}

     private:
      const std::function<void(absl::Status)> on_end_;
    };
    auto tail = std::make_shared<FakeTail>(std::move(on_end));
    LogLines lines;
    lines.lines.push_back({.text = "cannot bind \xff"});
    on_lines(std::move(lines));
    return tail;
  }
};

class NoLogger final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return false; }
  void SetLevel(LogLevel) override {}
  LogLevel Level() const override { return LogLevel::kError; }
  void Write(LogLevel, std::string_view, const LogFields&) override {}
};

class DeploysTest : public ::testing::Test {
 protected:
  DeploysTest() {
    processes_.OnInstances({});
    // As supervise answers to the spec of another deploy.
    supervision_.spec_answer = absl::FailedPreconditionError("another deploy");
    Restart();
  }
  // As a new daemon, from what the store has; the processes are as they are.
  void Restart() {
    deploys_ = std::make_unique<Deploys>(
        Deploys::Parts{.processes = processes_,
                       .store = resources_,
                       .scheduler = scheduler_,
                       .logger = logger_,
                       .bundles = bundles_,
                       .logs = logs_,
                       .release = [this](const Process& process, const std::string& command,
                                         std::function<void(absl::Status)> done) {
                         released_.push_back(absl::StrCat(process.spec.version, " ", command));
                         release_done_ = std::move(done);
                       }});
    ASSERT_TRUE(deploys_->Load(resources_.revision).ok());
    deploys_->Recover();
    scheduler_.RunAll();
  }

  static Deploys::Wanted Web(const std::string& version, const std::string& bundle = "") {
    Deploys::Wanted wanted;
    wanted.process = "web";
    wanted.spec.command = "serve";
    wanted.spec.version = version;
    wanted.spec.bundle = bundle;
    wanted.spec.ready.timeout_ms = kReadyMs;
    return wanted;
  }
  absl::StatusOr<Revision> Begin(const Deploys::Wanted& wanted) {
    // It may come later, too.
    const auto answer = std::make_shared<std::optional<absl::StatusOr<Revision>>>();
    Origin origin;
    origin.record.user = "ada";
    deploys_->Deploy(wanted, origin, [answer](absl::StatusOr<Revision> revision) {
      ASSERT_FALSE(answer->has_value()) << "answered twice";
      *answer = std::move(revision);
    });
    scheduler_.RunAll();
    return answer->value_or(absl::DeadlineExceededError("no answer yet"));
  }
  static std::string ReasonOf(const absl::Status& status) {
    const auto detail = DetailOf(status);
    return detail ? detail->reason : "";
  }

  void Report(const std::string& action, ProcessState state, bool ready = false) {
    const Process& process = *processes_.Find("web");
    InstanceReport report;
    report.instance_id = supervision_.launched.back();
    report.seq = ++seq_;
    report.time_ms = scheduler_.now_ms;
    report.action = action;
    report.status.state = state;
    report.status.ready = ready;
    report.status.observed_generation = report.status.running_generation = process.generation;
    report.ever_started = true;
    report.restart_number = process.restart_number;
    processes_.OnReport(report);
    scheduler_.RunAll();
  }
  // The newest instance is executed.
  void Run() {
    supervision_.launch_done(absl::OkStatus());
    seq_ = 0;
    InstanceReport snapshot;
    snapshot.instance_id = supervision_.launched.back();
    snapshot.status.state = ProcessState::kStarting;
    processes_.OnConnected(snapshot);
    scheduler_.RunAll();
    Report("started", ProcessState::kRunning);
  }
  void BeReady() { Report("ready", ProcessState::kRunning, true); }
  // What was asked to stop has stopped.
  void Stopped() { Report("stopped", ProcessState::kStopped); }
  // All of a deploy over one that runs.
  void Replace() {
    Stopped();
    Run();
  }
  void Deploy(const Deploys::Wanted& wanted) {
    const bool first = processes_.Find("web") == nullptr;
    ASSERT_TRUE(Begin(wanted).ok());
    if (!first) Stopped();
    Run();
    BeReady();
    ASSERT_EQ(State(0), RevisionState::kDeployed);
  }
  RevisionState State(int64_t number) const { return deploys_->Find("web", number)->status.state; }
  std::string Message(int64_t number) const {
    return deploys_->Find("web", number)->status.message;
  }
  std::vector<int64_t> Numbers() const {
    std::vector<int64_t> numbers;
    for (const Revision& one : deploys_->List("web")) numbers.push_back(one.spec.number);
    return numbers;
  }
  const ProcessSpec& Spec() const { return processes_.Find("web")->spec; }

  testing::ManualScheduler scheduler_;
  testing::MemoryProcessStore store_;
  testing::MemoryResourceStore resources_;
  testing::RecordingSupervision supervision_;
  Processes processes_{store_, supervision_, scheduler_};
  FakeBundles bundles_;
  FakeLogs logs_;
  NoLogger logger_;
  std::unique_ptr<Deploys> deploys_;
  std::vector<std::string> released_;
  std::function<void(absl::Status)> release_done_;
  int64_t seq_ = 0;
};

TEST_F(DeploysTest, TheFirstMakesTheProcessAndIsDeployedOnceThatIsReady) {
  const auto revision = Begin(Web("1"));
  ASSERT_TRUE(revision.ok()) << revision.status();
  EXPECT_EQ(revision->spec.number, 1);
  EXPECT_EQ(revision->owner, "ada");
  Run();
  EXPECT_EQ(State(1), RevisionState::kDeploying);
  BeReady();
  EXPECT_EQ(State(1), RevisionState::kDeployed);
  EXPECT_EQ(Spec().deployed, 1);
}

TEST_F(DeploysTest, TheNextStopsTheOldInstanceBeforeItStartsTheNewOne) {
  Deploy(Web("1"));
  const std::string old = supervision_.launched.back();
  ASSERT_TRUE(Begin(Web("2")).ok());
  EXPECT_EQ(Spec().deployed, 2);
  EXPECT_THAT(supervision_.stopped, ElementsAre(old));
  EXPECT_THAT(supervision_.restarts, IsEmpty()) << "a new instance, no restart within one";
  EXPECT_EQ(supervision_.launched.size(), 1u) << "never two copies";
  EXPECT_EQ(State(2), RevisionState::kDeploying) << "though the old one is ready";
  Replace();
  EXPECT_EQ(supervision_.launched.size(), 2u);
  BeReady();
  EXPECT_EQ(State(2), RevisionState::kDeployed);
}

TEST_F(DeploysTest, WhatIsNotReadyInTimeIsRolledBackWithItsLog) {
  Deploy(Web("1"));
  ASSERT_TRUE(Begin(Web("2")).ok());
  Replace();
  scheduler_.Advance(kReadyMs + 2000);
  EXPECT_EQ(Spec().version, "1");
  EXPECT_EQ(Spec().deployed, 1);
  EXPECT_EQ(deploys_->Find("web", 2)->status.step, DeployStep::kRollingBack);
  Replace();
  EXPECT_EQ(State(2), RevisionState::kDeploying) << "the old one is not ready yet";
  BeReady();
  EXPECT_EQ(State(2), RevisionState::kFailed);
  EXPECT_THAT(Message(2), HasSubstr("rolled back: the process has revision 1"));
  EXPECT_THAT(Message(2), HasSubstr("not ready after 30 s"));
  EXPECT_THAT(Message(2), HasSubstr("cannot bind \\xff"));
  Deploy(Web("3"));
}

TEST_F(DeploysTest, WithoutARollbackItStaysAsItIs) {
  Deploy(Web("1"));
  auto wanted = Web("2");
  wanted.no_rollback = true;
  ASSERT_TRUE(Begin(wanted).ok());
  Replace();
  scheduler_.Advance(kReadyMs + 2000);
  EXPECT_EQ(State(2), RevisionState::kFailed);
  EXPECT_EQ(Spec().deployed, 2);
}

TEST_F(DeploysTest, WhatWasStoppedIsStoppedAgainAfterARollback) {
  Deploy(Web("1"));
  processes_.Stop("web", "", [](const absl::StatusOr<Process>&) {});
  scheduler_.RunAll();
  Stopped();
  ASSERT_TRUE(Begin(Web("2")).ok());
  Run();
  scheduler_.Advance(kReadyMs + 2000);
  Stopped();
  EXPECT_EQ(State(2), RevisionState::kFailed);
  EXPECT_EQ(Spec().deployed, 1);
  EXPECT_EQ(processes_.Find("web")->desired, DesiredState::kStopped);
}

TEST_F(DeploysTest, AFirstOneThatIsNotReadyIsStopped) {
  ASSERT_TRUE(Begin(Web("1")).ok());
  Run();
  scheduler_.Advance(kReadyMs + 2000);
  EXPECT_EQ(processes_.Find("web")->desired, DesiredState::kStopped);
  Stopped();
  EXPECT_EQ(State(1), RevisionState::kFailed);
  EXPECT_THAT(Message(1), HasSubstr("no revision before it"));
}

TEST_F(DeploysTest, AFirstOneThatCannotBeExecutedLeavesItsReasonAlone) {
  ASSERT_TRUE(Begin(Web("1")).ok());
  supervision_.launch_done(absl::OkStatus());
  InstanceReport report;
  report.instance_id = supervision_.launched.back();
  report.seq = 1;
  report.action = "failed";
  report.status.state = ProcessState::kFailed;
  processes_.OnReport(report);
  scheduler_.RunAll();
  EXPECT_EQ(processes_.Find("web"), nullptr);
  EXPECT_EQ(State(1), RevisionState::kFailed);
  EXPECT_THAT(Message(1), HasSubstr("could not be started"));
  const auto next = Begin(Web("1"));
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->spec.number, 2);
}

TEST_F(DeploysTest, WhereNothingDiffersNothingIsDone) {
  Deploy(Web("1"));
  const auto same = Begin(Web("1"));
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->spec.number, 1);
  EXPECT_THAT(Numbers(), ElementsAre(1));
  EXPECT_THAT(supervision_.stopped, IsEmpty());
}

TEST_F(DeploysTest, ThatNothingWasToBeDoneIsRememberedAndThePlaceIsLookedAfter) {
  Deploy(Web("1"));
  Origin origin;
  origin.request.emplace().key.id = "again";
  std::optional<absl::StatusOr<Revision>> answer;
  deploys_->Deploy(Web("1"), origin,
                   [&answer](absl::StatusOr<Revision> revision) { answer = std::move(revision); });
  scheduler_.RunAll();
  ASSERT_TRUE(answer && answer->ok());
  ASSERT_EQ(resources_.requests.size(), 1u);
  EXPECT_EQ(resources_.requests.front().subject, "web/1");
  EXPECT_EQ(bundles_.prepared.size(), 2u) << "it may be gone or damaged";
  bundles_.answer = absl::DataLossError("damaged");
  EXPECT_EQ(Begin(Web("1")).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(DeploysTest, WhatFailedIsTriedAgain) {
  Deploy(Web("1"));
  auto wanted = Web("2");
  wanted.no_rollback = true;
  ASSERT_TRUE(Begin(wanted).ok());
  Replace();
  scheduler_.Advance(kReadyMs + 2000);
  ASSERT_EQ(State(2), RevisionState::kFailed);
  const auto again = Begin(wanted);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->spec.number, 3);
  Replace();
  BeReady();
  EXPECT_EQ(State(3), RevisionState::kDeployed);
}

TEST_F(DeploysTest, AStopDuringTheReleaseIsNotUndone) {
  Deploy(Web("1"));
  auto wanted = Web("2");
  wanted.spec.release = "migrate";
  ASSERT_TRUE(Begin(wanted).ok());
  processes_.Stop("web", "", [](const absl::StatusOr<Process>&) {});
  scheduler_.RunAll();
  Stopped();
  release_done_(absl::OkStatus());
  scheduler_.RunAll();
  EXPECT_EQ(State(2), RevisionState::kFailed);
  EXPECT_EQ(processes_.Find("web")->desired, DesiredState::kStopped);
  EXPECT_EQ(Spec().deployed, 1);
}

TEST_F(DeploysTest, AStopWhileItIsRolledBackIsNotUndone) {
  Deploy(Web("1"));
  ASSERT_TRUE(Begin(Web("2")).ok());
  Replace();
  store_.failure = absl::UnavailableError("the disk is full");
  scheduler_.Advance(kReadyMs + 2000);
  store_.failure = absl::OkStatus();
  processes_.Stop("web", "", [](const absl::StatusOr<Process>&) {});
  scheduler_.RunAll();
  Stopped();
  scheduler_.Advance(1000);
  EXPECT_EQ(State(2), RevisionState::kFailed);
  EXPECT_EQ(processes_.Find("web")->desired, DesiredState::kStopped);
}

TEST_F(DeploysTest, OneThatIsBeingLaunchedWithTheOldSpecIsReplaced) {
  Deploy(Web("1"));
  processes_.Stop("web", "", [](const absl::StatusOr<Process>&) {});
  scheduler_.RunAll();
  Stopped();
  processes_.Start("web", "", [](const absl::StatusOr<Process>&) {});
  scheduler_.RunAll();
  const std::string launched = supervision_.launched.back();
  ASSERT_TRUE(Begin(Web("2")).ok());
  supervision_.stopped.clear();
  supervision_.launch_done(absl::OkStatus());
  InstanceReport snapshot;
  snapshot.instance_id = launched;
  snapshot.status.state = ProcessState::kStarting;
  processes_.OnConnected(snapshot);
  scheduler_.RunAll();
  EXPECT_THAT(supervision_.stopped, ElementsAre(launched));
}

TEST_F(DeploysTest, WhatWouldBeRefusedIsRefusedBeforeTheRelease) {
  Process other;
  other.name = "other";
  other.spec.command = "serve";
  other.spec.port = 8080;
  processes_.Create(other, [](const absl::StatusOr<Process>&) {});
  scheduler_.RunAll();
  auto wanted = Web("1");
  wanted.spec.port = 8080;
  wanted.spec.release = "migrate";
  wanted.validate_only = true;
  EXPECT_EQ(ReasonOf(Begin(wanted).status()), reason::kPortTaken);
  wanted.validate_only = false;
  EXPECT_EQ(ReasonOf(Begin(wanted).status()), reason::kPortTaken);
  EXPECT_THAT(released_, IsEmpty());
  EXPECT_THAT(Numbers(), IsEmpty());
}

TEST_F(DeploysTest, TheRevisionOfAProcessThatWasDeletedMeanwhileGoes) {
  Deploy(Web("1"));
  auto wanted = Web("2");
  wanted.spec.release = "migrate";
  ASSERT_TRUE(Begin(wanted).ok());
  processes_.Delete("web", "", true, [](const absl::StatusOr<int64_t>&) {});
  scheduler_.RunAll();
  Stopped();
  release_done_(absl::OkStatus());
  scheduler_.RunAll();
  EXPECT_TRUE(resources_.rows.empty());
}

TEST_F(DeploysTest, WhatItHadBeforeIsKeptOnlyAsLongAsItIsNeeded) {
  Deploy(Web("1"));
  ASSERT_TRUE(Begin(Web("2")).ok());
  EXPECT_EQ(deploys_->Find("web", 2)->status.before.version, "1");
  Replace();
  BeReady();
  EXPECT_EQ(deploys_->Find("web", 2)->status.before, ProcessSpec());
}

TEST_F(DeploysTest, TheNextDaemonLooksForThePlacesOfAll) {
  Deploy(Web("1", std::string(64, 'a')));
  resources_.rows.clear();  // whatever can be read of the revisions
  Restart();
  EXPECT_THAT(bundles_.restored, ElementsAre("web"));
  EXPECT_THAT(bundles_.kept, ::testing::Contains(std::string(64, 'a')));
}

TEST_F(DeploysTest, AskingWhatWouldBeChangesNothing) {
  Deploy(Web("1"));
  auto wanted = Web("2");
  wanted.validate_only = true;
  const auto planned = Begin(wanted);
  ASSERT_TRUE(planned.ok());
  EXPECT_EQ(planned->spec.number, 2);
  EXPECT_EQ(planned->revision, 0) << "it is not stored";
  EXPECT_THAT(Numbers(), ElementsAre(1));
  EXPECT_EQ(bundles_.prepared.size(), 1u);
}

TEST_F(DeploysTest, SecretsOfTheProcessOutliveIt) {
  auto first = Web("1");
  first.spec.environment = {{"TOKEN", "s3cret"}, {"MODE", "a"}};
  first.spec.secrets = {"TOKEN"};
  Deploy(first);
  auto second = Web("2");
  second.spec.environment = {{"MODE", "b"}};
  Deploy(second);
  EXPECT_EQ(Spec().environment.at("TOKEN"), "s3cret");
  EXPECT_EQ(Spec().environment.at("MODE"), "b");
  EXPECT_TRUE(Spec().secrets.contains("TOKEN"));
}

TEST_F(DeploysTest, OneAtATime) {
  bundles_.hold = true;
  EXPECT_EQ(Begin(Web("1")).status().code(), absl::StatusCode::kDeadlineExceeded);
  const auto second = Begin(Web("2"));
  EXPECT_EQ(ReasonOf(second.status()), reason::kDeployInProgress);
  bundles_.held(absl::ResourceExhaustedError("the disk is full"));
  bundles_.hold = false;
  scheduler_.RunAll();
  Deploy(Web("2"));
  ASSERT_TRUE(Begin(Web("3")).ok());
  EXPECT_EQ(ReasonOf(Begin(Web("4")).status()), reason::kDeployInProgress);
}

TEST_F(DeploysTest, AnEtagThatIsOldIsRefused) {
  Deploy(Web("1"));
  auto wanted = Web("2");
  wanted.etag = "old";
  EXPECT_EQ(ReasonOf(Begin(wanted).status()), reason::kEtagMismatch);
}

TEST_F(DeploysTest, TheReleaseRunsOnceBeforeAndItsFailureChangesNothing) {
  Deploy(Web("1"));
  auto wanted = Web("2");
  wanted.spec.release = "migrate";
  ASSERT_TRUE(Begin(wanted).ok());
  EXPECT_THAT(released_, ElementsAre("2 migrate"));
  EXPECT_EQ(deploys_->Find("web", 2)->status.step, DeployStep::kReleasing);
  EXPECT_EQ(Spec().deployed, 1);
  release_done_(absl::AbortedError("exit code 3"));
  scheduler_.RunAll();
  EXPECT_EQ(State(2), RevisionState::kFailed);
  EXPECT_THAT(Message(2), HasSubstr("exit code 3"));
  EXPECT_EQ(Spec().deployed, 1);
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  ASSERT_TRUE(Begin(wanted).ok());
  release_done_(absl::OkStatus());
  scheduler_.RunAll();
  Replace();
  BeReady();
  EXPECT_EQ(State(3), RevisionState::kDeployed);
}

TEST_F(DeploysTest, WhoStopsTheProcessEndsTheDeploy) {
  Deploy(Web("1"));
  ASSERT_TRUE(Begin(Web("2")).ok());
  Replace();
  processes_.Stop("web", "", [](const absl::StatusOr<Process>&) {});
  scheduler_.RunAll();
  Stopped();
  EXPECT_EQ(State(2), RevisionState::kFailed);
  EXPECT_EQ(processes_.Find("web")->desired, DesiredState::kStopped);
  EXPECT_EQ(Spec().deployed, 2);
}

TEST_F(DeploysTest, ASpecThatWasChangedDuringTheReleaseIsNotOverwritten) {
  Deploy(Web("1"));
  auto wanted = Web("2");
  wanted.spec.release = "migrate";
  ASSERT_TRUE(Begin(wanted).ok());
  processes_.Update(
      "web", "",
      [](ProcessSpec& spec) {
        spec.command = "other";
        return absl::OkStatus();
      },
      [](const absl::StatusOr<Process>&) {});
  scheduler_.RunAll();
  release_done_(absl::OkStatus());
  scheduler_.RunAll();
  EXPECT_EQ(State(2), RevisionState::kFailed);
  EXPECT_THAT(Message(2), HasSubstr("changed meanwhile"));
  EXPECT_EQ(Spec().command, "other");
}

TEST_F(DeploysTest, ARollbackIsARevisionOfItsOwn) {
  Deploy(Web("1"));
  Deploy(Web("2"));
  auto wanted = deploys_->WantedOf(*processes_.Find("web"), 0);
  ASSERT_TRUE(wanted.ok());
  EXPECT_EQ(wanted->rollback_of, 1);
  Deploy(*wanted);
  EXPECT_EQ(Spec().version, "1");
  EXPECT_EQ(Spec().deployed, 3);
  EXPECT_EQ(ReasonOf(deploys_->WantedOf(*processes_.Find("web"), 9).status()),
            reason::kRevisionNotFound);
}

TEST_F(DeploysTest, TenAreKeptAndTheBundlesOfTheOthersGo) {
  const auto digest = [](int i) { return std::string(63, 'a') + std::to_string(i % 10); };
  for (int i = 1; i <= 13; ++i) Deploy(Web(std::to_string(i), digest(i <= 2 ? i : 3)));
  EXPECT_THAT(Numbers(), ElementsAre(13, 12, 11, 10, 9, 8, 7, 6, 5, 4));
  EXPECT_THAT(bundles_.removed, ElementsAre(digest(1), digest(2)));
  EXPECT_THAT(bundles_.places_removed, ElementsAre(digest(1), digest(2)));
}

TEST_F(DeploysTest, ABundleGoesAsOfItsLastUse) {
  scheduler_.now_ms = 1'000'000;
  Deploy(Web("1", std::string(64, 'a')));
  scheduler_.now_ms = 2'000'000;
  Deploy(Web("2", std::string(64, 'a')));
  scheduler_.now_ms = 3'000'000;
  processes_.Delete("web", "", true, [](const absl::StatusOr<int64_t>&) {});
  scheduler_.RunAll();
  Stopped();
  EXPECT_THAT(bundles_.removed, ElementsAre(std::string(64, 'a')));
  EXPECT_THAT(bundles_.removed_as_of_ms, ElementsAre(2'000'000)) << "what came later stays";
}

TEST_F(DeploysTest, WithTheProcessItsRevisionsGo) {
  Deploy(Web("1", std::string(64, 'a')));
  Deploy(Web("2", std::string(64, 'b')));
  processes_.Delete("web", "", true, [](const absl::StatusOr<int64_t>&) {});
  scheduler_.RunAll();
  Stopped();
  EXPECT_EQ(processes_.Find("web"), nullptr);
  EXPECT_THAT(Numbers(), IsEmpty());
  EXPECT_EQ(bundles_.removed.size(), 2u);
  EXPECT_TRUE(resources_.rows.empty());
}

TEST_F(DeploysTest, WhoWaitsHearsOfEachStep) {
  auto wanted = Web("1");
  wanted.spec.release = "migrate";
  const auto revision = Begin(wanted);
  std::vector<std::string> heard;
  const auto wait = [&](std::optional<DeployStep> step) {
    deploys_->Wait(*revision, step, 5000, [&](const absl::StatusOr<Revision>& now) {
      heard.push_back(absl::StrCat(ToString(now->status.state), " ", ToString(now->status.step)));
    });
    scheduler_.RunAll();
  };
  wait(DeployStep::kReleasing);
  EXPECT_THAT(heard, IsEmpty());
  release_done_(absl::OkStatus());
  scheduler_.RunAll();
  EXPECT_THAT(heard, ElementsAre("deploying starting"));
  wait(std::nullopt);
  scheduler_.Advance(5000);
  EXPECT_THAT(heard, ElementsAre("deploying starting", "deploying starting"));
  wait(std::nullopt);
  Run();
  BeReady();
  EXPECT_EQ(heard.back(), "deployed starting");
}

// ---- Interrupted --------------------------------------------------------------------------------

TEST_F(DeploysTest, InterruptedBeforeTheChangeTheProcessHasTheOldOne) {
  Deploy(Web("1"));
  auto wanted = Web("2");
  wanted.spec.release = "migrate";
  ASSERT_TRUE(Begin(wanted).ok());
  Restart();
  EXPECT_EQ(State(2), RevisionState::kFailed);
  EXPECT_THAT(Message(2), HasSubstr("the process has revision 1"));
  EXPECT_EQ(Spec().deployed, 1);
  wanted.spec.release.clear();
  Deploy(wanted);
}

TEST_F(DeploysTest, InterruptedAfterTheChangeItGoesOn) {
  Deploy(Web("1"));
  ASSERT_TRUE(Begin(Web("2")).ok());
  Restart();
  EXPECT_EQ(State(2), RevisionState::kDeploying) << "though the old instance is ready";
  Replace();
  BeReady();
  EXPECT_EQ(State(2), RevisionState::kDeployed);
}

TEST_F(DeploysTest, InterruptedAfterTheChangeItIsRolledBackIfItIsNotReady) {
  Deploy(Web("1"));
  ASSERT_TRUE(Begin(Web("2")).ok());
  Restart();
  Replace();
  scheduler_.Advance(kReadyMs + 2000);
  EXPECT_EQ(Spec().deployed, 1);
  Replace();
  BeReady();
  EXPECT_EQ(State(2), RevisionState::kFailed);
}

TEST_F(DeploysTest, InterruptedWhileItIsRolledBackTheReasonIsNotLost) {
  Deploy(Web("1"));
  ASSERT_TRUE(Begin(Web("2")).ok());
  Replace();
  scheduler_.Advance(kReadyMs + 2000);
  ASSERT_EQ(Spec().deployed, 1);
  Restart();
  EXPECT_EQ(State(2), RevisionState::kFailed);
  EXPECT_THAT(Message(2), HasSubstr("not ready after 30 s"));
  EXPECT_THAT(Message(2), HasSubstr("revision 1"));
}

TEST_F(DeploysTest, InterruptedBeforeTheRollbackWasStoredItIsRolledBack) {
  Deploy(Web("1"));
  ASSERT_TRUE(Begin(Web("2")).ok());
  Replace();
  store_.failure = absl::UnavailableError("the disk is full");
  scheduler_.Advance(kReadyMs + 2000);
  ASSERT_EQ(Spec().deployed, 2);
  store_.failure = absl::OkStatus();
  Restart();
  Replace();
  BeReady();
  EXPECT_EQ(Spec().deployed, 1);
  EXPECT_EQ(State(2), RevisionState::kFailed);
}

TEST_F(DeploysTest, ItsEndIsStoredOnceTheStoreTakesIt) {
  Deploy(Web("1"));
  ASSERT_TRUE(Begin(Web("2")).ok());
  Replace();
  resources_.failure = absl::UnavailableError("the disk is full");
  BeReady();
  EXPECT_EQ(State(2), RevisionState::kDeploying);
  resources_.failure = absl::OkStatus();
  scheduler_.Advance(1000);
  EXPECT_EQ(State(2), RevisionState::kDeployed);
}

}  // namespace
}  // namespace grpc_os::core
