#include "server/grpc_adapter.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "services/call_harness.h"

namespace grpc_os::server {
namespace {

using ::testing::HasSubstr;
using LoginCall = std::shared_ptr<services::UnaryCall<v1::LoginResponse>>;

// A server with one handler, of a method that needs no log-in.
class GrpcAdapterTest : public ::testing::Test {
 protected:
  GrpcAdapterTest() {
    handlers_.Unary<v1::LoginPeerRequest, v1::LoginResponse>(
        [this](const LoginCall& call, const v1::LoginPeerRequest& request) {
          handle_(call, request);
        });
    services_ = MakeGrpcServices(handlers_);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    for (const auto& service : services_) builder.RegisterService(service.get());
    server_ = builder.BuildAndStart();
  }
  ~GrpcAdapterTest() override { server_->Shutdown(); }

  struct Answer {
    grpc::Status status;
    v1::LoginResponse response;
    std::string request_id;
  };
  Answer Ask(const std::string& bytes, const std::vector<std::string>& request_ids = {}) {
    grpc::GenericStub stub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", port_), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    for (const std::string& id : request_ids) context.AddMetadata("x-request-id", id);
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> ended;
    stub.UnaryCall(&context, "/grpc_os.v1.AuthService/LoginPeer", {}, &request, &response,
                   [&ended](grpc::Status status) { ended.set_value(std::move(status)); });
    Answer answer{ended.get_future().get(), {}, {}};
    if (answer.status.ok()) {
      EXPECT_TRUE((grpc::GenericDeserialize<grpc::ProtoBufferReader, v1::LoginResponse>(
                       &response, &answer.response))
                      .ok());
    }
    for (const auto& [key, value] : context.GetServerInitialMetadata())
      if (key == "x-request-id") answer.request_id = {value.data(), value.size()};
    return answer;
  }

  std::function<void(const LoginCall&, const v1::LoginPeerRequest&)> handle_ =
      [](const LoginCall& call, const v1::LoginPeerRequest&) { call->Answer(v1::LoginResponse()); };

 private:
  services::CallWorld world_;
  services::Handlers handlers_{world_.environment};
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

TEST_F(GrpcAdapterTest, CarriesTheRequestTheAnswerAndTheRequestId) {
  handle_ = [](const LoginCall& call, const v1::LoginPeerRequest& request) {
    v1::LoginResponse response;
    response.set_access_token(request.ticket() + " taken");
    call->Answer(response);
  };
  v1::LoginPeerRequest request;
  request.set_ticket(std::string(100'000, 't'));
  const Answer answer = Ask(request.SerializeAsString(), {"mine"});
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.response.access_token(), request.ticket() + " taken");
  EXPECT_EQ(answer.request_id, "mine");
  EXPECT_TRUE(Ask("").status.ok()) << "an empty message is one";
}

TEST_F(GrpcAdapterTest, EndsWithTheCodeTheMessageAndTheDetails) {
  handle_ = [](const LoginCall& call, const v1::LoginPeerRequest&) {
    call->End(MakeError(absl::StatusCode::kNotFound, "no such ticket", {.reason = "NO_TICKET"}));
  };
  const grpc::Status status = Ask("").status;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no such ticket");
  EXPECT_THAT(status.error_details(), HasSubstr("NO_TICKET"));
}

TEST_F(GrpcAdapterTest, BytesThatAreNoRequestAreRefusedByUs) {
  handle_ = [](const LoginCall& call, const v1::LoginPeerRequest&) {
    ADD_FAILURE() << "it is not handled";
    call->Answer(v1::LoginResponse());
  };
  for (const char* bytes : {"\xff\xff\xff", "\x0a\x02\xff\xfe"}) {
    const Answer answer = Ask(bytes);
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(answer.status.error_message(), HasSubstr("grpc_os.v1.LoginPeerRequest"));
    EXPECT_THAT(answer.status.error_details(), HasSubstr("FIELD_INVALID"));
    EXPECT_EQ(answer.request_id.size(), 32u);
  }
}

TEST_F(GrpcAdapterTest, TellsWhereACallComesFrom) {
  std::string source;
  handle_ = [&source](const LoginCall& call, const v1::LoginPeerRequest&) {
    source = call->source();
    EXPECT_FALSE(call->local());
    call->Answer(v1::LoginResponse());
  };
  EXPECT_TRUE(Ask("").status.ok());
  EXPECT_EQ(source, "127.0.0.1");
}

// Two readers could take two of them for two different ones.
TEST_F(GrpcAdapterTest, TwoValuesOfOneNameAreNone) {
  const std::string id = Ask("", {"one", "two"}).request_id;
  EXPECT_EQ(id.size(), 32u) << id;
}

}  // namespace
}  // namespace grpc_os::server
