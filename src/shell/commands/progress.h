// How far a long transfer is, for who watches it on a terminal.
#ifndef GRPC_OS_SHELL_COMMANDS_PROGRESS_H_
#define GRPC_OS_SHELL_COMMANDS_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "shell/quantity.h"
#include "shell/session.h"

namespace grpc_os::shell {

// One line on standard error, written over now and then and taken away at the end. Nothing where
// that is no terminal, nor for what is done in a moment.
class Progress {
 public:
  // `what` is escaped here; `total` where it is known; `done` of it was there before; `amount`
  // writes an amount.
  using Amount = std::string (*)(int64_t);
  Progress(Session& session, const std::string& what, std::optional<int64_t> total, int64_t done,
           Amount amount = FormatBytes);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  void At(int64_t done);
  // Makes room for a line of text; the next At shows it again.
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;

  Session& session_;
  const std::string what_;
  const std::optional<int64_t> total_;
  const int64_t before_;
  const Amount amount_;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point shown_ = began_;
  bool any_ = false;
};

// "put a  42%  [####      ]  430MiB of 1GiB  212MiB/s  3s left", of at most `columns` (0: any).
std::string ProgressLine(const std::string& what, std::optional<int64_t> total, int64_t done,
                         int64_t per_second, size_t columns, Progress::Amount amount = FormatBytes);

// To people, on standard error: that what there is of a transfer that ends early is kept.
void SayThatItGoesOn(Session& session, const std::string& what, const std::string& more = "");
// That this one goes on after what an earlier one has left.
void SayGoingOn(Session& session, const std::string& what, int64_t bytes);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_PROGRESS_H_
