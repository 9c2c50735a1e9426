// For tests: a server with methods to call, and what its users hear.
#ifndef GRPC_OS_TRANSPORT_SERVER_HARNESS_H_
#define GRPC_OS_TRANSPORT_SERVER_HARNESS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/guarded.h"
#include "transport/client_harness.h"
#include "transport/fuzz_harness.h"
#include "transport/listener.h"
#include "transport/server.h"

namespace grpc_os::transport {

inline constexpr int kOk = 0;
inline constexpr int kCancelled = 1;
inline constexpr int kDeadlineExceeded = 4;
inline constexpr int kResourceExhausted = 8;
inline constexpr int kUnimplemented = 12;
inline constexpr int kInternal = 13;
inline constexpr int kUnavailable = 14;

// What the tests' methods have heard, and those who wait for an answer.
struct Heard {
  std::vector<std::string> cancelled;
  std::vector<Stream*> held;
  std::string metadata;
  std::string end_text;
  int gone = 0;
};

// Counts what it hears; answers when it is asked to.
class TestUser : public StreamUser {
 public:
  // `held`: it is answered by whoever takes it out of Heard::held.
  TestUser(Stream& stream, Guarded<Heard>& heard, bool held = false)
      : stream_(stream), heard_(heard), held_(held) {}

  void OnMessage(std::string_view) override {}
  void OnHalfClosed() override {}
  void OnWritten(bool) override {}
  void OnCancelled(const absl::Status& why) override {
    {
      auto heard = heard_.Lock();
      heard->cancelled.push_back(absl::StatusCodeToString(why.code()));
      if (std::erase(heard->held, &stream_) == 0 && held_) return;
    }
    stream_.Finish({static_cast<int>(why.code()), std::string(why.message())}, std::nullopt);
  }
  void OnGone() override {
    ++heard_.Lock()->gone;
    delete this;
  }

 private:
  Stream& stream_;
  Guarded<Heard>& heard_;
  const bool held_;
};

class ServerTest : public ::testing::Test {
 protected:
  void Serve(const Budgets& budgets = {}, int io_threads = 1) {
    directory_ = testing::TempDir() + absl::StrCat("transport-", getpid());
    std::filesystem::create_directories(directory_);
    path_ = directory_ + "/sock";
    Methods methods;
    methods["/t/Echo"] = {.begin = [this](Stream& stream) -> StreamUser* {
      heard_.Lock()->metadata = std::string(stream.metadata().Only("x-text"));
      stream.AddInitialMetadata("x-initial", "i");
      stream.AddTrailer("x-trailing-bin", "t");
      auto* user = new TestUser(stream, heard_);
      stream.Finish({}, AsMessage(stream.request()));
      return user;
    }};
    methods["/t/Fail"] = {.begin = [this](Stream& stream) -> StreamUser* {
      stream.AddInitialMetadata("x-initial", "i");
      stream.Finish({.code = kInternal}, std::nullopt);
      return new TestUser(stream, heard_, /*held=*/true);
    }};
    methods["/t/Hold"] = {.begin = [this](Stream& stream) -> StreamUser* {
      heard_.Lock()->held.push_back(&stream);
      return new TestUser(stream, heard_, /*held=*/true);
    }};
    methods["/t/Text"] = {.begin = [this](Stream& stream) -> StreamUser* {
      auto* user = new TestUser(stream, heard_);
      stream.Finish({.code = kInternal, .message = heard_.Lock()->end_text}, std::nullopt);
      return user;
    }};
    methods["/t/Slow"] = {.client_streams = true, .begin = [this](Stream& stream) -> StreamUser* {
                            heard_.Lock()->held.push_back(&stream);
                            return new TestUser(stream, heard_, /*held=*/true);
                          }};
    methods["/t/Large"] = {.begin = [this](Stream& stream) -> StreamUser* {
      auto* user = new TestUser(stream, heard_);
      stream.Finish({}, AsMessage(std::string(size_t{2} << 20, 'L')));
      return user;
    }};
    methods["/t/Stream"] = {.client_streams = true, .begin = [this](Stream& stream) -> StreamUser* {
                              auto* user = new FuzzUser(stream);
                              stream.Read();
                              return user;
                            }};
    std::vector<Server::Endpoint> endpoints;
    endpoints.push_back({.listener = *ListenUnix(path_), .path = path_, .local = true});
    server_ = std::make_unique<Server>(
        std::move(endpoints), std::move(methods),
        Server::Options{
            .budgets = budgets,
            .user_of =
                [](const Stream& stream) { return std::string(stream.metadata().Only("x-user")); },
            .io_threads = io_threads});
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }
  // Answers whoever waits, on this thread.
  size_t AnswerHeld() {
    std::vector<Stream*> held;
    held.swap(heard_.Lock()->held);
    for (Stream* stream : held) stream->Finish({}, AsMessage("late"));
    return held.size();
  }
  bool Comes(const std::function<bool(const Heard&)>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < end) {
      if (holds(*heard_.Lock())) return true;
      std::this_thread::yield();
    }
    return false;
  }

  std::string directory_;
  std::string path_;
  Guarded<Heard> heard_;
  std::unique_ptr<Server> server_;
};

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_SERVER_HARNESS_H_
