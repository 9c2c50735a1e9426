#include "init/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace grpc_os::init {
namespace {

using ::testing::HasSubstr;

TEST(OptionsTest, Defaults) {
  const auto options = ParseOptions({});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->action, Options::Action::kRun);
  EXPECT_EQ(options->data_directory, "./data");
  EXPECT_EQ(options->grpc_port, "");
  EXPECT_EQ(options->http_port, "");
  EXPECT_EQ(options->accounts_file, "/etc/grpc-os/accounts");
  EXPECT_EQ(options->system_accounts_file, "/etc/grpc-os/system-accounts");
  EXPECT_EQ(options->boot_id_file, "/proc/sys/kernel/random/boot_id");
  EXPECT_EQ(options->machine_id_file, "/etc/machine-id");
  EXPECT_EQ(options->health_interval_s, 10);
}

TEST(OptionsTest, ValuesComeAsTheNextArgumentOrAfterAnEqualsSign) {
  const auto options = ParseOptions({"--data-dir",
                                     "/d",
                                     "--grpc-port=0",
                                     "--http-port",
                                     "1",
                                     "--user=grpc-os",
                                     "--config-dir=/c",
                                     "--accounts",
                                     "/a",
                                     "--env-file=x=y",
                                     "--boot-id-file",
                                     "/b",
                                     "--osd",
                                     "/o",
                                     "--supervise=/s",
                                     "--machine-id-file",
                                     "/m",
                                     "--system-accounts",
                                     "/t",
                                     "--health-interval=007"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->data_directory, "/d");
  EXPECT_EQ(options->grpc_port, "0");
  EXPECT_EQ(options->http_port, "1");
  EXPECT_EQ(options->user, "grpc-os");
  EXPECT_EQ(options->accounts_file, "/a");
  EXPECT_EQ(options->system_accounts_file, "/t");
  EXPECT_EQ(options->config_dir, "/c");
  EXPECT_EQ(options->env_file, "x=y");
  EXPECT_EQ(options->boot_id_file, "/b");
  EXPECT_EQ(options->osd, "/o");
  EXPECT_EQ(options->supervise, "/s");
  EXPECT_EQ(options->machine_id_file, "/m");
  EXPECT_EQ(options->health_interval_s, 7);
}

TEST(OptionsTest, Actions) {
  EXPECT_EQ(ParseOptions({"--stop"})->action, Options::Action::kStop);
  EXPECT_EQ(ParseOptions({"--stop-all", "--stop"})->action, Options::Action::kStopAll);
  EXPECT_EQ(ParseOptions({"--stop", "--help"})->action, Options::Action::kHelp);
  EXPECT_EQ(ParseOptions({"--version"})->action, Options::Action::kVersion);
}

TEST(OptionsTest, UsageErrorsNameWhatIsWrong) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--data-dri", "x"}, "'--data-dri'"},
      {{"x"}, "'x'"},
      {{"--data-dir"}, "--data-dir needs"},
      {{"--user="}, "--user needs"},
      {{"--grpc-port", "65536"}, "65536"},
      {{"--grpc-port", "-1"}, "-1"},
      {{"--grpc-port", "http"}, "http"},
      {{"--http-port", "65536"}, "--http-port"},
      {{"--stop=yes"}, "--stop=yes"},
      {{"--health-interval", "3601"}, "3601"},
      {{"--health-interval", "1.5"}, "from 0 to 3600, not '1.5'"},
  };
  for (const auto& [arguments, expected] : cases) {
    const auto options = ParseOptions(arguments);
    EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument) << expected;
    EXPECT_THAT(std::string(options.status().message()), HasSubstr(expected));
  }
}

}  // namespace
}  // namespace grpc_os::init
