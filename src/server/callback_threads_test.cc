#include "server/callback_threads.h"

#include <grpc/support/cpu.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace grpc_os::server {
namespace {

class CallbackThreadsTest : public testing::Test {
 protected:
  CallbackThreadsTest() {
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    threads_ = std::make_unique<CallbackThreads>(*server_);
  }
  ~CallbackThreadsTest() override {
    threads_.reset();
    server_->Shutdown();
  }

  // Whoever answers is a matter of chance, but not for ever.
  bool BothAnswer() {
    for (int i = 0; i < 2000; ++i) {
      if (ThreadsOfCalls() == 2) return true;
    }
    return false;
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
  std::unique_ptr<CallbackThreads> threads_;
};

TEST_F(CallbackThreadsTest, OneOfTwoRestsWhileManyCallsComeAndComesBack) {
  int64_t calls = 0;
  threads_->Tick(calls += CallbackThreads::kManyCalls);
  if (gpr_cpu_num_cores() > 2) {
    EXPECT_FALSE(threads_->resting()) << "where there are more, nothing is changed";
    return;
  }
  EXPECT_TRUE(threads_->resting());
  // The thread that is to rest is one of those that answer until it gets there.
  int alone = 0;
  for (int i = 0; i < 2000 && alone < 20; ++i) alone = ThreadsOfCalls() == 1 ? alone + 1 : 0;
  EXPECT_EQ(alone, 20);
  threads_->Tick(calls += CallbackThreads::kManyCalls);
  EXPECT_TRUE(threads_->resting()) << "as long as there are so many";
  EXPECT_EQ(ThreadsOfCalls(), 1u);

  threads_->Tick(calls += CallbackThreads::kManyCalls - 1);
  EXPECT_FALSE(threads_->resting());
  EXPECT_TRUE(BothAnswer());

  // And again.
  for (int i = 0; i < 2000 && !threads_->resting(); ++i)
    threads_->Tick(calls += CallbackThreads::kManyCalls);
  EXPECT_TRUE(threads_->resting());
  threads_.reset();
  EXPECT_TRUE(BothAnswer());
}

TEST_F(CallbackThreadsTest, WakingAgainAndAgainHoldsNothingUp) {
  for (int i = 0; i < 1000; ++i) threads_->Wake();
  EXPECT_TRUE(BothAnswer());
}

TEST_F(CallbackThreadsTest, EndsAlsoWhereTheRestHasHardlyBegun) {
  for (int i = 0; i < 50; ++i) {
    threads_ = std::make_unique<CallbackThreads>(*server_);
    threads_->Wake();
    threads_->Tick(CallbackThreads::kManyCalls);
    threads_.reset();
  }
  EXPECT_TRUE(gpr_cpu_num_cores() > 2 || BothAnswer());
}

}  // namespace
}  // namespace grpc_os::server
