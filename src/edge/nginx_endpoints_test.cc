#include "edge/nginx_endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "edge/socket_harness.h"
#include "testing/manual_scheduler.h"

namespace grpc_os::edge {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using State = core::Endpoints::State;

core::Endpoints Up(int port) { return {.state = State::kUp, .endpoints = {{port, 1}}}; }

class NginxEndpointsTest : public ::testing::Test {
 protected:
  void Listen() {
    nginx_ = std::make_unique<FakeNginx>(directory_.path(), [this](const std::string& request) {
      if (request.starts_with("GET /traffic")) return HttpAnswer(*traffic_.Lock());
      if (request.starts_with("GET /status")) return HttpAnswer("waiting dom_1 4 100\n");
      return HttpAnswer("", *status_.Lock());
    });
  }
  absl::Status Set(const std::map<std::string, core::Endpoints>& all) {
    std::optional<absl::Status> answer;
    endpoints_.Set(all, [&](absl::Status status) { answer = std::move(status); });
    EXPECT_FALSE(answer.has_value()) << "never from inside";
    scheduler_.RunAll();
    return answer.value();
  }
  std::string File() const {
    std::ifstream file(directory_.path() + "/endpoints");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // The bodies that were posted.
  std::vector<std::string> Bodies() const {
    std::vector<std::string> bodies;
    for (const std::string& request : nginx_->requests())
      bodies.push_back(request.substr(request.find("\r\n\r\n") + 4));
    return bodies;
  }

  TemporaryDirectory directory_;
  testing::ManualScheduler scheduler_;
  ScheduledWorker worker_{scheduler_};
  PrivateSocket socket_{directory_.path()};
  bool runs_ = true;
  Guarded<std::string> status_{"200 OK"};
  Guarded<std::string> traffic_;
  NginxEndpoints endpoints_{{.directory = directory_.path(),
                             .worker = worker_,
                             .scheduler = scheduler_,
                             .socket = socket_,
                             .runs = [this] { return runs_; }}};
  std::unique_ptr<FakeNginx> nginx_;
};

TEST_F(NginxEndpointsTest, TheFirstSetIsWholeAndTheOthersAreWhatChanged) {
  Listen();
  ASSERT_TRUE(Set({{"dom_1_0", Up(1)}, {"dom_2_0", Up(2)}}).ok());
  ASSERT_TRUE(Set({{"dom_1_0", Up(1)}, {"dom_2_0", {}}, {"dom_3_0", Up(3)}}).ok());
  ASSERT_TRUE(Set({{"dom_2_0", {}}, {"dom_3_0", Up(3)}}).ok());
  ASSERT_TRUE(Set({{"dom_2_0", {}}, {"dom_3_0", Up(3)}}).ok());
  EXPECT_THAT(Bodies(), ElementsAre("all\ndom_1_0 up 127.0.0.1:1:1\ndom_2_0 up 127.0.0.1:2:1\n",
                                    "dom_2_0 off\ndom_3_0 up 127.0.0.1:3:1\n", "dom_1_0 -\n"));
  EXPECT_EQ(File(), "dom_2_0 off\ndom_3_0 up 127.0.0.1:3:1\n");
}

TEST_F(NginxEndpointsTest, AfterARefusalItIsGivenAll) {
  Listen();
  ASSERT_TRUE(Set({{"dom_1_0", Up(1)}}).ok());
  *status_.Lock() = "507 Insufficient Storage";
  EXPECT_TRUE(absl::IsResourceExhausted(Set({{"dom_1_0", Up(2)}})));
  EXPECT_EQ(File(), "dom_1_0 up 127.0.0.1:2:1\n") << "for the next start";
  *status_.Lock() = "200 OK";
  ASSERT_TRUE(Set({{"dom_1_0", Up(1)}}).ok());
  EXPECT_EQ(Bodies().back(), "all\ndom_1_0 up 127.0.0.1:1:1\n");
}

TEST_F(NginxEndpointsTest, AnNginxThatWasStartedIsGivenAll) {
  Listen();
  ASSERT_TRUE(Set({{"dom_1_0", Up(1)}}).ok());
  endpoints_.Forget();
  ASSERT_TRUE(Set({{"dom_1_0", Up(1)}}).ok());
  EXPECT_THAT(Bodies(), SizeIs(2));
  EXPECT_EQ(Bodies()[0], Bodies()[1]);
}

TEST_F(NginxEndpointsTest, WhereNoneRunsTheFileIsWrittenAndTheNextIsGivenAll) {
  runs_ = false;
  EXPECT_TRUE(Set({{"dom_1_0", Up(1)}}).ok());
  EXPECT_EQ(File(), "dom_1_0 up 127.0.0.1:1:1\n");
  runs_ = true;
  EXPECT_TRUE(absl::IsUnavailable(Set({{"dom_1_0", Up(1)}}))) << "it is to run, but does not";
  Listen();
  EXPECT_TRUE(Set({{"dom_1_0", Up(1)}}).ok());
  EXPECT_THAT(Bodies(), ElementsAre("all\ndom_1_0 up 127.0.0.1:1:1\n"));
}

TEST_F(NginxEndpointsTest, AFileThatCannotBeWrittenIsAFailureThoughNginxTookThem) {
  Listen();
  std::filesystem::create_directories(directory_.path() + "/endpoints/in the way");
  EXPECT_FALSE(Set({{"dom_1_0", Up(1)}}).ok());
  EXPECT_THAT(Bodies(), SizeIs(1));
  std::filesystem::remove_all(directory_.path() + "/endpoints");
  EXPECT_TRUE(Set({{"dom_1_0", Up(1)}}).ok());
  EXPECT_THAT(Bodies(), SizeIs(1)) << "it has them";
  EXPECT_EQ(File(), "dom_1_0 up 127.0.0.1:1:1\n");
}

TEST_F(NginxEndpointsTest, CountsComeWithWhatWaits) {
  Listen();
  *traffic_.Lock() = "target dom_1_0 127.0.0.1:8080 4 9\n";
  absl::StatusOr<core::EdgeTraffic> traffic = absl::UnknownError("no answer");
  const auto into = [&](const absl::StatusOr<core::EdgeTraffic>& read) { traffic = read; };
  endpoints_.ReadTraffic(into);
  scheduler_.RunAll();
  ASSERT_TRUE(traffic.ok()) << traffic.status();
  EXPECT_EQ(traffic->in_flight.at(8080), 4);
  EXPECT_EQ(traffic->domains.at("dom_1").waiting, 4);
  *traffic_.Lock() = "nonsense of a target\ntarget x\n";
  endpoints_.ReadTraffic(into);
  scheduler_.RunAll();
  EXPECT_FALSE(traffic.ok());
  nginx_.reset();
  endpoints_.ReadTraffic(into);
  scheduler_.RunAll();
  EXPECT_TRUE(absl::IsUnavailable(traffic.status()));
}

}  // namespace
}  // namespace grpc_os::edge
