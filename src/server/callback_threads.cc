#include "server/callback_threads.h"

#include <grpc/support/cpu.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/channel_arguments.h>

#include <condition_variable>
#include <mutex>
#include <utility>

namespace grpc_os::server {
namespace {

constexpr unsigned kProcessors = 2;

}  // namespace

// Its answer is the callback that rests.
struct RestingThread::Call {
  explicit Call(std::shared_ptr<grpc::Channel> to) : stub(std::move(to)) {}

  grpc::GenericStub stub;
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;

  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  bool left = false;  // the callback
};

std::unique_ptr<RestingThread> RestingThread::Rest(grpc::Server& server) {
  if (gpr_cpu_num_cores() > kProcessors) return nullptr;
  const auto call = std::make_shared<Call>(server.InProcessChannel(grpc::ChannelArguments()));
  const grpc::Slice nothing;
  call->request = grpc::ByteBuffer(&nothing, 1);
  call->stub.UnaryCall(&call->context, "/grpc_os.Rest/Rest", {}, &call->request, &call->response,
                       [raw = call.get()](const grpc::Status&) {
                         std::unique_lock lock(raw->mutex);
                         raw->changed.wait(lock, [raw] { return raw->over; });
                         raw->left = true;
                         raw->changed.notify_all();
                       });
  return std::unique_ptr<RestingThread>(new RestingThread(call));
}

RestingThread::~RestingThread() {
  std::unique_lock lock(call_->mutex);
  call_->over = true;
  call_->changed.notify_all();
  call_->changed.wait(lock, [this] { return call_->left; });
}

}  // namespace grpc_os::server
