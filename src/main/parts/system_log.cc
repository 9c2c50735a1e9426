#include "main/parts/system_log.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/version.h"

namespace grpc_os {

absl::Status SystemLog::Start() {
  const auto level = debug_ ? core::LogLevel::kDebug : core::LogLevel::kInfo;
  auto logger = host::JsonLogger::Open(directory_.PathOf("logs/system/osd.jsonl"), level);
  logger_ = logger.ok() ? *std::move(logger) : host::JsonLogger::ToStandardError(level);
  if (!logger.ok()) {
    Warn(absl::StrCat("the log goes to logs/system/osd.log: ",
                      std::string(logger.status().message())));
  }
  library_logs_ = std::make_unique<LibraryLogs>(*logger_);
  logger_->Write(core::LogLevel::kInfo, "starting",
                 {{"version", kVersion}, {"pid", absl::StrCat(getpid())}});
  if (!warning_.empty()) logger_->Write(core::LogLevel::kWarning, warning_, {});
  return absl::OkStatus();
}

void SystemLog::Tick(int64_t /*now_ms*/) { BoundStandardError(); }

void SystemLog::Note(const std::string& text) const {
  logger_->Write(core::LogLevel::kWarning, text, {});
  say_(absl::StrCat("note: ", text));
}

void SystemLog::Warn(const std::string& text) const {
  logger_->Write(core::LogLevel::kWarning, text, {});
  say_(absl::StrCat("warning: ", text));
}

}  // namespace grpc_os
