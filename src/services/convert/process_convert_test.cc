#include "services/convert/process_convert.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

namespace grpc_os::services {
namespace {

using google::protobuf::util::MessageDifferencer;

// No field has its default. A secret is shown without its value, so here it has none.
v1::ProcessSpec Full() {
  v1::ProcessSpec spec;
  spec.set_command("python3 -m http.server");
  (*spec.mutable_environment())["MODE"] = "fast";
  (*spec.mutable_environment())["TOKEN"] = "";
  spec.add_secret_environment("TOKEN");
  spec.set_working_directory("/srv");
  spec.set_account("www");
  spec.set_restart_policy(v1::ProcessSpec::RESTART_POLICY_ON_FAILURE);
  spec.mutable_stop_timeout()->set_seconds(3);
  spec.mutable_stop_timeout()->set_nanos(500'000'000);
  spec.set_stop_signal("INT");
  spec.set_stop_scope(v1::ProcessSpec::STOP_SCOPE_GROUP);
  spec.set_log_max_bytes(1 << 20);
  spec.set_port(8080);
  spec.set_auto_port(true);
  spec.mutable_ready()->mutable_http()->set_path("/health");
  spec.mutable_ready()->mutable_http()->set_port(8081);
  spec.mutable_ready()->mutable_timeout()->set_seconds(60);
  spec.mutable_liveness()->mutable_tcp()->set_port(8082);
  spec.mutable_liveness()->mutable_period()->set_seconds(2);
  spec.mutable_liveness()->set_failures(5);
  spec.mutable_liveness()->mutable_timeout()->set_nanos(500'000'000);
  auto& volume = *spec.add_volumes();
  volume.set_name("data");
  volume.set_path("/app/data");
  volume.set_shared(true);
  auto& dependency = *spec.add_depends_on();
  dependency.set_process("db");
  dependency.set_condition(v1::ProcessSpec::Dependency::CONDITION_STARTED);
  spec.set_release("./migrate");
  (*spec.mutable_labels())["team"] = "web";
  spec.set_version("1.0");
  spec.add_domains("www.example.org");
  spec.set_bundle(std::string(64, 'a'));
  return spec;
}

core::ProcessSpec Taken(const v1::ProcessSpec& spec) {
  core::Violations violations;
  core::ProcessSpec taken = SpecFromProto(spec, "spec", violations);
  EXPECT_TRUE(violations.ToStatus().ok()) << violations.ToStatus();
  return taken;
}

v1::ProcessSpec Shown(const core::ProcessSpec& spec) {
  core::Process process;
  process.spec = spec;
  return ToProto(process, {}).spec();
}

std::vector<const google::protobuf::FieldDescriptor*> Fields() {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  for (int i = 0; i < v1::ProcessSpec::descriptor()->field_count(); ++i)
    fields.push_back(v1::ProcessSpec::descriptor()->field(i));
  return fields;
}

TEST(ProcessConvertTest, EachFieldOfASpecGoesBothWays) {
  const v1::ProcessSpec spec = Full();
  std::vector<const google::protobuf::FieldDescriptor*> set;
  v1::ProcessSpec::GetReflection()->ListFields(spec, &set);
  ASSERT_EQ(set.size(), Fields().size()) << "Full() lacks a field";
  EXPECT_TRUE(MessageDifferencer::Equals(Shown(Taken(spec)), spec));
}

TEST(ProcessConvertTest, AnUpdateTakesTheFieldsThatAreSetOrNamed) {
  v1::ProcessSpec before;
  before.set_command("true");
  (*before.mutable_environment())["TOKEN"] = "";
  before.set_bundle(std::string(64, 'b'));  // which volumes need
  before = Shown(Taken(before));            // with its defaults
  const v1::ProcessSpec full = Full();
  for (const auto* field : Fields()) {
    for (const bool named : {false, true}) {
      SCOPED_TRACE(field->name());
      v1::UpdateProcessRequest request;
      v1::ProcessSpec& given = *request.mutable_process()->mutable_spec();
      given = full;
      if (named) {
        request.mutable_update_mask()->add_paths("spec." + field->name());
      } else {
        for (const auto* other : Fields()) {
          if (other != field) given.GetReflection()->ClearField(&given, other);
        }
      }
      core::Violations violations;
      const core::Processes::Change change = ChangeFromProto(request, violations);
      ASSERT_TRUE(violations.ToStatus().ok()) << violations.ToStatus();
      core::ProcessSpec changed = Taken(before);
      ASSERT_TRUE(change(changed).ok());
      // What was given, in the place of what was there.
      v1::ProcessSpec expected = before;
      v1::ProcessSpec rest = full;
      for (const auto* other : Fields()) {
        if (other != field) rest.GetReflection()->ClearField(&rest, other);
      }
      expected.GetReflection()->ClearField(&expected, field);
      expected.MergeFrom(rest);
      EXPECT_TRUE(MessageDifferencer::Equals(Shown(changed), expected));
    }
  }
}

TEST(ProcessConvertTest, EachKindOfProbeGoesBothWays) {
  v1::ProcessSpec spec = Shown(Taken(Full()));
  const auto expect_same = [&spec](const char* kind) {
    EXPECT_TRUE(MessageDifferencer::Equals(Shown(Taken(spec)), spec)) << kind;
  };
  spec.mutable_ready()->mutable_notify();
  expect_same("notify");
  spec.mutable_ready()->mutable_tcp()->set_port(9);
  expect_same("tcp");
  spec.mutable_ready()->mutable_delay()->set_seconds(2);
  expect_same("delay");
  spec.mutable_ready()->clear_kind();
  expect_same("none");
  spec.mutable_liveness()->mutable_http()->set_path("/live");
  expect_same("liveness by http");
}

TEST(ProcessConvertTest, RefusesALivenessProbeWithoutAKind) {
  v1::ProcessSpec spec = Full();
  spec.mutable_liveness()->clear_kind();
  core::Violations violations;
  SpecFromProto(spec, "spec", violations);
  EXPECT_FALSE(violations.ToStatus().ok());
}

TEST(ProcessConvertTest, WhatIsNamedAndUnsetGetsItsDefault) {
  v1::UpdateProcessRequest request;
  for (const auto* field : Fields()) {
    if (field->name() != "command")
      request.mutable_update_mask()->add_paths("spec." + field->name());
  }
  core::Violations violations;
  core::ProcessSpec changed = Taken(Full());
  ASSERT_TRUE(ChangeFromProto(request, violations)(changed).ok());
  EXPECT_TRUE(violations.ToStatus().ok());
  core::ProcessSpec expected;
  expected.command = changed.command;
  EXPECT_EQ(changed, expected);
}

}  // namespace
}  // namespace grpc_os::services
