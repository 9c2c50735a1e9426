#include "init/log.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/event_loop.h"
#include "base/limits.h"
#include "protocol/log_format.h"

namespace grpc_os::init {
namespace {

void WriteOnce(int fd, const std::string& line) {
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t written = write(fd, line.data(), line.size());
}

}  // namespace

std::string JsonString(const std::string& text) {
  std::string json = "\"";
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    char escaped[8];
    if (byte == '"' || byte == '\\') {
      json.append({'\\', byte});
    } else if (code < 0x20 || code == 0x7f) {
      snprintf(escaped, sizeof escaped, "\\u%04x", code);
      json.append(escaped);
    } else if (code >= 0x80) {
      json.append("\\ufffd");
    } else {
      json.push_back(byte);
    }
  }
  return json + "\"";
}

void Log::Write(const std::string& level, std::string_view kind, const std::string& message) {
  const int64_t now_ms = EventLoop::NowMs();
  for (const auto& [which, lines] : budget_.TakeLeftOut(now_ms)) {
    WriteLine("warning", absl::StrCat(lines, " more lines were left out: ", which));
  }
  if (budget_.Admit(kind, now_ms)) WriteLine(level, message);
}

void Log::WriteLine(const std::string& level, const std::string& message) {
  if (level == "warning") {
    WriteOnce(STDERR_FILENO, absl::StrCat("grpc-os-init: ", message, "\n"));
  }
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  std::string line = "{\"time\":\"";
  protocol::AppendLogTime(int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec, line);
  absl::StrAppend(&line, "\",\"level\":\"", level,
                  "\",\"program\":\"grpc-os-init\",\"message\":", JsonString(message), "}\n");
  if (!file_) OpenAgain();
  WriteOnce(file_.get(), line);
  struct stat status {};
  if (fstat(file_.get(), &status) != 0 || status.st_size <= limits::kSystemLogBytes) return;
  if (absl::StatusOr<UniqueFd> next = open_(); next.ok()) file_ = *std::move(next);
}

void Log::OpenAgain() {
  const int64_t now_ms = EventLoop::NowMs();
  if (now_ms < open_at_ms_) return;
  open_at_ms_ = now_ms + retry_ms_;
  if (absl::StatusOr<UniqueFd> next = open_(); next.ok()) file_ = *std::move(next);
}

}  // namespace grpc_os::init
