#include "manifest/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "base/limits.h"
#include "base/secret_variables.h"

namespace grpc_os::manifest {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const char kGoodSecret[] = "0123456789abcdef0123456789abcdef";

Settings Resolved(const Variables& environment, const Variables& env_file = {}) {
  const absl::StatusOr<Settings> settings = ResolveSettings(environment, env_file);
  EXPECT_TRUE(settings.ok()) << settings.status();
  return settings.value_or(Settings());
}

absl::Status Refused(const Variables& env_file) { return ResolveSettings({}, env_file).status(); }

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

Variables Example() {
  return {{"DB_HOST", "localhost"}, {"DB_PORT", "3306"},
          {"DB_NAME", "grpc_os"},   {"DB_USER", "grpc_user"},
          {"GRPC_PORT", "50051"},   {"DB_PASSWORD", "secure_password"},
          {"DEBUG", "false"},       {"JWT_SECRET", "your_secret_key"}};
}

TEST(Settings, HaveDefaults) {
  const Settings settings = Resolved({});
  EXPECT_EQ(settings.grpc_port, 50051);
  EXPECT_EQ(settings.http_port, 50052);
  EXPECT_EQ(settings.jwt_secret, "");
  EXPECT_FALSE(settings.debug);
  EXPECT_EQ(settings.data_dir, "");
  EXPECT_EQ(settings.warning, "");
}

TEST(Settings, ComeFromTheFile) {
  const Settings settings = Resolved({}, {{"GRPC_PORT", "50099"},
                                          {"JWT_SECRET", kGoodSecret},
                                          {"DEBUG", "true"},
                                          {"DATA_DIR", "/srv"}});
  EXPECT_EQ(settings.grpc_port, 50099);
  EXPECT_EQ(settings.jwt_secret, kGoodSecret);
  EXPECT_TRUE(settings.debug);
  EXPECT_EQ(settings.data_dir, "/srv");
  EXPECT_EQ(settings.warning, "");
}

TEST(Settings, TheEnvironmentGoesBeforeTheFile) {
  const Settings settings =
      Resolved({{"GRPC_PORT", "1"}, {"DEBUG", "0"}}, {{"GRPC_PORT", "2"}, {"DEBUG", "1"}});
  EXPECT_EQ(settings.grpc_port, 1);
  EXPECT_FALSE(settings.debug);
}

TEST(Settings, AnEmptyOneIsNotSet) {
  EXPECT_EQ(Resolved({{"GRPC_PORT", ""}}, {{"GRPC_PORT", "2"}}).grpc_port, 2);
  EXPECT_EQ(Resolved({}, {{"DB_HOST", ""}, {"JWT_SECRET", ""}, {"DEBUG", ""}}).warning, "");
}

TEST(Settings, AnUneditedExampleStartsWithOneWarning) {
  const Settings settings = Resolved({}, Example());
  EXPECT_EQ(settings.jwt_secret, "");
  EXPECT_THAT(settings.warning, AllOf(HasSubstr("JWT_SECRET"), HasSubstr("DB_PASSWORD")));
  EXPECT_THAT(settings.warning, Not(HasSubstr("\n")));
}

TEST(Settings, TheExamplesPasswordUnsetsAllOfTheDatabase) {
  const Settings settings =
      Resolved({}, {{"DB_HOST", "db.example"}, {"DB_PASSWORD", "secure_password"}});
  EXPECT_THAT(settings.warning, AllOf(HasSubstr("DB_PASSWORD"), Not(HasSubstr("JWT_SECRET"))));
}

TEST(Settings, OnlyTheExamplesSecretWarnsOfItAlone) {
  const Settings settings = Resolved({}, {{"JWT_SECRET", "your_secret_key"}});
  EXPECT_THAT(settings.warning, AllOf(HasSubstr("JWT_SECRET"), Not(HasSubstr("DB_"))));
}

TEST(Settings, AnEditedDatabaseIsRefusedWithTheCure) {
  Variables edited = Example();
  edited["DB_PASSWORD"] = "hunter2-hunter2";
  const absl::Status status = Refused(edited);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(MessageOf(status),
              AllOf(HasSubstr("MariaDB"), HasSubstr("Remove the DB_*"), HasSubstr("SQLite")));
  EXPECT_THAT(MessageOf(status), Not(HasSubstr("hunter2")));
}

TEST(Settings, EachDatabaseSettingAloneIsRefused) {
  for (const char* name : {"DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD"}) {
    const absl::Status status = Refused({{name, "x"}});
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << name;
    EXPECT_THAT(MessageOf(status), HasSubstr(name));
  }
}

TEST(Settings, AShortSecretIsRefusedWithTheCureAndNotShown) {
  const std::string secret(31, 'k');
  const absl::Status status = Refused({{"JWT_SECRET", secret}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(status), AllOf(HasSubstr("31 bytes"), HasSubstr("at least 32"),
                                       HasSubstr("openssl rand -base64 48")));
  EXPECT_THAT(MessageOf(status), Not(HasSubstr(secret)));
}

TEST(Settings, ASecretOf32BytesIsTaken) {
  EXPECT_EQ(Resolved({{"JWT_SECRET", std::string(32, 'k')}}).jwt_secret, std::string(32, 'k'));
}

TEST(Settings, PortsAreFrom0To65535) {
  EXPECT_EQ(Resolved({{"GRPC_PORT", "0"}}).grpc_port, 0);
  EXPECT_EQ(Resolved({{"GRPC_PORT", "65535"}}).grpc_port, 65535);
  for (const char* bad : {"65536", "-1", "+1", "x", "80a", "1.5", " 80", "99999999999999999999"}) {
    const absl::Status status = Refused({{"GRPC_PORT", bad}});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(MessageOf(status),
                AllOf(HasSubstr("GRPC_PORT"), HasSubstr(bad), HasSubstr("65535")));
  }
}

TEST(Settings, TheAdminsPasswordIsOfTheEnvironmentAlone) {
  EXPECT_EQ(Resolved({{kAdminPasswordVariable, "secure_password"}}).admin_password,
            "secure_password");
  EXPECT_EQ(Resolved({{kAdminPasswordVariable, ""}}).admin_password, "");
  const absl::Status in_file = Refused({{kAdminPasswordVariable, "secure_password"}});
  EXPECT_EQ(in_file.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(MessageOf(in_file), Not(HasSubstr("secure_password")));
  for (const size_t size : {1, 11, 1025}) {
    const std::string password(size, 'x');
    const absl::Status status = ResolveSettings({{kAdminPasswordVariable, password}}, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << size;
    EXPECT_THAT(MessageOf(status), Not(HasSubstr("x" + password))) << size;
  }
  EXPECT_EQ(Resolved({{kAdminPasswordVariable, std::string(1024, 'x')}}).admin_password.size(),
            1024u);
}

TEST(Settings, TheHttpPortIsOneOfItsOwn) {
  const Settings settings = Resolved({{"HTTP_PORT", "0"}});
  EXPECT_EQ(settings.http_port, 0);
  EXPECT_EQ(settings.grpc_port, 50051);
  EXPECT_THAT(MessageOf(Refused({{"HTTP_PORT", "65536"}})), HasSubstr("HTTP_PORT is \"65536\""));
}

TEST(Settings, EventsKeptIsANumberOfRevisions) {
  EXPECT_EQ(Resolved({}).events_kept, limits::kRevisionsKept);
  EXPECT_EQ(Resolved({{"EVENTS_KEPT", "1000"}}).events_kept, 1000);
  for (const char* wrong : {"999", "100000001", "many", "-5", "5000 "}) {
    EXPECT_THAT(MessageOf(Refused({{"EVENTS_KEPT", wrong}})),
                HasSubstr("expected a number of changes from 1000 to 100000000"));
  }
}

TEST(Settings, ProcessPortsAreARange) {
  EXPECT_EQ(Resolved({}).process_ports_first, 20'000);
  EXPECT_EQ(Resolved({}).process_ports_last, 32'000);
  EXPECT_EQ(Resolved({{"PROCESS_PORTS", "5000-5000"}}).process_ports_first, 5000);
  EXPECT_EQ(Resolved({{"PROCESS_PORTS", "5000-5001"}}).process_ports_last, 5001);
  for (const char* wrong : {"5000", "5001-5000", "0-10", "1-65536", "a-b", "1-2-3", "-", "-5"}) {
    EXPECT_THAT(MessageOf(Refused({{"PROCESS_PORTS", wrong}})), HasSubstr("expected two ports"))
        << wrong;
  }
}

TEST(Settings, MemoryIsASizeOr0) {
  EXPECT_EQ(Resolved({}).memory_bytes, int64_t{512} << 20);
  EXPECT_EQ(Resolved({{"GRPC_OSD_MEMORY", "256M"}}).memory_bytes, int64_t{256} << 20);
  EXPECT_EQ(Resolved({{"GRPC_OSD_MEMORY", "1024GiB"}}).memory_bytes, int64_t{1} << 40);
  EXPECT_EQ(Resolved({{"GRPC_OSD_MEMORY", "0"}}).memory_bytes, 0);
  for (const char* wrong : {"255M", "1025G", "-1", "lots", "512", "1e3G", "M"}) {
    EXPECT_THAT(MessageOf(Refused({{"GRPC_OSD_MEMORY", wrong}})),
                AllOf(HasSubstr(wrong), HasSubstr("expected a size from 256M to 1024G, or 0")));
  }
}

TEST(Settings, DebugIsTrueFalse1Or0) {
  EXPECT_TRUE(Resolved({{"DEBUG", "true"}}).debug);
  EXPECT_TRUE(Resolved({{"DEBUG", "1"}}).debug);
  EXPECT_FALSE(Resolved({{"DEBUG", "false"}}).debug);
  EXPECT_FALSE(Resolved({{"DEBUG", "0"}}).debug);
  for (const char* bad : {"yes", "TRUE", "2", "on"}) {
    EXPECT_EQ(Refused({{"DEBUG", bad}}).code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(Settings, ACopyIsHeldUnlessASettingSaysOtherwise) {
  EXPECT_TRUE(Resolved({}).held_on_copy);
  EXPECT_TRUE(Resolved({{"HELD_ON_COPY", "1"}}).held_on_copy);
  EXPECT_FALSE(Resolved({{"HELD_ON_COPY", "false"}}).held_on_copy);
  EXPECT_THAT(MessageOf(Refused({{"HELD_ON_COPY", "no"}})), HasSubstr("HELD_ON_COPY is \"no\""));
}

TEST(Settings, OnlyARealSecretMakesAFileOneToHide) {
  EXPECT_FALSE(HasSecret({{"JWT_SECRET", "your_secret_key"}, {"DB_PASSWORD", "secure_password"}}));
  EXPECT_FALSE(HasSecret({{"JWT_SECRET", ""}, {"GRPC_PORT", "1"}}));
  EXPECT_TRUE(HasSecret({{"JWT_SECRET", "0123456789abcdef0123456789abcdef"}}));
  EXPECT_TRUE(HasSecret({{"DB_PASSWORD", "hunter2"}}));
}

TEST(Settings, AValueIsShownWithoutControlCharactersAndShort) {
  EXPECT_THAT(MessageOf(Refused({{"DEBUG", "a\x1b[31m"}})), HasSubstr("a\\x1b[31m"));
  EXPECT_THAT(MessageOf(Refused({{"DEBUG", std::string(100, 'z')}})),
              Not(HasSubstr(std::string(41, 'z'))));
}

TEST(Settings, AreTakenFromTheEnvironmentOfTheProgram) {
  setenv("GRPC_PORT", "1234", 1);
  unsetenv("DEBUG");
  const Variables found = SettingsInEnvironment();
  unsetenv("GRPC_PORT");
  EXPECT_EQ(found.at("GRPC_PORT"), "1234");
  EXPECT_EQ(found.count("DEBUG"), 0U);
  EXPECT_EQ(found.count("PATH"), 0U);
}

}  // namespace
}  // namespace grpc_os::manifest
