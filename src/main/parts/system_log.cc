#include "main/parts/system_log.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/version.h"

namespace grpc_os {
namespace {

core::LogLevel LevelOf(const std::string& word) {
  if (word == "debug") return core::LogLevel::kDebug;
  if (word == "warning") return core::LogLevel::kWarning;
  return word == "error" ? core::LogLevel::kError : core::LogLevel::kInfo;
}

}  // namespace

absl::Status SystemLog::Start() {
  const core::LogLevel level = LevelOf(settings_.log_level);
  auto logger = host::JsonLogger::Open(directory_.PathOf("logs/system/osd.jsonl"), level,
                                       settings_.log_file_bytes);
  logger_ = logger.ok() ? *std::move(logger) : host::JsonLogger::ToStandardError(level);
  if (!logger.ok()) {
    Warn(absl::StrCat("the log goes to logs/system/osd.log: ",
                      std::string(logger.status().message())));
  }
  library_logs_ = std::make_unique<LibraryLogs>(*logger_);
  logger_->Write(core::LogLevel::kInfo, "starting",
                 {{"version", kVersion}, {"pid", absl::StrCat(getpid())}});
  if (!settings_.warning.empty()) logger_->Write(core::LogLevel::kWarning, settings_.warning, {});
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
