#include "manifest/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/setting_names.h"

namespace grpc_os::manifest {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const char kGoodSecret[] = "0123456789abcdef0123456789abcdef";

using Values = std::map<std::string, std::string>;

Variables From(const std::string& source, const Values& values) {
  Variables variables;
  for (const auto& [name, value] : values) variables[name] = {value, source};
  return variables;
}

SettingSources Sources(const Values& environment, const Values& env_file = {}) {
  return {.environment = From("environment", environment),
          .env_file = From("/srv/.env:7", env_file)};
}

Settings ResolvedFrom(const SettingSources& sources) {
  const absl::StatusOr<Settings> settings = ResolveSettings(sources);
  EXPECT_TRUE(settings.ok()) << settings.status();
  return settings.value_or(Settings());
}

Settings Resolved(const Values& environment, const Values& env_file = {}) {
  return ResolvedFrom(Sources(environment, env_file));
}

absl::Status Refused(const Values& env_file) {
  const absl::Status status = ResolveSettings(Sources({}, env_file)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return status;
}

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

SettingInForce InForce(const Settings& settings, const std::string& name) {
  for (const SettingInForce& setting : settings.in_force)
    if (setting.name == name) return setting;
  return {};
}

Values Example() {
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
  EXPECT_EQ(settings.log_level, "info");
  EXPECT_EQ(settings.access_token_ms, limits::kAccessTokenMs);
  EXPECT_EQ(settings.session_idle_ms, limits::kRefreshIdleMs);
  EXPECT_EQ(settings.session_ms, limits::kSessionMs);
  EXPECT_EQ(settings.log_file_bytes, int64_t{10} << 20);
  EXPECT_EQ(settings.data_dir, "");
  EXPECT_EQ(settings.warning, "");
}

TEST(Settings, TheTableHasTheNamesThatOtherProgramsPassOn) {
  std::vector<std::pair<std::string, bool>> table;
  std::vector<std::pair<std::string, bool>> passed_on;
  for (const Setting& setting : SettingTable()) table.emplace_back(setting.name, setting.secret());
  for (const SettingName& one : kSettingNames) passed_on.emplace_back(one.name, one.secret);
  EXPECT_EQ(table, passed_on);
}

TEST(Settings, EveryRowSaysWhatItIsAndHasADefaultThatItTakes) {
  std::set<std::string> keys;
  for (const Setting& setting : SettingTable()) {
    Settings settings;
    EXPECT_THAT(setting.what, ::testing::EndsWith(".")) << setting.name;
    EXPECT_STRNE(setting.expected, "") << setting.name;
    if (*setting.fallback != 0) {
      EXPECT_TRUE(setting.read(setting.fallback, settings)) << setting.name;
    }
    if (*setting.key == 0) continue;
    EXPECT_FALSE(setting.secret()) << setting.name << ": everybody may read those files";
    EXPECT_TRUE(keys.insert(setting.key).second) << setting.key;
    EXPECT_NE(*setting.fallback != 0, *setting.example != 0) << setting.name;
  }
}

TEST(Settings, FlagsGoBeforeTheEnvironmentThatBeforeDotEnvThatBeforeFiles) {
  SettingSources sources;
  EXPECT_EQ(InForce(ResolvedFrom(sources), "GRPC_PORT").source, "default");
  sources.files.variables = From("/etc/grpc-os/system.yml:3", {{"GRPC_PORT", "1"}});
  EXPECT_EQ(InForce(ResolvedFrom(sources), "GRPC_PORT").source, "/etc/grpc-os/system.yml:3");
  EXPECT_EQ(ResolvedFrom(sources).grpc_port, 1);
  sources.env_file = From("/srv/.env:12", {{"GRPC_PORT", "2"}});
  EXPECT_EQ(InForce(ResolvedFrom(sources), "GRPC_PORT").source, "/srv/.env:12");
  EXPECT_EQ(ResolvedFrom(sources).grpc_port, 2);
  sources.environment = From("environment", {{"GRPC_PORT", "3"}});
  EXPECT_EQ(InForce(ResolvedFrom(sources), "GRPC_PORT").source, "environment");
  EXPECT_EQ(ResolvedFrom(sources).grpc_port, 3);
  sources.flags = From("--grpc-port", {{"GRPC_PORT", "4"}});
  const SettingInForce flag = InForce(ResolvedFrom(sources), "GRPC_PORT");
  EXPECT_EQ(flag.source, "--grpc-port");
  EXPECT_EQ(flag.value, "4");
  EXPECT_EQ(flag.key, "grpc.port");
  EXPECT_EQ(ResolvedFrom(sources).grpc_port, 4);
}

TEST(Settings, AWrongValueIsRefusedWhereverItIsAndSaysWhere) {
  SettingSources sources{.flags = From("--grpc-port", {{"GRPC_PORT", "a"}}),
                         .environment = From("environment", {{"GRPC_PORT", "b"}}),
                         .env_file = From("/srv/.env:12", {{"GRPC_PORT", "c"}}),
                         .files = {.variables = From("/etc/x.yml:3", {{"GRPC_PORT", "d"}}),
                                   .problems = {"/etc/x.yml:9:1: there is no key"}}};
  const std::string expected = "; expected a number from 0 (any free port) to 65535";
  EXPECT_EQ(MessageOf(ResolveSettings(sources).status()),
            absl::StrCat("/etc/x.yml:9:1: there is no key\n", "/etc/x.yml:3: grpc.port is \"d\"",
                         expected, "\n/srv/.env:12: GRPC_PORT is \"c\"", expected,
                         "\nGRPC_PORT is \"b\" in the environment", expected,
                         "\n--grpc-port is \"a\"", expected));
}

TEST(Settings, NotMoreProblemsThanAnybodyReads) {
  SettingSources sources;
  for (int i = 0; i < 25; ++i) sources.files.problems.push_back(absl::StrCat("p", i));
  EXPECT_THAT(MessageOf(ResolveSettings(sources).status()),
              AllOf(HasSubstr("p19\n"), Not(HasSubstr("p20")), HasSubstr("… and 5 more")));
}

TEST(Settings, SecretsAreNotShown) {
  const Settings settings = Resolved({{"JWT_SECRET", kGoodSecret}});
  const SettingInForce secret = InForce(settings, "JWT_SECRET");
  EXPECT_TRUE(secret.secret && secret.is_set);
  EXPECT_EQ(secret.source, "environment");
  for (const SettingInForce& setting : settings.in_force)
    EXPECT_THAT(setting.value, Not(HasSubstr(kGoodSecret))) << setting.name;
  // Put in the place of the file's path by mistake.
  EXPECT_THAT(MessageOf(Refused({{"JWT_SECRET_FILE", kGoodSecret}})),
              AllOf(HasSubstr("expected an absolute path"), Not(HasSubstr(kGoodSecret))));
}

TEST(Settings, WhatIsNotSetHasNoSource) {
  const SettingInForce unset = InForce(Resolved({{"JWT_SECRET", "your_secret_key"}}), "JWT_SECRET");
  EXPECT_FALSE(unset.is_set);
  EXPECT_EQ(unset.source, "");
  EXPECT_FALSE(InForce(Resolved(Values(), Example()), "DB_HOST").is_set);
}

TEST(Settings, SessionsAndLogsHaveBounds) {
  EXPECT_EQ(Resolved({{"GRPC_OS_ACCESS_TOKEN_LIFETIME", "2m"}}).access_token_ms, 120'000);
  EXPECT_EQ(Resolved({{"GRPC_OS_SESSION_IDLE", "1h"}}).session_idle_ms, 3'600'000);
  EXPECT_EQ(Resolved({{"GRPC_OS_SESSION_LIFETIME", "1d"}}).session_ms, 86'400'000);
  EXPECT_EQ(Resolved({{"GRPC_OS_PASSWORD_BYTES_MIN", "8"}}).password_bytes_min, 8);
  EXPECT_EQ(Resolved({{"GRPC_OSD_LOG_SIZE", "64K"}}).log_file_bytes, 65'536);
  EXPECT_EQ(Resolved({{"GRPC_OSD_LOG_LEVEL", "error"}}).log_level, "error");
  EXPECT_EQ(Resolved({{"GRPC_OSD_LOG_LEVEL", "error"}, {"DEBUG", "1"}}).log_level, "debug");
  for (const auto& [name, wrong] : Values{{"GRPC_OS_ACCESS_TOKEN_LIFETIME", "59s"},
                                          {"GRPC_OS_SESSION_IDLE", "31d"},
                                          {"GRPC_OS_SESSION_LIFETIME", "x"},
                                          {"GRPC_OS_PASSWORD_BYTES_MIN", "7"},
                                          {"GRPC_OSD_LOG_SIZE", "2G"},
                                          {"GRPC_OSD_LOG_LEVEL", "trace"}})
    EXPECT_THAT(MessageOf(Refused({{name, wrong}})), HasSubstr(name + " is \"" + wrong + "\""));
}

TEST(Settings, CertificateAndKeyBelongTogether) {
  EXPECT_THAT(MessageOf(Refused({{"GRPC_TLS_KEY", "/k"}})), HasSubstr("belong together"));
  EXPECT_EQ(Resolved({{"GRPC_TLS_KEY", "/k"}}, {{"GRPC_TLS_CERTIFICATE", "/c"}}).grpc_tls_key,
            "/k");
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
  Values edited = Example();
  edited["DB_PASSWORD"] = "hunter2-hunter2";
  const absl::Status status = Refused(edited);
  EXPECT_THAT(MessageOf(status),
              AllOf(HasSubstr("MariaDB"), HasSubstr("Remove the DB_*"), HasSubstr("SQLite")));
  EXPECT_THAT(MessageOf(status), Not(HasSubstr("hunter2")));
}

TEST(Settings, EachDatabaseSettingAloneIsRefused) {
  for (const char* name : {"DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD"}) {
    const absl::Status status = Refused({{name, "x"}});
    EXPECT_THAT(MessageOf(status), HasSubstr(name));
  }
}

TEST(Settings, AShortSecretIsRefusedWithTheCureAndNotShown) {
  const std::string secret(31, 'k');
  const absl::Status status = Refused({{"JWT_SECRET", secret}});
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
    EXPECT_THAT(MessageOf(status),
                AllOf(HasSubstr("GRPC_PORT"), HasSubstr(bad), HasSubstr("65535")));
  }
}

TEST(Settings, TheAdminsPasswordIsOfTheEnvironmentAlone) {
  EXPECT_EQ(Resolved({{kAdminPasswordVariable, "secure_password"}}).admin_password,
            "secure_password");
  EXPECT_EQ(Resolved({{kAdminPasswordVariable, ""}}).admin_password, "");
  const absl::Status in_file = Refused({{kAdminPasswordVariable, "secure_password"}});
  EXPECT_THAT(MessageOf(in_file), AllOf(HasSubstr("/srv/.env:7: GRPC_OS_ADMIN_PASSWORD"),
                                        HasSubstr("environment alone")));
  EXPECT_THAT(MessageOf(in_file), Not(HasSubstr("secure_password")));
  for (const size_t size : {1, 11, 1025}) {
    const std::string password(size, 'x');
    const absl::Status status =
        ResolveSettings(Sources({{kAdminPasswordVariable, password}})).status();
    EXPECT_THAT(MessageOf(status), HasSubstr(absl::StrCat("has ", size, " bytes"))) << size;
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
                AllOf(HasSubstr(wrong),
                      HasSubstr("expected a size from 256M to 1024G, or 0 for no bound")));
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

TEST(Settings, DebugIsTheLevelInForceWithItsSource) {
  const SettingInForce level =
      InForce(Resolved({{"GRPC_OSD_LOG_LEVEL", "error"}}, {{"DEBUG", "1"}}), "GRPC_OSD_LOG_LEVEL");
  EXPECT_EQ(level.value, "debug");
  EXPECT_THAT(level.source, HasSubstr("/srv/.env"));
  EXPECT_EQ(InForce(Resolved({{"DEBUG", "0"}}), "GRPC_OSD_LOG_LEVEL").source, "default");
}

TEST(Settings, ACopyIsHeldUnlessASettingSaysOtherwise) {
  EXPECT_TRUE(Resolved({}).held_on_copy);
  EXPECT_TRUE(Resolved({{"HELD_ON_COPY", "1"}}).held_on_copy);
  EXPECT_FALSE(Resolved({{"HELD_ON_COPY", "false"}}).held_on_copy);
  EXPECT_THAT(MessageOf(Refused({{"HELD_ON_COPY", "no"}})), HasSubstr("HELD_ON_COPY is \"no\""));
}

TEST(Settings, OnlyARealSecretMakesAFileOneToHide) {
  const auto has_secret = [](const Values& values) { return HasSecret(From("", values)); };
  EXPECT_FALSE(has_secret({{"JWT_SECRET", "your_secret_key"}, {"DB_PASSWORD", "secure_password"}}));
  EXPECT_FALSE(has_secret({{"JWT_SECRET", ""}, {"GRPC_PORT", "1"}}));
  EXPECT_TRUE(has_secret({{"JWT_SECRET", "0123456789abcdef0123456789abcdef"}}));
  EXPECT_TRUE(has_secret({{"DB_PASSWORD", "hunter2"}}));
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
  EXPECT_EQ(found.at("GRPC_PORT"), (Given{"1234", "environment"}));
  EXPECT_EQ(found.count("DEBUG"), 0U);
  EXPECT_EQ(found.count("PATH"), 0U);
}

}  // namespace
}  // namespace grpc_os::manifest
