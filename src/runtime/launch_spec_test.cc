#include "runtime/launch_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/tagged.h"

namespace grpc_os::runtime {
namespace {

using ::testing::ElementsAre;

core::Process Web() {
  core::Process process;
  process.id = "proc_1";
  process.name = "web";
  process.generation = 9;
  process.spec.command = "python3 -m 'http server'";
  return process;
}

TEST(LaunchSpecTest, SaysWhatTheProcessSays) {
  core::Process process = Web();
  process.spec.working_directory = "/srv/web";
  process.spec.restart = core::RestartPolicy::kOnFailure;
  process.spec.stop_signal = 3;
  process.spec.stop_timeout_ms = 1234;
  process.spec.log_max_bytes = 1 << 20;
  const auto spec = MakeLaunchSpec(process, "/data", std::nullopt);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->process_id(), "proc_1");
  EXPECT_EQ(spec->process_name(), "web");
  EXPECT_EQ(spec->generation(), 9);
  EXPECT_THAT(spec->argv(), ElementsAre("python3", "-m", "http server"));
  EXPECT_EQ(spec->working_directory(), "/srv/web");
  EXPECT_FALSE(spec->make_working_directory());
  EXPECT_EQ(spec->restart(), internal::LaunchSpec::ON_FAILURE);
  EXPECT_EQ(spec->stop_signal(), 3);
  EXPECT_EQ(spec->stop_timeout_ms(), 1234);
  EXPECT_EQ(spec->log_max_bytes(), 1 << 20);
  EXPECT_EQ(*core::DecodeTagged<core::ProcessSpec>(spec->spec()), process.spec);
}

TEST(LaunchSpecTest, SaysTheEnvironmentOnce) {
  core::Process process = Web();
  process.spec.environment = {{"TOKEN", "hunter2"}};
  process.spec.secrets = {"TOKEN"};
  const auto spec = MakeLaunchSpec(process, "/data", std::nullopt);
  EXPECT_EQ(*core::DecodeTagged<core::ProcessSpec>(spec->spec()), Web().spec);
}

TEST(LaunchSpecTest, SaysWhichCapabilityItHasButNotWhoseItIs) {
  core::Process process = Web();
  process.spec.system = process.spec.low_ports = true;
  const auto spec = MakeLaunchSpec(process, "/data", std::nullopt);
  core::ProcessSpec said = Web().spec;
  said.low_ports = true;
  EXPECT_EQ(*core::DecodeTagged<core::ProcessSpec>(spec->spec()), said);
}

TEST(LaunchSpecTest, NamesVolumesInVariablesThatTheSpecCannotSet) {
  core::Process process = Web();
  process.spec.environment = {{"GRPC_OS_VOLUME_MY_DATA", "/elsewhere"}};
  process.spec.volumes = {{"my-data", "/app/data", false}};
  const auto spec = MakeLaunchSpec(process, "/data", std::nullopt);
  EXPECT_THAT(spec->environment(),
              ::testing::Contains("GRPC_OS_VOLUME_MY_DATA=/data/volumes/my-data"));
  EXPECT_EQ(*core::DecodeTagged<core::ProcessSpec>(spec->spec()), Web().spec)
      << "a supervisor of before can read it";
}

TEST(LaunchSpecTest, TranslatesEachRestartPolicy) {
  core::Process process = Web();
  process.spec.restart = core::RestartPolicy::kAlways;
  EXPECT_EQ(MakeLaunchSpec(process, "/data", std::nullopt)->restart(),
            internal::LaunchSpec::ALWAYS);
  process.spec.restart = core::RestartPolicy::kNever;
  EXPECT_EQ(MakeLaunchSpec(process, "/data", std::nullopt)->restart(), internal::LaunchSpec::NEVER);
}

TEST(LaunchSpecTest, SaysWhetherTheProcessRanBefore) {
  core::Process process = Web();
  EXPECT_FALSE(MakeLaunchSpec(process, "/data", std::nullopt)->ran_before());
  process.provisional = false;
  EXPECT_TRUE(MakeLaunchSpec(process, "/data", std::nullopt)->ran_before());
}

TEST(LaunchSpecTest, DefaultDirectoryIsMade) {
  const auto spec = MakeLaunchSpec(Web(), "/data", std::nullopt);
  EXPECT_EQ(spec->working_directory(), "/data/processes/web");
  EXPECT_TRUE(spec->make_working_directory());
}

TEST(LaunchSpecTest, EnvironmentIsBuiltNotInherited) {
  setenv("LAUNCH_SPEC_TEST_SECRET", "x", 1);
  const auto spec = MakeLaunchSpec(Web(), "/data", std::nullopt);
  EXPECT_THAT(spec->environment(),
              ElementsAre("GRPC_OS_ADDRESS=unix:/data/run/api.sock", "GRPC_OS_PROCESS=web",
                          "GRPC_OS_PROCESS_ID=proc_1", "LANG=C.UTF-8"));
}

TEST(LaunchSpecTest, SpecOverridesTheEnvironment) {
  core::Process process = Web();
  process.spec.environment = {
      {"PATH", "/opt/bin"}, {"HOME", "/h"}, {"PORT", "80"}, {"GRPC_OS_ADDRESS", "127.0.0.1:1"}};
  const auto spec = MakeLaunchSpec(process, "/data", AccountVariables{"me", "/home/me", "/bin/sh"});
  EXPECT_THAT(spec->environment(),
              ElementsAre("GRPC_OS_ADDRESS=127.0.0.1:1", "GRPC_OS_PROCESS=web",
                          "GRPC_OS_PROCESS_ID=proc_1", "HOME=/h", "LANG=C.UTF-8", "LOGNAME=me",
                          "PATH=/opt/bin", "PORT=80", "SHELL=/bin/sh", "USER=me"));
}

TEST(LaunchSpecTest, ThePortIsSaidAndGivenAsPortUnlessTheEnvironmentSetsThat) {
  const auto ports = [](const core::Process& process) {
    const auto spec = MakeLaunchSpec(process, "/data", std::nullopt);
    std::string variable;
    for (const std::string& one : spec->environment()) {
      if (one.starts_with("PORT=")) variable += one;
    }
    return std::to_string(core::DecodeTagged<core::ProcessSpec>(spec->spec())->port) + " " +
           variable;
  };
  core::Process process = Web();
  EXPECT_EQ(ports(process), "0 ");
  process.spec.port = 8080;
  EXPECT_EQ(ports(process), "8080 PORT=8080");
  process.spec.environment = {{"PORT", "9"}};
  EXPECT_EQ(ports(process), "8080 PORT=9");
  process.spec.auto_port = true;
  EXPECT_EQ(ports(process), "8080 PORT=8080") << "the one that was chosen";
  process.spec.auto_port = false;
  process.spec.port = 0;
  EXPECT_EQ(ports(process), "9 PORT=9");
}

TEST(LaunchSpecTest, RefusesWhatCannotBeSplit) {
  core::Process process = Web();
  process.spec.command = "a | b";
  EXPECT_EQ(MakeLaunchSpec(process, "/data", std::nullopt).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(LaunchSpecTest, OwnAccountIsInThePasswdDatabase) {
  const std::optional<AccountVariables> account = OwnAccount();
  ASSERT_TRUE(account.has_value());
  EXPECT_FALSE(account->name.empty());
  EXPECT_EQ(account->home[0], '/');
  EXPECT_EQ(account->shell[0], '/');
}

}  // namespace
}  // namespace grpc_os::runtime
