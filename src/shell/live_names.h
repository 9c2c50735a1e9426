// Names and ids from the daemon, for completion.
#ifndef GRPC_OS_SHELL_LIVE_NAMES_H_
#define GRPC_OS_SHELL_LIVE_NAMES_H_

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "client/client.h"
#include "shell/command_table.h"

namespace grpc_os::shell {

// Asks in a thread of its own, which goes on when nobody waits for it any more. What came serves
// for 2 s; that nothing came, too.
class LiveNames {
 public:
  // How long a user may wait for it.
  static constexpr std::chrono::milliseconds kMaxWait{150};

  LiveNames(client::Address address, client::ClientOptions options);
  LiveNames(const LiveNames&) = delete;
  LiveNames& operator=(const LiveNames&) = delete;
  ~LiveNames();

  // What the daemon has of `kind`, as WordKind::live has it; nothing if it does not come in time.
  LiveWords Of(const WordKind& kind, const std::string& begun = {});

 private:
  struct Entry {
    LiveWords words;
    std::chrono::steady_clock::time_point asked;
  };

  using Question = std::pair<decltype(WordKind::live), std::string>;

  client::Client client_;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::map<Question, Entry> entries_;
  bool asking_ = false;
  std::thread thread_;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_LIVE_NAMES_H_
