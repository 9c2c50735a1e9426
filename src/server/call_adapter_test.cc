#include "server/call_adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "grpc/health/v1/health.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "server/health.h"
#include "server/message_bytes.h"
#include "server/reflection.h"
#include "services/call_harness.h"
#include "transport/client_harness.h"
#include "transport/listener.h"
#include "transport/server.h"

namespace grpc_os::server {
namespace {

using ::testing::HasSubstr;
using transport::TestClient;
using LoginCall = std::shared_ptr<services::UnaryCall<v1::LoginResponse>>;

constexpr char kLogin[] = "/grpc_os.v1.AuthService/Login";

// A server with one handler, of a method that needs no log-in, and with health and reflection.
class CallAdapterTest : public ::testing::Test {
 protected:
  CallAdapterTest() : directory_(::testing::TempDir() + absl::StrCat("adapter-", getpid())) {
    std::filesystem::create_directories(directory_);
    handlers_.Unary<v1::LoginRequest, v1::LoginResponse>(
        [this](const LoginCall& call, const v1::LoginRequest& request) { handle_(call, request); });
    transport::Methods methods;
    AddApi(handlers_, methods);
    // Only what has a handler may begin.
    std::erase_if(methods, [](const auto& method) { return method.first != kLogin; });
    health_.AddTo(methods);
    AddReflection(methods);
    health_.AnswerFor(methods);
    std::vector<transport::Server::Endpoint> endpoints;
    endpoints.push_back({.listener = *transport::ListenUnix(directory_ + "/sock"), .local = true});
    server_ = std::make_unique<transport::Server>(std::move(endpoints), std::move(methods),
                                                  transport::Server::Options{});
    client_ = std::make_unique<TestClient>(directory_ + "/sock");
  }
  ~CallAdapterTest() override {
    client_.reset();
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  const TestClient::Call& Ask(const std::string& bytes, const TestClient::Pairs& metadata = {}) {
    return client_->Finish(client_->Ask(kLogin, bytes, metadata));
  }
  template <typename Message>
  static Message MessageOf(const std::string& data, size_t number = 0) {
    size_t at = 0;
    for (;; --number) {
      const auto prefix = transport::ReadPrefix(std::string_view(data).substr(at));
      EXPECT_TRUE(prefix.ok() && prefix->has_value());
      if (number == 0) {
        Message message;
        EXPECT_TRUE(
            message.ParseFromString(data.substr(at + transport::kPrefixBytes, (*prefix)->size)));
        return message;
      }
      at += transport::kPrefixBytes + (*prefix)->size;
    }
  }

  std::function<void(const LoginCall&, const v1::LoginRequest&)> handle_ =
      [](const LoginCall& call, const v1::LoginRequest&) { call->Answer(v1::LoginResponse()); };
  Health health_;
  std::unique_ptr<TestClient> client_;

 private:
  const std::string directory_;
  services::CallWorld world_;
  services::Handlers handlers_{world_.environment};
  std::unique_ptr<transport::Server> server_;
};

TEST_F(CallAdapterTest, CarriesTheRequestTheAnswerAndTheRequestId) {
  handle_ = [](const LoginCall& call, const v1::LoginRequest& request) {
    v1::LoginResponse response;
    response.set_access_token(request.user() + " taken");
    call->Answer(response);
  };
  v1::LoginRequest request;
  request.set_user(std::string(100'000, 't'));
  const auto& answer = Ask(request.SerializeAsString(), {{"x-request-id", "mine"}});
  ASSERT_EQ(answer.status(), 0);
  EXPECT_EQ(MessageOf<v1::LoginResponse>(answer.data).access_token(), request.user() + " taken");
  EXPECT_EQ(answer.headers.at("x-request-id"), "mine");
  EXPECT_EQ(Ask("").status(), 0) << "an empty message is one";
}

TEST_F(CallAdapterTest, EndsWithTheCodeTheMessageAndTheDetails) {
  handle_ = [](const LoginCall& call, const v1::LoginRequest&) {
    call->End(MakeError(absl::StatusCode::kNotFound, "no such ticket", {.reason = "NO_TICKET"}));
  };
  const auto& answer = Ask("");
  EXPECT_EQ(answer.status(), 5);
  EXPECT_EQ(answer.headers.at("grpc-message"), "no such ticket");
  std::string details;
  ASSERT_TRUE(absl::Base64Unescape(answer.headers.at("grpc-status-details-bin"), &details));
  EXPECT_THAT(details, HasSubstr("NO_TICKET"));
}

TEST_F(CallAdapterTest, BytesThatAreNoRequestAreRefusedByUs) {
  handle_ = [](const LoginCall& call, const v1::LoginRequest&) {
    ADD_FAILURE() << "it is not handled";
    call->Answer(v1::LoginResponse());
  };
  for (const char* bytes : {"\xff\xff\xff", "\x0a\x02\xff\xfe"}) {
    const auto& answer = Ask(bytes);
    EXPECT_EQ(answer.status(), 3);
    EXPECT_THAT(answer.headers.at("grpc-message"), HasSubstr("grpc_os.v1.LoginRequest"));
    EXPECT_EQ(answer.headers.at("x-request-id").size(), 32u);
  }
}

TEST_F(CallAdapterTest, TellsWhereACallComesFrom) {
  std::string source;
  handle_ = [&source](const LoginCall& call, const v1::LoginRequest&) {
    source = call->source();
    EXPECT_TRUE(call->local());
    call->Answer(v1::LoginResponse());
  };
  EXPECT_EQ(Ask("").status(), 0);
  EXPECT_EQ(source, absl::StrCat("uid ", getuid()));
}

// Two readers could take two of them for two different ones.
TEST_F(CallAdapterTest, TwoValuesOfOneNameAreNone) {
  TestClient::Pairs both = {{"x-request-id", "one"}, {"x-request-id", "two"}};
  const int32_t id = client_->Start(kLogin, both);
  client_->Send(id, transport::AsMessage(""), true);
  const std::string given = client_->Finish(id).headers.at("x-request-id");
  EXPECT_EQ(given.size(), 32u) << given;
}

TEST_F(CallAdapterTest, HealthIsWhatItWasSetTo) {
  using grpc::health::v1::HealthCheckRequest;
  using grpc::health::v1::HealthCheckResponse;
  const auto check = [&](const std::string& service) -> const TestClient::Call& {
    HealthCheckRequest request;
    request.set_service(service);
    return client_->Finish(
        client_->Ask("/grpc.health.v1.Health/Check", request.SerializeAsString()));
  };
  const auto status = [&](const std::string& service) {
    return MessageOf<HealthCheckResponse>(check(service).data).status();
  };
  EXPECT_EQ(status(""), HealthCheckResponse::NOT_SERVING);
  health_.SetServing(true);
  EXPECT_EQ(status(""), HealthCheckResponse::SERVING);
  EXPECT_EQ(status("grpc_os.v1.AuthService"), HealthCheckResponse::SERVING);
  EXPECT_EQ(check("grpc_os.v1.None").status(), 5);
  health_.SetStuck(true);
  EXPECT_EQ(status(""), HealthCheckResponse::NOT_SERVING);
  health_.SetServing(true);
  EXPECT_EQ(status(""), HealthCheckResponse::NOT_SERVING) << "it is still stuck";
  health_.SetStuck(false);
  EXPECT_EQ(status(""), HealthCheckResponse::SERVING);
}

TEST_F(CallAdapterTest, WatchersOfHealthHearOfEachChange) {
  using grpc::health::v1::HealthCheckResponse;
  const int32_t id = client_->Ask("/grpc.health.v1.Health/Watch", "");
  const int32_t unknown = client_->Ask("/grpc.health.v1.Health/Watch", "\x0a\x01x");
  const auto comes = [&](int32_t stream, size_t number, HealthCheckResponse::ServingStatus wanted) {
    EXPECT_TRUE(client_->Until([&] {
      size_t messages = 0;
      std::string_view left = client_->call(stream).data;
      while (left.size() >= transport::kPrefixBytes) {
        left.remove_prefix(transport::kPrefixBytes + (**transport::ReadPrefix(left)).size);
        ++messages;
      }
      return messages > number;
    }));
    EXPECT_EQ(MessageOf<HealthCheckResponse>(client_->call(stream).data, number).status(), wanted);
  };
  comes(id, 0, HealthCheckResponse::NOT_SERVING);
  comes(unknown, 0, HealthCheckResponse::SERVICE_UNKNOWN);
  health_.SetServing(true);
  comes(id, 1, HealthCheckResponse::SERVING);
  health_.SetServing(false);
  comes(id, 2, HealthCheckResponse::NOT_SERVING);
  client_->Reset(unknown);
  client_->Turn(0);
  health_.SetServing(true);
  comes(id, 3, HealthCheckResponse::SERVING);
  health_.SetStuck(true);
  comes(id, 4, HealthCheckResponse::NOT_SERVING);
}

TEST_F(CallAdapterTest, ReflectionShowsServicesAndFiles) {
  using grpc::reflection::v1::ServerReflectionRequest;
  using grpc::reflection::v1::ServerReflectionResponse;
  for (const char* version : {"v1", "v1alpha"}) {
    const int32_t id = client_->Start(
        absl::StrCat("/grpc.reflection.", version, ".ServerReflection/ServerReflectionInfo"));
    ServerReflectionRequest list;
    list.set_list_services("");
    ServerReflectionRequest file;
    file.set_file_containing_symbol("grpc_os.v1.AuthService");
    ServerReflectionRequest none;
    none.set_file_by_filename("none.proto");
    client_->Send(id, ToBytes(list), false);
    client_->Send(id, ToBytes(file), false);
    client_->Send(id, ToBytes(none), true);
    EXPECT_EQ(client_->Finish(id).status(), 0);
    const std::string& data = client_->call(id).data;
    const auto listed = MessageOf<ServerReflectionResponse>(data).list_services_response();
    std::vector<std::string> names;
    for (const auto& service : listed.service()) names.push_back(service.name());
    EXPECT_THAT(names,
                ::testing::UnorderedElementsAre("grpc_os.v1.AuthService", "grpc.health.v1.Health",
                                                "grpc.reflection.v1.ServerReflection",
                                                "grpc.reflection.v1alpha.ServerReflection"));
    const auto files = MessageOf<ServerReflectionResponse>(data, 1).file_descriptor_response();
    EXPECT_GT(files.file_descriptor_proto_size(), 1) << "with what it imports";
    EXPECT_EQ(MessageOf<ServerReflectionResponse>(data, 2).error_response().error_code(), 5);
  }
}

}  // namespace
}  // namespace grpc_os::server
