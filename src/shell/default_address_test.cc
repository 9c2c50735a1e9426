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
    return FindTarget(given, [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    });
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
  EXPECT_THAT(Address("nonsense"), HasSubstr("none of unix:PATH, HOST:PORT"));
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

}  // namespace
}  // namespace grpc_os::shell
