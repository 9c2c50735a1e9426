// What every engine behind the store must do. An engine joins by store_contract.h.
#include "store/store_contract.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <future>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/faulty_database.h"
#include "store/store.h"

namespace grpc_os::store {
namespace {

using core::Event;
using core::Process;
using core::ProcessWrite;
using core::Session;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Revision = absl::StatusOr<int64_t>;

Process MakeProcess(const std::string& id, const std::string& name) {
  Process process;
  process.id = id;
  process.name = name;
  process.spec.command = "true";
  return process;
}

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
                  .log_max_bytes = 103};
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

Event MakeEvent(const std::string& id, const std::string& action) {
  return {.revision = 0,
          .sequence = 0,
          .time_ms = 1700,
          .kind = "process",
          .resource_id = id,
          .name = "name of " + id,
          .action = action,
          .attributes = {{"pid", "7"}, {"reason", action}}};
}

// A process, and an event that tells of it.
ProcessWrite PutOf(const std::string& id, const std::string& name) {
  return {.put = {MakeProcess(id, name)}, .remove = {}, .events = {MakeEvent(id, "created")}};
}

Session MakeSession(const std::string& id, int64_t create_time_ms, int64_t expire_time_ms) {
  return {.id = id,
          .user = "admin",
          .method = "peer",
          .peer_uid = 1000,
          .create_time_ms = create_time_ms,
          .expire_time_ms = expire_time_ms};
}

std::vector<std::string> ActionsOf(const std::vector<Event>& events) {
  std::vector<std::string> actions;
  for (const Event& event : events) {
    actions.push_back(absl::StrCat(event.revision, ".", event.sequence, " ", event.resource_id, " ",
                                   event.action));
  }
  return actions;
}

std::vector<std::string> NamesOf(const std::vector<Process>& processes) {
  std::vector<std::string> names;
  for (const Process& process : processes) names.push_back(process.name);
  return names;
}

std::string ReasonOf(const absl::Status& status) {
  const auto detail = DetailOf(status);
  return detail.has_value() ? detail->reason : "";
}

// The revision, -1 for a refusal.
int64_t NumberOf(const Revision& revision) { return revision.ok() ? *revision : -1; }

class StoreContract : public testing::TestWithParam<DatabaseFactory> {
 protected:
  void SetUp() override {
    data_ = GetParam().make();
    Open();
  }

  void Open() {
    auto database = data_->Open();
    ASSERT_TRUE(database.ok()) << database.status();
    faults_ = std::make_shared<Faults>();
    auto store = Store::Open(std::make_unique<FaultyDatabase>(*std::move(database), faults_));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  void Reopen() {
    store_.reset();
    Open();
  }

  std::future<Revision> Submit(ProcessWrite write) {
    auto promise = std::make_shared<std::promise<Revision>>();
    store_->Commit(std::move(write),
                   [promise](Revision revision) { promise->set_value(std::move(revision)); });
    return promise->get_future();
  }
  Revision Commit(ProcessWrite write) { return Submit(std::move(write)).get(); }

  absl::StatusOr<std::vector<Event>> TryEvents(int64_t after, int limit = 1000) {
    std::promise<absl::StatusOr<std::vector<Event>>> promise;
    store_->ReadEvents(after, limit, [&](absl::StatusOr<std::vector<Event>> events) {
      promise.set_value(std::move(events));
    });
    return promise.get_future().get();
  }
  std::vector<Event> Events(int64_t after, int limit = 1000) {
    auto events = TryEvents(after, limit);
    EXPECT_TRUE(events.ok()) << events.status();
    return events.ok() ? *std::move(events) : std::vector<Event>();
  }

  std::vector<Process> Processes() {
    auto processes = store_->LoadProcesses();
    EXPECT_TRUE(processes.ok()) << processes.status();
    return processes.ok() ? *std::move(processes) : std::vector<Process>();
  }

  absl::Status PutSession(const Session& session) {
    std::promise<absl::Status> promise;
    store_->PutSession(session, [&](absl::Status status) { promise.set_value(std::move(status)); });
    return promise.get_future().get();
  }
  absl::Status EndSession(const std::string& id, int64_t time_ms) {
    std::promise<absl::Status> promise;
    store_->EndSession(id, time_ms,
                       [&](absl::Status status) { promise.set_value(std::move(status)); });
    return promise.get_future().get();
  }
  std::vector<std::string> SessionIds(int64_t now_ms) {
    const auto sessions = store_->LoadSessions(now_ms);
    EXPECT_TRUE(sessions.ok()) << sessions.status();
    std::vector<std::string> ids;
    if (sessions.ok()) {
      for (const Session& session : *sessions) ids.push_back(session.id);
    }
    return ids;
  }

  // While one of these lives, the writer's thread waits, and what is submitted becomes one group.
  class Held {
   public:
    explicit Held(Store& store) {
      store.EndSession("none", 0, [latches = latches_](const absl::Status&) {
        latches->held.count_down();
        latches->release.wait();
      });
      latches_->held.wait();
    }
    ~Held() { latches_->release.count_down(); }

   private:
    struct Latches {
      std::latch held{1};
      std::latch release{1};
    };
    const std::shared_ptr<Latches> latches_ = std::make_shared<Latches>();
  };

  // Everything submitted so far has been answered and told to the subscribers.
  void Settle() { const Held held(*store_); }

  // Declared first: the store goes before its data.
  std::unique_ptr<TestData> data_;
  std::shared_ptr<Faults> faults_;
  std::unique_ptr<Store> store_;
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
  for (int number = 0; number <= static_cast<int>(core::ProcessState::kUnkillable); ++number) {
    Process process = MakeProcess(absl::StrCat("proc_", number), absl::StrCat("n", number));
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
  ASSERT_TRUE(store_->SaveBootId("boot-a").ok());
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
  EXPECT_EQ(ReasonOf(refused), core::reason::kStoreUnavailable);
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

TEST_P(StoreContract, AFullQueueRefusesAtOnce) {
  std::atomic<int> done{0};
  std::future<Revision> last;
  {
    const Held held(*store_);
    for (int i = 0; i < limits::kWriterQueue; ++i) {
      store_->EndSession("none", 0,
                         [&](const absl::Status& status) { done += status.ok() ? 1 : 0; });
    }
    const Revision refused = Commit(PutOf("proc_1", "one"));
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(ReasonOf(refused.status()), core::reason::kLimitReached);
    EXPECT_EQ(done, 0);
  }
  while (!(last = Submit(PutOf("proc_1", "one"))).get().ok()) std::this_thread::yield();
  EXPECT_EQ(done, limits::kWriterQueue);
}

// ---- Order -------------------------------------------------------------------------------------

TEST_P(StoreContract, AnswersComeInOrderOnTheWritersThread) {
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
        store_->EndSession("none", 0, [note](const absl::Status& status) { note(status.ok()); });
      } else {
        store_->Commit(PutOf(absl::StrCat("proc_", i), i % 7 == 0 ? "same" : absl::StrCat("n", i)),
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

TEST_P(StoreContract, NothingIsSeenBeforeItsCommit) {
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
  store_->Commit(PutOf("proc_1", "one"), [&](const Revision& revision) {
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

TEST_P(StoreContract, ConcurrentSubmittersGetEachRevisionOnceAndInOrder) {
  constexpr int kThreads = 8;
  constexpr int kEach = 100;
  std::mutex mutex;
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
  for (int thread = 0; thread < kThreads; ++thread) {
    submitters.emplace_back([&, thread] {
      int64_t last = 0;
      for (int i = 0; i < kEach; ++i) {
        const std::string id = absl::StrCat("proc_", thread, "x", i);
        std::promise<Revision> promise;
        store_->Commit(PutOf(id, id), [&](Revision revision) {
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

  std::vector<int64_t> expected(kThreads * kEach);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<int64_t>(i) + 1;
  EXPECT_EQ(answered, expected);
  EXPECT_TRUE(std::is_sorted(notified.begin(), notified.end(), std::less_equal<>()))
      << "each newer than the one before";
  EXPECT_EQ(notified.back(), kThreads * kEach);
  EXPECT_EQ(std::set<std::string>(followed.begin(), followed.end()).size(), expected.size());
  EXPECT_EQ(Processes().size(), expected.size());
}

TEST_P(StoreContract, DestructionFinishesWhatWasSubmitted) {
  Store* const store = store_.get();
  std::latch held(1);
  std::latch release(1);
  store->EndSession("none", 0, [&](const absl::Status&) {
    held.count_down();
    release.wait();
  });
  held.wait();
  std::atomic<int> committed{0};
  std::atomic<int> read{0};
  const auto submit = [&](const std::string& id) {
    store->Commit(PutOf(id, id), [&](const Revision& revision) {
      if (!revision.ok()) return;
      ++committed;
      store->ReadEvents(0, 1, [&](const auto& events) { read += events.ok() ? 1 : 0; });
    });
  };
  for (int i = 0; i < 50; ++i) submit(absl::StrCat("proc_", i));
  std::thread destroyer([&] { store_.reset(); });
  // The destructor waits for the held writer; from its beginning nothing more is taken in.
  std::atomic<bool> closed{false};
  while (!closed) {
    store->EndSession("none", 0, [&](const absl::Status& status) {
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

TEST_P(StoreContract, EventsComeBackInOrderAndOnlyThoseAfter) {
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

TEST_P(StoreContract, RevisionsAreReadWhole) {
  for (int size : {3, 1, 0, 4}) {
    ProcessWrite write;
    for (int i = 0; i < size; ++i) write.events.push_back(MakeEvent("proc_1", absl::StrCat(i)));
    ASSERT_TRUE(Commit(std::move(write)).ok());
  }
  const auto sizes = [&](int64_t after, int limit) { return Events(after, limit).size(); };
  EXPECT_EQ(sizes(0, 1), 3u);
  EXPECT_EQ(sizes(0, 3), 3u);
  EXPECT_EQ(sizes(0, 4), 4u);
  EXPECT_EQ(sizes(0, 5), 8u);
  EXPECT_EQ(sizes(0, 100), 8u);
  EXPECT_EQ(sizes(1, 1), 1u);
  EXPECT_EQ(sizes(2, 1), 4u);
  EXPECT_EQ(sizes(0, 0), 3u) << "a limit below 1 counts as 1";
}

TEST_P(StoreContract, ARevisionThatIsYetToComeIsOutOfRange) {
  ASSERT_TRUE(Commit(PutOf("proc_1", "one")).ok());
  const auto events = TryEvents(2);
  EXPECT_EQ(events.status().code(), absl::StatusCode::kOutOfRange);
  const auto detail = DetailOf(events.status());
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->reason, core::reason::kRevisionUnavailable);
  EXPECT_EQ(detail->metadata, (std::map<std::string, std::string>{
                                  {"revision", "2"}, {"oldest", "0"}, {"newest", "1"}}));
}

TEST_P(StoreContract, ARevisionThatIsNoLongerKeptIsOutOfRange) {
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
  EXPECT_THAT(ActionsOf(Events(3)), ElementsAre("4.0 proc_4 created", "5.0 proc_5 created"));
}

TEST_P(StoreContract, EventsAreAnsweredOnTheReadersThread) {
  std::promise<std::string> promise;
  store_->ReadEvents(0, 1, [&](const auto&) {
    char name[16] = "";
    pthread_getname_np(pthread_self(), name, sizeof name);
    promise.set_value(name);
  });
  EXPECT_EQ(promise.get_future().get(), "store-reader");
}

// ---- Subscriptions -----------------------------------------------------------------------------

TEST_P(StoreContract, SubscribersHearOnceOfEachCommitWithTheNewestRevision) {
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

TEST_P(StoreContract, UnsubscribeWaitsForACallThatRuns) {
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

TEST_P(StoreContract, ASubscriberMayRemoveItselfAndAddAnother) {
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
  EXPECT_THAT(SessionIds(20), ElementsAre("s1")) << "the expired one was forgotten";
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
  ASSERT_TRUE(store_->SaveBootId("boot").ok());
  EXPECT_EQ(store_->NewestRevision(), 0);
  EXPECT_EQ(NumberOf(Commit(PutOf("proc_1", "one"))), 1);
  faults_->FailCommits(1, absl::UnavailableError("the disk went away"));
  EXPECT_EQ(store_->SaveBootId("next").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(*store_->LoadBootId(), "boot");
}

TEST_P(StoreContract, SessionsAreReadEvenIfTheExpiredCannotBeForgotten) {
  ASSERT_TRUE(PutSession(MakeSession("s1", 10, 100)).ok());
  faults_->FailCommits(1, absl::UnavailableError("the disk went away"));
  EXPECT_THAT(SessionIds(20), ElementsAre("s1"));
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreContract, testing::ValuesIn(DatabaseFactories()),
                         [](const auto& suite) { return suite.param.engine; });

}  // namespace
}  // namespace grpc_os::store
