// For tests: a client of HTTP/2 that does what it is asked to, right or wrong.
#ifndef GRPC_OS_TRANSPORT_CLIENT_HARNESS_H_
#define GRPC_OS_TRANSPORT_CLIENT_HARNESS_H_

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "transport/message.h"

namespace grpc_os::transport {

inline std::string AsMessage(std::string_view text) {
  std::string message = NewMessage(text.size());
  message.replace(kPrefixBytes, std::string::npos, text);
  return message;
}

class TestClient {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  struct Call {
    std::map<std::string, std::string> headers;  // trailers too
    int header_blocks = 0;
    std::string data;
    bool closed = false;
    uint32_t error = 0;
    std::string out;
    size_t out_from = 0;
    bool out_ends = false;

    int status() const {
      const auto found = headers.find("grpc-status");
      return found == headers.end() ? -1 : std::stoi(found->second);
    }
  };

  // `window`: of each stream, that it gives the server; `acknowledges`: what the server sends.
  explicit TestClient(const std::string& path, int window = 1 << 20) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path.data(), path.size());
    fd_.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ended_ = connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0;
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_max_send_header_block_length(option, 1 << 20);
    nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<uint32_t>(window)}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 1);
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 1 << 30);
  }
  ~TestClient() { nghttp2_session_del(session_); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  int32_t Start(const std::string& path, const Pairs& more = {}, bool ends = false) {
    Pairs all = {{":method", "POST"}, {":scheme", "http"}, {":path", path},
                 {":authority", "x"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
    for (const auto& pair : more) {
      auto same = std::find_if(all.begin(), all.end(),
                               [&](const auto& one) { return one.first == pair.first; });
      if (same < all.begin() + 6) {  // one of those above
        same->second = pair.second;
      } else {
        all.push_back(pair);
      }
    }
    std::vector<nghttp2_nv> headers;
    for (auto& [name, value] : all) {
      headers.push_back({reinterpret_cast<uint8_t*>(name.data()),
                         reinterpret_cast<uint8_t*>(value.data()), name.size(), value.size(),
                         NGHTTP2_NV_FLAG_NONE});
    }
    nghttp2_data_provider provider{};
    provider.read_callback = ReadOut;
    const int32_t id = nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(),
                                              ends ? nullptr : &provider, this);
    calls_[id];
    return id;
  }
  void Send(int32_t id, std::string_view bytes, bool ends) {
    calls_[id].out += bytes;
    calls_[id].out_ends = ends;
    nghttp2_session_resume_data(session_, id);
  }
  // The whole of a call with one message.
  int32_t Ask(const std::string& path, std::string_view text, const Pairs& more = {}) {
    const int32_t id = Start(path, more);
    Send(id, AsMessage(text), true);
    return id;
  }
  void Reset(int32_t id) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  }
  void GoOnReading(int32_t id, int bytes) {
    nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, id, bytes);
  }

  Call& call(int32_t id) { return calls_[id]; }
  const Call& Finish(int32_t id) {
    EXPECT_TRUE(Until([&] { return calls_[id].closed; })) << "stream " << id;
    return calls_[id];
  }
  // Until the condition holds; false: the connection ended before, or 20 s passed.
  bool Until(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end || ended_) return false;
      Turn(20);
    }
    return true;
  }
  bool UntilEnded() {
    Until([] { return false; });
    return ended_;
  }
  // Sends what there is, and takes what came within `wait_ms`.
  void Turn(int wait_ms) {
    if (!stalls_) FlushOut();
    pollfd waits{fd_.get(), static_cast<short>(POLLIN | (out_.empty() ? 0 : POLLOUT)), 0};
    if (poll(&waits, 1, wait_ms) <= 0 || (waits.revents & (POLLIN | POLLHUP)) == 0) return;
    char buffer[65536];
    const ssize_t size = recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0 || nghttp2_session_mem_recv(session_, reinterpret_cast<uint8_t*>(buffer),
                                              static_cast<size_t>(size)) < 0)
      ended_ = true;
  }
  // From now on nothing is sent, acknowledgements neither.
  void Stall() { stalls_ = true; }

  std::optional<uint32_t> goaway;  // its code
  bool ended() const { return ended_; }
  int fd() const { return fd_.get(); }

 private:
  void FlushOut() {
    const uint8_t* bytes = nullptr;
    for (ssize_t size = 0;
         out_.size() < (1 << 20) && (size = nghttp2_session_mem_send(session_, &bytes)) > 0;)
      out_.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    if (out_.empty()) return;
    const ssize_t sent = send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) out_.erase(0, static_cast<size_t>(sent));
    if (sent < 0 && errno == EPIPE) ended_ = true;
  }
  static TestClient& Self(void* user) { return *static_cast<TestClient*>(user); }
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                      void* user) {
    Self(user)
        .calls_[frame->hd.stream_id]
        .headers[{reinterpret_cast<const char*>(name), name_size}] = {
        reinterpret_cast<const char*>(value), value_size};
    return 0;
  }
  static int OnData(nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t size,
                    void* user) {
    Self(user).calls_[id].data.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }
  static int OnClose(nghttp2_session*, int32_t id, uint32_t error, void* user) {
    Self(user).calls_[id].closed = true;
    Self(user).calls_[id].error = error;
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) Self(user).goaway = frame->goaway.error_code;
    if (frame->hd.type == NGHTTP2_HEADERS) ++Self(user).calls_[frame->hd.stream_id].header_blocks;
    return 0;
  }
  static ssize_t ReadOut(nghttp2_session*, int32_t id, uint8_t* to, size_t size, uint32_t* flags,
                         nghttp2_data_source*, void* user) {
    Call& call = Self(user).calls_[id];
    const size_t taken = std::min(size, call.out.size() - call.out_from);
    if (taken == 0 && !call.out_ends) return NGHTTP2_ERR_DEFERRED;
    memcpy(to, call.out.data() + call.out_from, taken);
    call.out_from += taken;
    if (call.out_from == call.out.size() && call.out_ends) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(taken);
  }

  UniqueFd fd_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, Call> calls_;
  std::string out_;
  bool ended_ = false;
  bool stalls_ = false;
};

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_CLIENT_HARNESS_H_
