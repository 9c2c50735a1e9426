#include "edge/nginx_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "edge/nginx_syntax_harness.h"

namespace grpc_os::edge {
namespace {

using ::testing::Test;

NginxSettings Example() {
  NginxSettings settings;
  settings.generation = 42;
  settings.http = {"127.0.0.1:8880"};
  settings.https = {"8443"};
  settings.grpc = {"[::1]:8881"};
  settings.trusted_proxies = {"10.0.0.0/8", "fd00::/8"};
  return settings;
}

std::string Rendered(const NginxSettings& settings) {
  const absl::StatusOr<std::string> text = RenderNginx(kNginxTemplate, settings);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? *text : "";
}

std::string ErrorOf(const std::string& text, const NginxSettings& settings = Example()) {
  return std::string(RenderNginx(text, settings).status().message());
}

bool Has(const Directive& directive, const std::vector<std::string>& words) {
  if (directive.words == words) return true;
  for (const Directive& below : directive.body) {
    if (Has(below, words)) return true;
  }
  return false;
}

TEST(NginxFile, HasItsSettings) {
  NginxSettings settings = Example();
  settings.domains = 1000;
  const Directive file = Parsed(Rendered(settings));
  EXPECT_TRUE(Has(file, {"listen", "127.0.0.1:8880", "default_server"}));
  EXPECT_TRUE(
      Has(file, {"listen", "8443", "ssl", "http2", "so_keepalive=60s:10s:6", "default_server"}));
  EXPECT_TRUE(Has(file, {"ssl_reject_handshake", "on"}));
  EXPECT_TRUE(Has(file, {"listen", "[::1]:8881", "http2", "default_server"}));
  EXPECT_TRUE(Has(file, {"set_real_ip_from", "10.0.0.0/8"}));
  EXPECT_TRUE(Has(file, {"fd00::/8", "1"}));
  EXPECT_TRUE(Has(file, {"worker_processes", "2"}));
  EXPECT_TRUE(Has(file, {"worker_shutdown_timeout", "300000ms"}));
  EXPECT_TRUE(Has(file, {"worker_rlimit_nofile", "9448"}));
  EXPECT_FALSE(Has(file, {"user", "root"}));
  settings.as_root = true;
  EXPECT_TRUE(Has(Parsed(Rendered(settings)), {"user", "root"}));
  EXPECT_NE(Rendered(settings).find("generation = 42,"), std::string::npos);
}

TEST(NginxFile, ServesWhatIsThere) {
  NginxSettings settings = Example();
  settings.https = settings.grpc = settings.trusted_proxies = {};
  const std::string text = Rendered(settings);
  EXPECT_EQ(text.find("ssl"), std::string::npos);
  EXPECT_EQ(text.find("set_real_ip_from"), std::string::npos);
  settings.http = {};
  EXPECT_NE(ErrorOf(std::string(kNginxTemplate), settings), "");
  settings = Example();
  settings.workers = 0;
  EXPECT_EQ(ErrorOf(std::string(kNginxTemplate), settings), "workers is below 1");
}

TEST(NginxFile, SaysWhatIsWrongWithATemplate) {
  EXPECT_EQ(ErrorOf("a\nb {{generation}}\n{{none}}"),
            "nginx.conf.template:3: there is no {{none}}");
  EXPECT_EQ(ErrorOf("a\nb {{generation\n"), "nginx.conf.template:2: {{ without }}");
  EXPECT_EQ(ErrorOf("a\n"), "nginx.conf.template:2: {{connections}} is missing");
}

TEST(NginxFile, NoTextBecomesSyntax) {
  const Directive like = Parsed(Rendered(Example()));
  for (const std::string& payload : Payloads()) {
    for (std::vector<std::string> NginxSettings::*list :
         {&NginxSettings::http, &NginxSettings::https, &NginxSettings::grpc,
          &NginxSettings::trusted_proxies}) {
      NginxSettings settings = Example();
      const std::string harmless = (settings.*list)[0];
      (settings.*list)[0] = payload;
      const absl::StatusOr<std::string> text = RenderNginx(kNginxTemplate, settings);
      if (!text.ok()) continue;
      EXPECT_EQ(Parsed(*text), Replaced(like, harmless, payload)) << payload;
    }
  }
}

TEST(NginxFile, KnowsItsTexts) {
  EXPECT_EQ(kEdgeLua.substr(0, 3), "-- ");
  EXPECT_EQ(kEdgeLua.substr(kEdgeLua.size() - 9), "return M\n");
}

}  // namespace
}  // namespace grpc_os::edge
