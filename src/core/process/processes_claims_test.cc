// core::Processes, and what processes have that others may not have too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/process/process_claims.h"
#include "core/process/processes.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_process_store.h"
#include "testing/recording_supervision.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// A process claims the label of one name; one process has each value.
class Labels final : public ProcessClaims {
 public:
  explicit Labels(std::string label) : label_(std::move(label)) {}

  absl::Status Take(const Process& process, const Origin* origin) override {
    const auto it = process.spec.labels.find(label_);
    if (it == process.spec.labels.end()) return absl::OkStatus();
    const auto [owner, taken] = owners.try_emplace(it->second, process.name);
    if (!taken && owner->second != process.name)
      return absl::AlreadyExistsError(origin == nullptr ? "taken" : "taken, and you asked");
    return absl::OkStatus();
  }
  void Settle(const Process& process, bool there) override {
    std::erase_if(owners, [&](const auto& item) { return item.second == process.name; });
    const auto it = process.spec.labels.find(label_);
    if (there && it != process.spec.labels.end()) owners[it->second] = process.name;
  }

  std::map<std::string, std::string> owners;  // by values

 private:
  const std::string label_;
};

class ProcessesClaimsTest : public ::testing::Test {
 protected:
  ProcessesClaimsTest() {
    processes_.AddClaims(disks_);
    processes_.AddClaims(hosts_);
    processes_.OnInstances({});
  }
  static Process With(const std::string& name, std::map<std::string, std::string> labels) {
    Process process;
    process.name = name;
    process.spec.command = "serve";
    process.spec.labels = std::move(labels);
    return process;
  }
  using Answer = std::optional<absl::StatusOr<Process>>;
  static Processes::Done Into(Answer& answer) {
    return [&answer](absl::StatusOr<Process> process) { answer = std::move(process); };
  }
  void Create(const Process& process) {
    processes_.Create(process, [](const absl::StatusOr<Process>&) {});
    scheduler_.RunAll();
    ASSERT_NE(processes_.Find(process.name), nullptr);
  }
  static Processes::Change Set(std::map<std::string, std::string> labels) {
    return [labels = std::move(labels)](ProcessSpec& spec) {
      spec.labels = labels;
      return absl::OkStatus();
    };
  }
  void ReleaseStore() {
    store_.hold = store_.hold_failure = false;
    for (const auto& answer : std::exchange(store_.held, {})) answer();
    scheduler_.RunAll();
  }

  testing::ManualScheduler scheduler_;
  testing::MemoryProcessStore store_;
  testing::RecordingSupervision supervision_;
  Labels disks_{"disk"}, hosts_{"host"};
  Processes processes_{store_, supervision_, scheduler_};
};

TEST_F(ProcessesClaimsTest, WhatIsMadeHasWhatEachClaimantGives) {
  Create(With("web", {{"disk", "d1"}, {"host", "h1"}}));
  EXPECT_THAT(disks_.owners, ElementsAre(Pair("d1", "web")));
  EXPECT_THAT(hosts_.owners, ElementsAre(Pair("h1", "web")));
}

TEST_F(ProcessesClaimsTest, WhereTheSecondRefusesTheFirstGivesNothing) {
  Create(With("web", {{"disk", "d1"}, {"host", "h1"}}));
  Answer created, updated;
  processes_.Create(With("api", {{"disk", "d2"}, {"host", "h1"}}), Into(created), Origin());
  scheduler_.RunAll();
  EXPECT_EQ(created.value().status().message(), "taken, and you asked");
  EXPECT_THAT(disks_.owners, ElementsAre(Pair("d1", "web")));
  EXPECT_EQ(processes_.Find("api"), nullptr);

  Create(With("api", {{"disk", "d3"}}));
  processes_.Update("api", "", Set({{"disk", "d4"}, {"host", "h1"}}), Into(updated));
  scheduler_.RunAll();
  EXPECT_EQ(updated.value().status().message(), "taken");
  EXPECT_THAT(disks_.owners, UnorderedElementsAre(Pair("d1", "web"), Pair("d3", "api")));
  EXPECT_EQ(processes_.Find("api")->generation, 1);
}

TEST_F(ProcessesClaimsTest, ACommittedChangeGivesUpWhatItDoesNotNameAnyMore) {
  Create(With("web", {{"disk", "d1"}, {"host", "h1"}}));
  store_.hold = true;
  processes_.Update("web", "", Set({{"disk", "d2"}}), [](const auto&) {});
  scheduler_.RunAll();
  EXPECT_THAT(disks_.owners, ElementsAre(Pair("d1", "web"), Pair("d2", "web")));
  EXPECT_THAT(hosts_.owners, ElementsAre(Pair("h1", "web")));
  ReleaseStore();
  EXPECT_THAT(disks_.owners, ElementsAre(Pair("d2", "web")));
  EXPECT_THAT(hosts_.owners, IsEmpty());
}

TEST_F(ProcessesClaimsTest, WhatIsNotStoredWasNotTaken) {
  Create(With("web", {{"disk", "d1"}}));
  store_.failure = absl::UnavailableError("disk full");
  processes_.Update("web", "", Set({{"disk", "d2"}}), [](const auto&) {});
  processes_.Create(With("api", {{"host", "h2"}}), [](const auto&) {});
  scheduler_.RunAll();
  EXPECT_THAT(disks_.owners, ElementsAre(Pair("d1", "web")));
  EXPECT_THAT(hosts_.owners, IsEmpty());
}

TEST_F(ProcessesClaimsTest, ACheckOfADeployTakesNothingAndLeavesWhatACommitUnderWayTook) {
  Create(With("web", {{"disk", "d1"}}));
  store_.hold = true;
  processes_.Update("web", "", Set({{"disk", "d2"}}), [](const auto&) {});
  scheduler_.RunAll();
  Process wanted = *processes_.Find("web");
  wanted.spec.labels = {{"disk", "d3"}};
  EXPECT_TRUE(processes_.CheckDeploy(wanted, Origin()).ok());
  EXPECT_EQ(disks_.owners.count("d2"), 1u) << "another one could take it meanwhile";
  EXPECT_EQ(disks_.owners.count("d3"), 0u);
  ReleaseStore();
  EXPECT_THAT(disks_.owners, ElementsAre(Pair("d2", "web")));
}

TEST_F(ProcessesClaimsTest, ARefusedChangeLeavesWhatANeighbourInItsTransactionTook) {
  Create(With("web", {{"disk", "d1"}}));
  Create(With("api", {{"host", "h1"}}));
  store_.hold = true;
  Answer first, second;
  processes_.Update("web", "", Set({{"disk", "d2"}}), Into(first));
  processes_.Update("web", "", Set({{"disk", "d3"}, {"host", "h1"}}), Into(second));
  scheduler_.RunAll();
  EXPECT_EQ(disks_.owners.count("d2"), 1u) << "another one could take it meanwhile";
  EXPECT_EQ(disks_.owners.count("d3"), 0u);
  ReleaseStore();
  EXPECT_TRUE(first.value().ok());
  EXPECT_FALSE(second.value().ok());
  EXPECT_THAT(disks_.owners, ElementsAre(Pair("d2", "web")));
}

TEST_F(ProcessesClaimsTest, WhatIsDeletedHasNothing) {
  Create(With("web", {{"disk", "d1"}, {"host", "h1"}}));
  supervision_.launch_done(absl::FailedPreconditionError("no such account"));
  scheduler_.RunAll();
  EXPECT_EQ(processes_.Find("web"), nullptr);
  EXPECT_THAT(disks_.owners, IsEmpty());
  EXPECT_THAT(hosts_.owners, IsEmpty());
}

TEST_F(ProcessesClaimsTest, TheNextDaemonFindsThemAsTheyWere) {
  Create(With("web", {{"disk", "d1"}, {"host", "h1"}}));
  const std::vector<Process> stored = {store_.rows.begin()->second};
  disks_.owners.clear();
  Processes next{store_, supervision_, scheduler_};
  next.AddClaims(disks_);
  next.Load(stored, store_.revision, false);
  EXPECT_THAT(disks_.owners, ElementsAre(Pair("d1", "web")));
}

}  // namespace
}  // namespace grpc_os::core
