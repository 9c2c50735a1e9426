#include "supervise/output.h"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/limits.h"
#include "supervise/printable.h"

namespace grpc_os::supervise {
namespace {

// As much as a pipe holds. Pages of it are touched only as far as output comes.
constexpr size_t kChunkBytes = 64 << 10;
constexpr int kDrainChunks = 64;  // at most, in one go
constexpr int64_t kRetryMs = 1000;
constexpr int64_t kTroubleMs = 10'000;

char* Chunk() {
  static char buffer[kChunkBytes];
  return buffer;
}

}  // namespace

int64_t WallClockNs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

int64_t WallClockMs() { return WallClockNs() / 1'000'000; }

Output::Output(EventLoop& loop, LogFile& log, std::function<void()> on_closed,
               std::function<void()> on_trouble)
    : loop_(loop), log_(log), on_closed_(std::move(on_closed)), on_trouble_(std::move(on_trouble)) {
  streams_[0].name = protocol::LogStream::kStdout;
  streams_[1].name = protocol::LogStream::kStderr;
}

Output::~Output() {
  Close();
  loop_.Cancel(retry_timer_);
}

void Output::Attach(UniqueFd stdout_pipe, UniqueFd stderr_pipe) {
  Close();
  streams_[0].pipe = std::move(stdout_pipe);
  streams_[1].pipe = std::move(stderr_pipe);
}

void Output::Start() {
  for (Stream& stream : streams_) {
    if (!stream.pipe || stream.watched || paused_) continue;
    stream.watched = true;
    loop_.Watch(stream.pipe.get(), EPOLLIN, [this, &stream](uint32_t) {
      ReadOnce(stream);
      FlushLog();
      ArmHeldTimer();
      if (!open()) on_closed_();
    });
  }
}

void Output::Pause(bool paused) {
  if (std::exchange(paused_, paused) == paused) return;
  if (!paused) return Start();
  for (Stream& stream : streams_) {
    if (stream.watched) loop_.Unwatch(stream.pipe.get());
    stream.watched = false;
  }
}

bool Output::open() const { return streams_[0].pipe || streams_[1].pipe; }

bool Output::ReadOnce(Stream& stream) {
  if (!stream.pipe) return false;
  const ssize_t size = read(stream.pipe.get(), Chunk(), kChunkBytes);
  if (size < 0 && errno == EINTR) return true;
  if (size < 0 && errno == EAGAIN) return false;
  if (size <= 0) {
    EndStream(stream);
    return false;
  }
  if (relay_) {
    relay_(stream.name, {Chunk(), static_cast<size_t>(size)});
    return true;
  }
  const int64_t now_ns = WallClockNs();
  bool began = !stream.framer.holds();
  stream.framer.Feed({Chunk(), static_cast<size_t>(size)}, [&](const Piece& piece) {
    log_.Append(now_ns, stream.name, piece);
    began = true;
  });
  if (began) stream.held_since_ms = EventLoop::NowMs();
  return true;
}

void Output::EndStream(Stream& stream) {
  stream.framer.Flush(true,
                      [&](const Piece& piece) { log_.Append(WallClockNs(), stream.name, piece); });
  if (stream.watched) loop_.Unwatch(stream.pipe.get());
  stream.watched = false;
  stream.pipe.Reset();
}

bool Output::Drain() {
  for (int i = 0; i < kDrainChunks; ++i) {
    bool more = false;
    for (Stream& stream : streams_) more = ReadOnce(stream) || more;
    if (!more) break;
  }
  FlushLog();
  ArmHeldTimer();
  return !open();
}

void Output::Close() {
  for (Stream& stream : streams_) {
    if (stream.pipe) EndStream(stream);
  }
  FlushLog();
  loop_.Cancel(std::exchange(held_timer_, 0));
}

void Output::WriteSystemLine(std::string_view text) {
  if (relay_) return;
  log_.AppendSystem(WallClockNs(), Printable(text, limits::kLogLineBytes));
  FlushLog();
}

void Output::ArmHeldTimer() {
  if (held_timer_ != 0) return;
  int64_t oldest_ms = INT64_MAX;
  for (const Stream& stream : streams_) {
    if (stream.framer.holds()) oldest_ms = std::min(oldest_ms, stream.held_since_ms);
  }
  if (oldest_ms == INT64_MAX) return;
  held_timer_ = loop_.After(oldest_ms + limits::kLogPartialFlushMs - EventLoop::NowMs(), [this] {
    held_timer_ = 0;
    FlushHeld();
  });
}

void Output::FlushHeld() {
  const int64_t now_ms = EventLoop::NowMs();
  for (Stream& stream : streams_) {
    if (now_ms - stream.held_since_ms < limits::kLogPartialFlushMs) continue;
    stream.framer.Flush(
        false, [&](const Piece& piece) { log_.Append(WallClockNs(), stream.name, piece); });
  }
  FlushLog();
  ArmHeldTimer();
}

void Output::FlushLog() {
  if (relay_) return;
  log_.Flush();
  const int64_t now_ms = EventLoop::NowMs();
  const bool again = log_.failing() && now_ms - trouble_told_at_ms_ >= kTroubleMs;
  if (log_.failing() != trouble_told_ || again) {
    trouble_told_ = log_.failing();
    trouble_told_at_ms_ = now_ms;
    loop_.Post(on_trouble_);
  }
  if (log_.failing() && retry_timer_ == 0) {
    retry_timer_ = loop_.After(kRetryMs, [this] { RetryLog(); });
  }
}

void Output::RetryLog() {
  retry_timer_ = 0;
  log_.Retry(WallClockNs());
  FlushLog();
}

}  // namespace grpc_os::supervise
