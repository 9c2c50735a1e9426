#include "edge/private_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "edge/socket_harness.h"

namespace grpc_os::edge {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kPatienceMs = 30'000;  // for what comes at once unless something is broken

class PrivateSocketTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> Answered(const std::string& answer) {
    const FakeNginx nginx(directory_.path(), [&](const std::string&) { return answer; });
    return PrivateSocket(directory_.path()).Get("/status", kPatienceMs);
  }

  TemporaryDirectory directory_;
};

TEST_F(PrivateSocketTest, ABodyIsReadWhole) {
  const std::string body(3 << 20, 'x');
  const auto answer = Answered(HttpAnswer(body));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, body);
  EXPECT_EQ(Answered(HttpAnswer("")).value_or("none"), "");
}

TEST_F(PrivateSocketTest, RequestsAreHttp) {
  const FakeNginx nginx(directory_.path(), [](const std::string&) { return HttpAnswer("ok"); });
  const PrivateSocket socket(directory_.path());
  EXPECT_EQ(socket.Get("/traffic", kPatienceMs).value_or(""), "ok");
  const std::string body = "all\n" + std::string(2 << 20, 'y');
  EXPECT_EQ(socket.Post("/endpoints", body, kPatienceMs).value_or(""), "ok");
  EXPECT_THAT(nginx.requests(), ElementsAre(StartsWith("GET /traffic HTTP/1.1\r\nHost: "),
                                            StartsWith("POST /endpoints HTTP/1.1\r\n")));
  EXPECT_THAT(nginx.requests()[1], EndsWith("\r\n\r\n" + body));
}

TEST_F(PrivateSocketTest, ARefusalHasItsWords) {
  const auto full = Answered(HttpAnswer("no memory at dom_1_0\n", "507 Insufficient Storage"));
  EXPECT_TRUE(absl::IsResourceExhausted(full.status()));
  EXPECT_THAT(std::string(full.status().message()), EndsWith("507: no memory at dom_1_0"));
  const auto bad = Answered(HttpAnswer("line 1 is not", "400 Bad Request"));
  EXPECT_EQ(bad.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(bad.status().message()), HasSubstr("400: line 1"));
}

TEST_F(PrivateSocketTest, AnAnswerThatEndsEarlyIsNone) {
  const std::string whole = HttpAnswer("twelve bytes");
  for (const std::string& answer :
       {std::string(), whole.substr(0, 5), whole.substr(0, 40), whole.substr(0, whole.size() - 1),
        whole + "more", std::string("HTTP/1.1 200 OK\r\n\r\nwithout a length"),
        std::string("SSH-2.0-OpenSSH\r\n\r\n")}) {
    EXPECT_TRUE(absl::IsUnavailable(Answered(answer).status())) << answer;
  }
}

TEST_F(PrivateSocketTest, AnAnswerIsNotReadWithoutEnd) {
  EXPECT_EQ(Answered(HttpAnswer(std::string(9 << 20, 'x'))).status().code(),
            absl::StatusCode::kInternal);
}

TEST_F(PrivateSocketTest, SilenceEndsWithItsTime) {
  const FakeNginx nginx(directory_.path(), [](const std::string&) { return FakeNginx::kSilence; });
  const auto answer = PrivateSocket(directory_.path()).Get("/status", 50);
  EXPECT_TRUE(absl::IsDeadlineExceeded(answer.status())) << answer.status();
}

TEST_F(PrivateSocketTest, WhereNobodyListensThatIsSaid) {
  const PrivateSocket socket(directory_.path());
  EXPECT_TRUE(absl::IsUnavailable(socket.Get("/status", kPatienceMs).status()));
  {
    const FakeNginx nginx(directory_.path(), [](const std::string&) { return HttpAnswer(""); });
    std::filesystem::rename(directory_.path() + "/private.sock", directory_.path() + "/stale");
  }
  std::filesystem::rename(directory_.path() + "/stale", directory_.path() + "/private.sock");
  EXPECT_TRUE(absl::IsUnavailable(socket.Get("/status", kPatienceMs).status())) << "a stale socket";
  EXPECT_TRUE(absl::IsUnavailable(
      PrivateSocket(directory_.path() + "/none").Get("/status", kPatienceMs).status()));
}

TEST_F(PrivateSocketTest, ItsPathMayBeLong) {
  const std::string path = directory_.path() + "/" + std::string(200, 'd');
  std::filesystem::create_directory(path);
  const FakeNginx nginx(path, [](const std::string&) { return HttpAnswer("deep"); });
  EXPECT_EQ(PrivateSocket(path).Get("/status", kPatienceMs).value_or(""), "deep");
}

}  // namespace
}  // namespace grpc_os::edge
