#include "base/event_loop.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <optional>
#include <thread>

namespace grpc_os {
namespace {

using ::testing::ElementsAre;

struct Pipe {
  Pipe() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) abort();
    reader.Reset(fds[0]);
    writer.Reset(fds[1]);
  }
  void Write() const { EXPECT_EQ(write(writer.get(), "x", 1), 1); }
  void Read() const {
    char byte;
    EXPECT_EQ(read(reader.get(), &byte, 1), 1);
  }
  UniqueFd reader;
  UniqueFd writer;
};

TEST(EventLoopTest, CallsBackWhileAWatchedDescriptorIsReady) {
  EventLoop loop;
  Pipe pipe;
  int calls = 0;
  loop.Watch(pipe.reader.get(), EPOLLIN, [&](uint32_t events) {
    EXPECT_TRUE(events & EPOLLIN);
    pipe.Read();
    ++calls;
  });
  loop.RunOnce(0);
  EXPECT_EQ(calls, 0);
  pipe.Write();
  loop.RunOnce(-1);
  EXPECT_EQ(calls, 1);
  loop.Unwatch(pipe.reader.get());
  pipe.Write();
  loop.RunOnce(0);
  EXPECT_EQ(calls, 1);
}

TEST(EventLoopTest, RewatchChangesTheEvents) {
  EventLoop loop;
  Pipe pipe;
  int calls = 0;
  loop.Watch(pipe.writer.get(), 0, [&](uint32_t) { ++calls; });
  loop.RunOnce(0);
  EXPECT_EQ(calls, 0);
  loop.Rewatch(pipe.writer.get(), EPOLLOUT);
  loop.RunOnce(0);
  EXPECT_EQ(calls, 1);
}

TEST(EventLoopTest, ACallbackMayEndItsOwnWatchAndOthers) {
  EventLoop loop;
  Pipe first, second;
  std::vector<int> called;
  const auto end_both = [&](int which) {
    called.push_back(which);
    loop.Unwatch(first.reader.get());
    loop.Unwatch(second.reader.get());
  };
  loop.Watch(first.reader.get(), EPOLLIN, [&](uint32_t) { end_both(1); });
  loop.Watch(second.reader.get(), EPOLLIN, [&](uint32_t) { end_both(2); });
  first.Write();
  second.Write();
  loop.RunOnce(-1);  // both are ready, one callback ends the other's watch
  loop.RunOnce(0);
  EXPECT_EQ(called.size(), 1u);
}

TEST(EventLoopTest, AnEventForAClosedDescriptorDoesNotReachItsSuccessor) {
  EventLoop loop;
  Pipe trigger, old;
  std::optional<Pipe> successor;
  bool wrong = false;
  int calls = 0;
  const auto replace = [&](Pipe& dying) {
    ++calls;
    const int number = dying.reader.get();
    loop.Unwatch(number);
    dying.reader.Reset();
    successor.emplace();
    ASSERT_EQ(dup2(successor->reader.get(), number), number);
    dying.reader.Reset(number);
    loop.Watch(number, EPOLLIN, [&](uint32_t) { wrong = true; });
  };
  loop.Watch(trigger.reader.get(), EPOLLIN, [&](uint32_t) {
    trigger.Read();
    if (calls == 0) replace(old);
  });
  loop.Watch(old.reader.get(), EPOLLIN, [&](uint32_t) {
    old.Read();
    if (calls == 0) replace(trigger);
  });
  trigger.Write();
  old.Write();
  loop.RunOnce(-1);
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(wrong) << "the successor has nothing to read";
}

TEST(EventLoopTest, TimersRunOnceInTheOrderOfTheirTimes) {
  EventLoop loop;
  std::vector<int> order;
  loop.After(2, [&] {
    order.push_back(2);
    loop.Stop();
  });
  loop.After(0, [&] { order.push_back(0); });
  loop.After(1, [&] { order.push_back(1); });
  loop.Run();
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
}

TEST(EventLoopTest, TimersOfOneTimeRunInTheOrderOfTheirMaking) {
  EventLoop loop;
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) {
    loop.After(0, [&order, i] { order.push_back(i); });
  }
  loop.After(0, [&] { loop.Stop(); });
  loop.Run();
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));
}

TEST(EventLoopTest, ATimerWaitsAtLeastItsDelay) {
  EventLoop loop;
  const int64_t begin = EventLoop::NowMs();
  int64_t end = 0;
  loop.After(20, [&] {
    end = EventLoop::NowMs();
    loop.Stop();
  });
  loop.Run();
  EXPECT_GE(end - begin, 20);
}

TEST(EventLoopTest, ACancelledTimerDoesNotRun) {
  EventLoop loop;
  bool ran = false;
  EventLoop::TimerId victim = 0;
  loop.After(0, [&] { loop.Cancel(victim); });
  victim = loop.After(0, [&] { ran = true; });
  loop.Cancel(0);
  loop.Cancel(12345);
  loop.After(1, [&] { loop.Stop(); });
  loop.Run();
  EXPECT_FALSE(ran);
  loop.Cancel(victim);  // a past one
}

TEST(EventLoopTest, WorkFromOtherThreadsRunsOnTheLoopInOrder) {
  EventLoop loop;
  std::vector<int> order;
  std::thread::id ran_on;
  std::thread poster([&] {
    for (int i = 0; i < 1000; ++i) {
      loop.Post([&, i] {
        order.push_back(i);
        ran_on = std::this_thread::get_id();
      });
    }
    loop.Stop();
  });
  loop.Run();
  poster.join();
  ASSERT_EQ(order.size(), 1000u) << "work posted before Stop is still run";
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(EventLoopTest, WorkMayPostMoreWork) {
  EventLoop loop;
  int depth = 0;
  std::function<void()> deeper = [&] {
    if (++depth == 10) {
      loop.Stop();
    } else {
      loop.Post(deeper);
    }
  };
  loop.Post(deeper);
  loop.Run();
  EXPECT_EQ(depth, 10);
}

}  // namespace
}  // namespace grpc_os
