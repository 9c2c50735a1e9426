#include "shell/default_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "client/fake_daemon.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
namespace fs = std::filesystem;

constexpr char kMachine[] = "unix:/var/lib/grpc-os/run/api.sock";

// In a folder of its own.
class FindTargetTest : public ::testing::Test {
 protected:
  FindTargetTest() { fs::current_path(directory_.path()); }
  ~FindTargetTest() override { fs::current_path(before_); }

  void Write(const std::string& path, const std::string& text = "") {
    if (fs::path(path).has_parent_path()) fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << text;
  }
  absl::StatusOr<Target> Find(const std::optional<std::string>& given = {}) {
    Named named;
    named.address = given;
    return FindNamed(named);
  }
  absl::StatusOr<Target> FindNamed(const Named& named) {
    return FindTarget(
        named,
        [this](const std::string& name) -> std::optional<std::string> {
          const auto found = variables_.find(name);
          return found == variables_.end() ? std::nullopt : std::optional(found->second);
        },
        contexts_);
  }
  // Named NAME at box:50051; in use if it is so wanted.
  void AddContext(const std::string& name, bool in_use) {
    ASSERT_TRUE(contexts_
                    .Change([&](ContextList& list) {
                      Context& context = *list.add_contexts();
                      context.set_name(name);
                      context.set_address("box:50051");
                      context.set_user("ada");
                      context.set_production(true);
                      context.set_in_use(in_use);
                      return absl::OkStatus();
                    })
                    .ok());
  }
  std::string Address(const std::optional<std::string>& given = {}) {
    const auto target = Find(given);
    return target.ok() ? target->address.ToString() : std::string(target.status().message());
  }
  std::string Here(const std::string& name) const {
    return "unix:" + fs::current_path().string() + "/" + name + "/run/api.sock";
  }

  const fs::path before_ = fs::current_path();
  client::TemporaryDirectory directory_;
  std::map<std::string, std::string> variables_;
  const Contexts contexts_{directory_.path() + "/config"};
};

TEST_F(FindTargetTest, TheSystemOfTheMachineWhereTheFolderHasNone) {
  EXPECT_EQ(Address(), kMachine);
  EXPECT_THAT(Find()->reason, IsEmpty());
  EXPECT_THAT(Find()->name, IsEmpty());
}

TEST_F(FindTargetTest, AStoppedSystemInTheFolderIsStillTheOneThatIsMeant) {
  for (const char* file : {"data/grpc-os.db", "data/run/boot_id", "data/run/init.lock"}) {
    Write(file);
    EXPECT_EQ(Address(), Here("data")) << file;
    EXPECT_THAT(Find()->reason, HasSubstr("./data in the current folder"));
    fs::remove_all("data");
  }
}

TEST_F(FindTargetTest, AnotherProgramsDataFolderIsNone) {
  Write("data/train.csv", "1,2");
  EXPECT_EQ(Address(), kMachine);
}

TEST_F(FindTargetTest, AFolderThatCannotBeLookedIntoIsItsOwners) {
  Write("data/PG_VERSION", "16");
  fs::permissions("data", fs::perms::none);
  fs::permissions(directory_.path(), fs::perms(0755));
  const auto addresses_as_another = [&](uid_t owner) {
    // Root sees all.
    const bool root = ::geteuid() == 0;
    if (root && (::chown("data", owner, owner) != 0 || ::seteuid(65534) != 0)) return std::string();
    std::string addresses = Address();
    variables_ = {{"DATA_DIR", "data"}};
    absl::StrAppend(&addresses, " ", Address());
    variables_.clear();
    if (root && ::seteuid(0) != 0) return std::string();
    return addresses;
  };
  const std::string here = Here("data");
  EXPECT_EQ(addresses_as_another(0), here + " " + here) << "sudo may have made it";
  if (::geteuid() == 0) {
    EXPECT_EQ(addresses_as_another(65533), kMachine + (" " + here)) << "another program's";
  }
  fs::permissions("data", fs::perms::owner_all);
}

TEST_F(FindTargetTest, TheEnvFileOfTheFolderIsHeededWhetherItsSystemRunsOrNot) {
  Write("data/grpc-os.db");
  Write(".env", "DATA_DIR=elsewhere\n");
  EXPECT_EQ(Address(), Here("elsewhere"));
  EXPECT_THAT(Find()->reason, HasSubstr(".env"));
  Write(".env", "PORT=1\n");
  EXPECT_EQ(Address(), Here("data"));
}

TEST_F(FindTargetTest, WhatIsNamedGoesFirst) {
  Write("data/grpc-os.db");
  variables_ = {{"DATA_DIR", "/srv/two"}};
  EXPECT_EQ(Address(), "unix:/srv/two/run/api.sock");
  variables_["GRPC_OS_ADDRESS"] = "box:50051";
  EXPECT_EQ(Address(), "box:50051");
  EXPECT_EQ(Address("unix:/x"), "unix:/x");
  EXPECT_THAT(Address("non sense"), HasSubstr("none of unix:PATH, HOST:PORT"));
}

TEST_F(FindTargetTest, MakeMeansTheSystemOfItsFolderOnly) {
  Write("data/grpc-os.db");
  EXPECT_FALSE(Find()->is_of_make);
  Write("Makefile");
  EXPECT_FALSE(Find()->is_of_make) << "a Makefile of another project";
  fs::create_directories("protos/grpc_os");
  EXPECT_TRUE(Find()->is_of_make);
  EXPECT_THAT(Find()->reason, HasSubstr("`make run` starts it."));
  EXPECT_TRUE(Find(Here("data"))->is_of_make) << "the same by its address";
  for (const char* other : {kMachine, "box:50051"}) {
    EXPECT_FALSE(Find(other)->is_of_make);
    EXPECT_THAT(Find(other)->reason, Not(HasSubstr("make")));
  }
  variables_ = {{"DATA_DIR", "/srv/two"}};
  EXPECT_FALSE(Find()->is_of_make);
}

TEST_F(FindTargetTest, OneThatWouldNotBeMeantByItselfHasAName) {
  Write("data/grpc-os.db");
  EXPECT_THAT(Find(Here("data"))->name, IsEmpty()) << "it is the one of this folder";
  EXPECT_EQ(Find(kMachine)->name, "/var/lib/grpc-os");
  EXPECT_EQ(Find("box.example:50051")->name, "box.example");
  EXPECT_EQ(Find("box.example:7")->name, "box.example:7");
  EXPECT_EQ(Find("unix:/srv/a/very/long/path/to/some/where/data/run/api.sock")->name,
            "…/where/data");
  EXPECT_THAT(Find(kMachine)->reason, IsEmpty()) << "the user has just named it";
  variables_ = {{"GRPC_OS_ADDRESS", kMachine}};
  EXPECT_EQ(Find()->name, "/var/lib/grpc-os");
  EXPECT_THAT(Find()->reason, HasSubstr("GRPC_OS_ADDRESS"));
  // A .env that cannot be read matters to nobody who names an address.
  Write(".env", "'\n");
  EXPECT_EQ(Address(), kMachine);
  variables_.clear();
  EXPECT_FALSE(Find().ok());
  EXPECT_EQ(Address(kMachine), kMachine);
}

TEST_F(FindTargetTest, AContextGoesBehindWhatIsNamedAndBeforeTheFolder) {
  Write("data/grpc-os.db");
  AddContext("prod", true);
  AddContext("test", false);
  EXPECT_EQ(Find()->context, "prod");
  EXPECT_EQ(Find()->name, "prod");
  EXPECT_EQ(Find()->address.ToString(), "box:50051");
  EXPECT_EQ(Find()->user, "ada");
  EXPECT_TRUE(Find()->production);
  EXPECT_THAT(Find()->reason, HasSubstr("The context prod is in use"));
  Named named;
  named.context = "test";
  EXPECT_EQ(FindNamed(named)->context, "test");
  EXPECT_THAT(FindNamed(named)->reason, IsEmpty());
  variables_ = {{"GRPC_OS_CONTEXT", "test"}};
  EXPECT_EQ(Find()->context, "test");
  EXPECT_THAT(Find()->reason, HasSubstr("GRPC_OS_CONTEXT"));
  variables_ = {{"GRPC_OS_ADDRESS", "unix:/x"}};
  EXPECT_EQ(Find()->address.ToString(), "unix:/x");
  EXPECT_THAT(Find()->context, IsEmpty());
  EXPECT_EQ(Address("box:50051"), "box:50051");
  EXPECT_THAT(Find("box:50051")->context, IsEmpty()) << "the same by its address is in none";
  named.context = "tets";
  EXPECT_EQ(FindNamed(named).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(FindNamed(named).status().message()), HasSubstr("Did you mean test?"));
}

TEST_F(FindTargetTest, TwoOfOneRankAreRefused) {
  AddContext("prod", false);
  Named both;
  both.address = "box";
  both.context = "prod";
  EXPECT_EQ(FindNamed(both).status().code(), absl::StatusCode::kInvalidArgument);
  both.address.reset();
  both.secure = true;
  EXPECT_THAT(std::string(FindNamed(both).status().message()), HasSubstr("--secure belongs to"));
  both.context.reset();
  EXPECT_THAT(std::string(FindNamed(both).status().message()), HasSubstr("add --address"));
  variables_ = {{"GRPC_OS_ADDRESS", "box"}};
  EXPECT_EQ(FindNamed(both)->address.ToString(), "https://box:50443");
  variables_["GRPC_OS_CONTEXT"] = "prod";
  EXPECT_THAT(std::string(Find().status().message()), HasSubstr("`unset` one"));
}

TEST_F(FindTargetTest, ABadContextFileIsRefusedByNameAndMattersToNobodyWhoNamesAnAddress) {
  AddContext("prod", true);
  fs::permissions(contexts_.path(), fs::perms(0644));
  EXPECT_EQ(Find().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Address(), HasSubstr("`chmod 600 " + contexts_.path() + "`"));
  EXPECT_EQ(Address(kMachine), kMachine);
  fs::permissions(contexts_.path(), fs::perms(0600));
  EXPECT_EQ(Address(), "box:50051");
  Write(contexts_.path(), "contexts: [\n");
  fs::permissions(contexts_.path(), fs::perms(0600));
  EXPECT_EQ(Find().status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Address(), HasSubstr(contexts_.path() + ":"));
  EXPECT_EQ(Address(kMachine), kMachine);
}

TEST_F(FindTargetTest, ALogInIsKeptForAContextAndItsAddress) {
  AddContext("prod", true);
  const auto kept_as = [](const Target& target) {
    return OptionsFor(target, "/state", "").kept_as;
  };
  EXPECT_EQ(kept_as(*Find("box:50051")), "");
  Target moved = *Find();
  EXPECT_THAT(kept_as(moved), AllOf(HasSubstr("prod"), HasSubstr("box:50051")));
  moved.address = *client::ParseAddress("elsewhere:50051");
  EXPECT_NE(kept_as(moved), kept_as(*Find()));
  Target of_another = *Find();
  of_another.user = "eve";
  EXPECT_NE(kept_as(of_another), kept_as(*Find())) << "nor for another user of it";
  of_another.user = "";
  EXPECT_NE(kept_as(of_another), kept_as(*Find()));
  EXPECT_EQ(OptionsFor(moved, "/state", "t").user, "ada");
  EXPECT_EQ(OptionsFor(moved, "/state", "t").token, "t");
}

}  // namespace
}  // namespace grpc_os::shell
