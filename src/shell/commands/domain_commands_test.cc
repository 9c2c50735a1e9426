// domains, assign, domain-status, unassign, reload, logs --domain, apply and validate of a
// domain.yml.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "grpc_os/v1/domain_services.pb.h"
#include "shell/commands/kinds.h"
#include "shell/commands/typed_commands.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Target = v1::DomainTargetStatus;

class DomainCommandsTest : public ::testing::Test, protected TypedCommands {
 protected:
  using TypedCommands::Run;

  DomainCommandsTest() {
    input_is_script_ = true;  // so that commands are shown as they are typed outside of the shell
    NewSession(daemon_.address());
    daemon_.state.domain_status.set_state(v1::DomainStatus::STATE_ACTIVE);
    daemon_.state.domain_status.set_url("http://example.com:8880/");
  }
  v1::DomainStatus& status() { return daemon_.state.domain_status; }
  static void AddTarget(v1::Domain& domain, const std::string& path, const std::string& process,
                        Target::State state, int weight = 1) {
    Target& target = *domain.mutable_status()->add_targets();
    target.set_path(path);
    target.set_process(process);
    target.set_port(8080);
    target.set_weight(weight);
    target.set_state(state);
  }
  // Of three routes, served with an older generation.
  v1::Domain& AddShop() {
    v1::Domain& domain = daemon_.state.domains["shop.example.com"];
    domain.set_id("dom_9");
    domain.set_name("shop.example.com");
    domain.set_generation(4);
    domain.mutable_spec()->add_routes()->set_path("/");
    v1::DomainRoute& api = *domain.mutable_spec()->add_routes();
    api.set_path("/api");
    api.set_strip(true);
    domain.mutable_spec()->mutable_hold()->set_seconds(30);
    domain.mutable_spec()->set_max_body_bytes(10 << 20);
    v1::DomainStatus& status = *domain.mutable_status();
    status.set_state(v1::DomainStatus::STATE_ACTIVE);
    status.set_active_generation(4);
    status.set_url("http://shop.example.com:8880/");
    AddTarget(domain, "/", "blue", Target::STATE_UP, 9);
    AddTarget(domain, "/", "green", Target::STATE_AWAY, 1);
    AddTarget(domain, "/api", "api", Target::STATE_STOPPED);
    status.mutable_targets(0)->mutable_since()->set_seconds(1'764'500'000);
    status.mutable_targets(0)->set_probe("accepts connections");
    status.mutable_targets(0)->set_in_flight(3);
    v1::DomainTraffic& traffic = *status.mutable_traffic();
    traffic.set_requests_per_second(12.34);
    traffic.set_errors_per_second(0.05);
    traffic.mutable_latency_p95()->set_nanos(45'000'000);
    traffic.set_requests(100);
    return domain;
  }
};

TEST_F(DomainCommandsTest, TheLinesOfTheSeed) {
  EXPECT_EQ(Run("assign example.com proc_123 8080"), ExitCode::kOk) << err();
  EXPECT_EQ(out(),
            "example.com → proc_123:8080 is served: curl -H 'Host: example.com' "
            "http://127.0.0.1:8880/\n");
  EXPECT_EQ(err(), "");
  ASSERT_EQ(daemon_.state.assigned.size(), 1U);
  const v1::AssignDomainRequest& request = daemon_.state.assigned[0];
  EXPECT_EQ(request.name(), "example.com");
  EXPECT_EQ(request.process(), "proc_123");
  EXPECT_EQ(request.port(), 8080);
  EXPECT_FALSE(request.has_strip() || request.has_grpc() || request.has_hold() ||
               request.has_drain() || request.has_read_timeout() || request.replace());
  EXPECT_EQ(Run("domains"), ExitCode::kOk);
  EXPECT_EQ(out(),
            "DOMAIN       TARGET         STATE   REQ/S  ERRORS  P95\n"
            "example.com  proc_123:8080  active      0       0    -\n");
  EXPECT_EQ(Run("domain-status example.com"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("state       "));
  EXPECT_EQ(Run("unassign example.com"), ExitCode::kOk);
  EXPECT_EQ(out(), "example.com is not served any more\n");
  EXPECT_EQ(Run("unassign example.com"), ExitCode::kNotFound);
  EXPECT_EQ(err(), "There is no domain example.com. `grpc-os domains` lists all.\n");
}

TEST_F(DomainCommandsTest, AllThatAnAssignmentMaySay) {
  EXPECT_EQ(Run("assign example.com web --path /api --strip --weight 3 --replace --grpc --hold 0 "
                "--drain 1m --max-body 1k --read-timeout 500ms"),
            ExitCode::kOk)
      << err();
  const v1::AssignDomainRequest& request = daemon_.state.assigned[0];
  EXPECT_EQ(request.port(), 0);
  EXPECT_EQ(request.path(), "/api");
  EXPECT_TRUE(request.strip());
  EXPECT_TRUE(request.grpc());
  EXPECT_TRUE(request.replace());
  EXPECT_EQ(request.weight(), 3);
  EXPECT_TRUE(request.has_hold());
  EXPECT_EQ(request.hold().seconds(), 0);
  EXPECT_EQ(request.drain().seconds(), 60);
  EXPECT_EQ(request.read_timeout().nanos(), 500'000'000);
  EXPECT_EQ(request.max_body_bytes(), 1024);
}

TEST_F(DomainCommandsTest, WhatCannotBeMeantIsNotSent) {
  for (const char* wrong :
       {"a.example web 0", "a.example web 65536", "a.example web http", "a.example web --weight 0",
        "a.example web --weight 101", "a.example web --hold soon", "a.example web --drain -1s",
        "a.example web --read-timeout x", "a.example web --max-body 0",
        "a.example web --max-body x", "a.example", "a.example web 80 81"}) {
    EXPECT_EQ(Run(std::string("assign ") + wrong), ExitCode::kUsage) << wrong;
  }
  EXPECT_THAT(daemon_.state.assigned, IsEmpty());
}

TEST_F(DomainCommandsTest, TheApiIsPublishedWithTheFilesOfACertificate) {
  const std::string chain = directory_.path() + "/chain.pem", key = directory_.path() + "/key.pem";
  std::ofstream(chain) << "a chain";
  std::ofstream(key) << "a key";
  status().set_url("https://os.example.com:8443/");
  const std::string files = " --certificate " + chain + " --key " + key;
  EXPECT_EQ(Run("assign --api os.example.com --replace" + files), ExitCode::kOk) << err();
  EXPECT_EQ(out(),
            "os.example.com → the API is served: grpc-os --address "
            "https://os.example.com:8443 login USER\n");
  const v1::AssignDomainRequest& request = daemon_.state.assigned.at(0);
  EXPECT_TRUE(request.api() && request.replace());
  EXPECT_EQ(request.process(), "");
  EXPECT_EQ(request.certificate().chain(), "a chain");
  EXPECT_EQ(request.certificate().private_key(), "a key");
  EXPECT_EQ(Run("domains"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("the API"));
  daemon_.state.domains["os.example.com"]
      .mutable_spec()
      ->mutable_certificate()
      ->mutable_expire_time()
      ->set_seconds(1'800'000'000);
  EXPECT_EQ(Run("domain-status os.example.com"), ExitCode::kOk);
  EXPECT_THAT(out(),
              AllOf(HasSubstr("gRPC over TLS"), HasSubstr("until 2027-01-15 08:00:00 +0000")));
  for (const std::string& wrong :
       {"os.example.com --api --key " + key, "os.example.com --api --certificate " + chain,
        "os.example.com web" + files, "os.example.com web --api" + files,
        "os.example.com --api --path /x" + files, "os.example.com --api --hold 1s" + files,
        "os.example.com --api --certificate " + chain + " --key " + key + ".none"}) {
    EXPECT_NE(Run("assign " + wrong), ExitCode::kOk) << wrong;
  }
  EXPECT_THAT(daemon_.state.assigned, SizeIs(1));
}

TEST_F(DomainCommandsTest, ATakenDomainNeedsReplace) {
  ASSERT_EQ(Run("assign example.com web"), ExitCode::kOk);
  EXPECT_EQ(Run("assign example.com other"), ExitCode::kConflict);
  EXPECT_EQ(err(), "example.com leads to web. --replace takes it, --weight N adds to it.\n");
  EXPECT_EQ(Run("assign example.com other --weight 1"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("example.com → web, other is served"));
  EXPECT_EQ(Run("assign example.com other --replace"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("example.com → other is served"));
}

TEST_F(DomainCommandsTest, PendingIsAWarning) {
  status().set_state(v1::DomainStatus::STATE_PENDING);
  status().set_message("nginx is not installed");
  status().set_next_step("install it; then `status` shows it.");
  EXPECT_EQ(Run("assign example.com web"), ExitCode::kOk);
  EXPECT_EQ(out(), "");
  EXPECT_EQ(err(),
            "example.com → web is stored, but not served yet: nginx is not installed; "
            "install it; then `grpc-os status` shows it.\n");
  EXPECT_EQ(Run("assign example.com web -o json"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("\"STATE_PENDING\""));
}

TEST_F(DomainCommandsTest, RejectedIsAConflict) {
  status().set_state(v1::DomainStatus::STATE_REJECTED);
  status().set_message("invalid port in d/dom_1.conf:3");
  EXPECT_EQ(Run("assign example.com web"), ExitCode::kConflict);
  EXPECT_EQ(out(), "");
  EXPECT_EQ(err(), "example.com is rejected: invalid port in d/dom_1.conf:3\n");
  status().set_next_step("remove it with `unassign example.com`");
  EXPECT_EQ(Run("assign example.com web -o name"), ExitCode::kConflict);
  EXPECT_EQ(out(), "example.com\n");
  EXPECT_THAT(err(), HasSubstr("d/dom_1.conf:3; remove it with `grpc-os unassign example.com`\n"));
}

TEST_F(DomainCommandsTest, WhatIsServedMayStillNeedSomething) {
  status().set_next_step("web is stopped; `start web` starts it.");
  EXPECT_EQ(Run("assign example.com web"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("is served"));
  EXPECT_EQ(err(), "web is stopped; `grpc-os start web` starts it.\n");
}

TEST_F(DomainCommandsTest, HowItIsReached) {
  EXPECT_EQ(Run("assign *.example.com web --path /a"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr(": curl -H 'Host: www.example.com' http://127.0.0.1:8880/a\n"));
  status().set_url("http://example.com/");
  EXPECT_EQ(Run("assign example.com web"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr(": curl -H 'Host: example.com' http://127.0.0.1/\n"));
  status().clear_url();
  EXPECT_EQ(Run("assign example.com web"), ExitCode::kOk);
  EXPECT_EQ(out(), "example.com → web is served\n");
  v1::Domain& rpc = daemon_.state.domains["rpc.example.com"];
  rpc.set_name("rpc.example.com");
  rpc.mutable_spec()->set_grpc(true);
  rpc.mutable_status()->set_url("http://rpc.example.com:8881/");
  rpc.mutable_status()->set_active_generation(1);
  EXPECT_EQ(Run("domain-status rpc.example.com"), ExitCode::kOk);
  EXPECT_THAT(out(),
              HasSubstr("grpcurl -plaintext -authority rpc.example.com 127.0.0.1:8881 list\n"));
}

TEST_F(DomainCommandsTest, ATableOfDomains) {
  AddShop();
  EXPECT_EQ(Run("domains"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("\nshop.example.com  blue:8080 x9, green:8080 x1 (away), api:8080 "
                               "(stopped)  active   12.3    0.05  45ms\n"));
  EXPECT_EQ(Run("domains -o wide"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("GENERATION"), HasSubstr("MANAGED BY"),
                           HasSubstr("/ → blue:8080 x9, green:8080 x1 (away); /api (stripped) → "
                                     "api:8080 (stopped)\n")));
  EXPECT_EQ(Run("domains -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "shop.example.com\n");
}

TEST_F(DomainCommandsTest, WhatKeepsTheEdgeFromServingComesFirst) {
  AddShop();
  daemon_.state.edge_problem = "nginx is missing. `status` says more.";
  EXPECT_EQ(Run("domains"), ExitCode::kOk);
  EXPECT_EQ(err(), "nginx is missing. `grpc-os status` says more.\n");
  EXPECT_EQ(Run("domains -o name"), ExitCode::kOk);
  EXPECT_THAT(err(), HasSubstr("nginx is missing"));
  EXPECT_EQ(Run("domains -o json"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("\"edgeProblem\": \"nginx is missing"));
  EXPECT_EQ(err(), "");
}

TEST_F(DomainCommandsTest, AllAboutADomain) {
  v1::Domain& shop = AddShop();
  shop.mutable_status()->set_active_generation(3);
  shop.mutable_status()->set_state(v1::DomainStatus::STATE_REJECTED);
  shop.mutable_status()->set_message("unknown \"b\" variable");
  shop.mutable_status()->set_managed_by("domains.conf:12");
  shop.mutable_status()->set_next_step("Correct the file, then `reload`.");
  EXPECT_EQ(Run("domain-status shop.example.com"), ExitCode::kOk);
  EXPECT_EQ(out(),
            "name              shop.example.com\n"
            "id                dom_9\n"
            "state             rejected\n"
            "generation        4 (served: 3)\n"
            "message           unknown \"b\" variable\n"
            "url               http://shop.example.com:8880/\n"
            "protocol          HTTP\n"
            "limits            hold 30s, max body 10MiB\n"
            "managed by        domains.conf:12\n"
            "updated           -\n"
            "route             /\n"
            "  target          blue:8080 x9: up since 2025-11-30 10:53:20 +0000, accepts "
            "connections, 3 in "
            "flight\n"
            "  target          green:8080 x1: away\n"
            "route             /api (stripped)\n"
            "  target          api:8080: stopped\n"
            "traffic           12.3 requests/s, 0.05 errors/s, p95 45ms, 0 waiting\n"
            "since nginx runs  100 requests, 0 errors\n"
            "next              Correct the file, then `grpc-os reload`.\n");
  EXPECT_EQ(Run("domain-status shop.example.com -o json"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("\"STATE_REJECTED\""), HasSubstr("\"inFlight\": \"3\"")));
  EXPECT_EQ(Run("domain-status nobody.example"), ExitCode::kNotFound);
  is_terminal_ = true;
  size_ = {.columns = 30, .rows = 10};
  NewSession(daemon_.address());
  EXPECT_EQ(Run("domain-status shop.example.com"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("next              Correct the file, then `grpc-os reload`.\n"));
}

TEST_F(DomainCommandsTest, PartsAreUnassigned) {
  AddShop();
  EXPECT_EQ(Run("unassign shop.example.com api --path /api"), ExitCode::kOk);
  EXPECT_EQ(out(), "shop.example.com/api leads to api no more\n");
  EXPECT_EQ(daemon_.state.unassigned[0].process(), "api");
  EXPECT_EQ(daemon_.state.unassigned[0].path(), "/api");
  EXPECT_EQ(Run("unassign shop.example.com --path /api -o json"), ExitCode::kOk);
  EXPECT_EQ(out(), "{\n \"deleted\": false\n}\n");
}

TEST_F(DomainCommandsTest, ReloadSaysWhatChanged) {
  daemon_.state.reloaded.set_file("/etc/grpc-os/domains.conf");
  daemon_.state.reloaded.add_created("a.example");
  daemon_.state.reloaded.add_changed("b.example");
  daemon_.state.reloaded.add_removed("c.example");
  daemon_.state.reloaded.set_unchanged(7);
  EXPECT_EQ(Run("reload"), ExitCode::kOk);
  EXPECT_EQ(out(),
            "+ a.example\n~ b.example\n- c.example\n/etc/grpc-os/domains.conf: 1 created, 1 "
            "changed, 1 removed, 7 unchanged\n");
  EXPECT_EQ(Run("reload --dry-run"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("conf: 1 would be created"));
  EXPECT_EQ(daemon_.calls().back(), "ReloadDomains (validate)");
  EXPECT_EQ(Run("reload -o json"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("\"unchanged\": 7"));
  EXPECT_EQ(Run("reload -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "a.example\nb.example\nc.example\n");
  daemon_.state.reload_refused = "domains.conf:5:3: unknown key\ndomains.conf:9:1: no port";
  EXPECT_EQ(Run("reload"), ExitCode::kConflict);
  EXPECT_EQ(err(), "domains.conf:5:3: unknown key\n  domains.conf:9:1: no port\n");
  EXPECT_EQ(Run("reload web"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("restart NAME` restarts a process"));
}

TEST_F(DomainCommandsTest, TheAccessLog) {
  daemon_.state.log = {LogMessage(R"({"u":"/1"})", "1"), LogMessage("{\"u\":\"\x1b[2J\"}", "2")};
  EXPECT_EQ(Run("logs --domain example.com -n 5"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "{\"u\":\"/1\"}\n{\"u\":\"\x1b[2J\"}\n");
  EXPECT_EQ(daemon_.state.domain_tails[0].name(), "example.com");
  EXPECT_EQ(daemon_.state.domain_tails[0].lines(), 5);
  EXPECT_FALSE(daemon_.state.domain_tails[0].follow());
  EXPECT_EQ(Run("logs -f --domain example.com"), ExitCode::kOk);
  EXPECT_EQ(err(), "-- example.com was deleted: nothing more will come\n");
  is_terminal_ = true;
  NewSession(daemon_.address());
  EXPECT_EQ(Run("logs --domain example.com"), ExitCode::kOk);
  EXPECT_EQ(out(), "{\"u\":\"/1\"}\n{\"u\":\"\\x1b[2J\"}\n");
  EXPECT_EQ(Run("logs"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("--domain DOMAIN"));
  EXPECT_EQ(Run("logs web --domain example.com"), ExitCode::kUsage);
}

TEST_F(DomainCommandsTest, TheAccessLogGoesOnWhereItWasCut) {
  daemon_.state.log = {LogMessage("1", "c1"), LogMessage("2", "c2")};
  daemon_.state.cut_stream_after = 1;
  EXPECT_EQ(Run("logs --domain example.com"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "1\n2\n");
  ASSERT_EQ(daemon_.state.domain_tails.size(), 2U);
  EXPECT_EQ(daemon_.state.domain_tails[1].cursor(), "c1");
}

class DomainFileTest : public DomainCommandsTest {
 protected:
  std::string File(const std::string& text) {
    const std::string path = directory_.path() + "/domain.yml";
    std::ofstream(path) << text;
    return path;
  }
  ExitCode Apply(const std::string& text, const std::string& options = "") {
    return Run("apply -f " + File(text) + " " + options);
  }
};

constexpr char kFile[] =
    "domain: example.com\nprocess: web\nport: 8080\npaths:\n  /api:\n    strip: true\n"
    "    targets: [{process: api, weight: 9}, {process: api-next}]\nhold: 5s\n";

TEST_F(DomainFileTest, MakesTheDomainWhatTheFileSays) {
  EXPECT_EQ(Apply(kFile, "--dry-run"), ExitCode::kOk) << err();
  EXPECT_EQ(out(),
            "example.com: new\n+ drain: 10s\n+ grpc: false\n+ hold: 5s\n+ max_body: 10M\n"
            "+ path /: web:8080\n+ path /api: api x9, api-next x1 (stripped)\n"
            "+ read_timeout: 60s\n");
  EXPECT_THAT(daemon_.state.domains, IsEmpty());
  EXPECT_EQ(Apply(kFile), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("example.com → web:8080 is served: curl -H 'Host: example.com' "
                               "http://127.0.0.1:8880/\n"));
  const v1::DomainSpec spec = daemon_.state.domains["example.com"].spec();
  ASSERT_EQ(spec.routes_size(), 2);
  EXPECT_EQ(spec.routes(1).path(), "/api");
  EXPECT_TRUE(spec.routes(1).strip());
  EXPECT_EQ(spec.routes(1).targets(0).weight(), 9);
  EXPECT_EQ(spec.routes(1).targets(1).process(), "api-next");
  EXPECT_EQ(spec.hold().seconds(), 5);
  EXPECT_FALSE(spec.has_drain());
  EXPECT_EQ(Apply(kFile), ExitCode::kOk);
  EXPECT_EQ(out(), "example.com: nothing differs\n");
  EXPECT_EQ(
      Apply("domain: example.com\nprocess: web\nport: 8080\ngrpc: true\ndrain: 10s\n", "--replace"),
      ExitCode::kOk)
      << err();
  EXPECT_THAT(out(),
              HasSubstr("example.com:\n- grpc: false\n+ grpc: true\n- hold: 5s\n+ hold: 30s\n"
                        "- max_body: 10M\n+ max_body: no limit\n"
                        "- path /api: api x9, api-next x1 (stripped)\n"
                        "- read_timeout: 60s\n+ read_timeout: 3600s\nexample.com"));
  EXPECT_EQ(daemon_.state.domains["example.com"].generation(), 2);
  // What somebody else changed meanwhile is not undone.
  EXPECT_EQ(daemon_.state.domain_updates[0].domain().etag(), "e1");
  for (const auto& [size, shown] : {std::pair("11010049", "11010049"), std::pair("2G", "2G")}) {
    EXPECT_EQ(Apply(std::string("domain: b.example\nprocess: web\nmax_body: ") + size,
                    "--dry-run -o jsonl"),
              ExitCode::kOk);
    EXPECT_THAT(out(), HasSubstr(std::string("\"") + shown + "\""));
  }
}

TEST_F(DomainFileTest, TakesNoPathFromAnotherProcessUnlessThatIsMeant) {
  ASSERT_EQ(Apply(kFile), ExitCode::kOk) << err();
  struct {
    const char* file;
    const char* losses;  // nullptr: none
  } const kCases[] = {
      {"domain: example.com\nprocess: other\n",
       "'/' from 'web', '/api' from 'api', '/api' from "
       "'api-next' would be taken away"},
      {"domain: example.com\nprocess: web\npaths:\n  /api:\n    targets: [{process: api}]\n",
       "because '/api' from 'api-next' would"},
      {"domain: example.com\nprocess: api\npaths:\n  /api:\n    targets: [{process: web}, "
       "{process: api}, {process: api-next}]\n",
       "because '/' from 'web' would"},
      // Another port, weight and path of the same processes.
      {"domain: example.com\nprocess: web\npaths:\n  /v1:\n    targets: [{process: api}, {process: "
       "api-next, port: 9}]\n",
       nullptr},
  };
  for (const auto& one : kCases) {
    EXPECT_EQ(Apply(one.file), one.losses == nullptr ? ExitCode::kOk : ExitCode::kConflict);
    EXPECT_THAT(out(), HasSubstr("example.com:\n- "));
    if (one.losses == nullptr) continue;
    EXPECT_THAT(err(), HasSubstr(one.losses));
    EXPECT_THAT(err(), HasSubstr("`--replace`"));
    EXPECT_EQ(daemon_.state.domains["example.com"].generation(), 1);
  }
  EXPECT_EQ(Apply("domain: example.com\nprocess: other\n", "--replace"), ExitCode::kOk) << err();
  EXPECT_EQ(daemon_.state.domains["example.com"].spec().routes_size(), 1);
  EXPECT_EQ(Run("apply --replace -f " + directory_.path()), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("--replace is for a domain.yml"));
}

TEST_F(DomainFileTest, TakesNoDomainFromTheApiUnlessItIsTold) {
  v1::Domain& domain = daemon_.state.domains["example.com"];
  domain.set_name("example.com");
  domain.mutable_spec()->set_api(true);
  EXPECT_EQ(Apply(kFile), ExitCode::kConflict);
  EXPECT_THAT(out(), HasSubstr("leads to"));
  EXPECT_THAT(err(), HasSubstr("'/' from the API would be taken away"));
  EXPECT_TRUE(daemon_.state.domains["example.com"].spec().api());
  EXPECT_EQ(Apply(kFile, "--replace"), ExitCode::kOk) << err();
}

TEST_F(DomainFileTest, WhatTheDaemonWroteOtherwiseIsNoDifference) {
  v1::Domain& domain = daemon_.state.domains["example.com"];
  domain.set_name("example.com");
  domain.mutable_spec()->add_routes()->add_targets()->set_process("proc_1");
  domain.mutable_spec()->mutable_hold()->set_seconds(30);
  domain.mutable_spec()->set_max_body_bytes(10 << 20);
  AddTarget(domain, "/", "web", Target::STATE_UP);
  domain.mutable_status()->mutable_targets(0)->set_process_id("proc_1");
  for (const char* process : {"web", "proc_1"}) {
    EXPECT_EQ(Apply(std::string("domain: example.com\nprocess: ") + process + "\n"), ExitCode::kOk);
    EXPECT_EQ(out(), "example.com: nothing differs\n");
  }
}

TEST_F(DomainFileTest, IsWaitedForUntilItIsServed) {
  status().set_state(v1::DomainStatus::STATE_PENDING);
  daemon_.state.domains_served_after = 2;
  EXPECT_EQ(Apply(kFile), ExitCode::kOk) << err();
  EXPECT_THAT(out(), HasSubstr("is served"));
  // What is served and leads to nothing is not waited for.
  status().set_active_generation(1);
  status().set_message("there is no process 'web'");
  EXPECT_EQ(Apply("domain: b.example\nprocess: web\n"), ExitCode::kOk);
  EXPECT_EQ(err(), "b.example → web is stored, but not served yet: there is no process 'web'\n");
}

TEST_F(DomainFileTest, WhatIsWrongIsToldAndNothingIsSent) {
  const std::string file = File("domain: example.com\nport: x\nprocess: web\n");
  for (const char* command : {"apply -f ", "validate "}) {
    EXPECT_EQ(Run(command + file), ExitCode::kUsage);
    EXPECT_THAT(err(), HasSubstr(file + ":2:7: "));
  }
  for (const std::string& call : daemon_.calls()) EXPECT_THAT(call, Not(HasSubstr("Domain")));
}

TEST_F(DomainFileTest, IsValidated) {
  EXPECT_EQ(Run("validate " + File(kFile)), ExitCode::kOk) << err();
  EXPECT_EQ(out(),
            "example.com: drain 10s; grpc false; hold 5s; max_body 10M; path / web:8080; "
            "path /api api x9, api-next x1 (stripped); read_timeout 60s\n");
  EXPECT_EQ(Run("validate -o json " + File(kFile)), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("\"domain\": \"example.com\""));
}

TEST_F(DomainCommandsTest, NamesForCompletion) {
  AddShop();
  client::Client client(*client::ParseAddress(daemon_.address()),
                        {.state_directory = directory_.path() + "/completion"});
  const LiveWords words = kDomainWord.live(client, "");
  EXPECT_THAT(words.names, ElementsAre("shop.example.com"));
  EXPECT_THAT(words.ids, ElementsAre("dom_9"));
}

}  // namespace
}  // namespace grpc_os::shell
