#include "init/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace grpc_os::init {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

const std::vector<std::string> kOurs = {
    "PATH=/bin",
    "HOME=/root",
    "LANG=C",
    "GRPC_OS_FAILPOINT_DIR=/f",
    "JWT_SECRET=s",
    "DEBUG=1",
    "DB_HOST=h",
    "GRPC_OS_SESSION_IDLE=1h",
    "DATA_DIR=/d",
    "GRPC_PORT=1",
    "LD_PRELOAD=x",
    "DBX=1",
    "PATHS=1",
    "DB_PASSWORD=p",
    "HTTP_PORT=2",
    "GRPC_OS_ADMIN_PASSWORD=a",
    "GRPC_OSD_MEMORY=1G",
};

TEST(EnvironmentTest, SupervisorsGetNoSettings) {
  EXPECT_THAT(SuperviseEnvironment(kOurs, std::nullopt),
              ElementsAre("PATH=/bin", "HOME=/root", "LANG=C", "GRPC_OS_FAILPOINT_DIR=/f"));
}

TEST(EnvironmentTest, TheDaemonGetsThem) {
  EXPECT_THAT(
      DaemonEnvironment(kOurs, std::nullopt),
      UnorderedElementsAre("PATH=/bin", "HOME=/root", "LANG=C", "GRPC_OS_FAILPOINT_DIR=/f",
                           "JWT_SECRET=s", "DEBUG=1", "DB_HOST=h", "DATA_DIR=/d",
                           "GRPC_OS_SESSION_IDLE=1h", "GRPC_PORT=1", "DB_PASSWORD=p", "HTTP_PORT=2",
                           "GRPC_OS_ADMIN_PASSWORD=a", "GRPC_OSD_MEMORY=1G"));
}

TEST(EnvironmentTest, SecretsAreTakenOutOfWhatProcShows) {
  std::vector<std::string> given = {"PATH=/bin", "JWT_SECRET=s3cret", "NOTHING",
                                    "GRPC_OS_ADMIN_PASSWORD=pass word", "DB_PASSWORD=p"};
  std::vector<char*> pointers;
  for (std::string& variable : given) pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  const std::vector<std::string> expected = given;
  EXPECT_EQ(TakeEnvironment(pointers.data()), expected);
  EXPECT_EQ(given[0], "PATH=/bin");
  EXPECT_EQ(given[1], "JWT_SECRET=" + std::string(6, '\0'));
  EXPECT_EQ(given[2], "NOTHING");
  EXPECT_EQ(given[3], "GRPC_OS_ADMIN_PASSWORD=" + std::string(9, '\0'));
  EXPECT_EQ(given[4], "DB_PASSWORD=" + std::string(1, '\0'));
}

TEST(EnvironmentTest, LaterDaemonsGetTheKeyButNotTheFirstPassword) {
  std::vector<std::string> environment = DaemonEnvironment(kOurs, std::nullopt);
  ForgetFirstPassword(environment);
  EXPECT_THAT(environment, ::testing::Contains("JWT_SECRET=s"));
  EXPECT_THAT(environment, ::testing::Not(::testing::Contains("GRPC_OS_ADMIN_PASSWORD=a")));
}

TEST(EnvironmentTest, AnotherAccountHasAnotherHome) {
  Account control;
  control.home = "/var/lib/grpc-os";
  EXPECT_THAT(SuperviseEnvironment({"HOME=/root", "PATH=/bin"}, control),
              UnorderedElementsAre("HOME=/var/lib/grpc-os", "PATH=/bin"));
}

}  // namespace
}  // namespace grpc_os::init
