#include "transport/connection.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace grpc_os::transport {
namespace {

constexpr size_t kFrameHeadBytes = 9;
constexpr int kReadsPerEvent = 4;       // of what TLS has decrypted
constexpr uint64_t kFramesPerData = 2;  // PING or WINDOW_UPDATE that a frame of DATA may cause

std::string_view View(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

struct OptionDeleter {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};

}  // namespace

bool Connection::Bucket::Take(int64_t now_ms) {
  const int64_t passed = now_ms - since_ms;
  const uint64_t more = static_cast<uint64_t>(passed) * rate / 1000;
  if (more > 0) {
    left = std::min(burst, left + more);
    since_ms = now_ms;
  }
  if (left == 0) return false;
  --left;
  return true;
}

nghttp2_session_callbacks* Connection::Callbacks() {
  static nghttp2_session_callbacks* const callbacks = [] {
    nghttp2_session_callbacks* made = nullptr;
    nghttp2_session_callbacks_new(&made);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(made, OnHeader);
    nghttp2_session_callbacks_set_on_begin_frame_callback(made, OnBeginFrame);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, OnFrame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, OnInvalidFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, OnData);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, OnFrameSent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(made, OnFrameNotSent);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, OnStreamClose);
    nghttp2_session_callbacks_set_send_data_callback(made, SendData);
    return made;
  }();
  return callbacks;
}

Connection::Connection(IoThread& thread, UniqueFd fd, std::unique_ptr<Wire> wire,
                       std::shared_ptr<const Peer> peer, Ledger::Account* account)
    : thread_(thread),
      fd_(std::move(fd)),
      wire_(std::move(wire)),
      peer_(std::move(peer)),
      account_(account),
      watched_(EPOLLIN),
      born_ms_(EventLoop::NowMs()),
      received_ms_(born_ms_),
      taken_ms_(born_ms_),
      active_ms_(born_ms_),
      resets_{thread.budgets().reset_burst, thread.budgets().reset_rate, born_ms_,
              thread.budgets().reset_burst},
      idle_frames_{thread.budgets().idle_frame_burst, thread.budgets().idle_frame_rate, born_ms_,
                   thread.budgets().idle_frame_burst} {
  const Budgets& budgets = thread_.budgets();
  nghttp2_option* made = nullptr;
  nghttp2_option_new(&made);
  const std::unique_ptr<nghttp2_option, OptionDeleter> option(made);
  nghttp2_option_set_no_auto_window_update(made, 1);
  // gRPC's own clients send "Bearer " with its space; what a value means is for its reader to say.
  nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(made, 1);
  // Ours come first, and end a connection with the code that says why.
  nghttp2_option_set_stream_reset_rate_limit(made, budgets.reset_burst * 4, budgets.reset_rate * 4);
  nghttp2_session_server_new2(&session_, Callbacks(), this, made);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, budgets.streams},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(budgets.header_bytes)},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<uint32_t>(budgets.bytes_each_stream)}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  // Streams bound what may come; the connection as such does not.
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<int32_t>(2 * budgets.bytes_connection));
}

Connection::~Connection() {
  while (first_ != nullptr) Remove(*first_);
  thread_.shared().ledger.Return(*account_, out_counted_);
  nghttp2_session_del(session_);
  wire_->Close();
  thread_.loop().Unwatch(fd_.get());
  thread_.shared().ledger.Leave(account_);
}

// ---- What comes

void Connection::OnEvents(uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    blocked_ = false;
    MarkDirty();
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0 && !wire_->WaitsForWrite()) return;
  // Whoever does not take what waits for them is not listened to either.
  if (blocked_ && (events & (EPOLLHUP | EPOLLERR)) == 0) return;
  ReadSome();
}

void Connection::ReadSome() {
  std::vector<char>& buffer = thread_.buffer();
  for (int i = 0; i < kReadsPerEvent && !dead_; ++i) {
    const ssize_t size = wire_->Read(buffer.data(), buffer.size());
    MarkDirty();  // after a handshake there is something to send, though nothing came
    if (size == Wire::kLater) break;
    if (size == Wire::kDead) return Die();
    received_ms_ = EventLoop::NowMs();
    ping_ms_ = 0;
    const ssize_t taken = nghttp2_session_mem_recv(
        session_, reinterpret_cast<const uint8_t*>(buffer.data()), static_cast<size_t>(size));
    if (taken < 0) {
      // What nghttp2 has to say of it is still sent, if it can be at once.
      if (!std::exchange(failed_, true)) {
        Counters& counters = thread_.shared().counters;
        (settings_came_ ? counters.connections_cut : counters.handshakes_failed)
            .fetch_add(1, std::memory_order_relaxed);
      }
    }
    if (!wire_->HasMore()) break;
  }
  // First what has ended: a call that was cancelled makes room for those that came after it.
  thread_.ReportEnds();
  AdvanceReady();
}

void Connection::AdvanceReady() {
  for (size_t left = ready_.size(); left > 0; --left) {
    const int32_t id = ready_.front();
    ready_.pop_front();
    H2Stream* stream = Find(id);
    if (stream == nullptr) continue;
    if (!stream->begun() && IsFull()) {
      ready_.push_back(id);
    } else {
      stream->Advance();
      if (thread_.TurnIsOver()) break;
    }
  }
  if (!ready_.empty() && !IsFull()) MarkDirty();  // which goes on with them
}

H2Stream* Connection::Find(int32_t id) const {
  return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

int Connection::OnBeginHeaders(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  auto& self = *static_cast<Connection*>(user);
  auto* stream = new H2Stream(self.thread_, self, frame->hd.stream_id);
  stream->next = self.first_;
  stream->link = &self.first_;
  if (self.first_ != nullptr) self.first_->link = &stream->next;
  self.first_ = stream;
  nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
  return 0;
}

int Connection::OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                         size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                         void* user) {
  auto& self = *static_cast<Connection*>(user);
  H2Stream* stream = self.Find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  const bool trailer = frame->headers.cat != NGHTTP2_HCAT_REQUEST;
  if (stream->OnHeader(trailer, View(name, name_size), View(value, value_size))) return 0;
  self.CalmDown();
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

int Connection::OnBeginFrame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
  auto& self = *static_cast<Connection*>(user);
  if (head->type == NGHTTP2_HEADERS || head->type == NGHTTP2_CONTINUATION) return 0;
  if (head->type == NGHTTP2_DATA && head->length > 0) return 0;
  if (head->type == NGHTTP2_DATA && (head->flags & NGHTTP2_FLAG_END_STREAM) != 0) return 0;
  Bucket& bucket = head->type == NGHTTP2_RST_STREAM ? self.resets_ : self.idle_frames_;
  if (!bucket.Take(self.received_ms_)) self.CalmDown();
  return 0;
}

int Connection::OnInvalidFrame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
  auto& self = *static_cast<Connection*>(user);
  if (!self.resets_.Take(self.received_ms_)) self.CalmDown();
  return 0;
}

int Connection::OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  auto& self = *static_cast<Connection*>(user);
  switch (frame->hd.type) {
    case NGHTTP2_SETTINGS:
      if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
        self.settings_came_ = true;
      } else if (!std::exchange(self.settings_acknowledged_, true)) {
        self.RestoreFirstWindows();
      }
      return 0;
    case NGHTTP2_PING:
      if (self.going_ && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) self.LastGoAway();
      return 0;
    case NGHTTP2_RST_STREAM:
      self.thread_.shared().counters.resets.fetch_add(1, std::memory_order_relaxed);
      return 0;
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
      break;
    default:
      return 0;
  }
  H2Stream* stream = self.Find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
    stream->OnHeadersEnd();
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) stream->OnHalfClosed();
  return 0;
}

// Streams that the peer began before it knew our SETTINGS had a larger window, which those take
// back: what was granted since then is short of as much.
void Connection::RestoreFirstWindows() {
  const auto ours = static_cast<int32_t>(thread_.budgets().bytes_each_stream);
  if (ours >= NGHTTP2_INITIAL_WINDOW_SIZE) return;
  for (H2Stream* stream = first_; stream != nullptr; stream = stream->next) {
    nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, stream->id(),
                                 NGHTTP2_INITIAL_WINDOW_SIZE - ours);
  }
}

int Connection::OnData(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes,
                       size_t size, void* user) {
  auto& self = *static_cast<Connection*>(user);
  nghttp2_session_consume_connection(session, size);
  if (H2Stream* stream = self.Find(id); stream != nullptr) stream->OnData(View(bytes, size));
  return 0;
}

int Connection::OnStreamClose(nghttp2_session*, int32_t id, uint32_t, void* user) {
  auto& self = *static_cast<Connection*>(user);
  if (H2Stream* stream = self.Find(id); stream != nullptr) self.Remove(*stream);
  return 0;
}

void Connection::Remove(H2Stream& stream) {
  *stream.link = stream.next;
  if (stream.next != nullptr) stream.next->link = stream.link;
  active_ms_ = std::max(received_ms_, thread_.now_ms());
  stream.OnClosed();
}

// Says so, and hears no more of it.
void Connection::CalmDown() {
  if (std::exchange(failed_, true)) return;
  going_ = true;
  thread_.shared().counters.connections_cut.fetch_add(1, std::memory_order_relaxed);
  nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
  MarkDirty();
}

// ---- Budgets

bool Connection::MoveTo(const std::string& user) {
  Ledger::Account* account =
      thread_.shared().ledger.Move(account_, user, in_bytes_ + out_bytes_ + out_counted_);
  if (account != nullptr) account_ = account;
  return account != nullptr;
}

bool Connection::TakeIn(size_t bytes) {
  if (!thread_.shared().ledger.Take(*account_, bytes)) return false;
  in_bytes_ += bytes;
  return true;
}

bool Connection::TakeOut(size_t bytes) {
  if (!thread_.shared().ledger.Take(*account_, bytes)) return false;
  if (!IsFull()) taken_ms_ = std::max(taken_ms_, thread_.now_ms());
  out_bytes_ += bytes;
  return true;
}

void Connection::ReturnIn(size_t bytes) {
  in_bytes_ -= bytes;
  thread_.shared().ledger.Return(*account_, bytes);
}

void Connection::ReturnOut(size_t bytes) {
  out_bytes_ -= bytes;
  thread_.shared().ledger.Return(*account_, bytes);
}

bool Connection::MayInflate() {
  return thread_.shared().ledger.MayInflate(*account_, EventLoop::NowMs());
}

void Connection::Inflated(size_t size, size_t inflated) {
  thread_.shared().ledger.Inflated(*account_, size, inflated);
}

bool Connection::IsFull() const { return out_bytes_ >= thread_.budgets().bytes_connection; }

void Connection::Grant(H2Stream& stream, size_t bytes) {
  wanted_.push_back({stream.id(), bytes});
  GrantWanted();
}

// A stream that waits holds nothing that others wait for, and one that was granted can come to its
// end: so each gets its turn.
void Connection::GrantWanted() {
  const Budgets& budgets = thread_.budgets();
  const size_t reserved = budgets.streams * budgets.bytes_each_stream + budgets.lookahead_bytes;
  const size_t pool = budgets.bytes_connection > reserved ? budgets.bytes_connection - reserved : 0;
  while (!wanted_.empty()) {
    const auto [id, bytes] = wanted_.front();
    H2Stream* stream = Find(id);
    if (stream == nullptr || !stream->wants_grant()) {
      wanted_.pop_front();
      continue;
    }
    if (granted_ > 0 && granted_ + bytes > pool) return;
    wanted_.pop_front();
    granted_ += bytes;
    stream->OnGranted(bytes);
    nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, id, static_cast<int32_t>(bytes));
    MarkDirty();
  }
}

bool Connection::TakeLookahead(size_t bytes) {
  if (lookahead_ + bytes > thread_.budgets().lookahead_bytes) return false;
  lookahead_ += bytes;
  return true;
}

void Connection::ReturnGrants(size_t granted, size_t lookahead) {
  granted_ -= granted;
  lookahead_ -= lookahead;
  if (granted > 0) GrantWanted();
}

// ---- What goes

int Connection::SendData(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t size,
                         nghttp2_data_source* source, void* user) {
  auto& self = *static_cast<Connection*>(user);
  if (self.out_.size() - self.sent_ >= self.thread_.budgets().out_bytes)
    return NGHTTP2_ERR_WOULDBLOCK;
  const size_t before = self.out_.size();
  self.out_.append(View(head, kFrameHeadBytes));
  if (static_cast<H2Stream*>(source->ptr)->Send(size, self.out_)) {
    self.idle_frames_.Give(kFramesPerData);
    return 0;
  }
  self.out_.resize(before);
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

// An answer that cannot be written is the end of its call too.
int Connection::OnFrameNotSent(nghttp2_session* session, const nghttp2_frame* frame, int,
                               void* user) {
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  if (static_cast<Connection*>(user)->Find(frame->hd.stream_id) == nullptr) return 0;
  nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                            NGHTTP2_INTERNAL_ERROR);
  return 0;
}

int Connection::OnFrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
      (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
    return 0;
  auto& self = *static_cast<Connection*>(user);
  if (H2Stream* stream = self.Find(frame->hd.stream_id); stream != nullptr) stream->OnEndSent();
  return 0;
}

void Connection::Flush() {
  dirty = false;
  const size_t limit = thread_.budgets().out_bytes;
  while (!dead_ && !blocked_) {
    while (out_.size() - sent_ < limit) {
      const uint8_t* bytes = nullptr;
      const size_t before = out_.size();
      const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
      if (size < 0) Die();
      if (size > 0) out_.append(View(bytes, static_cast<size_t>(size)));
      if (size <= 0 && out_.size() == before) break;
    }
    if (sent_ == out_.size()) break;
    const ssize_t size = wire_->Write(out_.data() + sent_, out_.size() - sent_);
    if (size == Wire::kDead) Die();
    if (size == Wire::kLater) {
      if (wire_->WaitsForRead()) break;
      blocked_ = true;
      taken_ms_ = thread_.now_ms();  // it waits from now on
    }
    if (size > 0) {
      sent_ += static_cast<size_t>(size);
      taken_ms_ = thread_.now_ms();
    }
    if (sent_ == out_.size()) {
      out_.clear();
      sent_ = 0;
    }
  }
  if (!dead_ && !ready_.empty() && !IsFull()) AdvanceReady();
  const bool over = failed_ || (nghttp2_session_want_read(session_) == 0 &&
                                nghttp2_session_want_write(session_) == 0);
  if (over && (out_.empty() || failed_)) Die();
  if (dead_) return thread_.Close(*this);
  CountOut();
  WatchFor(blocked_ ? EPOLLOUT : wire_->WaitsForWrite() ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Connection::CountOut() {
  const size_t waits = out_.size() - sent_;
  if (waits > out_counted_) {
    thread_.shared().ledger.Add(*account_, waits - out_counted_);
  } else if (waits < out_counted_) {
    thread_.shared().ledger.Return(*account_, out_counted_ - waits);
  }
  out_counted_ = waits;
}

void Connection::WatchFor(uint32_t events) {
  if (std::exchange(watched_, events) != events) thread_.loop().Rewatch(fd_.get(), events);
}

// ---- Time

void Connection::Sweep() {
  const Budgets& budgets = thread_.budgets();
  Counters& counters = thread_.shared().counters;
  const int64_t now = thread_.now_ms();
  const auto cut = [&](std::atomic<int64_t>& counter) {
    counter.fetch_add(1, std::memory_order_relaxed);
    Die();
    thread_.Close(*this);
  };
  if (dead_) return;
  if (!(settings_came_ && settings_acknowledged_)) {
    if (now - born_ms_ >= budgets.handshake_ms) cut(counters.handshakes_failed);
    return;
  }
  if (going_ && now - going_ms_ >= budgets.goaway_wait_ms) LastGoAway();
  // Whoever waits for the peer, and it holds much: the kernel, answers, or half a request.
  const bool takes_nothing = (blocked_ || IsFull()) && now - taken_ms_ >= budgets.stall_ms;
  if (takes_nothing) return cut(counters.connections_cut);
  if (blocked_) return;
  if (out_.empty()) std::string().swap(out_);  // what the last burst took
  const int64_t silent_ms = now - received_ms_;
  for (const H2Stream* stream = first_; stream != nullptr; stream = stream->next)
    if (stream->HeadersTakeLongerThan(budgets.handshake_ms)) return cut(counters.connections_cut);
  for (H2Stream* stream = first_; stream != nullptr; stream = stream->next) stream->Sweep();
  if (ping_ms_ != 0 && now - ping_ms_ >= budgets.keepalive_wait_ms)
    return cut(counters.connections_cut);
  if (ping_ms_ == 0 && silent_ms >= budgets.keepalive_ms) {
    ping_ms_ = now;
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    MarkDirty();
  }
  if (has_streams()) {
    active_ms_ = now;
  } else if (!going_ && now - active_ms_ >= budgets.idle_ms) {
    GoAway();
  }
}

// Says first that it will go, and asks for a sign: calls that were on their way when the peer reads
// this are still taken, and then no more come.
void Connection::GoAway() {
  if (std::exchange(going_, true)) return;
  going_ms_ = EventLoop::NowMs();
  if (!settings_acknowledged_) return LastGoAway();
  nghttp2_submit_shutdown_notice(session_);
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  MarkDirty();
}

void Connection::LastGoAway() {
  if (std::exchange(gone_, true)) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  MarkDirty();
}

void Connection::CancelStreams(const absl::Status& why) {
  for (H2Stream* stream = first_; stream != nullptr; stream = stream->next) stream->Refuse(why);
  MarkDirty();
}

}  // namespace grpc_os::transport
