// From the payload's pipes to its log.
#ifndef GRPC_OS_SUPERVISE_OUTPUT_H_
#define GRPC_OS_SUPERVISE_OUTPUT_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "protocol/log_format.h"
#include "supervise/framer.h"
#include "supervise/log_file.h"

namespace grpc_os::supervise {

// Always reads, whatever becomes of the log: a payload never blocks on its output. (What is relayed
// instead may be paused.) Lives on the
// loop's thread.
class Output {
 public:
  // `on_closed`: both pipes have come to their end. `on_trouble`: the log began or ceased to fail,
  // or goes on failing (every 10 s). Both are called from the loop only.
  Output(EventLoop& loop, LogFile& log, std::function<void()> on_closed,
         std::function<void()> on_trouble);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output();

  // From now on hands the output on, byte for byte, instead of writing it to the log, which gets no
  // lines of the supervisor either.
  using Relay = std::function<void(protocol::LogStream, std::string_view)>;
  void RelayTo(Relay relay) { relay_ = std::move(relay); }
  // While paused nothing is read but by Drain, so that the writers wait. Only what is relayed.
  void Pause(bool paused);

  // Takes the read ends of a new payload; reads nothing before Start.
  void Attach(UniqueFd stdout_pipe, UniqueFd stderr_pipe);
  void Start();
  bool open() const;
  // Reads what is there now, to the end if the writers are gone. True: at the end.
  bool Drain();
  // Writes what waits for the end of its line, and closes the pipes.
  void Close();
  // A line of the supervisor, at once.
  void WriteSystemLine(std::string_view text);

 private:
  struct Stream {
    protocol::LogStream name;
    UniqueFd pipe;
    bool watched = false;
    Framer framer;
    int64_t held_since_ms = 0;  // the unfinished line
  };
  bool ReadOnce(Stream& stream);  // false: nothing there now, or at the end
  void EndStream(Stream& stream);
  void FlushHeld();
  void ArmHeldTimer();
  void FlushLog();
  void RetryLog();

  EventLoop& loop_;
  LogFile& log_;
  Relay relay_;
  bool paused_ = false;
  const std::function<void()> on_closed_;
  const std::function<void()> on_trouble_;
  std::array<Stream, 2> streams_;
  EventLoop::TimerId held_timer_ = 0;
  EventLoop::TimerId retry_timer_ = 0;
  bool trouble_told_ = false;
  int64_t trouble_told_at_ms_ = 0;
};

// Wall-clock time.
int64_t WallClockNs();
int64_t WallClockMs();

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_OUTPUT_H_
