#include "shell/commands/together.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace grpc_os::shell {
namespace {

using Answer = absl::StatusOr<v1::Process>;

class Calls {
 public:
  Calls(size_t count, const std::function<Answer(size_t)>& work)
      : count_(count), work_(work), answers_(count) {
    for (size_t i = 0; i < std::min(count, kCallsAtOnce); ++i) {
      threads_.emplace_back([this] { Run(); });
    }
  }
  ~Calls() {
    for (std::thread& thread : threads_) thread.join();
  }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  // Waits for the answer of one that was begun; nullopt if it never will be.
  std::optional<Answer> Take(size_t index) {
    std::unique_lock<std::mutex> lock(mutex_);
    answered_.wait(lock, [&] { return answers_[index] || (stopped_ && index >= next_); });
    return std::move(answers_[index]);
  }

  void BeginNoMore() {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }

 private:
  void Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!stopped_ && next_ < count_) {
      const size_t index = next_++;
      lock.unlock();
      Answer answer = work_(index);
      lock.lock();
      answers_[index] = std::move(answer);
      answered_.notify_one();
    }
  }

  const size_t count_;
  const std::function<Answer(size_t)>& work_;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::vector<std::optional<Answer>> answers_;
  size_t next_ = 0;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

void DoTogether(size_t count, const std::function<Answer(size_t)>& work,
                const std::function<bool(size_t, Answer)>& take) {
  Calls calls(count, work);
  for (size_t i = 0; i < count; ++i) {
    std::optional<Answer> answer = calls.Take(i);
    if (!answer) return;
    if (!take(i, *std::move(answer))) calls.BeginNoMore();
  }
}

}  // namespace grpc_os::shell
