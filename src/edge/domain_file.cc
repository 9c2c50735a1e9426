#include "edge/domain_file.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "core/domain/edge_endpoints.h"
#include "edge/nginx_writer.h"

namespace grpc_os::edge {
namespace {

constexpr int64_t kClientTimeoutMs = 3'600'000;  // of a gRPC client that is silent
// Idle connections to the processes of a route, in each worker. A gRPC call has one of its own
// while it goes on.
constexpr int64_t kIdleConnections = 32;
constexpr int64_t kIdleGrpcConnections = 128;
// Less than the 5 s after which Node closes one: a request on a connection that is just being
// closed fails.
constexpr int64_t kIdleMs = 4'000;
constexpr int64_t kGrpcRequestsPerConnection = 1'000'000;
constexpr int64_t kApiCallsPerConnection = 128;
// Each is a connection to grpc-osd, which has 1,024 for all and 256 for one user.
constexpr int64_t kApiCalls = 512;
constexpr int64_t kApiCallsPerAddress = 128;

// The methods that grpc-osd has.
constexpr Literal kApiPaths[] = {"/grpc_os.v1.", "/grpc.health.v1.", "/grpc.reflection."};

struct CheckedRoute {
  Word path;
  bool strip;
  Word upstream;
  int64_t number;
};

class DomainRenderer {
 public:
  DomainRenderer(const core::DomainSpec& spec, Word id, Word name, std::vector<CheckedRoute> routes)
      : spec_(spec), id_(std::move(id)), name_(std::move(name)), routes_(std::move(routes)) {}

  std::string Http(const std::vector<Word>& listen) {
    for (const CheckedRoute& route : routes_) Upstream(route);
    writer_.Open("server", {});
    for (const Word& address : listen) writer_.Directive("listen", {address});
    Common();
    writer_.Directive("client_max_body_size", {MaxBody()});
    Timeouts("proxy_read_timeout", "proxy_send_timeout", ReadTimeoutMs());
    for (const CheckedRoute& route : routes_) HttpRoute(route);
    OwnAnswers();
    writer_.Close();
    return writer_.text();
  }

  // What a client sends under the names of headers that are set here is replaced.
  std::string Api(const std::vector<Word>& listen, const Word& secret) {
    const Word upstream = Word::Join({id_, "_api"});
    const Word certificate = Word::Join({"d/", id_, ".pem"});
    writer_.Directive("limit_conn_zone",
                      {"$binary_remote_addr", Word::Join({"zone=", upstream, ":1m"})});
    writer_.Directive("limit_conn_zone",
                      {"$server_name", Word::Join({"zone=", upstream, "_all:64k"})});
    writer_.Open("upstream", {upstream});
    writer_.Directive("server", {Word::Join({"unix:", kApiSocket})});
    KeepIdle(kIdleGrpcConnections);
    writer_.Close();
    writer_.Open("server", {});
    for (const Word& address : listen) writer_.Directive("listen", {address, "ssl", "http2"});
    Common();
    writer_.Directive("ssl_certificate", {certificate});
    writer_.Directive("ssl_certificate_key", {certificate});
    writer_.Directive("ssl_session_tickets", {"off"});
    GrpcLimits();
    writer_.Directive("http2_max_concurrent_streams", {kApiCallsPerConnection});
    writer_.Directive("limit_conn", {upstream, kApiCallsPerAddress});
    writer_.Directive("limit_conn", {Word::Join({upstream, "_all"}), kApiCalls});
    writer_.Directive("limit_conn_status", {"429"});
    writer_.Directive("grpc_set_header", {"Host", "$host$edge_port"});
    writer_.Directive("grpc_set_header", {"Content-Length", "$http_content_length"});
    writer_.Directive("grpc_set_header", {"X-Forwarded-For", "$remote_addr"});
    writer_.Directive("grpc_set_header", {"X-Grpc-Os-Edge", secret});
    for (const Literal& path : kApiPaths) {
      writer_.Open("location", {"^~", path});
      writer_.Directive("grpc_pass", {Word::Join({"grpc://", upstream})});
      writer_.Directive("error_page", {"429", "500", "502", "503", "504", "@failed"});
      writer_.Close();
    }
    Failed();
    writer_.Open("location", {"/"});
    writer_.Directive("return", {"404"});
    writer_.Close();
    writer_.Close();
    return writer_.text();
  }

  std::string Grpc(const std::vector<Word>& listen) {
    for (const CheckedRoute& route : routes_) Upstream(route);
    writer_.Open("server", {});
    for (const Word& address : listen) writer_.Directive("listen", {address, "http2"});
    Common();
    GrpcLimits();
    for (const CheckedRoute& route : routes_) {
      Locations(route, [&] { GrpcPass(route); });
    }
    OwnAnswers();
    writer_.Close();
    // Where calls wait: nginx passes the body of a call on as it comes, so after a failed try a
    // call cannot jump to a location that waits. It is passed on to this server instead, as to one
    // more target.
    writer_.Open("server", {});
    writer_.Directive("listen", {"unix:run/wait.sock", "http2"});
    writer_.Directive("server_name", {name_});
    writer_.Directive("grpc_set_header",
                      {"Host", "$host$edge_port"});  // the others are there by now
    writer_.Directive("grpc_set_header", {"Content-Length", "$http_content_length"});
    GrpcLimits();
    writer_.Lua("log_by_lua_block", "log_waited", {});
    for (const CheckedRoute& route : routes_) {
      Locations(route, [&] {
        Wait(route);
        GrpcPass(route);
      });
    }
    OwnAnswers();
    writer_.Close();
    return writer_.text();
  }

 private:
  int64_t ReadTimeoutMs() const {
    if (spec_.api) return limits::kDomainReadTimeoutMaxMs;  // a watch may have nothing to say
    if (spec_.read_timeout_ms > 0) return spec_.read_timeout_ms;
    return spec_.grpc ? core::kDefaultGrpcReadTimeoutMs : core::kDefaultReadTimeoutMs;
  }
  // For nginx, 0 is no limit.
  Bytes MaxBody() const {
    if (spec_.max_body_bytes > 0 && !spec_.api) return {spec_.max_body_bytes};
    return {spec_.grpc || spec_.api ? 0 : core::kDefaultMaxBodyBytes};
  }

  void Upstream(const CheckedRoute& route) {
    writer_.Open("upstream", {route.upstream});
    writer_.Directive("server", {"0.0.0.1:1"});  // nginx wants one; pick() chooses
    if (spec_.grpc) {
      writer_.Lua("balancer_by_lua_block", "pick", {route.upstream, true});
    } else {
      writer_.Lua("balancer_by_lua_block", "pick", {route.upstream});
    }
    KeepIdle(spec_.grpc ? kIdleGrpcConnections : kIdleConnections);
    writer_.Close();
  }

  void KeepIdle(int64_t connections) {
    writer_.Directive("keepalive", {connections});
    writer_.Directive("keepalive_timeout", {Milliseconds{kIdleMs}});
  }

  void Common() {
    writer_.Directive("server_name", {name_});
    writer_.Directive("access_log",
                      {Word::Join({"logs/", id_, ".log"}), "edge", "buffer=8k", "flush=1s"});
    writer_.Lua("log_by_lua_block", "log", {id_});
  }

  void Timeouts(Literal read, Literal send, int64_t ms) {
    writer_.Directive(read, {Milliseconds{ms}});
    writer_.Directive(send, {Milliseconds{ms}});
  }

  void GrpcLimits() {
    writer_.Directive("client_max_body_size", {MaxBody()});
    writer_.Directive("keepalive_requests", {kGrpcRequestsPerConnection});
    writer_.Directive("client_body_timeout", {Milliseconds{kClientTimeoutMs}});
    writer_.Directive("send_timeout", {Milliseconds{kClientTimeoutMs}});
    Timeouts("grpc_read_timeout", "grpc_send_timeout", ReadTimeoutMs());
  }

  // The locations that a route's path means; `body` writes what is in each.
  template <typename Body>
  void Locations(const CheckedRoute& route, Body body) {
    const bool root = route.path.text() == "/";
    if (!root) {
      writer_.Open("location", {"=", route.path});
      body();
      writer_.Close();
    }
    writer_.Open("location", {"^~", root ? route.path : Word::Join({route.path, "/"})});
    body();
    writer_.Close();
  }

  void HttpRoute(const CheckedRoute& route) {
    const Word wait = Word::Join({"@wait_", route.number});
    Locations(route, [&] {
      Strip(route);
      ProxyPass(route, wait);
    });
    writer_.Open("location", {wait});
    Wait(route);
    ProxyPass(route, wait);
    writer_.Close();
  }

  // By the number of bytes: no text of a path becomes a regular expression.
  void Strip(const CheckedRoute& route) {
    if (!route.strip || route.path.text() == "/") return;
    const auto bytes = static_cast<int64_t>(route.path.text().size());
    const Word rest = Word::Join({"\"(?s)^.{", bytes, "}/?(.*)$\""});
    writer_.Directive("rewrite", {rest, "/$1", "break"});
  }

  void ProxyPass(const CheckedRoute& route, const Word& wait) {
    writer_.Directive("proxy_pass", {Word::Join({"http://", route.upstream})});
    writer_.Directive("error_page", {"502", "504", "=", wait});
    writer_.Directive("error_page", {"413", "500", "503", wait});  // answers them
  }

  void GrpcPass(const CheckedRoute& route) {
    writer_.Directive("grpc_pass", {Word::Join({"grpc://", route.upstream})});
    writer_.Directive("error_page", {"413", "500", "502", "503", "504", "@failed"});
  }

  void Wait(const CheckedRoute& route) {
    // What waits for an answer of gRPC waits no longer than for any other.
#ifdef GRPC_OS_MUTATION_no_hold
    const int64_t hold_ms = 0;
#else
    const int64_t hold_ms = spec_.grpc ? std::min(spec_.hold_ms, ReadTimeoutMs()) : spec_.hold_ms;
#endif
    writer_.Directive("lua_check_client_abort", {"on"});
    writer_.Lua("access_by_lua_block", "wait", {route.upstream, id_, hold_ms});
  }

  // What is answered here: outside of the paths, and what failed of gRPC.
  void OwnAnswers() {
    if (spec_.grpc) Failed();
    for (const CheckedRoute& route : routes_) {
      if (route.path.text() == "/") return;
    }
    writer_.Open("location", {"/"});
    writer_.Lua("content_by_lua_block", "no_route", {});
    writer_.Close();
  }

  void Failed() {
    writer_.Open("location", {"@failed"});
    writer_.Lua("content_by_lua_block", "failed", {});
    writer_.Close();
  }

  const core::DomainSpec& spec_;
  const Word id_;
  const Word name_;
  const std::vector<CheckedRoute> routes_;
  NginxWriter writer_;
};

absl::StatusOr<std::vector<Word>> ListenAddresses(const std::vector<std::string>& addresses) {
  std::vector<Word> words;
  for (const std::string& address : addresses) {
    absl::StatusOr<Word> word = Word::ListenAddress(address);
    if (!word.ok()) return word.status();
    words.push_back(*std::move(word));
  }
  return words;
}

}  // namespace

absl::StatusOr<core::PlaneFile> RenderDomain(const core::Domain& domain,
                                             const EdgeAddresses& addresses,
                                             const std::string& secret) {
  const core::DomainSpec& spec = domain.spec;
  const absl::StatusOr<Word> id = Word::Identifier(domain.id);
  if (!id.ok()) return id.status();
  const absl::StatusOr<Word> name = Word::ServerName(domain.name);
  if (!name.ok()) return name.status();
  if (spec.hold_ms < 0 || spec.max_body_bytes < 0 || spec.read_timeout_ms < 0) {
    return absl::InvalidArgumentError("a time or size is below 0");
  }
  std::vector<CheckedRoute> routes;
  std::set<std::string> paths;
  for (const core::DomainRoute& route : spec.routes) {
    absl::StatusOr<Word> path = Word::Path(route.path);
    if (!path.ok()) return path.status();
    if (!paths.insert(route.path).second) {
      return absl::InvalidArgumentError(absl::StrCat("two routes of path '", route.path, "'"));
    }
    if (route.strip && spec.grpc) {
      return absl::InvalidArgumentError(
          "the path of a gRPC call is its method: it cannot be stripped");
    }
    absl::StatusOr<Word> upstream = Word::Identifier(core::UpstreamName(domain.id, routes.size()));
    if (!upstream.ok()) return upstream.status();
    const auto number = static_cast<int64_t>(routes.size());
    routes.push_back({*std::move(path), route.strip, *std::move(upstream), number});
  }
  const absl::StatusOr<std::vector<Word>> listen = ListenAddresses(spec.api    ? addresses.https
                                                                   : spec.grpc ? addresses.grpc
                                                                               : addresses.http);
  if (!listen.ok()) return listen.status();
  if (listen->empty()) return absl::InvalidArgumentError("no address to listen on");
  DomainRenderer renderer(spec, *id, *name, std::move(routes));
  if (!spec.api)
    return core::PlaneFile{.text = spec.grpc ? renderer.Grpc(*listen) : renderer.Http(*listen)};
  const absl::StatusOr<Word> word = Word::Identifier(secret);
  if (!word.ok()) return absl::InvalidArgumentError("the edge has no secret");  // it is not shown
  core::PlaneFile file{.text = renderer.Api(*listen, *word),
                       .secret = spec.certificate.chain + spec.certificate.key};
  // With another one, nginx is to read it.
  absl::StrAppend(&file.text, "# certificate ", absl::Hex(std::hash<std::string>()(file.secret)),
                  "\n");
  return file;
}

}  // namespace grpc_os::edge
