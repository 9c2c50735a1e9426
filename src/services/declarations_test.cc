#include "services/declarations.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/identity/roles.h"
#include "grpc_os/v1/options.pb.h"

namespace grpc_os::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The refusal of an API of this one file; "" if there is none.
std::string Wrong(const std::string& file) {
  google::protobuf::FileDescriptorProto proto;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(file, &proto)) << file;
  proto.set_name("made_up.proto");
  proto.set_syntax("proto3");
  google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
  const auto* built = pool.BuildFile(proto);
  const auto methods = MethodTable::Build({built});
  EXPECT_TRUE(methods.ok()) << methods.status();
  const auto declared = Declarations::Build({built}, *methods);
  return declared.ok() ? "" : std::string(declared.status().message());
}

// One method that needs thing.read; its service declares `permissions`.
std::string Api(const std::vector<std::string>& permissions, const std::string& kinds = "") {
  std::string text =
      "message_type { name: 'Ask' } service { name: 'S' method { name: 'M' input_type: 'Ask' "
      "output_type: 'Ask' options { [grpc_os.v1.permission]: 'thing.read' } } options { ";
  for (const std::string& permission : permissions)
    text += "[grpc_os.v1.permissions]: { " + permission + " } ";
  return text + "} } " + kinds;
}
std::string KindOf(const std::string& message, const std::string& kind) {
  return "message_type { name: '" + message + "' options { [grpc_os.v1.kind]: { " + kind +
         " } } } ";
}

TEST(Declarations, WhatDoesNotFitTogetherStopsTheStart) {
  const std::string read = "name: 'thing.read'";
  EXPECT_EQ(Wrong(Api({read})), "");
  EXPECT_THAT(Wrong(Api({})), HasSubstr("S/M needs thing.read, which no service declares"));
  EXPECT_THAT(Wrong(Api({read, read})), HasSubstr("thing.read is declared twice"));
  EXPECT_THAT(Wrong(Api({read, "name: 'thing.write'"})), HasSubstr("nothing needs thing.write"));
  EXPECT_THAT(Wrong(Api({read + " roles: 'king'"})),
              HasSubstr("thing.read is of no built-in role king"));
  const std::string kind = "name: 'thing' permission: 'thing.read'";
  EXPECT_EQ(Wrong(Api({read}, KindOf("Thing", kind))), "");
  EXPECT_THAT(Wrong(Api({read}, KindOf("Thing", "name: 'thing' permission: 'thing.see'"))),
              HasSubstr("the kind thing needs thing.see, which no service declares"));
  EXPECT_THAT(Wrong(Api({read}, KindOf("Thing", kind) + KindOf("Other", kind))),
              HasSubstr("the kind thing is declared twice"));
}

std::vector<std::string> AllowedBy(const core::Role& role) {
  std::vector<std::string> permissions;
  for (const core::Rule& rule : role.spec.rules) permissions.push_back(rule.permission);
  return permissions;
}

TEST(Declarations, TheBuiltInRolesAllowWhatTheApiDeclares) {
  const auto declared = Declarations::BuildApi();
  ASSERT_TRUE(declared.ok()) << declared.status();
  const auto roles = core::BuiltInRoles(declared->permissions);
  ASSERT_EQ(roles.size(), 3u);
  EXPECT_THAT(AllowedBy(roles[0]), ElementsAre("*"));
  EXPECT_THAT(
      AllowedBy(roles[1]),
      ElementsAre("domain.read", "domain.reload", "domain.write", "event.read", "object.read",
                  "object.write", "process.read", "process.run", "process.write", "quota.read",
                  "system.read", "volume.read", "volume.write"));
  EXPECT_THAT(AllowedBy(roles[2]),
              ElementsAre("domain.read", "event.read", "object.read", "process.read", "quota.read",
                          "system.read", "volume.read"));
}

TEST(Declarations, TheKindsAreThoseOfTheirMessages) {
  const auto declared = Declarations::BuildApi();
  ASSERT_TRUE(declared.ok()) << declared.status();
  std::vector<std::string> names;
  for (const Kind& kind : declared->kinds) names.push_back(kind.name);
  EXPECT_THAT(names, ElementsAre("domain", "object", "process", "quota", "revision", "role", "user",
                                 "volume"));
  EXPECT_EQ(declared->FindKind("process")->permission, "process.read");
  EXPECT_TRUE(declared->FindKind("process")->watched_by_default);
  EXPECT_EQ(declared->FindKind("none"), nullptr);
}

}  // namespace
}  // namespace grpc_os::services
