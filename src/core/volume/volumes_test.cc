#include "core/volume/volumes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_resource_store.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class NoLogger final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void SetLevel(LogLevel) override {}
  LogLevel Level() const override { return LogLevel::kInfo; }
  void Write(LogLevel, std::string_view, const LogFields&) override {}
};

// Directories as names: what lies in their places, what aside, what is marked.
class Places final : public VolumeDirectories {
 public:
  std::string PathOf(const std::string& name) const override { return "/data/volumes/" + name; }
  absl::Status Prepare(const std::string& name, const std::string& account) override {
    if (!refusal.ok()) return refusal;
    if (there.contains(name)) return absl::FailedPreconditionError("something is there");
    aside[name] = account;
    return absl::OkStatus();
  }
  absl::Status Publish(const std::string& name) override {
    there.insert(aside.extract(name));
    return absl::OkStatus();
  }
  void Discard(const std::string& name) override { aside.erase(name); }
  absl::Status Mend(const std::string& name, const std::string& account) override {
    mended.push_back(name);
    there.emplace(name, account);
    return absl::OkStatus();
  }
  void BeginRemoval(const std::string& name) override { marked.insert(name); }
  absl::Status EndRemoval(const std::string& name, bool gone) override {
    marked.erase(name);
    if (gone) there.erase(name);
    return absl::OkStatus();
  }
  bool RemoveSome() override { return ++removals % 3 != 0; }
  VolumeSize Measure(const std::string& name, const std::function<bool()>&) const override {
    EXPECT_TRUE(there.contains(name));
    return {.bytes = bytes};
  }
  void Recover(const std::function<bool(const std::string&)>& exists) override {
    for (const std::string& name : std::set<std::string>(marked))
      EXPECT_TRUE(EndRemoval(name, !exists(name)).ok());
  }

  std::map<std::string, std::string> there, aside;  // name and account
  std::set<std::string> marked;
  std::vector<std::string> mended;
  absl::Status refusal;
  int removals = 0;
  int64_t bytes = 4096;
};

class VolumesTest : public ::testing::Test {
 protected:
  void SetUp() override { Restart(); }
  void Restart() {
    volumes_ = std::make_unique<Volumes>(Volumes::Parts{
        .store = store_,
        .scheduler = clock_,
        .logger = logger_,
        .directories = places_,
        .blocking = [](const std::function<void()>& work) { work(); },
        .quick = [](const std::function<void()>& work) { work(); },
        .slow = [](const std::function<void()>& work) { work(); },
        .may =
            [this](const Origin&, const char* permission, std::string_view name) {
              return denied_.contains(absl::StrCat(permission, ":", std::string(name)))
                         ? absl::PermissionDeniedError("denied")
                         : absl::OkStatus();
            }});
    ASSERT_TRUE(volumes_->Load(store_.revision).ok());
  }

  static Volume Named(const std::string& name, bool shared = false,
                      const std::string& account = "") {
    Volume volume;
    volume.name = name;
    volume.spec = {account, shared};
    return volume;
  }
  static Process WithVolumes(const std::string& name, const std::vector<std::string>& volumes,
                             const std::string& account = "") {
    Process process;
    process.id = "proc_" + name;
    process.name = name;
    process.spec.account = account;
    for (const std::string& volume : volumes) process.spec.volumes.push_back({volume, "", false});
    return process;
  }
  absl::StatusOr<Volume> Create(const Volume& wanted) {
    std::optional<absl::StatusOr<Volume>> answer;
    volumes_->Create(wanted, {}, [&](absl::StatusOr<Volume> made) { answer = std::move(made); });
    return answer.value();
  }
  absl::StatusOr<Volume> Update(const Volume& wanted) {
    std::optional<absl::StatusOr<Volume>> answer;
    volumes_->Update(wanted, "", {}, [&](absl::StatusOr<Volume> now) { answer = std::move(now); });
    return answer.value();
  }
  absl::Status Delete(const std::string& name) {
    std::optional<absl::Status> answer;
    volumes_->Delete(name, "", {}, [&](absl::Status status) { answer = std::move(status); });
    return answer.value();
  }
  absl::Status Prepare(const std::vector<VolumeUse>& uses, const std::string& account = "",
                       Origin origin = {}) {
    std::optional<absl::Status> answer;
    volumes_->PrepareUse(uses, account, std::move(origin), [&](absl::StatusOr<Origin> prepared) {
      answer = prepared.ok() ? prepared->CheckPermitted() : prepared.status();
    });
    return answer.value();
  }
  absl::Status Take(const Process& process) {
    const Origin origin;
    return volumes_->Take(process, &origin);
  }
  // As after the commit.
  void Run(const Process& process) {
    ASSERT_TRUE(Take(process).ok());
    volumes_->Settle(process, true);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const Volume& volume : volumes_->List("", 100)) names.push_back(volume.name);
    return names;
  }
  static std::string Why(const absl::Status& status) {
    const auto detail = DetailOf(status);
    return detail ? detail->reason : status.ToString();
  }

  testing::ManualScheduler clock_;
  testing::MemoryResourceStore store_;
  NoLogger logger_;
  Places places_;
  std::set<std::string> denied_;
  std::unique_ptr<Volumes> volumes_;
};

TEST_F(VolumesTest, ADirectoryComesWithTheRowAndGoesWithIt) {
  ASSERT_TRUE(Create(Named("data", false, "web")).ok());
  EXPECT_EQ(places_.there.at("data"), "web");
  EXPECT_THAT(places_.aside, IsEmpty());
  EXPECT_EQ(Why(Create(Named("data")).status()), "VOLUME_EXISTS");
  EXPECT_TRUE(Delete("data").ok());
  EXPECT_THAT(places_.there, IsEmpty());
  EXPECT_THAT(places_.marked, IsEmpty());
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_EQ(Why(Delete("data")), "VOLUME_NOT_FOUND");
}

TEST_F(VolumesTest, WithoutItsRowADirectoryIsNotPublishedAndWithoutADirectoryThereIsNoRow) {
  store_.failure = absl::UnavailableError("disk");
  EXPECT_FALSE(Create(Named("data")).ok());
  EXPECT_THAT(places_.there, IsEmpty());
  EXPECT_THAT(places_.aside, IsEmpty());
  store_.failure = absl::OkStatus();
  places_.refusal = absl::FailedPreconditionError("no ACLs");
  EXPECT_FALSE(Create(Named("data")).ok());
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(VolumesTest, ARemovalThatIsNotCommittedRemovesNothing) {
  ASSERT_TRUE(Create(Named("data")).ok());
  store_.failure = absl::UnavailableError("disk");
  EXPECT_FALSE(Delete("data").ok());
  EXPECT_THAT(Names(), ElementsAre("data"));
  EXPECT_TRUE(places_.there.contains("data"));
  EXPECT_THAT(places_.marked, IsEmpty());
  EXPECT_TRUE(Take(WithVolumes("web", {"data"})).ok());
}

TEST_F(VolumesTest, TheStartMendsWhatACrashLeft) {
  ASSERT_TRUE(Create(Named("kept")).ok());
  ASSERT_TRUE(Create(Named("missing", false, "web")).ok());
  places_.there.erase("missing");
  places_.marked = {"kept", "gone"};
  places_.there["gone"] = "";
  places_.removals = 0;
  Restart();
  EXPECT_EQ(places_.there.at("missing"), "web");
  EXPECT_TRUE(places_.there.contains("kept"));
  EXPECT_FALSE(places_.there.contains("gone"));
  EXPECT_EQ(places_.removals, 3);  // until nothing is left
}

TEST_F(VolumesTest, AnExclusiveVolumeIsOfOneProcessAndNamesTheOther) {
  ASSERT_TRUE(Create(Named("data")).ok());
  Run(WithVolumes("one", {"data"}));
  const absl::Status status = Take(WithVolumes("two", {"data"}));
  EXPECT_EQ(Why(status), "VOLUME_IN_USE");
  EXPECT_THAT(std::string(status.message()), HasSubstr("'one'"));
  denied_ = {"process.read:one"};
  const absl::Status hidden = Take(WithVolumes("two", {"data"}));
  EXPECT_EQ(Why(hidden), "VOLUME_IN_USE");
  EXPECT_THAT(std::string(hidden.message()), Not(HasSubstr("one'")));
  EXPECT_TRUE(Take(WithVolumes("one", {"data"})).ok()) << "it has it itself";
}

TEST_F(VolumesTest, WhoIsRefusedOrLeavesHasNothing) {
  ASSERT_TRUE(Create(Named("a")).ok());
  ASSERT_TRUE(Create(Named("b")).ok());
  Run(WithVolumes("one", {"b"}));
  EXPECT_FALSE(Take(WithVolumes("two", {"a", "b"})).ok());
  EXPECT_THAT(volumes_->UsersOf("a"), IsEmpty());
  volumes_->Settle(WithVolumes("one", {}), true);
  EXPECT_TRUE(Take(WithVolumes("two", {"a", "b"})).ok());
  EXPECT_THAT(volumes_->UsersOf("b"), ElementsAre("two")) << "before its commit, too";
}

TEST_F(VolumesTest, ASharedOneIsOfMany) {
  ASSERT_TRUE(Create(Named("media", true)).ok());
  Run(WithVolumes("one", {"media"}));
  Run(WithVolumes("two", {"media"}));
  EXPECT_THAT(volumes_->UsersOf("media"), ElementsAre("one", "two"));
  EXPECT_EQ(Why(Update(Named("media", false)).status()), "VOLUME_IN_USE");
  volumes_->Settle(WithVolumes("two", {}), true);
  EXPECT_TRUE(Update(Named("media", false)).ok());
  EXPECT_EQ(Why(Take(WithVolumes("two", {"media"}))), "VOLUME_IN_USE");
}

TEST_F(VolumesTest, WhileOneBecomesExclusiveNoSecondProcessComes) {
  ASSERT_TRUE(Create(Named("media", true)).ok());
  Run(WithVolumes("one", {"media"}));
  store_.hold = true;
  volumes_->Update(Named("media", false), "", {}, [](const auto&) {});
  EXPECT_EQ(Why(Take(WithVolumes("two", {"media"}))), "VOLUME_IN_USE");
  store_.hold = false;
  store_.Release();
  EXPECT_EQ(Why(Take(WithVolumes("two", {"media"}))), "VOLUME_IN_USE");
}

TEST_F(VolumesTest, AnAccountIsForLife) {
  ASSERT_TRUE(Create(Named("data", false, "web")).ok());
  const absl::Status status = Take(WithVolumes("one", {"data"}, "batch"));
  EXPECT_EQ(Why(status), "VOLUME_ACCOUNT");
  EXPECT_THAT(std::string(status.message()), HasSubstr("'web'"));
  EXPECT_EQ(Why(Update(Named("data", false, "batch")).status()), "VOLUME_ACCOUNT");
  EXPECT_TRUE(Update(Named("data", true, "")).ok());
  EXPECT_EQ(volumes_->Find("data")->spec.account, "web");
}

TEST_F(VolumesTest, WhatAProcessHasStays) {
  ASSERT_TRUE(Create(Named("data")).ok());
  Run(WithVolumes("one", {"data"}));
  const absl::Status status = Delete("data");
  EXPECT_EQ(Why(status), "VOLUME_IN_USE");
  EXPECT_THAT(std::string(status.message()), HasSubstr("'one'"));
  EXPECT_THAT(Names(), ElementsAre("data"));
}

TEST_F(VolumesTest, WhileOneIsBeingDeletedNoProcessGetsIt) {
  ASSERT_TRUE(Create(Named("data")).ok());
  store_.hold = true;
  volumes_->Delete("data", "", {}, [](const absl::Status&) {});
  EXPECT_EQ(Why(Take(WithVolumes("one", {"data"}))), "VOLUME_NOT_FOUND");
  store_.hold = false;
  store_.Release();
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(VolumesTest, AUseMakesWhatIsNotThereAndMendsWhatIs) {
  ASSERT_TRUE(Create(Named("old", false, "web")).ok());
  places_.mended.clear();
  EXPECT_TRUE(Prepare({{"old", "", false}, {"new", "", true}}, "web").ok());
  EXPECT_THAT(Names(), ElementsAre("new", "old"));
  EXPECT_EQ(volumes_->Find("new")->spec, (VolumeSpec{"web", true}));
  EXPECT_THAT(places_.mended, ElementsAre("old"));
}

TEST_F(VolumesTest, AUseNeedsToMayWriteEachVolumeNowAndAtTheCommit) {
  denied_ = {"volume.write:b"};
  EXPECT_TRUE(absl::IsPermissionDenied(Prepare({{"a", "", false}, {"b", "", false}})));
  EXPECT_THAT(Names(), IsEmpty());
  denied_.clear();
  std::optional<Origin> prepared;
  volumes_->PrepareUse({{"a", "", false}}, "", {},
                       [&](absl::StatusOr<Origin> origin) { prepared = *origin; });
  EXPECT_TRUE(prepared->CheckPermitted().ok());
  denied_ = {"volume.write:a"};
  EXPECT_TRUE(absl::IsPermissionDenied(prepared->CheckPermitted()));
}

TEST_F(VolumesTest, TheRequestOfAProcessIsNotSpentOnItsVolumes) {
  Origin origin;
  origin.record.user = "ada";
  origin.request.emplace().key.id = "r1";
  ASSERT_TRUE(Prepare({{"a", "", false}}, "", origin).ok());
  EXPECT_THAT(store_.requests, IsEmpty());
  ASSERT_EQ(store_.audit.size(), 1u);
  EXPECT_EQ(store_.audit[0].user, "ada");
  EXPECT_FALSE(origin.written->load());
}

TEST_F(VolumesTest, ANewOneIsMeasuredAndOneOfItsNameAnew) {
  ASSERT_TRUE(Create(Named("data")).ok());
  EXPECT_EQ(volumes_->sizes().Last("data")->size.bytes, 4096);
  ASSERT_TRUE(Delete("data").ok());
  EXPECT_FALSE(volumes_->sizes().Last("data"));
  places_.bytes = 0;
  ASSERT_TRUE(Create(Named("data")).ok());
  EXPECT_EQ(volumes_->sizes().Last("data")->size.bytes, 0);
}

TEST_F(VolumesTest, VariablesAreNamedAfterTheirVolumes) {
  EXPECT_EQ(VolumeVariable("my-data.2"), "GRPC_OS_VOLUME_MY_DATA_2");
}

}  // namespace
}  // namespace grpc_os::core
