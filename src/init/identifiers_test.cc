#include "init/identifiers.h"

#include <gtest/gtest.h>

#include <string>

namespace grpc_os::init {
namespace {

TEST(IdentifiersTest, InstanceIds) {
  EXPECT_TRUE(IsInstanceId("0123456789abcdef0123456789abcdef"));
  for (const char* text :
       {"", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0",
        "0123456789ABCDEF0123456789abcdef", "../../../../../../../../../../etc/x",
        "0123456789abcdef0123456789abcde/"}) {
    EXPECT_FALSE(IsInstanceId(text)) << text;
  }
}

TEST(IdentifiersTest, ProcessIds) {
  EXPECT_TRUE(IsProcessId("proc_1"));
  EXPECT_TRUE(IsProcessId("proc_" + std::string(32, 'z')));
  for (const std::string& text :
       {std::string(), std::string("proc_"), std::string("proc_A"), std::string("proc_/"),
        std::string("obj_1"), "proc_" + std::string(33, 'z'), std::string("proc_1\n")}) {
    EXPECT_FALSE(IsProcessId(text)) << text;
  }
}

TEST(IdentifiersTest, ProcessNames) {
  EXPECT_TRUE(IsProcessName("web-server"));
  EXPECT_TRUE(IsProcessName("9.A_b-"));
  EXPECT_TRUE(IsProcessName(std::string(63, 'a')));
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), std::string("-x"), std::string("a/b"),
        std::string("a b"), std::string("a\0b", 3), std::string(64, 'a'),
        std::string("\xc3\xa4")}) {
    EXPECT_FALSE(IsProcessName(text)) << text;
  }
}

}  // namespace
}  // namespace grpc_os::init
