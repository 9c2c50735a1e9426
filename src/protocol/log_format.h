// The format of log files, shared by supervise, which writes them, and runtime, which reads them.
// docs/ARCHITECTURE.md, "Log files".
#ifndef GRPC_OS_PROTOCOL_LOG_FORMAT_H_
#define GRPC_OS_PROTOCOL_LOG_FORMAT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace grpc_os::protocol {

enum class LogStream { kStdout, kStderr, kSystem };

struct LogLine {
  int64_t time_ns = 0;  // since 1970, UTC
  LogStream stream = LogStream::kStdout;
  bool partial = false;   // goes on in the next line of this stream
  std::string_view text;  // without the newline
};

// Appends "2026-11-23T02:07:37.123456789Z" to `out`.
void AppendLogTime(int64_t time_ns, std::string& out);
// Appends the line, its newline included, to `out`.
void AppendLogLine(const LogLine& line, std::string& out);
// Parses a line without its newline; `text` points into it. nullopt if it is not of the format.
std::optional<LogLine> ParseLogLine(std::string_view line);

std::string SegmentName(uint64_t number);                           // "00000001.log"
std::optional<uint64_t> SegmentNumber(std::string_view file_name);  // the reverse

struct LogCursor {
  uint64_t segment = 1;
  int64_t offset = 0;
};
std::string FormatCursor(const LogCursor& cursor);  // "1:0"
std::optional<LogCursor> ParseCursor(std::string_view text);

}  // namespace grpc_os::protocol

#endif  // GRPC_OS_PROTOCOL_LOG_FORMAT_H_
