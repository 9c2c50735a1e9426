// What every engine behind the store must do: keep what it was given, all or nothing. An engine
// joins by store_contract.h.
#include "store/store_contract.h"

#include <atomic>
#include <cstdint>
#include <future>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/store_under_test.h"
#include "store/writer.h"

namespace grpc_os::store {
namespace {

using core::Event;
using core::Process;
using core::ProcessWrite;
using core::Session;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ResultOf;

// Each field differs from its default and from its neighbours.
Process FullProcess() {
  Process process = MakeProcess("proc_full", "full");
  process.spec = {.command = "python3 -m http.server",
                  .environment = {{"PORT", "8099"}, {"DEBUG", "true"}, {"EMPTY", ""}},
                  .working_directory = "/srv/full",
                  .account = "www",
                  .restart = core::RestartPolicy::kOnFailure,
                  .stop_timeout_ms = 101,
                  .stop_signal = 2,
                  .log_max_bytes = 103,
                  .secrets = {"PORT", "EMPTY"},
                  .port = 8099,
                  .auto_port = true,
                  .ready = {core::ReadyKind::kHttp, "/health", 81, 107, 108},
                  .liveness = {core::LivenessKind::kTcp, "/", 82, 109, 110, 111},
                  .volumes = {{"data", "/app/data", true}},
                  .depends_on = {{"db", core::DependencyCondition::kStarted}},
                  .release = "./migrate",
                  .labels = {{"team", "web"}},
                  .version = "1.0",
                  .domains = {"www.example.org"},
                  .bundle = std::string(64, 'a'),
                  .deployed = 7,
                  .system = true,
                  .low_ports = true};
  process.desired = core::DesiredState::kCompleted;
  process.generation = 104;
  process.change_number = 105;
  process.restart_number = 106;
  process.instance_id = "0123456789abcdef0123456789abcdef";
  process.instance_seq = 107;
  process.provisional = false;
  process.status = {.state = core::ProcessState::kCrashLooping,
                    .ready = true,
                    .pid = 108,
                    .start_time_ms = 109,
                    .restart_count = 110,
                    .last_exit = core::ExitReport{.reason = core::ExitReason::kSignaled,
                                                  .exit_code = 111,
                                                  .signal = 112,
                                                  .core_dumped = true,
                                                  .requested = true,
                                                  .attempt = 113,
                                                  .start_time_ms = 114,
                                                  .exit_time_ms = 115,
                                                  .message = "killed"},
                    .next_restart_time_ms = 116,
                    .observed_generation = 117,
                    .running_generation = 118,
                    .message = "waiting",
                    .log_dropped_bytes = 119};
  process.create_time_ms = int64_t{1} << 52;
  process.update_time_ms = -1;
  return process;
}

class StoreContract : public StoreUnderTest, public testing::TestWithParam<DatabaseFactory> {
 protected:
  StoreContract() : StoreUnderTest(GetParam()) {}
};

// ---- What is written ---------------------------------------------------------------------------

TEST_P(StoreContract, AProcessComesBackWhole) {
  Process process = FullProcess();
  const Revision revision = Commit({.put = {process}, .remove = {}, .events = {}});
  ASSERT_TRUE(revision.ok()) << revision.status();
  process.revision = *revision;
  EXPECT_THAT(Processes(), ElementsAre(process));
}

TEST_P(StoreContract, EachWordOfEachEnumComesBack) {
  std::vector<Process> processes;
  for (int number = 0; number <= static_cast<int>(core::ProcessState::kHeld); ++number) {
    const char letter = static_cast<char>('a' + number);  // they come back in the order of ids
    Process process = MakeProcess(absl::StrCat("proc_", std::string(1, letter)),
                                  absl::StrCat("n", std::string(1, letter)));
    process.status.state = static_cast<core::ProcessState>(number);
    process.desired = static_cast<core::DesiredState>(number % 3);
    process.spec.restart = static_cast<core::RestartPolicy>(number % 3);
    process.status.last_exit.emplace().reason = static_cast<core::ExitReason>(number % 5);
    processes.push_back(process);
  }
  ASSERT_TRUE(Commit({.put = processes, .remove = {}, .events = {}}).ok());
  for (Process& process : processes) process.revision = 1;
  EXPECT_EQ(Processes(), processes);
}

TEST_P(StoreContract, AnyBytesComeBack) {
  Process process = MakeProcess("proc_1", "any");
  process.spec.command = std::string("a\0b\nc", 5) + "zażółć \U0001F427";
  process.spec.working_directory = "/tmp/with space\tand 'quotes' \"and\" ; -- more";
  process.status.message = std::string("\0", 1);
  process.spec.environment["BIG"] = std::string(1 << 20, 'x');
  process.spec.environment["BYTES"] = std::string("\0\xff\xfe\n=", 5);
  Event event = MakeEvent("proc_1", "created");
  event.attributes["text"] = std::string("a\0,3:b\n", 7);
  ASSERT_TRUE(Commit({.put = {process}, .remove = {}, .events = {event}}).ok());
  Reopen();
  process.revision = 1;
  event.revision = 1;
  EXPECT_TRUE(Processes() == std::vector<Process>{process});
  EXPECT_THAT(Events(0), ElementsAre(event));
}

TEST_P(StoreContract, TenThousandVariablesComeBack) {
  Process process = MakeProcess("proc_1", "many");
  for (int i = 0; i < 10'000; ++i) process.spec.environment[absl::StrCat("V", i)] = absl::StrCat(i);
  ASSERT_TRUE(Commit({.put = {process}, .remove = {}, .events = {}}).ok());
  process.revision = 1;
  EXPECT_TRUE(Processes() == std::vector<Process>{process});
}

TEST_P(StoreContract, SecretsComeAndGoWithTheirProcess) {
  int64_t revision = 0;
  Process process = MakeProcess("proc_1", "safe");
  process.spec.environment = {{"PASSWORD", "hunter2"}, {"PORT", "80"}};
  for (const std::set<std::string>& secrets :
       {std::set<std::string>{"PASSWORD", "PORT"}, {"PASSWORD"}, {}, {"PORT"}}) {
    process.spec.secrets = secrets;
    ++process.generation;
    ASSERT_TRUE(Commit({.put = {process}, .remove = {}, .events = {}}).ok());
    process.revision = ++revision;
    EXPECT_THAT(Processes(), ElementsAre(process)) << "though the environment is the same";
  }
  Reopen();
  EXPECT_THAT(Processes(), ElementsAre(process));
  ASSERT_TRUE(Commit({.put = {}, .remove = {"proc_1"}, .events = {}}).ok());
  process.spec.secrets.clear();
  ASSERT_TRUE(Commit({.put = {process}, .remove = {}, .events = {}}).ok());
  process.revision = 6;
  EXPECT_THAT(Processes(), ElementsAre(process)) << "nothing is left of those of before";
}

// Up to a megabyte, which a status must not write again.
TEST_P(StoreContract, ASpecIsWrittenAgainWithAnotherGenerationOnly) {
  Process process = MakeProcess("proc_1", "one");
  ASSERT_TRUE(Commit({.put = {process}, .remove = {}, .events = {}}).ok());
  Process other = process;
  other.status.message = "another";
  other.spec.command = "false";
  ASSERT_TRUE(Commit({.put = {other}, .remove = {}, .events = {}}).ok());
  process.status.message = "another";
  process.revision = 2;
  EXPECT_THAT(Processes(), ElementsAre(process));
  ++other.generation;
  ASSERT_TRUE(Commit({.put = {other}, .remove = {}, .events = {}}).ok());
  other.revision = 3;
  EXPECT_THAT(Processes(), ElementsAre(other));
}

TEST_P(StoreContract, ASpecThatWasLostWithItsTransactionIsWrittenByTheNext) {
  Process process = MakeProcess("proc_1", "one");
  ASSERT_TRUE(Commit({.put = {process}, .remove = {}, .events = {}}).ok());
  process.spec.command = "false";
  ++process.generation;
  faults_->FailCommits(1, absl::UnavailableError("lost"));
  ASSERT_FALSE(Commit({.put = {process}, .remove = {}, .events = {}}).ok());
  ASSERT_TRUE(Commit({.put = {process}, .remove = {}, .events = {}}).ok());
  process.revision = 2;
  EXPECT_THAT(Processes(), ElementsAre(process));
}

TEST_P(StoreContract, APutReplacesEverythingOfTheSameId) {
  ASSERT_TRUE(Commit({.put = {FullProcess()}, .remove = {}, .events = {}}).ok());
  Process process = MakeProcess("proc_full", "renamed");
  process.spec.environment = {{"ONLY", "this"}};
  process.status.last_exit.emplace();  // without an exit code
  ASSERT_TRUE(Commit({.put = {process}, .remove = {}, .events = {}}).ok());
  process.revision = 2;
  EXPECT_THAT(Processes(), ElementsAre(process));
  process.status.last_exit.reset();
  process.spec.environment.clear();
  ++process.generation;
  ASSERT_TRUE(Commit({.put = {process}, .remove = {}, .events = {}}).ok());
  process.revision = 3;
  EXPECT_THAT(Processes(), ElementsAre(process));
}

TEST_P(StoreContract, WhatIsRemovedIsGoneWithItsEnvironment) {
  ASSERT_TRUE(Commit({.put = {FullProcess()}, .remove = {}, .events = {}}).ok());
  ASSERT_TRUE(Commit({.put = {}, .remove = {"proc_full", "proc_none"}, .events = {}}).ok());
  EXPECT_THAT(Processes(), IsEmpty());
  Process process = MakeProcess("proc_full", "full");
  ASSERT_TRUE(Commit({.put = {process}, .remove = {}, .events = {}}).ok());
  process.revision = 3;
  EXPECT_THAT(Processes(), ElementsAre(process));
}

TEST_P(StoreContract, AFreedNameMayBeTakenInTheSameWrite) {
  ASSERT_TRUE(Commit(PutOf("proc_1", "web")).ok());
  const Revision revision =
      Commit({.put = {MakeProcess("proc_2", "web")}, .remove = {"proc_1"}, .events = {}});
  ASSERT_TRUE(revision.ok()) << revision.status();
  EXPECT_EQ(Processes().at(0).id, "proc_2");
}

TEST_P(StoreContract, ReopenedFindsEverything) {
  ASSERT_TRUE(Commit(PutOf("proc_1", "one")).ok());
  ASSERT_TRUE(Commit(PutOf("proc_2", "two")).ok());
  ASSERT_TRUE(PutSession(MakeSession("s1", 10, 100)).ok());
  ASSERT_TRUE(SaveBootId(*store_, "boot-a").ok());
  const std::vector<Process> processes = Processes();
  const std::vector<Event> events = Events(0);
  Reopen();
  EXPECT_EQ(Processes(), processes);
  EXPECT_EQ(Events(0), events);
  EXPECT_THAT(SessionIds(50), ElementsAre("s1"));
  EXPECT_EQ(*store_->LoadBootId(), "boot-a");
  EXPECT_EQ(store_->NewestRevision(), 2);
  EXPECT_EQ(NumberOf(Commit(PutOf("proc_3", "three"))), 3);
}

TEST_P(StoreContract, ANewOneIsEmpty) {
  EXPECT_THAT(Processes(), IsEmpty());
  EXPECT_THAT(Events(0), IsEmpty());
  EXPECT_THAT(SessionIds(0), IsEmpty());
  EXPECT_EQ(*store_->LoadBootId(), "");
  EXPECT_EQ(store_->NewestRevision(), 0);
}

// ---- All or nothing ----------------------------------------------------------------------------

TEST_P(StoreContract, ATakenNameRefusesItsWholeWriteAndNamesTheOwner) {
  ASSERT_TRUE(Commit(PutOf("proc_1", "web")).ok());
  const Revision refused =
      Commit({.put = {MakeProcess("proc_2", "other"), MakeProcess("proc_3", "web")},
              .remove = {"proc_1x"},
              .events = {MakeEvent("proc_2", "created")}});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(refused.status().message()),
              AllOf(HasSubstr("proc_1"), HasSubstr("web")));
  const auto detail = DetailOf(refused.status());
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->reason, core::reason::kNameTaken);
  EXPECT_EQ(detail->metadata, (std::map<std::string, std::string>{
                                  {"name", "web"}, {"id", "proc_1"}, {"state", "pending"}}));
  EXPECT_THAT(NamesOf(Processes()), ElementsAre("web"));
  EXPECT_THAT(ActionsOf(Events(0)), ElementsAre("1.0 proc_1 created"));
  EXPECT_EQ(NumberOf(Commit(PutOf("proc_4", "next"))), 2) << "a refused write took a revision";
}

TEST_P(StoreContract, ARenameOntoATakenNameIsRefused) {
  ASSERT_TRUE(Commit(PutOf("proc_1", "web")).ok());
  ASSERT_TRUE(Commit(PutOf("proc_2", "api")).ok());
  const Revision refused = Commit(PutOf("proc_2", "web"));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(NamesOf(Processes()), ElementsAre("web", "api"));
}

TEST_P(StoreContract, NamesDifferByTheirBytes) {
  for (const char* name : {"web", "Web", "web ", "wéb", "web\xC2\xAD"}) {
    EXPECT_TRUE(Commit(PutOf(absl::StrCat("proc_", name), name)).ok()) << name;
  }
}

TEST_P(StoreContract, ARefusedWriteTakesNothingOfItsGroupWithIt) {
  ASSERT_TRUE(Commit(PutOf("proc_1", "taken")).ok());
  std::vector<std::future<Revision>> answers;
  const int commits = faults_->commits();
  {
    const Held held(*store_);
    answers.push_back(Submit(PutOf("proc_2", "two")));
    answers.push_back(
        Submit({.put = {MakeProcess("proc_3", "three"), MakeProcess("proc_4", "taken")},
                .remove = {"proc_2"},
                .events = {MakeEvent("proc_3", "created")}}));
    answers.push_back(Submit(PutOf("proc_5", "five")));
  }
  EXPECT_EQ(NumberOf(answers[0].get()), 2);
  EXPECT_EQ(answers[1].get().status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(NumberOf(answers[2].get()), 3);
  EXPECT_EQ(faults_->commits() - commits, 2) << "one for the group, one for what held it";
  EXPECT_THAT(NamesOf(Processes()), ElementsAre("taken", "two", "five"));
  EXPECT_THAT(ActionsOf(Events(1)), ElementsAre("2.0 proc_2 created", "3.0 proc_5 created"));
}

TEST_P(StoreContract, TwoOfOneGroupCannotTakeOneName) {
  std::vector<std::future<Revision>> answers;
  {
    const Held held(*store_);
    answers.push_back(Submit(PutOf("proc_1", "web")));
    answers.push_back(Submit(PutOf("proc_2", "web")));
  }
  EXPECT_TRUE(answers[0].get().ok());
  EXPECT_EQ(answers[1].get().status().code(), absl::StatusCode::kAlreadyExists);
}

// ---- Storage that fails ------------------------------------------------------------------------

TEST_P(StoreContract, WritesOfALostCommitAreRunAgainOneByOne) {
  ASSERT_TRUE(Commit(PutOf("proc_0", "zero")).ok());
  std::vector<std::future<Revision>> answers;
  {
    const Held held(*store_);
    faults_->FailCommits(1, absl::UnavailableError("the disk went away"));
    for (int i = 1; i <= 3; ++i) {
      answers.push_back(Submit(PutOf(absl::StrCat("proc_", i), absl::StrCat("n", i))));
    }
  }
  for (int i = 0; i < 3; ++i) {
    const Revision revision = answers[i].get();
    ASSERT_TRUE(revision.ok()) << revision.status();
    EXPECT_EQ(*revision, i + 2);
  }
  EXPECT_THAT(ActionsOf(Events(1)),
              ElementsAre("2.0 proc_1 created", "3.0 proc_2 created", "4.0 proc_3 created"));
}

TEST_P(StoreContract, OneThatLosesTheTransactionIsRefusedAlone) {
  std::vector<std::future<Revision>> answers;
  faults_->FailOn("poison", absl::ResourceExhaustedError("the disk is full"));
  {
    const Held held(*store_);
    answers.push_back(Submit(PutOf("proc_1", "one")));
    answers.push_back(Submit(PutOf("proc_2", "poison")));
    answers.push_back(Submit(PutOf("proc_3", "one")));
    answers.push_back(Submit(PutOf("proc_4", "four")));
  }
  EXPECT_EQ(NumberOf(answers[0].get()), 1);
  const absl::Status refused = answers[1].get().status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(refused), core::reason::kDiskFull);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("the disk is full"));
  EXPECT_EQ(answers[2].get().status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(NumberOf(answers[3].get()), 2);
  EXPECT_THAT(NamesOf(Processes()), ElementsAre("one", "four"));
}

// A refusal that was derived from a write which then was lost must not stand.
TEST_P(StoreContract, ARefusalOfALostTransactionIsDecidedAgain) {
  std::vector<std::future<Revision>> answers;
  {
    const Held held(*store_);
    faults_->FailCommits(2, absl::UnavailableError("the disk went away"));
    answers.push_back(Submit(PutOf("proc_1", "web")));
    answers.push_back(Submit(PutOf("proc_2", "web")));
  }
  EXPECT_EQ(answers[0].get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(NumberOf(answers[1].get()), 1);
  EXPECT_EQ(Processes().at(0).id, "proc_2");
}

TEST_P(StoreContract, AFailedCommitLeavesNothingAndSaysSo) {
  faults_->FailCommits(1, absl::UnavailableError("the disk went away"));
  const Revision refused = Commit(PutOf("proc_1", "one"));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(refused.status()), core::reason::kStoreUnavailable);
  EXPECT_EQ(store_->NewestRevision(), 0);
  EXPECT_THAT(Processes(), IsEmpty());
  EXPECT_EQ(NumberOf(Commit(PutOf("proc_1", "one"))), 1);
}

TEST_P(StoreContract, WhereNothingCanBeginEachIsRefusedWithOneTry) {
  std::vector<std::future<Revision>> answers;
  {
    const Held held(*store_);
    faults_->FailBegins(1, absl::UnavailableError("locked"));
    for (int i = 0; i < 3; ++i) {
      answers.push_back(Submit(PutOf(absl::StrCat("proc_", i), absl::StrCat("n", i))));
    }
  }
  for (auto& answer : answers) {
    EXPECT_EQ(answer.get().status().code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_EQ(NumberOf(Commit(PutOf("proc_1", "one"))), 1);
}

// Everything that was taken in is stored, in its order and in transactions of bounded size; what
// was not is told when to come again.
TEST_P(StoreContract, TenThousandQueuedWritesAreAllAnswered) {
  std::atomic<int> stored{0};
  std::vector<std::future<Revision>> refused;
  {
    const Held held(*store_);
    for (int i = 0; i < limits::kWriterQueue; ++i) {
      ProcessWrite write;
      write.events = {MakeEvent(absl::StrCat("proc_", i), "changed")};
      store_->Commit(
          std::move(write), core::Envelope::OfSystem(),
          [&, i](const Revision& revision) { stored += NumberOf(revision) == i + 1 ? 1 : 0; });
    }
    EXPECT_EQ(store_->statistics().queue_depth, limits::kWriterQueue);
    for (int i = 0; i < 100; ++i) refused.push_back(Submit(PutOf("proc_1", "one")));
    for (auto& answer : refused) {
      const absl::Status status = answer.get().status();
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
      EXPECT_EQ(ReasonOf(status), core::reason::kLimitReached);
      EXPECT_GT(DetailOf(status)->retry_after_ms, 0);
    }
    EXPECT_EQ(stored, 0);
  }
  while (!Submit(PutOf("proc_1", "one")).get().ok()) std::this_thread::yield();
  EXPECT_EQ(stored, limits::kWriterQueue);
  EXPECT_EQ(Events(0, limits::kWriterQueue * 2).size(), size_t{limits::kWriterQueue} + 1);
  const Statistics& statistics = store_->statistics();
  EXPECT_GE(statistics.queue_full, 100);
  EXPECT_EQ(statistics.largest_group, limits::kCommitGroup);
  EXPECT_EQ(statistics.queue_depth, 0);
}

TEST_P(StoreContract, WhatIsCountedIsWhatWasDone) {
  ASSERT_TRUE(Commit(PutOf("proc_1", "one")).ok());
  const Statistics& statistics = store_->statistics();
  const int64_t commits = statistics.commits;
  ASSERT_TRUE(Commit(PutOf("proc_2", "two")).ok());
  EXPECT_EQ(statistics.commits, commits + 1);
  ASSERT_FALSE(Commit(PutOf("proc_3", "two")).ok());
  faults_->FailCommits(1, absl::UnavailableError("the disk went away"));
  ASSERT_FALSE(Commit(PutOf("proc_3", "three")).ok());
  Settle();
  EXPECT_EQ(statistics.refused, 1);
  EXPECT_EQ(statistics.failed_transactions, 1);
  EXPECT_EQ(statistics.failed_operations, 1);
  int64_t in_buckets = 0;
  for (const auto& bucket : statistics.commit_buckets) in_buckets += bucket;
  EXPECT_EQ(in_buckets, statistics.commits);
}

TEST_P(StoreContract, AnswersPendingReadsBeforeStop) {
  ASSERT_TRUE(Commit(PutOf("proc_1", "one")).ok());
  std::atomic<int> answered = 0;
  for (int i = 0; i < 100; ++i) {
    store_->ReadEvents({}, 0, 10, [&](const auto& events) { answered += events.ok() ? 1 : 0; });
    store_->ReadAudit({}, [&](const auto& page) { answered += page.ok() ? 1 : 0; });
  }
  store_->FinishReads();
  EXPECT_EQ(answered, 200);
  std::vector<absl::Status> refused;
  store_->ReadEvents({}, 0, 10, [&](const auto& events) { refused.push_back(events.status()); });
  store_->ReadAudit({}, [&](const auto& page) { refused.push_back(page.status()); });
  EXPECT_THAT(refused, Each(ResultOf(absl::IsUnavailable, true)));
  EXPECT_EQ(refused.size(), 2u);
  EXPECT_TRUE(Commit(PutOf("proc_2", "two")).ok()) << "writing goes on";
}

// ---- Sessions and the boot ---------------------------------------------------------------------

TEST_P(StoreContract, SessionsComeBackUntilTheyEndOrExpire) {
  const Session session = MakeSession("s1", 10, 100);
  ASSERT_TRUE(PutSession(session).ok());
  ASSERT_TRUE(PutSession(MakeSession("s2", 10, 50)).ok());
  ASSERT_TRUE(PutSession(MakeSession("s3", 10, 200)).ok());
  EXPECT_THAT(SessionIds(20), ElementsAre("s1", "s2", "s3"));
  EXPECT_EQ(store_->LoadSessions(20)->at(0), session);
  ASSERT_TRUE(EndSession("s3", 30).ok());
  ASSERT_TRUE(EndSession("unknown", 30).ok());
  EXPECT_THAT(SessionIds(49), ElementsAre("s1", "s2"));
  EXPECT_THAT(SessionIds(50), ElementsAre("s1"));
  Reopen();
  EXPECT_THAT(SessionIds(50), ElementsAre("s1"));
}

TEST_P(StoreContract, ASessionPutAgainIsReplaced) {
  ASSERT_TRUE(PutSession(MakeSession("s1", 10, 100)).ok());
  Session longer = MakeSession("s1", 10, 300);
  longer.peer_uid = -1;
  longer.user = "other";
  ASSERT_TRUE(PutSession(longer).ok());
  EXPECT_THAT(*store_->LoadSessions(200), ElementsAre(longer));
}

TEST_P(StoreContract, ExpiredSessionsDoNotPileUp) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(PutSession(MakeSession(absl::StrCat("s", i), i, i + 3)).ok());
  }
  EXPECT_THAT(SessionIds(0), ElementsAre("s17", "s18", "s19"));
}

TEST_P(StoreContract, SessionsAndTheBootTakeNoRevision) {
  ASSERT_TRUE(PutSession(MakeSession("s1", 10, 100)).ok());
  ASSERT_TRUE(SaveBootId(*store_, "boot").ok());
  EXPECT_EQ(store_->NewestRevision(), 0);
  EXPECT_EQ(NumberOf(Commit(PutOf("proc_1", "one"))), 1);
  faults_->FailCommits(1, absl::UnavailableError("the disk went away"));
  EXPECT_EQ(SaveBootId(*store_, "next").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(*store_->LoadBootId(), "boot");
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreContract, testing::ValuesIn(DatabaseFactories()),
                         [](const auto& suite) { return suite.param.engine; });

}  // namespace
}  // namespace grpc_os::store
