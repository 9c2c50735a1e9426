#include "edge/nginx_writer.h"

#include <gtest/gtest.h>

#include <string>

namespace grpc_os::edge {
namespace {

TEST(Word, ServerNames) {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + label.substr(0, 61);
  for (const std::string& good :
       {std::string("a"), std::string("a-b.example.com"), std::string("*.a.b"), longest,
        std::string("1.2"), std::string("xn--bcher-kva.example")}) {
    EXPECT_TRUE(Word::ServerName(good).ok()) << good;
  }
  for (const std::string& bad :
       {std::string(""), std::string("*"), std::string("*."), std::string("a.*.b"),
        std::string("*a.b"), std::string(".a"), std::string("a."), std::string("a..b"),
        std::string("-a.b"), std::string("a-.b"), std::string("A.b"), std::string("a_b"),
        label + "a", longest + "a", std::string("**.a"), std::string("a.b\n"), std::string("_")}) {
    EXPECT_FALSE(Word::ServerName(bad).ok()) << bad;
  }
}

TEST(Word, ListenAddresses) {
  for (const char* good : {"80", "65535", "0.0.0.0:80", "[::]:80", "[fe80::1]:1"}) {
    EXPECT_TRUE(Word::ListenAddress(good).ok()) << good;
  }
  for (const char* bad :
       {"", "0", "65536", "080", "+80", " 80", "80 ", "a:80", "::1:80", "[::1]80", "[127.0.0.1]:80",
        "127.0.0.1", "127.0.0.1:", "unix:/x", "*:80", "[]:80", "[::1%lo]:80", "127.1:80"}) {
    EXPECT_FALSE(Word::ListenAddress(bad).ok()) << bad;
  }
}

TEST(Word, Networks) {
  for (const char* good : {"10.0.0.0/8", "0.0.0.0/0", "10.0.0.1", "::/0", "fd00::/128"}) {
    EXPECT_TRUE(Word::Network(good).ok()) << good;
  }
  for (const char* bad : {"", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "/8", "all",
                          "unix:", "10.0.0.0/08", "10.0.0.0/-1"}) {
    EXPECT_FALSE(Word::Network(bad).ok()) << bad;
  }
}

TEST(Word, Paths) {
  for (const char* good : {"/", "/a", "/a/b.c_d~e-f", "/...", "/A0"}) {
    EXPECT_TRUE(Word::Path(good).ok()) << good;
  }
  for (const char* bad : {"", "a", "//", "/a/", "/a//b", "/.", "/..", "/a/../b", "/a b", "/a%20",
                          "/a;", "/$a", "/a\"", "/a\n"}) {
    EXPECT_FALSE(Word::Path(bad).ok()) << bad;
  }
  EXPECT_TRUE(Word::Path("/" + std::string(1023, 'a')).ok());
  EXPECT_FALSE(Word::Path("/" + std::string(1024, 'a')).ok());
}

TEST(NginxWriter, WritesDirectivesAndBlocks) {
  NginxWriter writer(1);
  writer.Open("server", {});
  writer.Directive("listen", {*Word::ListenAddress("80"), "http2"});
  writer.Directive("timeout", {Milliseconds{5}});
  writer.Lua("log_by_lua_block", "log", {*Word::Identifier("dom_1"), int64_t{3}, true});
  writer.Close();
  EXPECT_EQ(writer.text(),
            "  server {\n"
            "    listen 80 http2;\n"
            "    timeout 5ms;\n"
            "    log_by_lua_block { require(\"edge\").log(\"dom_1\", 3, true) }\n"
            "  }\n");
}

}  // namespace
}  // namespace grpc_os::edge
