// What init says of itself.
#ifndef GRPC_OS_INIT_LOG_H_
#define GRPC_OS_INIT_LOG_H_

#include <string>

#include "base/unique_fd.h"

namespace grpc_os::init {

// JSON lines into a file; warnings also, as plain lines, onto standard error. A line that cannot be
// written is dropped.
class Log {
 public:
  explicit Log(UniqueFd file) : file_(std::move(file)) {}

  void Info(const std::string& message) { Write("info", message); }
  void Warn(const std::string& message);

 private:
  void Write(const char* level, const std::string& message);

  UniqueFd file_;
};

// `text` as a JSON string, quotes included. Bytes beyond ASCII become U+FFFD each.
std::string JsonString(const std::string& text);

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_LOG_H_
