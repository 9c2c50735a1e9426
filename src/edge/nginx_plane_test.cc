#include "edge/nginx_plane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/guarded.h"
#include "core/task/tasks.h"
#include "edge/socket_harness.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_process_store.h"
#include "testing/recording_supervision.h"

namespace grpc_os::edge {
namespace {

namespace fs = std::filesystem;
using core::PlaneFile;
using core::PlaneFiles;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// nginx -t; a test says what comes of it.
class Runner final : public core::TaskRunner {
 public:
  void Run(const core::Process& process, Events events) override {
    run.push_back(process);
    last = std::move(events);
  }
  void Continue(const std::string&) override {}
  void Stop(const std::string&) override {}

  std::vector<core::Process> run;
  Events last;
};

class NginxPlaneTest : public ::testing::Test {
 protected:
  NginxPlaneTest() {
    fs::create_directories(edge_ + "/conf");
    fs::create_directories(edge_ + "/run");
    processes_.OnInstances({});
    Restart();
  }
  // As a new daemon, to which nginx goes on.
  PlaneFiles Restart() {
    plane_ = std::make_unique<NginxPlane>(
        NginxPlane::Parts{.directory = edge_,
                          .worker = worker_,
                          .scheduler = scheduler_,
                          .process = process_,
                          .socket = socket_,
                          .main_file = [this](int64_t generation) -> absl::StatusOr<std::string> {
                            if (!main_failure_.ok()) return main_failure_;
                            return absl::StrCat(main_, " of generation ", generation);
                          },
                          .check_host = [this] { return host_; },
                          .check_ports = [this] { return ports_; },
                          .share = [this](int fd) { return share_(fd); },
                          .prepare =
                              [this](std::function<void()> then) {
                                ++prepared_;
                                scheduler_.Post(std::move(then));
                              }});
    return plane_->ReadLive().value();
  }
  static core::Process System() {
    core::Process process;
    process.name = "grpc-os-nginx";
    process.spec.command = "nginx";
    process.spec.system = true;
    return process;
  }
  static PlaneFiles Files(const std::map<std::string, std::string>& texts) {
    PlaneFiles files;
    for (const auto& [id, text] : texts)
      files[id] = std::make_shared<const PlaneFile>(PlaneFile{1, text});
    return files;
  }
  static PlaneFiles WithSecret(const std::string& text, const std::string& secret) {
    return {{"dom_1", std::make_shared<const PlaneFile>(
                          PlaneFile{.generation = 1, .text = text, .secret = secret})}};
  }
  using Checked = std::optional<absl::StatusOr<core::DataPlane::Verdict>>;
  // nginx -t ends with this.
  absl::StatusOr<core::DataPlane::Verdict> Check(const PlaneFiles& files, int exit_code = 0,
                                                 const std::string& output = "") {
    Checked verdict;
    const size_t before = runner_.run.size();
    plane_->Check(files, [&](auto answer) { verdict = std::move(answer); });
    EXPECT_FALSE(verdict.has_value()) << "never from inside";
    scheduler_.RunAll();
    if (runner_.run.size() == before) return verdict.value();
    if (!output.empty()) runner_.last.on_output(core::TaskStream::kStderr, output);
    core::TaskRunEnd end;
    end.exit.exit_code = exit_code;
    runner_.last.on_ended(end);
    scheduler_.RunAll();
    return verdict.value();
  }
  void Accept(const PlaneFiles& files) {
    const auto verdict = Check(files);
    ASSERT_TRUE(verdict.ok() && verdict->accepted) << verdict.status();
  }
  void Apply() {
    applied_.reset();
    plane_->Apply([this](absl::Status status) {
      EXPECT_FALSE(applied_.has_value()) << "answered twice";
      applied_ = std::move(status);
    });
    EXPECT_FALSE(applied_.has_value()) << "never from inside";
    scheduler_.RunAll();
  }
  // What was to be launched runs.
  void Launched() {
    supervision_.launch_done(absl::OkStatus());
    core::InstanceReport report;
    report.instance_id = supervision_.launched.back();
    report.status.state = core::ProcessState::kStarting;
    report.status.observed_generation = report.status.running_generation = 1;
    processes_.OnConnected(report);
    report.seq = 1;
    report.action = "started";
    report.status.state = core::ProcessState::kRunning;
    report.ever_started = true;
    processes_.OnReport(report);
    scheduler_.RunAll();
  }
  void Listen() {
    nginx_ = std::make_unique<FakeNginx>(
        edge_ + "/run", [this](const std::string&) { return HttpAnswer(*workers_.Lock()); });
  }
  void Serve(const std::string& workers) { *workers_.Lock() = workers; }
  void Pass(int64_t ms) {
    scheduler_.Advance(ms);
    scheduler_.RunAll();
  }
  // These are live, as generation 1.
  void AreLive(const PlaneFiles& files) {
    Listen();
    Serve("worker 1 1 accepting\n");
    Accept(files);
    Apply();
    Launched();
    ASSERT_TRUE(applied_.has_value() && applied_->ok());
  }
  std::string Read(const std::string& path) const {
    std::ifstream file(edge_ + "/conf/" + path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  ino_t InodeOf(const std::string& path) const {
    struct stat status = {};
    EXPECT_EQ(stat((edge_ + "/conf/" + path).c_str(), &status), 0) << path;
    return status.st_ino;
  }
  std::vector<std::string> Conf(const std::string& path = "") const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(edge_ + "/conf/" + path))
      names.push_back(entry.path().filename());
    return names;
  }
  std::string Live() const {
    std::error_code error;
    return fs::read_symlink(edge_ + "/conf/live", error);
  }

  TemporaryDirectory root_;
  const std::string edge_ = root_.path() + "/edge";
  testing::ManualScheduler scheduler_;
  ScheduledWorker worker_{scheduler_};
  testing::MemoryProcessStore store_;
  testing::RecordingSupervision supervision_;
  core::Processes processes_{store_, supervision_, scheduler_};
  Runner runner_;
  core::Tasks tasks_{runner_, scheduler_};
  NginxProcess process_{{processes_, tasks_, scheduler_, System()}};
  PrivateSocket socket_{edge_ + "/run"};
  std::string main_ = "main file";
  absl::Status main_failure_, host_, ports_;
  std::function<absl::Status(int)> share_ = [](int) { return absl::OkStatus(); };
  int prepared_ = 0;
  Guarded<std::string> workers_;
  std::optional<absl::Status> applied_;
  std::unique_ptr<NginxPlane> plane_;
  std::unique_ptr<FakeNginx> nginx_;
};

// ---- Check --------------------------------------------------------------------------------------

TEST_F(NginxPlaneTest, WhatIsCheckedLiesInADirectoryOfItsOwn) {
  Accept(Files({{"dom_1", "one"}, {"dom_2", "two"}}));
  EXPECT_THAT(Conf(), ElementsAre("gen-1"));
  EXPECT_EQ(Read("gen-1/nginx.conf"), "main file of generation 1");
  EXPECT_THAT(Conf("gen-1/d"), UnorderedElementsAre("dom_1.conf", "dom_2.conf"));
  EXPECT_EQ(Read("gen-1/d/dom_2.conf"), "two");
  ASSERT_THAT(runner_.run, SizeIs(1));
  EXPECT_THAT(runner_.run[0].spec.command, EndsWith("-p . -c conf/gen-1/nginx.conf'"));
}

TEST_F(NginxPlaneTest, ARefusalHasTheWordsOfNginxAndTheDomainThatItNames) {
  for (const std::string& at : {edge_, std::string(".")}) {
    const std::string generation = absl::StrCat("/conf/gen-", runner_.run.size() + 1);
    const auto verdict =
        Check(Files({{"dom_1", "one"}}), 1,
              absl::StrCat("nginx: [warn] something in ", at, generation, "/d/dom_9.conf:1\n",
                           "nginx: [emerg] unknown directive \"foo\" in ", at, generation,
                           "/d/dom_1.conf:3\nnginx: configuration file ", at, generation,
                           "/nginx.conf test failed\n"));
    ASSERT_TRUE(verdict.ok()) << verdict.status();
    EXPECT_FALSE(verdict->accepted);
    EXPECT_EQ(verdict->culprit, "dom_1");
    EXPECT_EQ(verdict->words, absl::StrCat("nginx refuses it: unknown directive \"foo\" in ",
                                           at == "." ? "./" : "", "d/dom_1.conf:3"));
  }
}

TEST_F(NginxPlaneTest, ARefusalOfTheMainFileNamesNobody) {
  const auto verdict = Check(Files({{"dom_1", "one"}}), 1,
                             "2026/11/30 12:00:00 [emerg] 71#72: unexpected \"}\" in "
                             "./conf/gen-1/nginx.conf:9\n"
                             "nginx: configuration file ./conf/gen-1/nginx.conf test failed\n");
  EXPECT_EQ(verdict->culprit, "");
  EXPECT_EQ(verdict->words, "nginx refuses it: unexpected \"}\" in ./nginx.conf:9");
}

TEST_F(NginxPlaneTest, WhatKeepsNginxFromBeingAskedIsNoRefusal) {
  const PlaneFiles files = Files({{"dom_1", "one"}});
  host_ = absl::FailedPreconditionError("nginx is not installed");
  EXPECT_EQ(Check(files).status(), host_);
  host_ = absl::OkStatus();
  main_failure_ = absl::InvalidArgumentError("nginx.conf.template:3: there is no {{x}}");
  EXPECT_EQ(Check(files).status(), main_failure_);
  EXPECT_THAT(runner_.run, IsEmpty());
  main_failure_ = absl::OkStatus();
  fs::remove_all(edge_ + "/conf");
  std::ofstream(edge_ + "/conf") << "a file in the way";
  EXPECT_FALSE(Check(files).ok());
  fs::remove(edge_ + "/conf");
  fs::create_directory(edge_ + "/conf");
  Checked verdict;
  plane_->Check(files, [&](auto answer) { verdict = std::move(answer); });
  scheduler_.RunAll();
  runner_.last.on_ended(absl::UnavailableError("init is away"));
  scheduler_.RunAll();
  EXPECT_FALSE(verdict.value().ok());
}

TEST_F(NginxPlaneTest, ChecksThatCameToNothingLeaveNothing) {
  AreLive(Files({{"dom_1", "one"}}));
  for (int i = 0; i < 5; ++i) (void)Check(Files({{"dom_1", "bad"}}), 1, "nginx: [emerg] no\n");
  EXPECT_THAT(Conf(), UnorderedElementsAre("gen-1", "gen-6", "live"));
}

// ---- Apply --------------------------------------------------------------------------------------

TEST_F(NginxPlaneTest, TheFirstGenerationStartsNginxAndIsLiveOnceItServes) {
  Listen();
  Accept(Files({{"dom_1", "one"}}));
  EXPECT_EQ(Live(), "") << "a check alone changes nothing";
  Apply();
  EXPECT_EQ(prepared_, 1);
  EXPECT_EQ(Live(), "gen-1");
  ASSERT_THAT(supervision_.launched, SizeIs(1));
  EXPECT_FALSE(applied_);
  Launched();
  EXPECT_FALSE(applied_) << "it runs, and serves nothing yet";
  Serve("worker 1 1 accepting\n");
  Pass(NginxPlane::kPollMs);
  ASSERT_TRUE(applied_);
  EXPECT_TRUE(applied_->ok()) << *applied_;
  EXPECT_THAT(supervision_.signals, IsEmpty());
}

TEST_F(NginxPlaneTest, TheNextOneIsReadByTheNginxThatRuns) {
  AreLive(Files({{"dom_1", "one"}, {"dom_2", "two"}, {"dom_3", "three"}}));
  const ino_t kept = InodeOf("gen-1/d/dom_1.conf");
  Accept(Files({{"dom_1", "one"}, {"dom_2", "another"}}));
  EXPECT_EQ(InodeOf("gen-2/d/dom_1.conf"), kept) << "it is the same file";
  EXPECT_EQ(Read("gen-2/d/dom_2.conf"), "another");
  EXPECT_EQ(Read("gen-1/d/dom_2.conf"), "two") << "what is live is not written to";
  EXPECT_THAT(Conf("gen-2/d"), UnorderedElementsAre("dom_1.conf", "dom_2.conf"));
  Apply();
  EXPECT_EQ(Live(), "gen-2");
  EXPECT_THAT(supervision_.signals, ElementsAre(SIGHUP));
  EXPECT_FALSE(applied_);
  Serve("worker 1 1 accepting\nworker 2 2 accepting\n");
  Pass(NginxPlane::kPollMs);
  EXPECT_FALSE(applied_) << "old workers still accept";
  Serve("worker 1 1 draining\nworker 2 2 accepting\n");
  Pass(NginxPlane::kPollMs);
  ASSERT_TRUE(applied_);
  EXPECT_TRUE(applied_->ok()) << *applied_;
  EXPECT_EQ(plane_->Draining(), 1);
  EXPECT_THAT(Conf(), UnorderedElementsAre("gen-2", "live"));
  EXPECT_THAT(supervision_.launched, SizeIs(1));
  Serve("worker 2 2 accepting\n");
  plane_->Look();
  scheduler_.RunAll();
  EXPECT_EQ(plane_->Draining(), 0);
}

TEST_F(NginxPlaneTest, WhatIsAppliedIsWhatWasCheckedLast) {
  AreLive(Files({{"dom_1", "one"}}));
  (void)Check(Files({{"dom_1", "one"}, {"dom_2", "bad"}}), 1, "nginx: [emerg] no\n");
  Accept(Files({{"dom_1", "one"}, {"dom_3", "three"}}));
  Serve("worker 1 3 accepting\n");
  Apply();
  ASSERT_TRUE(applied_ && applied_->ok());
  EXPECT_THAT(Conf("live/d"), UnorderedElementsAre("dom_1.conf", "dom_3.conf"));
}

TEST_F(NginxPlaneTest, ANginxThatDoesNotTakeItOverIsSaidSo) {
  AreLive(Files({{"dom_1", "one"}}));
  Accept(Files({{"dom_1", "two"}}));
  Apply();
  for (int64_t ms = 0; ms <= NginxPlane::kAcknowledgeMs; ms += 500) Pass(500);
  ASSERT_TRUE(applied_);
  EXPECT_THAT(std::string(applied_->message()), HasSubstr("`logs grpc-os-nginx` has its words"));
  nginx_.reset();
  Apply();
  for (int64_t ms = 0; ms <= NginxPlane::kAcknowledgeMs; ms += 500) Pass(500);
  ASSERT_TRUE(applied_);
  EXPECT_TRUE(absl::IsUnavailable(*applied_)) << *applied_;
}

TEST_F(NginxPlaneTest, WhereItsPortsAreTakenNginxIsNotStartedAndNothingIsSwapped) {
  ports_ = absl::UnavailableError("port 8880 is in use by caddy (pid 12)");
  Accept(Files({{"dom_1", "one"}}));
  Apply();
  EXPECT_EQ(applied_.value(), ports_);
  EXPECT_EQ(Live(), "");
  EXPECT_THAT(supervision_.launched, IsEmpty());
}

TEST_F(NginxPlaneTest, NginxThatIsBeingStoppedCountsAsIdleAtOnce) {
  EXPECT_TRUE(plane_->Idle()) << "there is none yet";
  AreLive(Files({{"dom_1", "one"}}));
  EXPECT_FALSE(plane_->Idle());
  process_.Stop();
  EXPECT_TRUE(plane_->Idle()) << "though that is not stored yet";
  EXPECT_FALSE(process_.Runs());
}

TEST_F(NginxPlaneTest, WhatIsWrittenMayBeReadByNginxAlone) {
  std::vector<ino_t> shared;
  share_ = [&](int fd) {
    struct stat status = {};
    EXPECT_EQ(fstat(fd, &status), 0);
    shared.push_back(status.st_ino);
    return absl::OkStatus();
  };
  const mode_t before = umask(0);
  (void)Check(WithSecret("one", "key"));
  umask(before);
  for (const char* name : {"nginx.conf", "d/dom_1.conf", "d/dom_1.pem"}) {
    const std::string path = absl::StrCat("gen-1/", name);
    EXPECT_EQ(fs::status(edge_ + "/conf/" + path).permissions(), fs::perms(0600)) << name;
    EXPECT_THAT(shared, Contains(InodeOf(path))) << name;
  }
  EXPECT_EQ(fs::status(edge_ + "/conf/gen-1/d").permissions(), fs::perms(0755));
  share_ = [](int) { return absl::FailedPreconditionError("no ACLs"); };
  EXPECT_EQ(Check(Files({{"dom_1", "two"}})).status(), share_(0));
}

TEST_F(NginxPlaneTest, ASecretLiesBesideItsFileForAsLongAsThatIsThere) {
  AreLive(WithSecret("one", "key"));
  EXPECT_EQ(Read("live/d/dom_1.pem"), "key");
  const ino_t kept = InodeOf("live/d/dom_1.pem");
  PlaneFiles files = Restart();  // which reads no secrets
  files["dom_2"] = WithSecret("two", "")["dom_1"];
  Accept(files);
  EXPECT_EQ(InodeOf("gen-2/d/dom_1.pem"), kept);
  Accept(WithSecret("another", "another key"));
  EXPECT_EQ(Read("gen-3/d/dom_1.pem"), "another key");
  EXPECT_EQ(Read("live/d/dom_1.pem"), "key") << "what is live is not written to";
  Accept(Files({{"dom_1", "a file without one"}}));
  EXPECT_THAT(Conf("gen-4/d"), ElementsAre("dom_1.conf"));
  Accept(Files({}));
  EXPECT_THAT(Conf("gen-5/d"), IsEmpty());
}

// ---- The next daemon ----------------------------------------------------------------------------

TEST_F(NginxPlaneTest, TheNextDaemonFindsWhatIsLiveAndReloadsNothingForNothing) {
  const PlaneFiles files = Files({{"dom_1", "one"}, {"dom_2", "two"}});
  AreLive(files);
  EXPECT_TRUE(core::SameTexts(Restart(), files));
  Accept(files);
  Apply();
  ASSERT_TRUE(applied_);
  EXPECT_TRUE(applied_->ok()) << *applied_;
  EXPECT_THAT(supervision_.signals, IsEmpty());
  EXPECT_EQ(Live(), "gen-1");
}

TEST_F(NginxPlaneTest, ButWhereTheMainFileIsAnotherItReloads) {
  const PlaneFiles files = Files({{"dom_1", "one"}});
  AreLive(files);
  Restart();
  main_ = "another main file";
  Accept(files);
  Apply();
  EXPECT_THAT(supervision_.signals, ElementsAre(SIGHUP));
  Serve("worker 1 2 accepting\n");
  Pass(NginxPlane::kPollMs);
  EXPECT_TRUE(applied_.value().ok());
  EXPECT_EQ(Live(), "gen-2");
}

TEST_F(NginxPlaneTest, AndWhereNginxServesAnotherGeneration) {
  const PlaneFiles files = Files({{"dom_1", "one"}});
  AreLive(files);
  Restart();
  Serve("worker 1 0 accepting\n");  // grpc-osd died between the swap and the signal
  Accept(files);
  Apply();
  EXPECT_THAT(supervision_.signals, ElementsAre(SIGHUP));
}

TEST_F(NginxPlaneTest, WhatACrashLeftIsNoGenerationThatIsLive) {
  fs::create_directories(edge_ + "/conf/gen-7/d");
  std::ofstream(edge_ + "/conf/gen-7/d/dom_1.conf") << "half";
  fs::create_directories(edge_ + "/conf/gen-x");
  EXPECT_THAT(Restart(), IsEmpty());
  Accept(Files({{"dom_1", "one"}}));
  EXPECT_EQ(Read("gen-8/d/dom_1.conf"), "one") << "a number that was never used";
  EXPECT_FALSE(fs::exists(edge_ + "/conf/gen-7"));
}

}  // namespace
}  // namespace grpc_os::edge
