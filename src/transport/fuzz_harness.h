// For fuzzing: a connection that receives any bytes, and what must hold whatever they are.
#ifndef GRPC_OS_TRANSPORT_FUZZ_HARNESS_H_
#define GRPC_OS_TRANSPORT_FUZZ_HARNESS_H_

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/io_thread.h"
#include "transport/message.h"
#include "transport/stream.h"
#include "transport/wire.h"

namespace grpc_os::transport {

// Ends the program where something that must hold does not.
inline void FuzzCheck(bool holds) {
  if (!holds) abort();
}

// Echoes, and checks the order in which a user hears of things.
class FuzzUser final : public StreamUser {
 public:
  explicit FuzzUser(Stream& stream) : stream_(stream) {}

  void OnMessage(std::string_view message) override {
    FuzzCheck(!finished_ && !writing_);
    std::string copy = NewMessage(message.size());
    std::copy(message.begin(), message.end(), copy.begin() + kPrefixBytes);
    writing_ = true;
    stream_.Write(std::move(copy));
  }
  void OnHalfClosed() override {
    FuzzCheck(!finished_);
    End({});
  }
  void OnWritten(bool taken) override {
    FuzzCheck(writing_ && !finished_);
    writing_ = false;
    if (end_.has_value()) return End({});
    if (taken) stream_.Read();
  }
  void OnCancelled(const absl::Status& why) override {
    FuzzCheck(!finished_ && !cancelled_);
    cancelled_ = true;
    End({static_cast<int>(why.code()), std::string(why.message())});
  }
  void OnGone() override {
    FuzzCheck(finished_);
    delete this;
  }

 private:
  void End(EndStatus status) {
    if (finished_) return;
    if (!end_.has_value()) end_ = std::move(status);
    if (writing_) return;
    finished_ = true;
    stream_.Finish(*end_, std::nullopt);
  }

  Stream& stream_;
  std::optional<EndStatus> end_;
  bool writing_ = false;
  bool cancelled_ = false;
  bool finished_ = false;
};

class FuzzAnswered final : public StreamUser {
  void OnMessage(std::string_view) override { FuzzCheck(false); }
  void OnHalfClosed() override { FuzzCheck(false); }
  void OnWritten(bool) override { FuzzCheck(false); }
  void OnCancelled(const absl::Status&) override { FuzzCheck(false); }
  void OnGone() override { delete this; }
};

// Bytes of a client: the preface and SETTINGS are sent before them where the first is even. They
// come in pieces of as many bytes as the second says.
inline void FuzzConnection(std::string_view input) {
  if (input.size() < 2) return;
  Budgets budgets;
  budgets.message_bytes = 64 << 10;
  budgets.bytes_connection = 256 << 10;
  budgets.bytes_user = 512 << 10;
  budgets.bytes_each_stream = 1 << 10;
  budgets.lookahead_bytes = 8 << 10;
  budgets.streams = 16;
  Methods methods;
  methods["/t/Echo"] = {.client_streams = false, .begin = [](Stream& stream) -> StreamUser* {
                          const std::string_view request = stream.request();
                          std::string answer = NewMessage(request.size());
                          std::copy(request.begin(), request.end(), answer.begin() + kPrefixBytes);
                          stream.Finish({}, std::move(answer));
                          return new FuzzAnswered();
                        }};
  methods["/t/Stream"] = {.client_streams = true, .begin = [](Stream& stream) -> StreamUser* {
                            stream.Read();
                            return new FuzzUser(stream);
                          }};
  Shared shared(budgets, std::move(methods));
  {
    IoThread thread(shared);
    int ends[2];
    FuzzCheck(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    UniqueFd client(ends[0]);
    Peer peer;
    peer.user = "uid 1";
    thread.Adopt(UniqueFd(ends[1]), MakePlainWire(ends[1]), peer, shared.ledger.Enter(peer.user));
    std::string bytes;
    if (input[0] % 2 == 0)
      bytes = std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
    bytes += input.substr(2);
    const size_t piece = static_cast<unsigned char>(input[1]) * 16 + 1;
    char answer[65536];
    for (size_t at = 0; at < bytes.size(); at += piece) {
      const size_t size = std::min(piece, bytes.size() - at);
      if (send(client.get(), bytes.data() + at, size, MSG_NOSIGNAL) < 0) break;
      thread.Turn(0);
      FuzzCheck(shared.ledger.bytes() <= budgets.bytes_user);
      while (recv(client.get(), answer, sizeof answer, 0) > 0) {
      }
    }
    client.Reset();
    for (int i = 0;
         i < 100 && (shared.ledger.connections() > 0 || shared.counters.streams_open > 0); ++i)
      thread.Turn(0);
    FuzzCheck(shared.ledger.connections() == 0);
    FuzzCheck(shared.counters.streams_open == 0);
    FuzzCheck(shared.ledger.bytes() == 0);
  }
}

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_FUZZ_HARNESS_H_
