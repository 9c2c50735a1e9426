// Many clients that ask, give up, hang up, beside threads that answer, until the server stops.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "transport/server_harness.h"

namespace grpc_os::transport {
namespace {

constexpr int kClients = 4;
constexpr int kAnswerers = 2;
constexpr int kSteps = 1'500;  // of each client

class ServerLoadTest : public ServerTest {
 protected:
  void BeClient(uint32_t seed) {
    std::mt19937 random(seed);
    auto client = std::make_unique<TestClient>(path_);
    std::vector<int32_t> open;
    for (int i = 0; i < kSteps; ++i) {
      switch (random() % 8) {
        case 0:
          open.push_back(client->Ask("/t/Echo", std::string(random() % 50'000, 'e')));
          break;
        case 1:
        case 2:
          open.push_back(client->Ask("/t/Hold", "x", {{"grpc-timeout", "20m"}}));
          break;
        case 3:
          open.push_back(client->Start("/t/Stream"));
          client->Send(open.back(), AsMessage(std::string(random() % 70'000, 's')), false);
          break;
        case 4:
          if (!open.empty()) client->Send(open.back(), AsMessage("more"), random() % 2 == 0);
          break;
        case 5:
          if (!open.empty()) client->Reset(open[random() % open.size()]);
          break;
        case 6:
          if (random() % 20 == 0) {
            client = std::make_unique<TestClient>(path_);
            open.clear();
          }
          break;
        default:
          break;
      }
      client->Turn(0);
      if (client->ended()) return;  // the server has stopped
    }
  }
};

TEST_F(ServerLoadTest, EveryCallEndsOnce) {
  Serve({.reset_burst = 1'000'000}, /*io_threads=*/2);
  std::atomic<bool> over{false};
  std::vector<std::thread> answerers;
  for (int i = 0; i < kAnswerers; ++i) {
    answerers.emplace_back([&] {
      while (!over || AnswerHeld() > 0) {
        AnswerHeld();
        std::this_thread::yield();
      }
    });
  }
  std::vector<std::thread> clients;
  for (uint32_t i = 0; i < kClients; ++i) clients.emplace_back([this, i] { BeClient(i + 1); });
  clients[0].join();
  server_->Stop(5);
  for (size_t i = 1; i < clients.size(); ++i) clients[i].join();
  over = true;
  for (std::thread& answerer : answerers) answerer.join();
  EXPECT_EQ(server_->counters().streams_open, 0);
  EXPECT_EQ(server_->connections(), 0);
  EXPECT_EQ(server_->bytes(), 0u);
}

}  // namespace
}  // namespace grpc_os::transport
