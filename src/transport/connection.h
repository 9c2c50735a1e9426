// One connection: a session of HTTP/2 over a wire.
#ifndef GRPC_OS_TRANSPORT_CONNECTION_H_
#define GRPC_OS_TRANSPORT_CONNECTION_H_

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "transport/h2_stream.h"
#include "transport/io_thread.h"

namespace grpc_os::transport {

// Lives on its I/O thread, which deletes it at the end of a turn.
class Connection {
 public:
  Connection(IoThread& thread, UniqueFd fd, std::unique_ptr<Wire> wire,
             std::shared_ptr<const Peer> peer, Ledger::Account* account);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // ---- Of its thread
  void OnEvents(uint32_t events);
  // Sends what there is to be sent.
  void Flush();
  // Looks at what is due by time.
  void Sweep();
  // Takes no new calls; it closes after those in progress.
  void GoAway();
  void CancelStreams(const absl::Status& why);
  bool has_streams() const { return first_ != nullptr; }

  // ---- Of its streams
  nghttp2_session* session() { return session_; }
  const std::shared_ptr<const Peer>& peer() const { return peer_; }
  // It is of this user from now on, with what it holds. False: they have too many connections.
  [[nodiscard]] bool MoveTo(const std::string& user);
  // Counts bytes that are to wait. False: the user, or all, hold too many.
  [[nodiscard]] bool TakeIn(size_t bytes);
  [[nodiscard]] bool TakeOut(size_t bytes);
  void ReturnIn(size_t bytes);
  void ReturnOut(size_t bytes);
  // Whether another message may be inflated; then what came of it.
  [[nodiscard]] bool MayInflate();
  void Inflated(size_t size, size_t inflated);
  // Whether so much of answers waits that no new call is to begin.
  bool IsFull() const;
  // The stream has something to begin or to hand on.
  void Ready(int32_t stream_id) { ready_.push_back(stream_id); }
  // Lets a stream send so many bytes more once the connection's pool has them; in order.
  void Grant(H2Stream& stream, size_t bytes);
  // So many bytes for what is not asked for yet. False: others have them.
  [[nodiscard]] bool TakeLookahead(size_t bytes);
  void ReturnGrants(size_t granted, size_t lookahead);
  void MarkDirty() { thread_.MarkDirty(*this); }  // it has something to send
  void Remove(H2Stream& stream);

  // Of the thread's list of dirty connections.
  bool dirty = false;
  bool closing = false;

 private:
  // So much each that is refilled by time (a token bucket).
  struct Bucket {
    uint64_t burst;
    uint64_t rate;
    int64_t since_ms = 0;
    uint64_t left = 0;
    bool Take(int64_t now_ms);
    void Give(uint64_t more) { left = left + more < burst ? left + more : burst; }
  };
  struct Wanted {
    int32_t stream_id;
    size_t bytes;
  };

  static nghttp2_session_callbacks* Callbacks();
  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame*, void*);
  static int OnHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t,
                      const uint8_t*, size_t, uint8_t, void*);
  static int OnBeginFrame(nghttp2_session*, const nghttp2_frame_hd*, void*);
  static int OnFrame(nghttp2_session*, const nghttp2_frame*, void*);
  static int OnInvalidFrame(nghttp2_session*, const nghttp2_frame*, int, void*);
  static int OnData(nghttp2_session*, uint8_t, int32_t, const uint8_t*, size_t, void*);
  static int OnFrameNotSent(nghttp2_session*, const nghttp2_frame*, int, void*);
  static int OnFrameSent(nghttp2_session*, const nghttp2_frame*, void*);
  static int OnStreamClose(nghttp2_session*, int32_t, uint32_t, void*);
  static int SendData(nghttp2_session*, nghttp2_frame*, const uint8_t*, size_t,
                      nghttp2_data_source*, void*);
  H2Stream* Find(int32_t id) const;

  void ReadSome();
  void RestoreFirstWindows();
  void LastGoAway();
  void AdvanceReady();
  void GrantWanted();
  // Counts what was framed and the kernel has not taken.
  void CountOut();
  void WatchFor(uint32_t events);
  void CalmDown();
  void Die() { dead_ = true; }

  IoThread& thread_;
  const UniqueFd fd_;
  const std::unique_ptr<Wire> wire_;
  const std::shared_ptr<const Peer> peer_;
  Ledger::Account* account_;
  nghttp2_session* session_ = nullptr;
  H2Stream* first_ = nullptr;  // of its streams

  std::string out_;
  size_t sent_ = 0;
  size_t out_counted_ = 0;  // of it, in the ledger
  uint32_t watched_;
  bool blocked_ = false;  // the kernel takes no more; nothing is read meanwhile
  bool dead_ = false;
  bool failed_ = false;  // nothing more is heard of it, and what can be sent at once is the last
  bool going_ = false;   // GOAWAY was sent
  bool settings_came_ = false;
  bool settings_acknowledged_ = false;

  size_t in_bytes_ = 0;
  size_t out_bytes_ = 0;
  size_t granted_ = 0;
  size_t lookahead_ = 0;
  std::deque<Wanted> wanted_;
  std::deque<int32_t> ready_;

  const int64_t born_ms_;
  int64_t received_ms_;  // the last byte
  int64_t taken_ms_;     // the last that the peer took, or when it was to begin to
  int64_t active_ms_;    // the last time that it had a stream
  int64_t ping_ms_ = 0;  // when a PING was sent that nothing has followed; 0: none
  int64_t going_ms_ = 0;
  bool gone_ = false;  // its last GOAWAY was sent: no new call comes
  Bucket resets_;
  Bucket idle_frames_;
};

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_CONNECTION_H_
