// Log lines on their way to the user.
#ifndef GRPC_OS_SHELL_COMMANDS_LOG_PRINTER_H_
#define GRPC_OS_SHELL_COMMANDS_LOG_PRINTER_H_

#include <map>
#include <set>
#include <string>

#include "grpc_os/v1/process_services.pb.h"
#include "shell/session.h"

namespace grpc_os::shell {

// What the process wrote, whether or not it is UTF-8.
const std::string& ContentOf(const v1::LogLine& line);

// Joins partial lines. What the process wrote goes to `out`: escaped if that is a terminal,
// byte for byte otherwise. What gRPC OS notes about it goes to `err`.
class LogPrinter {
 public:
  LogPrinter(const Console& console, bool timestamps)
      : console_(console), timestamps_(timestamps) {}

  void Print(const v1::LogLine& line);
  // Nothing more for a while: shows what is there of a line that has not ended, such as a prompt.
  void Pause();
  // Nothing more: ends a line that has not ended.
  void Finish();

 private:
  struct Unfinished {
    std::string prefix;
    std::string text;
  };

  void BreakLine();
  void Write(v1::LogLine::Stream stream, const std::string& prefix, const std::string& text,
             bool whole);

  const Console& console_;
  const bool timestamps_;
  std::map<int, Unfinished> unfinished_;  // by stream
  int open_ = 0;                          // the stream whose line was begun on `out`; 0: none
  std::set<int> broken_;                  // those whose line was ended for another's
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_LOG_PRINTER_H_
