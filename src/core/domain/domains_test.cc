#include "core/domain/domains.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_resource_store.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class CountingLogger final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void SetLevel(LogLevel) override {}
  LogLevel Level() const override { return LogLevel::kInfo; }
  void Write(LogLevel, std::string_view, const LogFields&) override { ++lines; }

  int lines = 0;
};

class DomainsTest : public ::testing::Test {
 protected:
  DomainsTest() { Restart(); }
  // As a new daemon, before the processes are loaded.
  void Restart() {
    domains_ = std::make_unique<Domains>(Domains::Parts{
        .store = store_,
        .scheduler = scheduler_,
        .logger = logger_,
        .may =
            [this](const Origin&, const char* permission, std::string_view name) {
              return denied_.contains(absl::StrCat(permission, ":", std::string(name)))
                         ? absl::PermissionDeniedError("denied")
                         : absl::OkStatus();
            },
        .is_public_suffix = [](std::string_view name) { return name == "com"; },
        .file = "/etc/grpc-os/domains.conf"});
    domains_->SetChanged([this] { ++changes_; });
    ASSERT_TRUE(domains_->Load(store_.revision).ok());
  }

  static Assignment To(const std::string& process, int port = 8080) {
    Assignment wanted;
    wanted.domain = "shop.example";
    wanted.target = {"proc_" + process, port};
    wanted.names = {{"proc_web", "web"}, {"proc_api", "api"}};
    return wanted;
  }
  // What is answered once the scheduler has run.
  using Answer = std::optional<absl::StatusOr<Domain>>;
  static Domains::Done Into(Answer& answer) {
    return [&answer](absl::StatusOr<Domain> domain) {
      ASSERT_FALSE(answer.has_value()) << "answered twice";
      answer = std::move(domain);
    };
  }
  absl::StatusOr<Domain> Assign(const Assignment& wanted) {
    Answer answer;
    domains_->Assign(wanted, Ada(), Into(answer));
    scheduler_.RunAll();
    return answer.value();
  }
  using Left = std::optional<absl::StatusOr<std::optional<Domain>>>;
  Domains::Left Into(Left& left) {
    return [&left](absl::StatusOr<std::optional<Domain>> domain) {
      ASSERT_FALSE(left.has_value()) << "answered twice";
      left = std::move(domain);
    };
  }
  absl::StatusOr<std::optional<Domain>> Unassign(const std::string& process = "",
                                                 const std::string& path = "",
                                                 const std::string& name = "shop.example") {
    Left left;
    domains_->Unassign(name, process.empty() ? "" : "proc_" + process, path, process, Ada(),
                       Into(left));
    scheduler_.RunAll();
    return left.value();
  }
  static Origin Ada() {
    Origin origin;
    origin.record.user = "ada";
    return origin;
  }
  Domain Find(const std::string& name = "shop.example") const {
    auto found = domains_->Find(name);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : Domain();
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const Domain& domain : domains_->List("", 2'000)) names.push_back(domain.name);
    return names;
  }
  static std::string Why(const absl::Status& status) {
    const auto detail = DetailOf(status);
    return detail ? detail->reason : status.ToString();
  }
  static std::string Message(const absl::Status& status) { return std::string(status.message()); }

  static Process WithDomains(const std::string& name, const std::vector<std::string>& domains) {
    Process process;
    process.id = "proc_" + name;
    process.name = name;
    process.spec.domains = domains;
    return process;
  }
  absl::Status Take(const Process& process) {
    const Origin origin;
    return domains_->Take(process, &origin);
  }
  // As after the commit.
  void Commit(const Process& process) {
    ASSERT_TRUE(Take(process).ok());
    domains_->Settle(process, true);
    scheduler_.RunAll();
  }
  static Domain OfFile(const std::string& name, int line, const std::string& process = "web") {
    Domain domain;
    domain.name = name;
    domain.spec.line = line;
    domain.spec.routes = {{.path = "/", .targets = {{.process = process}}}};
    return domain;
  }
  absl::StatusOr<Domains::FileChanges> SetFile(std::vector<Domain> wanted,
                                               bool only_compare = false) {
    std::optional<absl::StatusOr<Domains::FileChanges>> answer;
    domains_->SetFileDomains(
        std::move(wanted), only_compare,
        [&](absl::StatusOr<Domains::FileChanges> changes) { answer = std::move(changes); });
    scheduler_.RunAll();
    return answer.value();
  }

  testing::ManualScheduler scheduler_;
  testing::MemoryResourceStore store_;
  CountingLogger logger_;
  std::set<std::string> denied_;
  int changes_ = 0;
  std::unique_ptr<Domains> domains_;
};

// ---- Assign -------------------------------------------------------------------------------------

TEST_F(DomainsTest, AnAssignmentMakesTheDomain) {
  Assignment wanted = To("web");
  wanted.hold_ms = 0;
  wanted.grpc = true;
  const auto made = Assign(wanted);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->owner, "ada");
  EXPECT_EQ(made->spec.hold_ms, 0);
  EXPECT_EQ(made->spec.drain_ms, kDefaultDrainMs);
  EXPECT_TRUE(made->spec.grpc);
  EXPECT_THAT(made->spec.routes,
              ElementsAre(DomainRoute{.path = "/", .targets = {{"proc_web", 8080, 1}}}));
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(Find().spec, made->spec);
}

TEST_F(DomainsTest, TheSameProcessMayBeAssignedAgainWithAnotherPort) {
  ASSERT_TRUE(Assign(To("web", 8080)).ok());
  ASSERT_TRUE(Assign(To("web", 9090)).ok());
  EXPECT_THAT(Find().spec.routes[0].targets, ElementsAre(DomainTarget{"proc_web", 9090, 1}));
  EXPECT_EQ(Find().generation, 2);
}

TEST_F(DomainsTest, WhatAnAssignmentDoesNotSayStays) {
  Assignment first = To("web");
  first.drain_ms = 5'000;
  first.strip = true;
  first.path = "/api";
  ASSERT_TRUE(Assign(first).ok());
  Assignment second = To("web", 9090);
  second.path = "/api";
  ASSERT_TRUE(Assign(second).ok());
  EXPECT_EQ(Find().spec.drain_ms, 5'000);
  EXPECT_TRUE(Find().spec.routes[0].strip);
  second.strip = false;
  ASSERT_TRUE(Assign(second).ok());
  EXPECT_FALSE(Find().spec.routes[0].strip);
}

TEST_F(DomainsTest, AnotherProcessIsRefusedAndTheOneThatHasItIsNamedIfItMayBeKnown) {
  ASSERT_TRUE(Assign(To("web")).ok());
  const absl::Status refused = Assign(To("api")).status();
  EXPECT_EQ(Why(refused), "DOMAIN_EXISTS");
  EXPECT_THAT(Message(refused), HasSubstr("'shop.example' leads to 'web' already"));
  EXPECT_THAT(Message(refused), HasSubstr("`assign --replace`"));
  EXPECT_EQ(DetailOf(refused)->metadata.at("process"), "web");
  Assignment ignorant = To("api");
  ignorant.names.erase("proc_web");
  const absl::Status hidden = Assign(ignorant).status();
  EXPECT_EQ(Why(hidden), "DOMAIN_EXISTS");
  EXPECT_THAT(Message(hidden), Not(HasSubstr("web'")));
  EXPECT_FALSE(DetailOf(hidden)->metadata.contains("process"));
  EXPECT_EQ(Find().generation, 1);
}

TEST_F(DomainsTest, AReplacementTakesTheRouteAndLeavesTheOthers) {
  ASSERT_TRUE(Assign(To("web")).ok());
  Assignment api = To("api");
  api.path = "/api";
  ASSERT_TRUE(Assign(api).ok());
  api.target.process = "proc_other";
  api.replace = true;
  ASSERT_TRUE(Assign(api).ok());
  ASSERT_THAT(Find().spec.routes, SizeIs(2));
  EXPECT_EQ(Find().spec.routes[0].targets[0].process, "proc_web");
  EXPECT_EQ(Find().spec.routes[1].targets[0].process, "proc_other");
}

TEST_F(DomainsTest, TheApiHasADomainOfItsOwn) {
  ASSERT_TRUE(Assign(To("web")).ok());
  Assignment api = To("");
  api.api = true;
  api.certificate = {"chain", "key", 7};
  const auto refused = Assign(api);
  EXPECT_EQ(Why(refused.status()), reason::kDomainExists);
  EXPECT_THAT(Message(refused.status()), HasSubstr("leads to 'web' already"));
  api.replace = true;
  const auto assigned = Assign(api);
  ASSERT_TRUE(assigned.ok()) << assigned.status();
  EXPECT_TRUE(assigned->spec.api);
  EXPECT_THAT(assigned->spec.routes, IsEmpty());
  Restart();
  EXPECT_EQ(Find().spec, assigned->spec) << "stored whole";
  api.replace = false;
  api.certificate.key = "another";
  EXPECT_EQ(Assign(api)->spec.certificate.key, "another") << "renewed without being told";

  EXPECT_THAT(Message(Assign(To("web")).status()),
              HasSubstr("leads to the API of gRPC OS already; take it with `assign --replace`"));
  EXPECT_THAT(Message(Take(WithDomains("web", {"shop.example"}))), HasSubstr("leads to the API"));
  EXPECT_EQ(Why(Unassign("web").status()), reason::kDomainNotFound);
  Assignment back = To("web");
  back.replace = true;
  const auto taken = Assign(back);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_FALSE(taken->spec.api);
  EXPECT_EQ(taken->spec.certificate, GivenCertificate());
  api.replace = true;
  ASSERT_TRUE(Assign(api).ok());
  ASSERT_TRUE(Unassign().ok());
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(DomainsTest, RoutesAreInTheOrderOfTheirPaths) {
  for (const char* path : {"/b", "/", "/a"}) {
    Assignment wanted = To("web");
    wanted.path = path;
    ASSERT_TRUE(Assign(wanted).ok());
  }
  std::vector<std::string> paths;
  for (const DomainRoute& route : Find().spec.routes) paths.push_back(route.path);
  EXPECT_THAT(paths, ElementsAre("/", "/a", "/b"));
}

TEST_F(DomainsTest, AWeightAddsATargetOrChangesIts) {
  ASSERT_TRUE(Assign(To("web")).ok());
  Assignment beside = To("api");
  beside.beside_others = true;
  beside.target.weight = 9;
  ASSERT_TRUE(Assign(beside).ok());
  beside.target.weight = 3;
  ASSERT_TRUE(Assign(beside).ok());
  EXPECT_THAT(Find().spec.routes[0].targets,
              ElementsAre(DomainTarget{"proc_web", 8080, 1}, DomainTarget{"proc_api", 8080, 3}));
  beside.target.port = 8081;
  ASSERT_TRUE(Assign(beside).ok());
  EXPECT_THAT(Find().spec.routes[0].targets, SizeIs(3)) << "another port is another target";
}

TEST_F(DomainsTest, RoutesAndTargetsHaveLimits) {
  for (int i = 0; i < limits::kRoutesPerDomain; ++i) {
    Assignment wanted = To("web");
    wanted.path = absl::StrCat("/", i);
    ASSERT_TRUE(Assign(wanted).ok());
  }
  Assignment wanted = To("web");
  wanted.path = "/more";
  const absl::Status routes = Assign(wanted).status();
  EXPECT_TRUE(absl::IsInvalidArgument(routes));
  EXPECT_EQ(DetailOf(routes)->violations.at(0).field, "path");
  wanted.path = "/1";
  wanted.beside_others = true;
  for (int i = 1; i < limits::kTargetsPerRoute; ++i) {
    wanted.target.port = 9'000 + i;
    ASSERT_TRUE(Assign(wanted).ok());
  }
  wanted.target.port = 10'000;
  const absl::Status targets = Assign(wanted).status();
  EXPECT_EQ(DetailOf(targets)->violations.at(0).field, "process");
  wanted.target.port = 9'001;
  wanted.target.weight = 7;
  EXPECT_TRUE(Assign(wanted).ok()) << "that one is there";
}

TEST_F(DomainsTest, OfTwoAtOnceForOneNewNameTheSecondIsJudgedByWhatTheFirstMade) {
  store_.hold = true;
  Answer first, second, third;
  domains_->Assign(To("web"), Ada(), Into(first));
  domains_->Assign(To("api"), Ada(), Into(second));
  Assignment beside = To("api");
  beside.beside_others = true;
  domains_->Assign(beside, Ada(), Into(third));
  while (!store_.held.empty()) store_.Release();
  EXPECT_TRUE(first.value().ok());
  EXPECT_THAT(Message(second.value().status()), HasSubstr("leads to 'web' already"));
  ASSERT_TRUE(third.value().ok()) << third->status();
  EXPECT_THAT(Find().spec.routes[0].targets, SizeIs(2));
}

TEST_F(DomainsTest, ADomainThatIsDeletedInBetweenIsMadeAnew) {
  const auto before = Assign(To("web"));
  ASSERT_TRUE(before.ok());
  store_.hold = true;
  std::optional<absl::Status> deleted;
  domains_->Delete("shop.example", "", Ada(), [&](absl::Status status) { deleted = status; });
  Answer assigned;
  domains_->Assign(To("api"), Ada(), Into(assigned));
  while (!store_.held.empty()) store_.Release();
  EXPECT_TRUE(deleted.value().ok());
  ASSERT_TRUE(assigned.value().ok()) << assigned->status();
  EXPECT_NE((*assigned)->id, before->id);
  EXPECT_EQ(Find().spec.routes[0].targets[0].process, "proc_api");
}

TEST_F(DomainsTest, AnUpdateKeepsWhoHasIt) {
  ASSERT_TRUE(Assign(To("web")).ok());
  Domain wanted;
  wanted.name = "shop.example";
  wanted.spec.routes = {{.path = "/b", .targets = {{.process = "proc_web"}}},
                        {.path = "/a", .targets = {{.process = "proc_web"}}}};
  wanted.spec.manager = "file";
  wanted.spec.line = 9;
  Answer answer;
  domains_->Update(wanted, "", Ada(), Into(answer));
  ASSERT_TRUE(answer.value().ok());
  EXPECT_EQ(Find().spec.manager, "");
  EXPECT_EQ(Find().spec.line, 0);
  EXPECT_EQ(Find().spec.routes[0].path, "/a");
}

// ---- Unassign -----------------------------------------------------------------------------------

TEST_F(DomainsTest, AnUnassignmentOfAllRemovesTheDomain) {
  ASSERT_TRUE(Assign(To("web")).ok());
  const auto left = Unassign();
  ASSERT_TRUE(left.ok()) << left.status();
  EXPECT_FALSE(left->has_value());
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_EQ(Why(Unassign().status()), "DOMAIN_NOT_FOUND");
}

TEST_F(DomainsTest, AProcessIsTakenOutOfAllRoutesAndTheLastOneTakesTheDomainAlong) {
  ASSERT_TRUE(Assign(To("web")).ok());
  Assignment api = To("api");
  api.path = "/api";
  ASSERT_TRUE(Assign(api).ok());
  Assignment both = To("web", 9090);
  both.path = "/api";
  both.beside_others = true;
  ASSERT_TRUE(Assign(both).ok());
  auto left = Unassign("web");
  ASSERT_TRUE(left.ok() && left->has_value()) << left.status();
  EXPECT_THAT((*left)->spec.routes,
              ElementsAre(DomainRoute{.path = "/api", .targets = {{"proc_api", 8080, 1}}}));
  left = Unassign("api");
  ASSERT_TRUE(left.ok()) << left.status();
  EXPECT_FALSE(left->has_value());
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(DomainsTest, APathIsTakenOutAlone) {
  for (const char* path : {"/", "/api"}) {
    Assignment wanted = To("web");
    wanted.path = path;
    ASSERT_TRUE(Assign(wanted).ok());
  }
  ASSERT_TRUE(Unassign("", "/api").ok());
  ASSERT_THAT(Find().spec.routes, SizeIs(1));
  EXPECT_EQ(Find().spec.routes[0].path, "/");
  const auto gone = Unassign("web", "/");
  ASSERT_TRUE(gone.ok());
  EXPECT_FALSE(gone->has_value());
}

TEST_F(DomainsTest, WhatIsNotLedThereIsSaid) {
  ASSERT_TRUE(Assign(To("web")).ok());
  const absl::Status process = Unassign("api").status();
  EXPECT_TRUE(absl::IsNotFound(process));
  EXPECT_THAT(Message(process), HasSubstr("'shop.example' does not lead to 'api'"));
  const absl::Status path = Unassign("", "/api").status();
  EXPECT_THAT(Message(path), HasSubstr("'shop.example' has no route '/api'"));
  const absl::Status both = Unassign("web", "/api").status();
  EXPECT_THAT(Message(both), HasSubstr("'shop.example/api' does not lead to 'web'"));
  EXPECT_EQ(Find().generation, 1);
}

TEST_F(DomainsTest, AProcessThatIsGoneOrHiddenIsNamedByItsId) {
  domains_->Settle(WithDomains("api", {}), true);
  ASSERT_TRUE(Assign(To("web")).ok());
  Assignment beside = To("api");
  beside.beside_others = true;
  ASSERT_TRUE(Assign(beside).ok());
  const auto by_name = [this] {
    Left left;
    domains_->Unassign("shop.example", "web", "", "web", Ada(), Into(left));
    scheduler_.RunAll();
    return Message(left.value().status());
  };
  EXPECT_THAT(by_name(), HasSubstr("does not lead to 'web'"));
  EXPECT_THAT(by_name(), HasSubstr("is named by its id: proc_web"));
  EXPECT_THAT(by_name(), Not(HasSubstr("proc_api")));
  denied_ = {"process.read:api"};
  EXPECT_THAT(by_name(), HasSubstr("is named by its id: proc_api, proc_web"));
  ASSERT_TRUE(Unassign("web").ok());
}

TEST_F(DomainsTest, TwoThatTakeOutTheLastTwoTargetsAtOnceLeaveNothing) {
  ASSERT_TRUE(Assign(To("web")).ok());
  Assignment beside = To("api");
  beside.beside_others = true;
  ASSERT_TRUE(Assign(beside).ok());
  store_.hold = true;
  Left first, second;
  domains_->Unassign("shop.example", "proc_web", "", "web", Ada(), Into(first));
  domains_->Unassign("shop.example", "proc_api", "", "api", Ada(), Into(second));
  for (int i = 0; i < 5; ++i) {
    while (!store_.held.empty()) store_.Release();
    scheduler_.RunAll();
  }
  ASSERT_TRUE(first.value().ok());
  ASSERT_TRUE(second.value().ok()) << second->status();
  EXPECT_FALSE((*second)->has_value());
  EXPECT_THAT(Names(), IsEmpty()) << "not a domain without routes";
}

TEST_F(DomainsTest, WhatIsAssignedWhileTheLastTargetIsTakenOutStays) {
  ASSERT_TRUE(Assign(To("web")).ok());
  store_.hold = true;
  Assignment beside = To("api");
  beside.beside_others = true;
  Answer assigned;
  domains_->Assign(beside, Ada(), Into(assigned));
  Left left;
  domains_->Unassign("shop.example", "proc_web", "", "web", Ada(), Into(left));
  for (int i = 0; i < 5; ++i) {
    while (!store_.held.empty()) store_.Release();
    scheduler_.RunAll();
  }
  ASSERT_TRUE(assigned.value().ok());
  ASSERT_TRUE(left.value().ok()) << left->status();
  EXPECT_THAT(Find().spec.routes[0].targets, ElementsAre(DomainTarget{"proc_api", 8080, 1}));
}

// ---- Who alone may change it --------------------------------------------------------------------

TEST_F(DomainsTest, WhatAFileHasIsNotChangedByUsersAndTheCureIsSaid) {
  ASSERT_TRUE(SetFile({OfFile("shop.example", 12)}).ok());
  Assignment beside = To("api");
  beside.beside_others = true;
  Answer updated, created;
  domains_->Update(Find(), "", Ada(), Into(updated));
  EXPECT_TRUE(updated.value().ok()) << "it changes nothing";
  updated.reset();
  Domain other = Find();
  other.spec.hold_ms = 0;
  domains_->Update(other, "", Ada(), Into(updated));
  std::optional<absl::Status> deleted;
  domains_->Delete("shop.example", "", Ada(), [&](absl::Status status) { deleted = status; });
  for (const absl::Status& status :
       {Assign(To("web")).status(), Assign(beside).status(), Unassign().status(),
        Unassign("web").status(), updated.value().status(), deleted.value()}) {
    EXPECT_EQ(Why(status), "DOMAIN_MANAGED");
    EXPECT_THAT(Message(status), HasSubstr("belongs to /etc/grpc-os/domains.conf:12"));
    EXPECT_THAT(Message(status), HasSubstr("change it there and run `reload`"));
  }
  EXPECT_EQ(Find().generation, 1);
  EXPECT_EQ(domains_->ManagerOf(Find(), nullptr), "domains.conf:12");
}

TEST_F(DomainsTest, WhatAProcessHasIsNotChangedByUsersAndTheCureIsSaid) {
  Commit(WithDomains("web", {"shop.example"}));
  for (const absl::Status& status :
       {Assign(To("web")).status(), Unassign().status(), Unassign("web").status()}) {
    EXPECT_EQ(Why(status), "DOMAIN_MANAGED");
    EXPECT_THAT(Message(status), HasSubstr("change `domains:` of its process.yml and deploy it"));
  }
  EXPECT_EQ(domains_->ManagerOf(Find(), [](const std::string& id) { return id.substr(5); }),
            "process web");
}

// ---- domains.conf -------------------------------------------------------------------------------

TEST_F(DomainsTest, AFileMakesChangesAndRemovesItsDomainsInOneTransaction) {
  auto changes = SetFile({OfFile("a.example", 1), OfFile("b.example", 2), OfFile("c.example", 3)});
  ASSERT_TRUE(changes.ok()) << changes.status();
  EXPECT_THAT(changes->created, ElementsAre("a.example", "b.example", "c.example"));
  ASSERT_TRUE(Assign(To("web")).ok());
  const int64_t revision = store_.revision;
  const std::string id = Find("b.example").id;
  changes =
      SetFile({OfFile("a.example", 1), OfFile("b.example", 2, "api"), OfFile("d.example", 3)});
  ASSERT_TRUE(changes.ok()) << changes.status();
  EXPECT_THAT(changes->created, ElementsAre("d.example"));
  EXPECT_THAT(changes->changed, ElementsAre("b.example"));
  EXPECT_THAT(changes->removed, ElementsAre("c.example"));
  EXPECT_EQ(changes->unchanged, 1);
  EXPECT_EQ(store_.revision, revision + 1);
  EXPECT_THAT(Names(), ElementsAre("a.example", "b.example", "d.example", "shop.example"));
  EXPECT_EQ(Find("b.example").id, id);
  EXPECT_EQ(Find("b.example").generation, 2);
  EXPECT_EQ(Find("b.example").revision, store_.revision) << "of the commit that wrote it";
  EXPECT_EQ(Find("a.example").generation, 1);
  Restart();
  EXPECT_THAT(Names(), ElementsAre("a.example", "b.example", "d.example", "shop.example"));
}

TEST_F(DomainsTest, AComparisonChangesNothing) {
  ASSERT_TRUE(SetFile({OfFile("a.example", 1)}).ok());
  const auto changes = SetFile({OfFile("b.example", 1)}, /*only_compare=*/true);
  ASSERT_TRUE(changes.ok());
  EXPECT_THAT(changes->created, ElementsAre("b.example"));
  EXPECT_THAT(changes->removed, ElementsAre("a.example"));
  EXPECT_THAT(Names(), ElementsAre("a.example"));
}

TEST_F(DomainsTest, ADomainThatOnlyMovedInItsFileIsUnchangedButItsLineIsKnown) {
  ASSERT_TRUE(SetFile({OfFile("a.example", 1)}).ok());
  const auto changes = SetFile({OfFile("a.example", 7)});
  ASSERT_TRUE(changes.ok());
  EXPECT_THAT(changes->changed, IsEmpty());
  EXPECT_EQ(changes->unchanged, 1);
  EXPECT_EQ(domains_->ManagerOf(Find("a.example"), nullptr), "domains.conf:7");
}

TEST_F(DomainsTest, AFileWithDomainsOfOthersIsRefusedWholeWithEachLine) {
  ASSERT_TRUE(Assign(To("web")).ok());
  Commit(WithDomains("web", {"web.example"}));
  const absl::Status refused =
      SetFile({OfFile("a.example", 1), OfFile("shop.example", 2), OfFile("web.example", 3)})
          .status();
  EXPECT_EQ(Why(refused), "DOMAINS_FILE");
  EXPECT_THAT(Message(refused), HasSubstr("line 2: 'shop.example' belongs to a user already; free "
                                          "it with `unassign shop.example`"));
  EXPECT_THAT(Message(refused), HasSubstr("line 3: 'web.example' belongs to a process already; "
                                          "take it out of `domains:`"));
  EXPECT_THAT(Names(), ElementsAre("shop.example", "web.example"));
}

TEST_F(DomainsTest, AUserWhoComesFirstIsSeenAtTheCommitToo) {
  store_.hold = true;
  Answer assigned;
  domains_->Assign(To("web"), Ada(), Into(assigned));
  std::optional<absl::StatusOr<Domains::FileChanges>> changes;
  domains_->SetFileDomains({OfFile("a.example", 1), OfFile("shop.example", 2)}, false,
                           [&](auto answer) { changes = answer; });
  while (!store_.held.empty()) store_.Release();
  EXPECT_EQ(Why(changes.value().status()), "DOMAINS_FILE");
  EXPECT_THAT(Names(), ElementsAre("shop.example"));
}

TEST_F(DomainsTest, WhatIsNotStoredOfAFileIsNotThere) {
  store_.failure = absl::UnavailableError("disk");
  EXPECT_FALSE(SetFile({OfFile("a.example", 1)}).ok());
  EXPECT_THAT(Names(), IsEmpty());
}

// ---- Of processes -------------------------------------------------------------------------------

TEST_F(DomainsTest, TheDomainsOfAProcessComeAndGoWithItsSpec) {
  Commit(WithDomains("web", {"a.example", "b.example"}));
  EXPECT_THAT(Names(), ElementsAre("a.example", "b.example"));
  EXPECT_THAT(Find("a.example").spec.routes,
              ElementsAre(DomainRoute{.path = "/", .targets = {{.process = "proc_web"}}}));
  EXPECT_EQ(Find("a.example").spec.manager, "proc_web");
  Commit(WithDomains("web", {"b.example", "c.example"}));
  EXPECT_THAT(Names(), ElementsAre("b.example", "c.example"));
  domains_->Settle(WithDomains("web", {"b.example", "c.example"}), false);
  scheduler_.RunAll();
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(DomainsTest, ATakenNameIsRefusedWithItsOwnerIfThatMayBeKnown) {
  ASSERT_TRUE(Assign(To("api")).ok());
  domains_->Settle(WithDomains("api", {}), true);
  const absl::Status of_user = Take(WithDomains("web", {"shop.example"}));
  EXPECT_EQ(Why(of_user), "DOMAIN_EXISTS");
  EXPECT_THAT(Message(of_user), HasSubstr("leads to 'api' already"));
  Commit(WithDomains("web", {"a.example"}));
  EXPECT_THAT(Message(Take(WithDomains("other", {"a.example"}))), HasSubstr("'web' already"));
  denied_ = {"process.read:web"};
  EXPECT_THAT(Message(Take(WithDomains("other", {"a.example"}))), HasSubstr("another process"));
  EXPECT_TRUE(Take(WithDomains("web", {"a.example"})).ok()) << "it has it itself";
  EXPECT_EQ(Why(domains_->Take(WithDomains("other", {"a.example"}), nullptr)), "DOMAIN_EXISTS");
}

TEST_F(DomainsTest, NamesThatArePublicSuffixesAreRefused) {
  const absl::Status refused = Take(WithDomains("web", {"a.example", "com"}));
  ASSERT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_EQ(DetailOf(refused)->violations.at(0).field, "process.spec.domains[1]");
}

TEST_F(DomainsTest, WhoIsBeingCommittedHasItsNamesAlreadyAndWhoIsRefusedHasNone) {
  ASSERT_TRUE(Take(WithDomains("web", {"a.example"})).ok());
  EXPECT_FALSE(Take(WithDomains("api", {"b.example", "a.example"})).ok());
  EXPECT_TRUE(Take(WithDomains("other", {"b.example"})).ok()) << "the refused one took nothing";
  domains_->Settle(WithDomains("web", {}), false);
  EXPECT_TRUE(Take(WithDomains("api", {"a.example"})).ok());
  EXPECT_THAT(Names(), IsEmpty()) << "nothing of it is committed";
}

TEST_F(DomainsTest, WhatAProcessLeavesMayBeTakenOnceItsRowIsGone) {
  Commit(WithDomains("web", {"a.example"}));
  store_.hold = true;
  domains_->Settle(WithDomains("web", {}), true);
  EXPECT_FALSE(Take(WithDomains("api", {"a.example"})).ok());
  store_.hold = false;
  store_.Release();
  scheduler_.RunAll();
  Commit(WithDomains("api", {"a.example"}));
  EXPECT_EQ(Find("a.example").spec.manager, "proc_api");
}

TEST_F(DomainsTest, ChangesThatComeWhileOneIsStoredFollowIt) {
  store_.hold = true;
  ASSERT_TRUE(Take(WithDomains("web", {"a.example"})).ok());
  domains_->Settle(WithDomains("web", {"a.example"}), true);
  ASSERT_TRUE(Take(WithDomains("web", {"b.example"})).ok());
  domains_->Settle(WithDomains("web", {"b.example"}), true);
  EXPECT_THAT(store_.held, SizeIs(1));
  while (!store_.held.empty()) {
    store_.Release();
    scheduler_.RunAll();
  }
  EXPECT_THAT(Names(), ElementsAre("b.example"));
}

TEST_F(DomainsTest, WhatCannotBeStoredIsTriedAgain) {
  store_.failure = absl::UnavailableError("disk");
  Commit(WithDomains("web", {"a.example"}));
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_EQ(logger_.lines, 1);
  store_.failure = absl::OkStatus();
  scheduler_.Advance(1'000);
  EXPECT_THAT(Names(), ElementsAre("a.example"));
}

TEST_F(DomainsTest, WhoCreatesOrAssignsWhatAProcessHasTakenIsRefusedBeforeItIsStored) {
  domains_->Settle(WithDomains("web", {}), true);
  ASSERT_TRUE(Take(WithDomains("web", {"shop.example"})).ok());
  const absl::Status refused = Assign(To("api")).status();
  EXPECT_EQ(Why(refused), "DOMAIN_MANAGED");
  EXPECT_THAT(Message(refused), HasSubstr("'shop.example' belongs to process web"));
  denied_ = {"process.read:web"};
  EXPECT_THAT(Message(Assign(To("api")).status()), HasSubstr("belongs to process proc_web"));
  denied_.clear();
  Answer created;
  domains_->Create(OfFile("shop.example", 0), Ada(), Into(created));
  scheduler_.RunAll();
  EXPECT_EQ(Why(created.value().status()), "DOMAIN_MANAGED");
  for (const bool only_compare : {true, false}) {
    const absl::Status of_file = SetFile({OfFile("shop.example", 3)}, only_compare).status();
    EXPECT_EQ(Why(of_file), "DOMAINS_FILE");
    EXPECT_THAT(Message(of_file), HasSubstr("line 3: 'shop.example' belongs to a process"));
  }
  domains_->Settle(WithDomains("web", {"shop.example"}), true);
  scheduler_.RunAll();
  EXPECT_EQ(Find().spec.manager, "proc_web");
  EXPECT_EQ(logger_.lines, 0);
}

TEST_F(DomainsTest, AProcessTakesNothingThatIsBeingMadeForSomebodyElse) {
  store_.hold = true;
  Answer assigned;
  domains_->Assign(To("api"), Ada(), Into(assigned));
  EXPECT_EQ(Why(Take(WithDomains("web", {"shop.example"}))), "DOMAIN_EXISTS");
  std::optional<absl::StatusOr<Domains::FileChanges>> of_file;
  domains_->SetFileDomains({OfFile("a.example", 3)}, false,
                           [&](absl::StatusOr<Domains::FileChanges> done) { of_file = done; });
  EXPECT_EQ(Why(Take(WithDomains("web", {"a.example"}))), "DOMAIN_EXISTS");
  EXPECT_TRUE(Take(WithDomains("web", {"b.example"})).ok());
  store_.failure = absl::UnavailableError("disk");
  while (!store_.held.empty()) {
    store_.Release();
    scheduler_.RunAll();
  }
  EXPECT_FALSE(assigned.value().ok());
  EXPECT_FALSE(of_file.value().ok());
  EXPECT_TRUE(Take(WithDomains("web", {"shop.example", "a.example"})).ok()) << "they let go";
}

TEST_F(DomainsTest, WhoHasANameKeepsItWhileSomebodyTriesToMakeIt) {
  Commit(WithDomains("web", {"shop.example"}));
  store_.hold = true;
  Assignment blocking = To("api");
  blocking.domain = "a.example";
  Answer first, second;
  domains_->Assign(blocking, Ada(), Into(first));
  domains_->Create(OfFile("shop.example", 0), Ada(), Into(second));
  EXPECT_TRUE(Take(WithDomains("web", {"shop.example"})).ok());
  store_.Release();
  scheduler_.RunAll();
  EXPECT_FALSE(second.value().ok());
}

TEST_F(DomainsTest, ANameThatIsSomebodyElsesDoesNotKeepBackTheOthersOfItsProcess) {
  ASSERT_TRUE(Assign(To("api")).ok());
  Restart();
  const Process web = WithDomains("web", {"a.example", "shop.example"});
  for (int i = 0; i < 5; ++i) domains_->Settle(web, true);  // as it was loaded, and starts anew
  scheduler_.RunAll();
  EXPECT_THAT(Names(), ElementsAre("a.example", "shop.example"));
  scheduler_.Advance(300'000);
  EXPECT_EQ(logger_.lines, 1) << "it is said once";
  EXPECT_EQ(Find().spec.manager, "");
  ASSERT_TRUE(Unassign().ok());
  scheduler_.Advance(60'000);
  EXPECT_EQ(Find().spec.manager, "proc_web") << "it is tried again";
}

TEST_F(DomainsTest, AProcessTriesAgainInOneChainThatSlowsDown) {
  store_.failure = absl::UnavailableError("disk");
  Commit(WithDomains("web", {"a.example"}));
  for (int i = 0; i < 100; ++i) domains_->Settle(WithDomains("web", {"a.example"}), true);
  scheduler_.RunAll();
  EXPECT_EQ(logger_.lines, 1);
  for (int i = 0; i < 63; ++i) scheduler_.Advance(1'000);
  EXPECT_EQ(logger_.lines, 7) << "after 1, 2, 4, 8, 16 and 32 seconds";
  for (int i = 0; i < 120; ++i) scheduler_.Advance(1'000);
  EXPECT_EQ(logger_.lines, 9);
  // What it names now does not wait.
  store_.failure = absl::OkStatus();
  Commit(WithDomains("web", {"b.example"}));
  EXPECT_THAT(Names(), ElementsAre("b.example"));
  scheduler_.Advance(60'000);
  EXPECT_EQ(logger_.lines, 9);
}

TEST_F(DomainsTest, NobodyTakesMoreThanTheLimitWithOrWithoutARow) {
  std::vector<Domain> most;
  for (int i = 0; i < limits::kDomains - 2; ++i)
    most.push_back(OfFile(absl::StrCat("d", i, ".example"), i + 1));
  ASSERT_TRUE(SetFile(std::move(most)).ok());
  const absl::Status refused = Take(WithDomains("web", {"a.example", "b.example", "c.example"}));
  EXPECT_EQ(Why(refused), "LIMIT_REACHED");
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  ASSERT_TRUE(Take(WithDomains("web", {"a.example", "b.example"})).ok());
  EXPECT_EQ(Why(Assign(To("api")).status()), "LIMIT_REACHED") << "its rows come later";
  Commit(WithDomains("web", {"a.example", "b.example"}));
  EXPECT_THAT(Names(), SizeIs(limits::kDomains));
  EXPECT_TRUE(Take(WithDomains("web", {"a.example", "b.example"})).ok());
}

TEST_F(DomainsTest, OnAFullDiskWhatGoesGoes) {
  Commit(WithDomains("web", {"a.example"}));
  store_.full = true;
  domains_->Settle(WithDomains("web", {"a.example"}), false);
  scheduler_.RunAll();
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(DomainsTest, TheNextDaemonRemovesWhatProcessesThatAreGoneLeft) {
  Commit(WithDomains("web", {"a.example", "b.example"}));
  Commit(WithDomains("gone", {"c.example"}));
  ASSERT_TRUE(Assign(To("web")).ok());
  Restart();
  domains_->Settle(WithDomains("web", {"a.example", "d.example"}), true);  // as it was loaded
  domains_->SyncAll();
  scheduler_.RunAll();
  EXPECT_THAT(Names(), ElementsAre("a.example", "d.example", "shop.example"));
  EXPECT_EQ(Find("a.example").generation, 1) << "it was not touched";
}

TEST_F(DomainsTest, AUseNeedsToMayWriteEachNameNowAndAtTheCommit) {
  Origin origin;
  origin.permit = [this](std::string_view process) {
    return process == "web" && !denied_.contains("call") ? absl::OkStatus()
                                                         : absl::PermissionDeniedError("call");
  };
  origin.name = "web";
  const Origin use = domains_->PermitUse({"a.example", "b.example"}, origin);
  EXPECT_TRUE(use.CheckPermitted().ok());
  denied_ = {"domain.write:b.example"};
  EXPECT_TRUE(absl::IsPermissionDenied(use.CheckPermitted()));
  denied_ = {"call"};
  EXPECT_TRUE(absl::IsPermissionDenied(use.CheckPermitted()));
  denied_ = {"domain.write:b.example"};
  EXPECT_TRUE(domains_->PermitUse({}, origin).CheckPermitted().ok());
}

// ---- What became of them ------------------------------------------------------------------------

TEST_F(DomainsTest, AnOutcomeIsShownAndStored) {
  ASSERT_TRUE(Assign(To("web")).ok());
  const std::string id = Find().id;
  EXPECT_FALSE(domains_->OutcomeOf(id));
  changes_ = 0;
  const PlaneOutcome outcome{.state = PlaneOutcome::State::kRejected,
                             .generation = 1,
                             .active_generation = 0,
                             .message = "nginx refuses it"};
  domains_->OnOutcome(id, outcome);
  scheduler_.RunAll();
  EXPECT_EQ(domains_->OutcomeOf(id), outcome);
  EXPECT_EQ(Find().status, (DomainStatus{.state = DomainState::kRejected,
                                         .active_generation = 0,
                                         .message = "nginx refuses it"}));
  EXPECT_EQ(Find().observed_generation, 1);
  EXPECT_EQ(changes_, 0) << "a status is nothing to reconcile";
  Restart();
  EXPECT_EQ(Find().status.state, DomainState::kRejected);
  domains_->OnOutcome(id, {.state = PlaneOutcome::State::kActive,
                           .generation = 1,
                           .active_generation = 1,
                           .message = ""});
  EXPECT_EQ(Find().status,
            (DomainStatus{.state = DomainState::kActive, .active_generation = 1, .message = ""}));
}

TEST_F(DomainsTest, TheOutcomeOfADomainThatIsGoneIsForgotten) {
  ASSERT_TRUE(Assign(To("web")).ok());
  const std::string id = Find().id;
  domains_->OnOutcome(id, {.generation = 1, .message = "later"});
  ASSERT_TRUE(Unassign().ok());
  EXPECT_FALSE(domains_->OutcomeOf(id));
}

TEST_F(DomainsTest, EachChangeIsToldOnceItIsCommitted) {
  store_.hold = true;
  Answer answer;
  domains_->Assign(To("web"), Ada(), Into(answer));
  scheduler_.RunAll();
  EXPECT_EQ(changes_, 0);
  store_.hold = false;
  store_.Release();
  scheduler_.RunAll();
  EXPECT_EQ(changes_, 1);
  ASSERT_TRUE(Unassign().ok());
  EXPECT_EQ(changes_, 2);
  ASSERT_TRUE(SetFile({OfFile("a.example", 1), OfFile("b.example", 2)}).ok());
  EXPECT_EQ(changes_, 3) << "both at once";
}

TEST_F(DomainsTest, WhoeverWaitsForTheEndOfADomainHearsOfItOnce) {
  ASSERT_TRUE(Assign(To("web")).ok());
  const std::string id = Find().id;
  int heard = 0, let_go = 0;
  const auto kept = domains_->WhenGone(id, [&] { ++heard; });
  domains_->WhenGone(id, [&] { ++let_go; });
  scheduler_.RunAll();
  EXPECT_EQ(heard, 0);
  ASSERT_TRUE(Unassign().ok());
  ASSERT_TRUE(Assign(To("web")).ok());
  ASSERT_TRUE(Unassign().ok());
  EXPECT_EQ(heard, 1);
  EXPECT_EQ(let_go, 0);
  const auto late = domains_->WhenGone(id, [&] { ++heard; });
  scheduler_.RunAll();
  EXPECT_EQ(heard, 2) << "it was gone already";
}

}  // namespace
}  // namespace grpc_os::core
