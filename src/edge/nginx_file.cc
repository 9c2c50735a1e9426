#include "edge/nginx_file.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "edge/nginx_writer.h"

namespace grpc_os::edge {
namespace {

using Values = std::map<std::string, std::string>;

// A server's lines of `listen`; `option` may be empty.
absl::StatusOr<std::string> Listen(const std::vector<std::string>& addresses, Literal option) {
  NginxWriter writer(2);
  for (const std::string& address : addresses) {
    const absl::StatusOr<Word> word = Word::ListenAddress(address);
    if (!word.ok()) return word.status();
    writer.Directive("listen", {*word, option, "default_server"});
  }
  return writer.text();
}

// The servers that answer where no domain does. Empty without an address.
absl::StatusOr<std::string> HttpsServer(const std::vector<std::string>& addresses) {
  if (addresses.empty()) return "";
  // A client of a stream that says nothing may be gone.
  absl::StatusOr<std::string> listen = Listen(addresses, "ssl http2 so_keepalive=60s:10s:6");
  if (!listen.ok()) return listen;
  NginxWriter writer(2);
  writer.Directive("ssl_protocols", {"TLSv1.2", "TLSv1.3"});  // of all servers at these addresses
  writer.Directive("ssl_reject_handshake", {"on"});
  return absl::StrCat("  server {\n", *listen, writer.text(), "  }\n");
}

absl::StatusOr<std::string> PlainServer(const std::vector<std::string>& addresses, Literal option) {
  if (addresses.empty()) return "";
  absl::StatusOr<std::string> listen = Listen(addresses, option);
  if (!listen.ok()) return listen;
  NginxWriter writer(2);
  writer.Open("location", {"/"});
  writer.Lua("content_by_lua_block", "unknown", {});
  writer.Close();
  return absl::StrCat("  server {\n", *listen, writer.text(), "  }\n");
}

absl::Status AddServers(const NginxSettings& settings, Values& values) {
  if (settings.http.empty()) return absl::InvalidArgumentError("no address to listen on");
  const absl::StatusOr<std::string> http = PlainServer(settings.http, "");
  const absl::StatusOr<std::string> https = HttpsServer(settings.https);
  const absl::StatusOr<std::string> grpc = PlainServer(settings.grpc, "http2");
  for (const auto* server : {&http, &https, &grpc}) {
    if (!server->ok()) return server->status();
  }
  values["servers"] = absl::StrCat(*http, *https, *grpc);
  return absl::OkStatus();
}

absl::Status AddTrustedProxies(const NginxSettings& settings, Values& values) {
  NginxWriter realip(1);
  std::string geo;
  for (const std::string& network : settings.trusted_proxies) {
    const absl::StatusOr<Word> word = Word::Network(network);
    if (!word.ok()) return word.status();
    realip.Directive("set_real_ip_from", {*word});
    absl::StrAppend(&geo, word->text(), " 1; ");
  }
  values["trusted_networks"] = geo;
  values["forwarded_proto"] = settings.trusted_proxies.empty() ? "$scheme" : "$edge_proto";
  values["trusted_proxies"] = realip.text();
  return absl::OkStatus();
}

absl::StatusOr<Values> ValuesOf(const NginxSettings& settings) {
  Values values;
  for (const auto& [name, number, least] :
       std::initializer_list<std::tuple<const char*, int64_t, int64_t>>{
           {"generation", settings.generation, 0},
           {"workers", settings.workers, 1},
           {"connections", settings.connections, 16},
           // Two for each connection would be all of them waiting for processes at once.
           {"open_files", 2 * settings.connections + settings.domains + 256, 0},
           {"silent_ms", settings.silent_ms, 1},
           {"waiting", settings.waiting, 0},
           {"waiting_bytes", settings.waiting_bytes, 0},
           {"waiting_of_domain", settings.waiting_of_domain, 0},
           {"waiting_bytes_of_domain", settings.waiting_bytes_of_domain, 0},
           {"shutdown_timeout_ms", settings.shutdown_timeout_ms, 1},
       }) {
    if (number < least) return absl::InvalidArgumentError(absl::StrCat(name, " is below ", least));
    values[name] = absl::StrCat(number);
  }
  values["user"] = settings.as_root ? "user root;" : "";
  if (absl::Status status = AddServers(settings, values); !status.ok()) return status;
  if (absl::Status status = AddTrustedProxies(settings, values); !status.ok()) return status;
  return values;
}

}  // namespace

absl::StatusOr<std::string> RenderNginx(std::string_view text, const NginxSettings& settings) {
  const absl::StatusOr<Values> values = ValuesOf(settings);
  if (!values.ok()) return values.status();
  std::string out;
  std::set<std::string> seen;
  int line = 1;
  const auto problem = [&](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat("nginx.conf.template:", line, ": ", what));
  };
  while (true) {
    const size_t begin = text.find("{{");
    out += text.substr(0, begin);
    line += static_cast<int>(
        std::count(text.begin(), text.begin() + std::min(begin, text.size()), '\n'));
    if (begin == std::string_view::npos) break;
    const size_t end = text.find("}}", begin);
    if (end == std::string_view::npos) return problem("{{ without }}");
    const std::string name(text.substr(begin + 2, end - begin - 2));
    const auto value = values->find(name);
    if (value == values->end()) return problem(absl::StrCat("there is no {{", name, "}}"));
    seen.insert(name);
    out += value->second;
    text.remove_prefix(end + 2);
  }
  for (const auto& [name, value] : *values) {
    if (!seen.contains(name)) return problem(absl::StrCat("{{", name, "}} is missing"));
  }
  // With another one, nginx is to read it.
  absl::StrAppend(&out, "# edge.lua ", absl::Hex(std::hash<std::string_view>()(kEdgeLua)), "\n");
  return out;
}

}  // namespace grpc_os::edge
