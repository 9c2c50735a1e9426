#include "shell/live_names.h"

#include <pthread.h>

#include <utility>

namespace grpc_os::shell {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kServes{2};

}  // namespace

LiveNames::LiveNames(client::Address address, client::ClientOptions options)
    : client_(std::move(address), [&options] {
        options.timeout = kMaxWait;
        options.may_refresh = false;  // an answer that comes too late would end the session
        return std::move(options);
      }()) {}

LiveNames::~LiveNames() {
  client_.Cancel();
  if (thread_.joinable()) thread_.join();
}

LiveWords LiveNames::Of(const WordKind& kind, const std::string& begun) {
  if (kind.live == nullptr) return {};
  const Question question(kind.live, kind.in_folders ? begun : "");
  std::unique_lock<std::mutex> lock(mutex_);
  const auto serves = [&] {
    const auto found = entries_.find(question);
    return found != entries_.end() && Clock::now() - found->second.asked < kServes;
  };
  if (!serves() && !asking_) {
    if (thread_.joinable()) thread_.join();  // it has ended but for its last line
    asking_ = true;
    thread_ = std::thread([this, question] {
      ::pthread_setname_np(::pthread_self(), "completion");
      client_.BeginCommand();
      LiveWords words = question.first(client_, question.second);
      const std::lock_guard<std::mutex> done(mutex_);
      entries_[question] = {std::move(words), Clock::now()};
      asking_ = false;
      answered_.notify_all();
    });
  }
  answered_.wait_for(lock, kMaxWait, serves);
  return serves() ? entries_[question].words : LiveWords();
}

}  // namespace grpc_os::shell
