#include "shell/commands/manifest_spec.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <vector>

namespace grpc_os::shell {
namespace {

v1::ProcessSpec SpecFrom(const std::string& yaml) {
  std::vector<manifest::Problem> problems;
  const auto processes = manifest::ParseProcesses("name: a\ncommand: x\n" + yaml, problems);
  for (const auto& problem : problems) ADD_FAILURE() << manifest::Describe(problem, "process.yml");
  return processes ? SpecOf((*processes)[0]) : v1::ProcessSpec();
}

TEST(ManifestSpecTest, WhatIsNotSaidIsUnset) {
  v1::ProcessSpec expected;
  expected.set_command("x");
  EXPECT_EQ(SpecFrom("").SerializeAsString(), expected.SerializeAsString());
}

TEST(ManifestSpecTest, AFullManifestReachesEveryField) {
  const v1::ProcessSpec spec = SpecFrom(R"(version: 1.0
environment: {PORT: 8080, DEBUG: false}
domains: [a.example.com, b.example.com]
volumes: [data:/app/data, "media:/app/media:shared"]
working_dir: ./src/
user: www-data
restart: on-failure
stop_signal: INT
stop_timeout: 1500ms
stop_scope: group
port: 8080
ready: {http: /ready, port: 81, timeout: 7s}
liveness: {http: /live, port: 82, period: 3s, timeout: 2s, failures: 4}
depends_on: {db: started, cache: ready, seed: completed}
release: python3 migrate.py
log_max: 64M
labels: {team: web}
)");
  v1::ProcessSpec expected;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
command: "x"
environment { key: "PORT" value: "8080" }
environment { key: "DEBUG" value: "false" }
working_directory: "/app/src"
account: "www-data"
restart_policy: RESTART_POLICY_ON_FAILURE
stop_timeout { seconds: 1 nanos: 500000000 }
stop_signal: "INT"
stop_scope: STOP_SCOPE_GROUP
log_max_bytes: 67108864
port: 8080
ready { http { path: "/ready" port: 81 } timeout { seconds: 7 } }
liveness { http { path: "/live" port: 82 } period { seconds: 3 } failures: 4 timeout { seconds: 2 } }
volumes { name: "data" path: "/app/data" }
volumes { name: "media" path: "/app/media" shared: true }
depends_on { process: "db" condition: CONDITION_STARTED }
depends_on { process: "cache" condition: CONDITION_READY }
depends_on { process: "seed" condition: CONDITION_COMPLETED }
release: "python3 migrate.py"
labels { key: "team" value: "web" }
version: "1.0"
domains: "a.example.com"
domains: "b.example.com"
)",
                                                            &expected));
  google::protobuf::util::MessageDifferencer differencer;
  std::string differences;
  differencer.ReportDifferencesToString(&differences);
  EXPECT_TRUE(differencer.Compare(expected, spec)) << differences;
  // A new field of a spec is a key of process.yml, or named here.
  std::vector<std::string> unset;
  const auto* type = v1::ProcessSpec::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    const bool set = field->is_repeated() ? spec.GetReflection()->FieldSize(spec, field) > 0
                                          : spec.GetReflection()->HasField(spec, field);
    if (!set) unset.push_back(field->name());
  }
  EXPECT_THAT(unset, ::testing::ElementsAre("secret_environment", "auto_port", "bundle"));
}

TEST(ManifestSpecTest, TheOtherProbesPortsAndDirectories) {
  EXPECT_TRUE(SpecFrom("port: auto\n").auto_port());
  EXPECT_EQ(SpecFrom("ready: {tcp: 81}\n").ready().tcp().port(), 81);
  EXPECT_TRUE(SpecFrom("port: 80\nready: tcp\n").ready().has_tcp());
  EXPECT_TRUE(SpecFrom("ready: notify\n").ready().has_notify());
  EXPECT_EQ(SpecFrom("ready: {delay: 2s}\n").ready().delay().seconds(), 2);
  EXPECT_TRUE(SpecFrom("ready: {delay: 0s}\n").ready().has_delay());
  EXPECT_EQ(SpecFrom("liveness: {tcp: 82}\n").liveness().tcp().port(), 82);
  EXPECT_TRUE(SpecFrom("stop_timeout: 0s\n").has_stop_timeout());
  EXPECT_EQ(SpecFrom("working_dir: /srv\n").working_directory(), "/srv");
  EXPECT_EQ(SpecFrom("working_dir: .\n").working_directory(), "");
  EXPECT_EQ(SpecFrom("working_dir: ./\n").working_directory(), "");
  EXPECT_EQ(SpecFrom("working_dir: a//./b\n").working_directory(), "/app/a/b");
  EXPECT_EQ(SpecFrom("restart: always\n").restart_policy(), v1::ProcessSpec::RESTART_POLICY_ALWAYS);
  EXPECT_EQ(SpecFrom("restart: never\n").restart_policy(), v1::ProcessSpec::RESTART_POLICY_NEVER);
}

}  // namespace
}  // namespace grpc_os::shell
