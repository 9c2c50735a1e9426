// The port to the log of the daemon itself.
#ifndef GRPC_OS_CORE_LOGGER_H_
#define GRPC_OS_CORE_LOGGER_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace grpc_os::core {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

using LogFields = std::vector<std::pair<std::string_view, std::string>>;

// Thread-safe, does not wait for storage. Never give it a secret.
class Logger {
 public:
  virtual ~Logger() = default;
  virtual bool Enabled(LogLevel level) const = 0;
  // What is written from now on: this level and above.
  virtual void SetLevel(LogLevel level) = 0;
  virtual LogLevel Level() const = 0;
  virtual void Write(LogLevel level, std::string_view message, const LogFields& fields) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_LOGGER_H_
