// Processes: what waits for others before it is launched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error_detail.h"
#include "core/error_reason.h"
#include "core/process/processes.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_process_store.h"
#include "testing/recording_supervision.h"

namespace grpc_os::core {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kStarted = DependencyCondition::kStarted;
constexpr auto kReady = DependencyCondition::kReady;
constexpr auto kCompleted = DependencyCondition::kCompleted;

class ProcessesDependenciesTest : public ::testing::Test {
 protected:
  ProcessesDependenciesTest() { processes_.OnInstances({}); }

  struct Answer {
    std::optional<absl::StatusOr<Process>> value;
    bool ok() const { return value && value->ok(); }
    std::string reason() const {
      return value && !value->ok() ? DetailOf(value->status())->reason : "";
    }
    std::string message() const {
      return value && !value->ok() ? std::string(value->status().message()) : "";
    }
  };
  // It may come later, too.
  Processes::Done Into(const std::shared_ptr<Answer>& answer) {
    return [answer](absl::StatusOr<Process> process) { answer->value = std::move(process); };
  }
  static Process With(const std::string& name, std::vector<Dependency> depends_on = {}) {
    Process process;
    process.name = name;
    process.spec.command = "true";
    process.spec.depends_on = std::move(depends_on);
    return process;
  }
  Answer Create(const std::string& name, std::vector<Dependency> depends_on = {},
                std::optional<Origin> origin = std::nullopt) {
    const auto answer = std::make_shared<Answer>();
    processes_.Create(With(name, std::move(depends_on)), Into(answer), std::move(origin));
    Settle();
    return *answer;
  }
  using Verb = void (Processes::*)(const std::string&, const std::string&, Processes::Done,
                                   std::optional<Origin>);
  Answer Do(Verb verb, const std::string& name) {
    const auto answer = std::make_shared<Answer>();
    (processes_.*verb)(name, "", Into(answer), std::nullopt);
    Settle();
    return *answer;
  }
  Answer Depend(const std::string& name, std::vector<Dependency> depends_on) {
    const auto answer = std::make_shared<Answer>();
    processes_.Update(
        name, "",
        [depends_on](ProcessSpec& spec) {
          spec.depends_on = depends_on;
          return absl::OkStatus();
        },
        Into(answer));
    Settle();
    return *answer;
  }
  void Report(const std::string& name, const std::string& action, ProcessState state,
              bool ready = false, std::optional<int> exit_code = std::nullopt) {
    const Process process = *processes_.Find(name);
    InstanceReport report;
    report.instance_id = process.instance_id;
    report.seq = process.instance_seq + 1;
    report.action = action;
    report.status.state = state;
    report.status.ready = ready;
    report.status.observed_generation = report.status.running_generation = process.generation;
    if (exit_code) report.status.last_exit.emplace().exit_code = exit_code;
    report.restart_number = process.restart_number;
    report.ever_started = action != "failed";
    processes_.OnReport(report);
    Settle();
  }
  // What is asked for is launched, and its supervisor connects.
  void Settle() {
    scheduler_.RunAll();
    const auto done = std::exchange(supervision_.launch_done, nullptr);
    if (!done) return;
    done(absl::OkStatus());
    InstanceReport snapshot;
    snapshot.instance_id = supervision_.launched.back();
    snapshot.status.state = ProcessState::kStarting;
    snapshot.status.observed_generation = 1;
    processes_.OnConnected(snapshot);
    scheduler_.RunAll();
  }
  void Runs(const std::string& name, bool ready = false) {
    ASSERT_TRUE(Launched(name));
    Report(name, "started", ProcessState::kRunning);
    if (ready) Report(name, "ready", ProcessState::kRunning, true);
  }
  bool Launched(const std::string& name) const {
    const auto& all = supervision_.launched;
    return std::count(all.begin(), all.end(), processes_.Find(name)->instance_id) > 0;
  }
  std::string Why(const std::string& name) const {
    return processes_.WhyPending(*processes_.Find(name), [](auto) { return true; });
  }
  int Told(const std::string& action) const {
    return static_cast<int>(std::count(store_.actions.begin(), store_.actions.end(), action));
  }
  // As stored, once `web` waits for `db`, which runs and is ready as far as the store knows.
  std::vector<Process> StoredDbAndWebThatWaits() {
    Process db = With("db");
    db.id = "proc_db";
    db.instance_id = std::string(32, 'd');
    db.status.state = ProcessState::kRunning;
    db.status.ready = true;
    db.instance_seq = 3;
    Process web = With("web", {{"db", kReady}});
    web.id = "proc_a";  // is looked at before db
    web.instance_id = std::string(32, 'a');
    web.status.message = "waits for db to be ready";
    return {db, web};
  }

  testing::ManualScheduler scheduler_;
  testing::MemoryProcessStore store_;
  testing::RecordingSupervision supervision_;
  Processes processes_{store_, supervision_, scheduler_};
};

TEST_F(ProcessesDependenciesTest, ItIsLaunchedOnceAllOfThemHaveComeSoFar) {
  Create("db");
  Create("job");
  const Answer created = Create("web", {{"db", kReady}, {"cache", kStarted}, {"job", kCompleted}});
  ASSERT_TRUE(created.ok()) << "it is answered that it waits";
  EXPECT_EQ((*created.value)->status.state, ProcessState::kPending);
  EXPECT_EQ(Why("web"),
            "waits for db to be ready; for cache, which does not exist; for job to complete");
  Create("cache");
  Runs("cache");
  EXPECT_EQ(Why("web"), "waits for db to be ready; for job to complete");
  Runs("db");
  EXPECT_EQ(Why("web"), "waits for db to be ready; for job to complete") << "it only runs";
  Report("db", "ready", ProcessState::kRunning, true);
  EXPECT_EQ(Why("web"), "waits for job to complete");
  Runs("job");
  EXPECT_FALSE(Launched("web"));
  Report("job", "completed", ProcessState::kExited, false, 0);
  EXPECT_TRUE(Launched("web"));
  EXPECT_EQ(Why("web"), "");
  EXPECT_EQ(Told("waiting"), 1) << "once, not for each reason";
}

TEST_F(ProcessesDependenciesTest, OneThatEndedBadlyIsNotCompleted) {
  Create("job");
  Runs("job");
  Create("web", {{"job", kCompleted}});
  Report("job", "completed", ProcessState::kExited, false, 1);
  EXPECT_FALSE(Launched("web"));
  EXPECT_EQ(Why("web"), "waits for job, which ended with exit code 1: `start job`");
  Do(&Processes::Start, "job");
  EXPECT_EQ(Why("web"), "waits for job to complete");
  Runs("job");
  Report("job", "completed", ProcessState::kExited, false, 0);
  EXPECT_TRUE(Launched("web"));
}

TEST_F(ProcessesDependenciesTest, WhatBecomesOfThemAfterwardsDoesNothing) {
  Create("db");
  Runs("db", true);
  Create("web", {{"db", kReady}});
  Runs("web");
  Report("db", "backoff", ProcessState::kBackoff);
  EXPECT_EQ(processes_.Find("web")->status.state, ProcessState::kRunning);
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  Do(&Processes::Restart, "web");
  EXPECT_EQ(supervision_.restarts.size(), 1U) << "within its instance";
}

// A restart that its supervisor cannot do is none that begins from rest.
TEST_F(ProcessesDependenciesTest, AnInstanceThatTakesOverDoesNotWait) {
  Create("db");
  Runs("db", true);
  Create("web", {{"db", kReady}});
  Runs("web");
  supervision_.spec_answer = absl::FailedPreconditionError("does not know that");
  Depend("web", {{"db", kReady}, {"gone", kReady}});
  const std::string before = processes_.Find("web")->instance_id;
  Do(&Processes::Restart, "web");
  ASSERT_THAT(supervision_.stopped, ElementsAre(before));
  Report("web", "stopped", ProcessState::kStopped);
  ASSERT_NE(processes_.Find("web")->instance_id, before);
  EXPECT_TRUE(Launched("web"));
}

TEST_F(ProcessesDependenciesTest, AStartFromRestWaitsAndIsAnsweredSo) {
  Create("db");
  Runs("db", true);
  Create("web", {{"db", kReady}});
  Runs("web");
  for (const char* name : {"web", "db"}) {
    Do(&Processes::Stop, name);
    Report(name, "stopped", ProcessState::kStopped);
  }
  for (int i = 0; i < 2; ++i) {
    const Answer started = Do(&Processes::Start, "web");
    ASSERT_TRUE(started.ok());
    EXPECT_EQ((*started.value)->status.state, ProcessState::kPending);
    EXPECT_EQ((*started.value)->status.message, "waits for db to be ready");
  }
  EXPECT_EQ(Why("web"), "waits for db, which is stopped: `start db`");
  EXPECT_TRUE(Do(&Processes::Restart, "web").ok());
  EXPECT_EQ(Told("waiting"), 1);
  EXPECT_FALSE(Launched("web"));
}

TEST_F(ProcessesDependenciesTest, AStopEndsTheWaitingAndADeletionToo) {
  Create("web", {{"db", kReady}});
  EXPECT_TRUE(Do(&Processes::Stop, "web").ok());
  EXPECT_EQ(processes_.Find("web")->status.state, ProcessState::kStopped);
  EXPECT_EQ(Why("web"), "");
  EXPECT_TRUE(Do(&Processes::Start, "web").ok());
  std::optional<absl::StatusOr<int64_t>> deleted;
  processes_.Delete("web", "", false, [&](absl::StatusOr<int64_t> result) { deleted = result; });
  scheduler_.RunAll();
  ASSERT_TRUE(deleted && deleted->ok());
  EXPECT_EQ(processes_.Find("web"), nullptr);
  Create("db");
  Runs("db", true);
  EXPECT_THAT(supervision_.launched, ElementsAre(processes_.Find("db")->instance_id))
      << "nothing is left of it to be woken";
}

TEST_F(ProcessesDependenciesTest, WhatNoLongerHasToWaitIsLaunched) {
  Create("web", {{"db", kReady}});
  EXPECT_TRUE(Depend("web", {}).ok());
  EXPECT_TRUE(Launched("web"));
}

// Who created it was answered that it is there.
TEST_F(ProcessesDependenciesTest, OneThatWaitedStaysWhenItCannotBeExecuted) {
  Create("db");
  Runs("db");
  Create("web", {{"db", kReady}});
  Report("db", "ready", ProcessState::kRunning, true);
  ASSERT_TRUE(Launched("web"));
  Report("web", "failed", ProcessState::kFailed);
  ASSERT_NE(processes_.Find("web"), nullptr);
  EXPECT_EQ(processes_.Find("web")->status.state, ProcessState::kFailed);
}

TEST_F(ProcessesDependenciesTest, OfOneThatMayNotBeKnownOnlyWhatIsWantedIsSaid) {
  Create("web", {{"db", kReady}, {"cache", kStarted}});
  Create("db");
  Do(&Processes::Stop, "db");
  const auto nobody = [](std::string_view) { return false; };
  EXPECT_EQ(processes_.WhyPending(*processes_.Find("web"), nobody),
            "waits for db to be ready; for cache to start");
  EXPECT_EQ(processes_.Find("web")->status.message, "waits for db to be ready; for cache to start");
}

TEST_F(ProcessesDependenciesTest, ACycleIsRefusedWithTheWay) {
  Create("a", {{"b", kStarted}});
  const Answer created = Create("b", {{"a", kStarted}});
  EXPECT_EQ(created.reason(), reason::kDependencyCycle);
  EXPECT_THAT(created.message(), ::testing::HasSubstr("b → a → b"));
  EXPECT_EQ(processes_.Find("b"), nullptr);
  EXPECT_EQ(Create("self", {{"self", kStarted}}).reason(), reason::kDependencyCycle);
  ASSERT_TRUE(Create("b", {{"c", kStarted}}).ok());
  Create("c");
  const Answer updated = Depend("c", {{"a", kReady}});
  EXPECT_EQ(updated.reason(), reason::kDependencyCycle);
  EXPECT_EQ(DetailOf(updated.value->status())->metadata.at("way"), "c → a → b → c");
  EXPECT_THAT(processes_.Find("c")->spec.depends_on, IsEmpty());
}

TEST_F(ProcessesDependenciesTest, NamesThatMayNotBeKnownAreNotOnTheWay) {
  Create("a", {{"hidden-1", kStarted}});
  Create("hidden-1", {{"hidden-2", kStarted}});
  Create("hidden-2", {{"b", kStarted}});
  Origin origin;
  origin.permit = [](std::string_view name) {
    return name.starts_with("hidden") ? absl::PermissionDeniedError("no") : absl::OkStatus();
  };
  const Answer refused = Create("b", {{"a", kStarted}}, origin);
  EXPECT_EQ(refused.reason(), reason::kDependencyCycle);
  EXPECT_EQ(DetailOf(refused.value->status())->metadata.at("way"), "b → a → … → b");
}

TEST_F(ProcessesDependenciesTest, TwoUpdatesAtOnceDoNotCloseOneTogether) {
  Create("a");
  Create("b");
  const auto first = std::make_shared<Answer>(), second = std::make_shared<Answer>();
  store_.hold = true;
  const auto depend = [this](const std::string& name, const std::string& on,
                             const std::shared_ptr<Answer>& answer) {
    processes_.Update(
        name, "",
        [on](ProcessSpec& spec) {
          spec.depends_on = {{on, kStarted}};
          return absl::OkStatus();
        },
        Into(answer));
  };
  depend("a", "b", first);
  depend("b", "a", second);
  scheduler_.RunAll();
  store_.hold = false;
  for (const auto& commit : std::exchange(store_.held, {})) commit();
  scheduler_.RunAll();
  EXPECT_EQ(first->reason() + second->reason(), reason::kDependencyCycle);
}

// What the store knows of a process may be of before the daemon, or the machine, ended.
TEST_F(ProcessesDependenciesTest, AfterARestartOfTheDaemonOnlyWhatIsSoNowCounts) {
  testing::MemoryProcessStore store;
  testing::RecordingSupervision supervision;
  Processes again(store, supervision, scheduler_);
  const auto stored = StoredDbAndWebThatWaits();
  again.Load(stored, 1, /*rebooted=*/false);
  again.OnInstances({stored[0].instance_id});
  scheduler_.RunAll();
  EXPECT_THAT(supervision.launched, IsEmpty());
  EXPECT_THAT(store.actions, IsEmpty()) << "that it waits was told before";
  InstanceReport snapshot;
  snapshot.instance_id = stored[0].instance_id;
  snapshot.status = stored[0].status;
  snapshot.newest_seq = 3;
  again.OnConnected(snapshot);
  scheduler_.RunAll();
  EXPECT_THAT(supervision.launched, ElementsAre(stored[1].instance_id));
}

TEST_F(ProcessesDependenciesTest, ReportsThatAreStillToComeCount) {
  testing::MemoryProcessStore store;
  testing::RecordingSupervision supervision;
  Processes again(store, supervision, scheduler_);
  const auto stored = StoredDbAndWebThatWaits();
  again.Load(stored, 1, /*rebooted=*/false);
  again.OnInstances({stored[0].instance_id});
  InstanceReport report;
  report.instance_id = stored[0].instance_id;
  report.status = stored[0].status;
  report.newest_seq = 4;
  again.OnConnected(report);
  scheduler_.RunAll();
  EXPECT_THAT(supervision.launched, IsEmpty());
  report.seq = 4;
  report.action = "backoff";
  report.status.state = ProcessState::kBackoff;
  report.status.ready = false;
  again.OnReport(report);
  scheduler_.RunAll();
  EXPECT_THAT(supervision.launched, IsEmpty());
}

TEST_F(ProcessesDependenciesTest, AfterAPowerCutTheOrderIsThatOfTheirDependencies) {
  testing::MemoryProcessStore store;
  testing::RecordingSupervision supervision;
  Processes again(store, supervision, scheduler_);
  auto stored = StoredDbAndWebThatWaits();
  stored[1].status.state = ProcessState::kRunning;
  stored[1].status.message.clear();
  again.Load(stored, 1, /*rebooted=*/true);
  again.OnInstances({});
  scheduler_.RunAll();
  EXPECT_THAT(supervision.launched, ElementsAre(again.Find("db")->instance_id));
  EXPECT_EQ(again.Find("web")->status.state, ProcessState::kPending);
  EXPECT_THAT(store.actions, Contains("waiting"));
}

}  // namespace
}  // namespace grpc_os::core
