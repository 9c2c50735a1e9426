#include "server/callback_threads.h"

#include <grpc/support/cpu.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace grpc_os::server {
namespace {

class RestingThreadTest : public testing::Test {
 protected:
  RestingThreadTest() {
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
  }

  // On how many threads the callbacks of many calls at a time run.
  size_t ThreadsOfCalls() {
    constexpr int kCalls = 500;
    struct Call {
      grpc::ClientContext context;
      grpc::ByteBuffer request;
      grpc::ByteBuffer response;
    };
    grpc::GenericStub stub(server_->InProcessChannel(grpc::ChannelArguments()));
    std::vector<std::unique_ptr<Call>> calls;
    std::mutex mutex;
    std::condition_variable changed;
    int ended = 0;
    std::set<std::thread::id> threads;
    const grpc::Slice nothing;
    for (int i = 0; i < kCalls; ++i) {
      Call& call = *calls.emplace_back(std::make_unique<Call>());
      call.request = grpc::ByteBuffer(&nothing, 1);
      stub.UnaryCall(&call.context, "/grpc_os.Test/Unknown", {}, &call.request, &call.response,
                     [&](const grpc::Status& status) {
                       const std::lock_guard lock(mutex);
                       EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
                       threads.insert(std::this_thread::get_id());
                       ++ended;
                       changed.notify_all();
                     });
    }
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ended == kCalls; });
    return threads.size();
  }

  grpc::CallbackGenericService service_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(RestingThreadTest, OneThreadIsLeftOnTwoProcessorsAndTheOtherComesBack) {
  auto resting = RestingThread::Rest(*server_);
  if (gpr_cpu_num_cores() > 2) {
    EXPECT_EQ(resting, nullptr);
    return;
  }
  ASSERT_NE(resting, nullptr);
  ThreadsOfCalls();  // by now it rests
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ThreadsOfCalls(), 1u);
  resting.reset();
  size_t most = 0;
  for (int i = 0; i < 2000 && most < 2; ++i) most = std::max(most, ThreadsOfCalls());
  EXPECT_EQ(most, 2u);
}

TEST_F(RestingThreadTest, EndsAtOnceAlsoWhereItHasHardlyBegun) {
  for (int i = 0; i < 50; ++i) RestingThread::Rest(*server_);
}

}  // namespace
}  // namespace grpc_os::server
