// Processes: those of gRPC OS itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/process/processes.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_process_store.h"
#include "testing/recording_supervision.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Whose = Processes::Whose;

constexpr char kNginx[] = "grpc-os-nginx";

class ProcessesSystemTest : public ::testing::Test {
 protected:
  ProcessesSystemTest() { processes_.OnInstances({}); }

  struct Answer {
    std::optional<absl::Status> value;
    std::string reason() const { return value && !value->ok() ? DetailOf(*value)->reason : ""; }
  };
  Processes::Done Into(Answer& answer) {
    return [&answer](const absl::StatusOr<Process>& process) { answer.value = process.status(); };
  }
  static Process Named(const std::string& name, bool system) {
    Process process;
    process.id = "proc_" + std::to_string(std::hash<std::string>()(name));
    process.name = name;
    process.spec.command = "true";
    process.spec.system = system;
    return process;
  }
  static absl::Status ToPort(ProcessSpec& spec) {
    spec.port = 80;
    return absl::OkStatus();
  }
  // It is there and runs.
  void Make(const std::string& name, bool system) {
    processes_.Create(Named(name, system), Into(answers_.emplace_back()));
    scheduler_.RunAll();
    ASSERT_NE(processes_.Find(name), nullptr);
    if (supervision_.launch_done) supervision_.launch_done(absl::OkStatus());
    Report(name, "started", ProcessState::kRunning);
  }
  void Report(const std::string& name, const std::string& action, ProcessState state) {
    const Process process = *processes_.Find(name);
    InstanceReport report;
    report.instance_id = process.instance_id;
    report.seq = process.instance_seq + 1;
    report.action = action;
    report.status.state = state;
    report.status.observed_generation = report.status.running_generation = process.generation;
    report.ever_started = true;
    processes_.OnReport(report);
    scheduler_.RunAll();
  }
  // What a call that is done with `origin` answers; "" while it has to wait, or is OK.
  template <typename Call>
  std::string ReasonOf(Call call) {
    Answer& answer = answers_.emplace_back();
    call(answer);
    scheduler_.RunAll();
    return answer.reason();
  }
  std::string Asked(const std::string& verb, const std::string& name,
                    const std::optional<Origin>& origin = Origin()) {
    return ReasonOf([&](Answer& answer) {
      if (verb == "update") processes_.Update(name, "", ToPort, Into(answer), origin);
      if (verb == "start") processes_.Start(name, "", Into(answer), origin);
      if (verb == "restart") processes_.Restart(name, "", Into(answer), origin);
      if (verb == "stop") processes_.Stop(name, "", Into(answer), origin);
      if (verb == "delete" || verb == "delete --force") {
        processes_.Delete(
            name, "", verb == "delete --force",
            [&answer](const absl::StatusOr<int64_t>& revision) {
              answer.value = revision.status();
            },
            origin);
      }
    });
  }
  std::vector<std::string> Names(Whose whose, int limit = 100) const {
    std::vector<std::string> names;
    for (const Process* process : processes_.List("", limit, whose)) names.push_back(process->name);
    return names;
  }

  std::deque<Answer> answers_;  // which may come later
  testing::ManualScheduler scheduler_;
  testing::MemoryProcessStore store_;
  testing::RecordingSupervision supervision_;
  Processes processes_{store_, supervision_, scheduler_};
};

TEST_F(ProcessesSystemTest, UsersMakeNoneOfSuchANameAndChangeNone) {
  const auto create = [&](const std::string& name) {
    return ReasonOf(
        [&](Answer& answer) { processes_.Create(Named(name, false), Into(answer), Origin()); });
  };
  EXPECT_EQ(create(kNginx), reason::kFieldInvalid);
  EXPECT_EQ(create("grpc-os-"), reason::kFieldInvalid);
  EXPECT_EQ(create("grpc-os"), "");
  Make(kNginx, true);
  const Process before = *processes_.Find(kNginx);
  for (const char* verb : {"update", "start", "stop", "delete", "delete --force"})
    EXPECT_EQ(Asked(verb, kNginx), reason::kSystemProcess) << verb;
  EXPECT_EQ(Asked("stop", before.id), reason::kSystemProcess);
  EXPECT_EQ(*processes_.Find(kNginx), before);
  EXPECT_EQ(DetailOf(processes_.CheckDeploy(before, Origin()))->reason, reason::kSystemProcess);
  const Process other = Named("grpc-os-other", false);
  EXPECT_EQ(DetailOf(processes_.CheckDeploy(other, Origin()))->reason, reason::kFieldInvalid);
}

TEST_F(ProcessesSystemTest, WhoMayNotChangeProcessesIsToldThatAlone) {
  Make(kNginx, true);
  Origin origin;
  origin.permit = [](std::string_view) { return absl::PermissionDeniedError("no"); };
  Answer answer;
  processes_.Stop(kNginx, "", Into(answer), origin);
  scheduler_.RunAll();
  EXPECT_TRUE(absl::IsPermissionDenied(*answer.value));
}

TEST_F(ProcessesSystemTest, UsersRestartOneThatIsToRun) {
  Make(kNginx, true);
  EXPECT_EQ(Asked("restart", kNginx), "");
  EXPECT_TRUE(IsForcedRestart(processes_.Find(kNginx)->restart_number));
  EXPECT_EQ(Asked("stop", kNginx, std::nullopt), "");
  Report(kNginx, "stopped", ProcessState::kStopped);
  EXPECT_EQ(Asked("restart", kNginx), reason::kSystemProcess);
  EXPECT_EQ(processes_.Find(kNginx)->desired, DesiredState::kStopped);
}

TEST_F(ProcessesSystemTest, TheDaemonDoesWhatUsersMayNot) {
  Make(kNginx, true);
  EXPECT_EQ(Asked("update", kNginx, std::nullopt), "");
  EXPECT_EQ(processes_.Find(kNginx)->spec.port, 80);
  EXPECT_EQ(Asked("stop", kNginx, std::nullopt), "");
  Report(kNginx, "stopped", ProcessState::kStopped);
  EXPECT_EQ(Asked("start", kNginx, std::nullopt), "");
  EXPECT_EQ(processes_.Find(kNginx)->desired, DesiredState::kRunning);
  EXPECT_EQ(Asked("stop", kNginx, std::nullopt), "");
  Report(kNginx, "stopped", ProcessState::kStopped);
  EXPECT_EQ(Asked("delete", kNginx, std::nullopt), "");
  EXPECT_EQ(processes_.Find(kNginx), nullptr);
}

TEST_F(ProcessesSystemTest, AUsersOfBeforeWithSuchANameIsTheUsersStill) {
  processes_.Load({Named("grpc-os-mine", false)}, 1, false);
  EXPECT_EQ(Asked("update", "grpc-os-mine"), "");
  EXPECT_EQ(processes_.Find("grpc-os-mine")->spec.port, 80);
  EXPECT_TRUE(processes_.CheckDeploy(*processes_.Find("grpc-os-mine"), Origin()).ok());
  EXPECT_EQ(Asked("stop", "grpc-os-mine"), "");
  EXPECT_EQ(processes_.Find("grpc-os-mine")->desired, DesiredState::kStopped);
}

TEST_F(ProcessesSystemTest, NobodyIsAdvisedToEndOneThatHasThePort) {
  Make(kNginx, true);
  EXPECT_EQ(Asked("update", kNginx, std::nullopt), "");
  Make("web", false);
  Answer answer;
  processes_.Update("web", "", ToPort, Into(answer));
  scheduler_.RunAll();
  EXPECT_EQ(answer.reason(), reason::kPortTaken);
  EXPECT_THAT(
      std::string(answer.value->message()),
      AllOf(HasSubstr("that of 'grpc-os-nginx'; give it another one"), Not(HasSubstr("kill"))));
}

TEST_F(ProcessesSystemTest, ListsTellThemApart) {
  Make("a", false);
  Make(kNginx, true);
  Make("z", false);
  EXPECT_THAT(Names(Whose::kAll), ElementsAre("a", kNginx, "z"));
  EXPECT_THAT(Names(Whose::kUsers), ElementsAre("a", "z"));
  EXPECT_THAT(Names(Whose::kUsers, 2), ElementsAre("a", "z")) << "what is left out does not count";
  EXPECT_THAT(Names(Whose::kSystem), ElementsAre(kNginx));
}

TEST_F(ProcessesSystemTest, ThereIsRoomForThemWhereUsersHaveNoneLeft) {
  std::vector<Process> full;
  for (int i = 0; i < limits::kProcesses; ++i) {
    full.push_back(Named("p" + std::to_string(i), false));
    full.back().desired = DesiredState::kStopped;
    full.back().status.state = ProcessState::kStopped;
  }
  processes_.Load(std::move(full), 1, false);
  EXPECT_EQ(ReasonOf([&](Answer& answer) { processes_.Create(Named("web", false), Into(answer)); }),
            reason::kLimitReached);
  Make(kNginx, true);
}

TEST_F(ProcessesSystemTest, WhatIsHeldOfThemIsNotCounted) {
  processes_.Hold("it is a copy");
  std::vector<Process> held = {Named(kNginx, true), Named("web", false)};
  for (Process& process : held) process.status.state = ProcessState::kHeld;
  processes_.Load(held, 1, false);
  EXPECT_EQ(processes_.CountHeld(), 1);
}

TEST_F(ProcessesSystemTest, EventsSayWhoseItIs) {
  Make("web", false);
  for (const Event& event : store_.events) EXPECT_THAT(event.attributes.count("system"), 0u);
  store_.events.clear();
  Make(kNginx, true);
  EXPECT_THAT(store_.events, Not(IsEmpty()));
  for (const Event& event : store_.events) EXPECT_EQ(event.attributes.at("system"), "true");
}

}  // namespace
}  // namespace grpc_os::core
