// Threads that wait for files, so that nobody else has to.
#ifndef GRPC_OS_STORE_BLOB_IO_THREADS_H_
#define GRPC_OS_STORE_BLOB_IO_THREADS_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace grpc_os::store {

// Thread-safe.
class IoThreads {
 public:
  explicit IoThreads(int count);
  // What was posted is carried out first, and what that posts.
  ~IoThreads();
  void Post(std::function<void()> work);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> work_;
  int busy_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// Work that is carried out in its order, one piece after another. Thread-safe; it may go before its
// work is done.
class Strand {
 public:
  explicit Strand(IoThreads& threads) : state_(std::make_shared<State>(threads)) {}
  void Post(std::function<void()> work);

 private:
  struct State {
    explicit State(IoThreads& threads_in) : threads(threads_in) {}
    IoThreads& threads;
    std::mutex mutex;
    std::deque<std::function<void()>> work;
    bool running = false;
  };
  static void RunOne(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_BLOB_IO_THREADS_H_
