#include "shell/commands/spec_difference.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace grpc_os::shell {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::ProcessSpec Spec(const std::string& text) {
  v1::ProcessSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec)) << text;
  return spec;
}

// Each as "field: before > after"; "-" for what is not set.
std::vector<std::string> Differences(const std::string& before, const std::string& after) {
  std::vector<std::string> lines;
  for (const Difference& one : DifferencesOf(Spec(before), Spec(after)))
    lines.push_back(one.field + ": " + one.before.value_or("-") + " > " + one.after.value_or("-"));
  return lines;
}

TEST(SpecDifferenceTest, FieldByFieldInTheOrderOfTheFields) {
  EXPECT_THAT(Differences("", ""), IsEmpty());
  EXPECT_THAT(Differences("command: 'a' environment { key: 'B' value: '1' } port: 80",
                          "command: 'b' environment { key: 'A' value: '' } port: 80 version: '2'"),
              ElementsAre("command: a > b", "environment.A: - > ", "environment.B: 1 > -",
                          "version: - > 2"));
}

TEST(SpecDifferenceTest, ValuesAreExact) {
  EXPECT_THAT(Differences("stop_timeout { seconds: 12 nanos: 340000000 }",
                          "stop_timeout { seconds: 12 nanos: 341000000 }"),
              ElementsAre("stop_timeout: 12.340s > 12.341s"));
  EXPECT_THAT(Differences("restart_policy: RESTART_POLICY_ON_FAILURE log_max_bytes: 65536", ""),
              ElementsAre("restart_policy: on-failure > -", "log_max_bytes: 65536 > -"));
  EXPECT_THAT(Differences("stop_scope: STOP_SCOPE_MAIN", "stop_scope: STOP_SCOPE_GROUP"),
              ElementsAre("stop_scope: main > group"));
  EXPECT_THAT(Differences("auto_port: true", "port: 1"),
              ElementsAre("port: - > 1", "auto_port: true > -"));
}

TEST(SpecDifferenceTest, ProbesVolumesDependenciesAndDomains) {
  EXPECT_THAT(
      Differences("ready { notify {} }", "ready { http { path: '/x' port: 1 } }"),
      ElementsAre("ready.http.path: - > /x", "ready.http.port: - > 1", "ready.notify: yes > -"));
  EXPECT_THAT(Differences("liveness { tcp {} failures: 3 }", ""),
              ElementsAre("liveness.failures: 3 > -", "liveness.tcp: yes > -"));
  EXPECT_THAT(Differences("volumes { name: 'a' path: '/app/a' } volumes { name: 'b' shared: true }",
                          "volumes { name: 'a' path: '/app/b' }"),
              ElementsAre("volumes: a:/app/a, b:shared > a:/app/b"));
  EXPECT_THAT(Differences("depends_on { process: 'a' }",
                          "depends_on { process: 'a' condition: CONDITION_COMPLETED }"),
              ElementsAre("depends_on: a:ready > a:completed"));
  EXPECT_THAT(Differences("depends_on { process: 'a' }",
                          "depends_on { process: 'a' condition: CONDITION_READY }"),
              IsEmpty());
  EXPECT_THAT(Differences("domains: 'a' domains: 'b'", "domains: 'a'"),
              ElementsAre("domains: a, b > a"));
  EXPECT_THAT(Differences("labels { key: 'a' value: 'b' }", ""), ElementsAre("labels.a: b > -"));
}

TEST(SpecDifferenceTest, OfSecretsOnlyThatThereAreSuch) {
  const std::string secret = "environment { key: 'K' value: '' } secret_environment: 'K'";
  EXPECT_THAT(Differences(secret, "environment { key: 'K' value: 'shown' }"),
              ElementsAre("environment.K: (secret) > shown"));
  EXPECT_THAT(Differences("environment { key: 'K' value: 'v' } secret_environment: 'K'", ""),
              ElementsAre("environment.K: (secret) > -"));
  EXPECT_THAT(Differences(secret, secret), IsEmpty());
}

// Also of one that is added later: it is set by its type.
TEST(SpecDifferenceTest, EveryFieldThatDiffersIsSeen) {
  const auto* type = v1::ProcessSpec::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    v1::ProcessSpec spec;
    const auto* reflection = spec.GetReflection();
    using Field = google::protobuf::FieldDescriptor;
    if (field->is_repeated() && field->cpp_type() == Field::CPPTYPE_STRING) {
      reflection->AddString(&spec, field, "x");
    } else if (field->is_repeated()) {
      auto* one = reflection->AddMessage(&spec, field);
      one->GetReflection()->SetString(one, one->GetDescriptor()->field(0), "x");
    } else if (field->cpp_type() == Field::CPPTYPE_MESSAGE) {
      reflection->MutableMessage(&spec, field);
    } else if (field->cpp_type() == Field::CPPTYPE_STRING) {
      reflection->SetString(&spec, field, "x");
    } else if (field->cpp_type() == Field::CPPTYPE_ENUM) {
      reflection->SetEnumValue(&spec, field, 1);
    } else if (field->cpp_type() == Field::CPPTYPE_BOOL) {
      reflection->SetBool(&spec, field, true);
    } else if (field->cpp_type() == Field::CPPTYPE_INT64) {
      reflection->SetInt64(&spec, field, 1);
    } else {
      reflection->SetInt32(&spec, field, 1);
    }
    const auto differences = DifferencesOf({}, spec);
    ASSERT_EQ(differences.size(), 1U) << field->name();
    EXPECT_FALSE(differences[0].before.has_value());
    const std::string expected =
        field->name() == "secret_environment" ? "environment" : field->name();
    EXPECT_TRUE(differences[0].field.starts_with(expected)) << differences[0].field;
    EXPECT_TRUE(field->is_map() || !differences[0].after->empty()) << field->name();
  }
}

TEST(SpecDifferenceTest, ForProgramsAnObjectEach) {
  const auto all = ToStruct(DifferencesOf(Spec("command: 'a'"), Spec("command: 'b' port: 1")));
  const auto& list = all.fields().at("differences").list_value();
  ASSERT_EQ(list.values_size(), 2);
  const auto& command = list.values(0).struct_value().fields();
  EXPECT_EQ(command.at("field").string_value(), "command");
  EXPECT_EQ(command.at("before").string_value(), "a");
  EXPECT_EQ(command.at("after").string_value(), "b");
  const auto& port = list.values(1).struct_value().fields();
  EXPECT_EQ(port.at("after").string_value(), "1");
  EXPECT_FALSE(port.contains("before"));
}

}  // namespace
}  // namespace grpc_os::shell
