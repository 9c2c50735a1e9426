#include "transport/io_thread.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "transport/connection.h"
#include "transport/h2_stream.h"

namespace grpc_os::transport {
namespace {

constexpr size_t kBufferBytes = size_t{128} << 10;
constexpr int kRoundsPerTurn = 64;
constexpr int64_t kCloseMs = 1'000;  // for an answer to a call that was cancelled to be taken

thread_local const IoThread* current = nullptr;

}  // namespace

IoThread::IoThread(Shared& shared) : shared_(shared), buffer_(kBufferBytes) {}

IoThread::~IoThread() { Join(); }

bool IoThread::IsCurrent() const { return current == this; }

void IoThread::Start(const char* name) {
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), name);
}

void IoThread::BeginStop(int64_t grace_ms) {
  Post([this, grace_ms] {
    cancel_at_ms_ = EventLoop::NowMs() + grace_ms;
    for (Connection* connection : connections_) connection->GoAway();
  });
}

void IoThread::Join() {
  if (thread_.joinable()) thread_.join();
}

void IoThread::Adopt(UniqueFd fd, std::unique_ptr<Wire> wire, Peer peer, Ledger::Account* account) {
  const int descriptor = fd.get();
  auto* connection = new Connection(*this, std::move(fd), std::move(wire),
                                    std::make_shared<const Peer>(std::move(peer)), account);
  connections_.insert(connection);
  loop_.Watch(descriptor, EPOLLIN, [connection](uint32_t events) { connection->OnEvents(events); });
  if (cancel_at_ms_ != 0) connection->GoAway();
  MarkDirty(*connection);
}

void IoThread::Ask(Request request) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = requests_.empty();
    requests_.push_back(std::move(request));
  }
  if (first) Post([this] { TakeRequests(); });
}

void IoThread::TakeRequests() {
  std::vector<Request> requests;
  {
    const std::lock_guard lock(mutex_);
    requests.swap(requests_);
  }
  for (Request& request : requests) request.stream->Do(std::move(request));
}

void IoThread::MarkDirty(Connection& connection) {
  if (connection.closing || std::exchange(connection.dirty, true)) return;
  dirty_.push_back(&connection);
}

void IoThread::Notify(H2Stream& stream, const Connection* connection) {
  if (connection == nullptr) {
    ends_.push_back(&stream);
  } else {
    notified_.Push(connection, &stream);
  }
}

void IoThread::ReportEnds() {
  for (size_t i = 0; i < ends_.size(); ++i) ends_[i]->ReportEnd();
  ends_.clear();
}

// Of what there is now: a stream that flows has more to report after each write.
void IoThread::ReportNotified() {
  ReportEnds();
  for (size_t left = notified_.size(); left > 0; --left) {
    notified_.Pop()->Report();
    ReportEnds();
    if (TurnIsOver()) return;
  }
}

bool IoThread::TurnIsOver() {
  const auto now = std::chrono::steady_clock::now();
  if (!turn_end_.has_value()) turn_end_ = now + std::chrono::microseconds(shared_.budgets.turn_us);
  return now >= *turn_end_;
}

void IoThread::Retire(H2Stream& stream) { retired_.push_back(&stream); }

void IoThread::Close(Connection& connection) {
  if (!std::exchange(connection.closing, true)) closing_.push_back(&connection);
}

int64_t IoThread::WaitMs() const {
  if (!notified_.empty() || !ends_.empty() || !dirty_.empty() || !retired_.empty()) return 0;
  int64_t at = INT64_MAX;
  if (!deadlines_.empty()) at = deadlines_.begin()->first;
  if (!connections_.empty() || shared_.ledger.grown())
    at = std::min(at, swept_ms_ + shared_.budgets.sweep_ms);
  if (cancel_at_ms_ != 0 && !connections_.empty())
    at = std::min(at, close_at_ms_ != 0 ? close_at_ms_ : cancel_at_ms_);
  return at == INT64_MAX ? -1 : std::max<int64_t>(at - EventLoop::NowMs(), 0);
}

void IoThread::Run() {
  while (cancel_at_ms_ == 0 || !connections_.empty() || streams_ > 0) Turn(WaitMs());
}

void IoThread::Turn(int64_t wait_ms) {
  current = this;
  turn_end_.reset();
  loop_.RunOnce(wait_ms);
  now_ms_ = EventLoop::NowMs();
  Expire();
  Sweep();
  Stopping();
  EndTurn();
}

void IoThread::Expire() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ms_)
    deadlines_.begin()->second->OnDeadline();
}

void IoThread::Sweep() {
  if (now_ms_ - swept_ms_ < shared_.budgets.sweep_ms) return;
  swept_ms_ = now_ms_;
  for (Connection* connection : connections_) connection->Sweep();
  if (shared_.ledger.ShouldTrim()) malloc_trim(0);
}

void IoThread::Stopping() {
  if (cancel_at_ms_ == 0) return;
  if (close_at_ms_ == 0 && now_ms_ >= cancel_at_ms_) {
    close_at_ms_ = now_ms_ + kCloseMs;
    for (Connection* connection : connections_)
      connection->CancelStreams(absl::UnavailableError("the server is shutting down"));
  }
  if (close_at_ms_ == 0 || now_ms_ < close_at_ms_) return;
  for (Connection* connection : connections_) Close(*connection);
}

void IoThread::EndTurn() {
  // What is notified, dirty or closing may make others so.
  for (int round = 0; round < kRoundsPerTurn; ++round) {
    ReportNotified();
    std::vector<Connection*> dirty;
    dirty.swap(dirty_);
    for (Connection* connection : dirty) connection->Flush();
    std::vector<Connection*> closing;
    closing.swap(closing_);
    for (Connection* connection : closing) {
      connections_.erase(connection);
      std::erase(dirty_, connection);
      delete connection;
    }
    LetGo();
    const bool more = !notified_.empty() || !ends_.empty() || !dirty_.empty() || !retired_.empty();
    if (!more || TurnIsOver()) return;
  }
}

void IoThread::LetGo() {
  if (retired_.empty()) return;
  // What others still asked of a stream, they asked before it was finished.
  TakeRequests();
  std::vector<H2Stream*> retired;
  retired.swap(retired_);
  for (H2Stream* stream : retired) {
    // Which some list still has: a report has nothing to say any more, and is not far.
    if (stream->is_notified()) {
      retired_.push_back(stream);
    } else {
      stream->Leave();
    }
  }
}

}  // namespace grpc_os::transport
