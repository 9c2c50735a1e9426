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
    "DATA_DIR=/d",
    "GRPC_PORT=1",
    "LD_PRELOAD=x",
    "DBX=1",
    "PATHS=1",
    "DB_PASSWORD=p",
    "HTTP_PORT=2",
    "GRPC_OS_ADMIN_PASSWORD=a",
};

TEST(EnvironmentTest, SupervisorsGetNoSettings) {
  EXPECT_THAT(SuperviseEnvironment(kOurs, std::nullopt),
              ElementsAre("PATH=/bin", "HOME=/root", "LANG=C", "GRPC_OS_FAILPOINT_DIR=/f"));
}

TEST(EnvironmentTest, TheDaemonGetsThem) {
  EXPECT_THAT(
      DaemonEnvironment(kOurs, std::nullopt),
      UnorderedElementsAre("PATH=/bin", "HOME=/root", "LANG=C", "GRPC_OS_FAILPOINT_DIR=/f",
                           "JWT_SECRET=s", "DEBUG=1", "DB_HOST=h", "DATA_DIR=/d", "GRPC_PORT=1",
                           "DB_PASSWORD=p", "HTTP_PORT=2", "GRPC_OS_ADMIN_PASSWORD=a"));
}

TEST(EnvironmentTest, AnotherAccountHasAnotherHome) {
  Account control;
  control.home = "/var/lib/grpc-os";
  EXPECT_THAT(SuperviseEnvironment({"HOME=/root", "PATH=/bin"}, control),
              UnorderedElementsAre("HOME=/var/lib/grpc-os", "PATH=/bin"));
}

}  // namespace
}  // namespace grpc_os::init
