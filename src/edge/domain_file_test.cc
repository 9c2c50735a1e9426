#include "edge/domain_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/domain/edge_endpoints.h"
#include "edge/nginx_syntax_harness.h"

namespace grpc_os::edge {
namespace {

const EdgeAddresses kAddresses = {.http = {"127.0.0.1:8880", "[::1]:8880"},
                                  .https = {"127.0.0.1:8443"},
                                  .grpc = {"127.0.0.1:8881"}};

absl::StatusOr<std::string> Text(const core::Domain& domain,
                                 const EdgeAddresses& addresses = kAddresses) {
  const auto file = RenderDomain(domain, addresses, "5ec4e7");
  if (!file.ok()) return file.status();
  return file->text;
}

core::Domain Example() {
  core::Domain domain;
  domain.id = "dom_1";
  domain.name = "example.com";
  domain.spec.routes = {{"/", false, {{"proc_1", 80, 1}}}};
  return domain;
}

Directive Rendered(const core::Domain& domain) {
  const absl::StatusOr<std::string> text = Text(domain);
  EXPECT_TRUE(text.ok()) << text.status();
  return Parsed(text.ok() ? *text : "");
}

// Those of `name` below, in order.
std::vector<Directive> All(const Directive& directive, const std::string& name) {
  std::vector<Directive> found;
  for (const Directive& below : directive.body) {
    if (below.words.front() == name) found.push_back(below);
    for (Directive& deeper : All(below, name)) found.push_back(std::move(deeper));
  }
  return found;
}

std::vector<std::string> Locations(const Directive& file) {
  std::vector<std::string> paths;
  for (const Directive& location : All(file, "location")) {
    if (location.words.back().front() == '/') {
      paths.push_back(absl::StrCat(location.words.size() > 2 ? location.words[1] : "", " ",
                                   location.words.back()));
    }
  }
  return paths;
}

TEST(DomainFile, NamesUpstreamsByIdAndNumber) {
  EXPECT_EQ(core::UpstreamName("dom_1", 7), "dom_1_7");
  core::Domain domain = Example();
  domain.spec.routes.push_back({"/api", true, {}});
  const Directive file = Rendered(domain);
  std::vector<std::string> names;
  for (const Directive& upstream : All(file, "upstream")) names.push_back(upstream.words[1]);
  EXPECT_EQ(names, (std::vector<std::string>{"dom_1_0", "dom_1_1"}));
  EXPECT_EQ(Locations(file), (std::vector<std::string>{"^~ /", "= /api", "^~ /api/"}));
}

TEST(DomainFile, AnswersItselfOutsideOfItsPaths) {
  core::Domain domain = Example();
  domain.spec.routes = {{"/api", false, {}}};
  EXPECT_EQ(Locations(Rendered(domain)), (std::vector<std::string>{"= /api", "^~ /api/", " /"}));
}

TEST(DomainFile, AWildcardIsAnAnchoredExpressionOfOneLabel) {
  core::Domain domain = Example();
  domain.name = "*.a-1.example.com";
  EXPECT_EQ(All(Rendered(domain), "server_name")[0].words[1],
            R"(~^[^.]{1,63}\.a-1\.example\.com$)");
}

TEST(DomainFile, StripsByLengthAlone) {
  core::Domain domain = Example();
  domain.spec.routes = {{"/a.p~i", true, {}}};
  for (const Directive& rewrite : All(Rendered(domain), "rewrite")) {
    EXPECT_EQ(rewrite.words[1], "(?s)^.{6}/?(.*)$");
  }
  domain.spec.routes = {{"/", true, {}}};
  EXPECT_TRUE(All(Rendered(domain), "rewrite").empty());
}

TEST(DomainFile, HasTheLimitsOfItsSpec) {
  core::Domain domain = Example();
  EXPECT_EQ(All(Rendered(domain), "client_max_body_size")[0].words[1], "10485760");
  EXPECT_EQ(All(Rendered(domain), "proxy_read_timeout")[0].words[1], "60000ms");
  domain.spec.max_body_bytes = 5;
  domain.spec.read_timeout_ms = 1;
  domain.spec.hold_ms = 0;
  EXPECT_EQ(All(Rendered(domain), "client_max_body_size")[0].words[1], "5");
  EXPECT_EQ(All(Rendered(domain), "proxy_read_timeout")[0].words[1], "1ms");
  EXPECT_EQ(All(Rendered(domain), "access_by_lua_block")[0].words[1],
            R"( require("edge").wait("dom_1_0", "dom_1", 0) )");
  domain.spec.grpc = true;
  domain.spec.max_body_bytes = 0;
  domain.spec.hold_ms = 30'000;
  EXPECT_EQ(All(Rendered(domain), "client_max_body_size")[0].words[1], "0");
  // It waits no longer than it would for a process.
  EXPECT_EQ(All(Rendered(domain), "access_by_lua_block")[0].words[1],
            R"( require("edge").wait("dom_1_0", "dom_1", 1) )");
  domain.spec.read_timeout_ms = 0;
  EXPECT_EQ(All(Rendered(domain), "grpc_read_timeout")[0].words[1], "3600000ms");
}

TEST(DomainFile, ListensWhereTheEdgeDoes) {
  std::vector<Directive> listen = All(Rendered(Example()), "listen");
  ASSERT_EQ(listen.size(), 2);
  EXPECT_EQ(listen[1].words, (std::vector<std::string>{"listen", "[::1]:8880"}));
  core::Domain domain = Example();
  domain.spec.grpc = true;
  listen = All(Rendered(domain), "listen");
  ASSERT_EQ(listen.size(), 2);
  EXPECT_EQ(listen[0].words, (std::vector<std::string>{"listen", "127.0.0.1:8881", "http2"}));
  EXPECT_EQ(listen[1].words, (std::vector<std::string>{"listen", "unix:run/wait.sock", "http2"}));
}

core::Domain ApiExample() {
  core::Domain domain;
  domain.id = "dom_1";
  domain.name = "os.example.com";
  domain.spec.api = true;
  domain.spec.certificate = {"a chain\n", "a key\n", 0};
  return domain;
}

TEST(DomainFile, PublishesTheApi) {
  const auto file = RenderDomain(ApiExample(), kAddresses, "5ec4e7");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->secret, "a chain\na key\n");
  const std::string text = file->text.substr(0, file->text.find("# certificate "));
  EXPECT_EQ(text, R"(limit_conn_zone $binary_remote_addr zone=dom_1_api:1m;
limit_conn_zone $server_name zone=dom_1_api_all:64k;
upstream dom_1_api {
  server unix:os.sock;
  keepalive 128;
  keepalive_timeout 4000ms;
}
server {
  listen 127.0.0.1:8443 ssl http2;
  server_name os.example.com;
  access_log logs/dom_1.log edge buffer=8k flush=1s;
  log_by_lua_block { require("edge").log("dom_1") }
  ssl_certificate d/dom_1.pem;
  ssl_certificate_key d/dom_1.pem;
  ssl_session_tickets off;
  client_max_body_size 0;
  keepalive_requests 1000000;
  client_body_timeout 3600000ms;
  send_timeout 3600000ms;
  grpc_read_timeout 86400000ms;
  grpc_send_timeout 86400000ms;
  http2_max_concurrent_streams 128;
  limit_conn dom_1_api 128;
  limit_conn dom_1_api_all 512;
  limit_conn_status 429;
  grpc_set_header Host $host$edge_port;
  grpc_set_header Content-Length $http_content_length;
  grpc_set_header X-Forwarded-For $remote_addr;
  grpc_set_header X-Grpc-Os-Edge 5ec4e7;
  location ^~ /grpc_os.v1. {
    grpc_pass grpc://dom_1_api;
    error_page 429 500 502 503 504 @failed;
  }
  location ^~ /grpc.health.v1. {
    grpc_pass grpc://dom_1_api;
    error_page 429 500 502 503 504 @failed;
  }
  location ^~ /grpc.reflection. {
    grpc_pass grpc://dom_1_api;
    error_page 429 500 502 503 504 @failed;
  }
  location @failed {
    content_by_lua_block { require("edge").failed() }
  }
  location / {
    return 404;
  }
}
)");
}

TEST(DomainFile, OfTheApiDiffersWhereItsCertificateOrKeyDoes) {
  core::Domain domain = ApiExample();
  const std::string before = *Text(domain);
  EXPECT_EQ(*Text(domain), before);
  domain.spec.certificate.chain = "another\n";
  EXPECT_NE(*Text(domain), before);
  domain = ApiExample();
  domain.spec.certificate.key = "another\n";
  EXPECT_NE(*Text(domain), before);
}

TEST(DomainFile, OfTheApiHasNeitherLimitsOfItsSpecNorTextOfItsCertificate) {
  core::Domain domain = ApiExample();
  const Directive before = Rendered(domain);
  domain.spec.max_body_bytes = domain.spec.read_timeout_ms = 7;
  for (const std::string& payload : Payloads()) {
    domain.spec.certificate.chain = payload;
    EXPECT_EQ(Rendered(domain), before) << payload;
    const auto file = RenderDomain(domain, kAddresses, payload);
    if (!file.ok()) continue;
    EXPECT_EQ(Parsed(file->text), Replaced(before, "5ec4e7", payload));
  }
  EXPECT_FALSE(RenderDomain(domain, kAddresses, "").ok());
  EXPECT_FALSE(Text(domain, {.http = kAddresses.http, .grpc = kAddresses.grpc}).ok());
}

TEST(DomainFile, RefusesWhatItCannotMean) {
  core::Domain domain = Example();
  domain.spec.routes.push_back({"/", false, {}});
  EXPECT_FALSE(Text(domain).ok());
  domain = Example();
  domain.spec.grpc = true;
  domain.spec.routes = {{"/a", true, {}}};
  EXPECT_FALSE(Text(domain).ok());
  domain.spec.routes[0].strip = false;
  EXPECT_TRUE(Text(domain).ok());
  EXPECT_FALSE(Text(domain, {.http = kAddresses.http}).ok());
  domain = Example();
  domain.spec.hold_ms = -1;
  EXPECT_FALSE(Text(domain).ok());
}

// What is parsed of `text` is what is parsed of the harmless `like`, with `value` where that has
// `harmless`.
void ExpectMeant(const std::string& text, const std::string& like, const std::string& harmless,
                 const std::string& value) {
  EXPECT_EQ(Parsed(text), Replaced(Parsed(like), harmless, value)) << value;
}

std::string RegexOf(const std::string& name) {
  std::string regex = "~^[^.]{1,63}\\.";
  for (char c : name.substr(2)) regex += c == '.' ? "\\." : std::string(1, c);
  return regex + "$";
}

TEST(DomainFile, NoTextBecomesSyntax) {
  const core::Domain harmless = Example();
  const std::string like = *Text(harmless);
  const std::vector<std::string> payloads = Payloads();
  ASSERT_GE(payloads.size(), 200);
  int taken = 0;
  for (const std::string& payload : payloads) {
    core::Domain domain = harmless;
    domain.id = payload;
    if (const auto text = Text(domain); text.ok()) {
      ExpectMeant(*text, like, "dom_1", payload);
      ++taken;
    }
    for (const char* before : {"", "*."}) {
      domain = harmless;
      domain.name = before + payload;
      const auto text = Text(domain);
      if (!text.ok()) continue;
      const bool wildcard = domain.name.substr(0, 2) == "*.";
      ExpectMeant(*text, like, "example.com", wildcard ? RegexOf(domain.name) : domain.name);
      ++taken;
    }
    for (bool strip : {false, true}) {
      domain = harmless;
      domain.spec.routes[0] = {"/" + payload, strip, {}};
      const auto text = Text(domain);
      if (!text.ok()) continue;
      const std::string same_size = "/" + std::string(payload.size(), 'x');
      domain.spec.routes[0].path = same_size;
      ExpectMeant(*text, *Text(domain), same_size, "/" + payload);
      ++taken;
    }
    if (const auto text = Text(harmless, {.http = {payload, "[::1]:8880"}}); text.ok()) {
      ExpectMeant(*text, like, "127.0.0.1:8880", payload);
      ++taken;
    }
    // Not in the file at all.
    domain = harmless;
    domain.spec.routes[0].targets[0].process = payload;
    domain.spec.manager = payload;
    domain.owner = payload;
    EXPECT_EQ(*Text(domain), like);
  }
  EXPECT_GT(taken, 20);  // some are harmless, and taken
}

}  // namespace
}  // namespace grpc_os::edge
