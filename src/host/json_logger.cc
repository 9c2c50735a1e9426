#include "host/json_logger.h"

#include <pthread.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <utility>

namespace grpc_os::host {
namespace {

constexpr size_t kFileBytes = 10 << 20;
constexpr size_t kFiles = 5;
constexpr std::chrono::milliseconds kGather(20);

const char* NameOf(core::LogLevel level) {
  switch (level) {
    case core::LogLevel::kDebug:
      return "debug";
    case core::LogLevel::kInfo:
      return "info";
    case core::LogLevel::kWarning:
      return "warning";
    case core::LogLevel::kError:
      return "error";
  }
  return "unknown";
}

void AppendTime(std::string& out) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  char text[40];
  const size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  out.append(text, size);
  snprintf(text, sizeof text, ".%06ldZ", now.tv_nsec / 1000);
  out.append(text);
}

}  // namespace

void AppendJsonString(std::string_view text, std::string& out) {
  out.push_back('"');
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(character);
    } else if (byte < 0x20 || byte == 0x7f) {
      char escaped[8];
      snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      out.append(escaped);
    } else {
      out.push_back(character);
    }
  }
  out.push_back('"');
}

absl::StatusOr<std::unique_ptr<JsonLogger>> JsonLogger::Open(const std::string& path,
                                                             core::LogLevel level) {
  try {
    auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, kFileBytes, kFiles);
    auto logger = std::make_shared<spdlog::logger>("osd", std::move(sink));
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::off);
    logger->set_error_handler(
        [](const std::string&) {});  // a full disk is no reason to write elsewhere
    return std::unique_ptr<JsonLogger>(new JsonLogger(std::move(logger), level));
  } catch (const spdlog::spdlog_ex& error) {
    return absl::UnavailableError(error.what());
  }
}

JsonLogger::JsonLogger(std::shared_ptr<spdlog::logger> logger, core::LogLevel level)
    : logger_(std::move(logger)), level_(level), flusher_([this] { RunFlusher(); }) {}

JsonLogger::~JsonLogger() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  flusher_.join();
  logger_->flush();
}

void JsonLogger::FlushSoon() {
  if (unflushed_.load() || unflushed_.exchange(true)) return;
  { std::lock_guard lock(mutex_); }  // it sleeps, or has not looked yet
  changed_.notify_one();
}

void JsonLogger::RunFlusher() {
  pthread_setname_np(pthread_self(), "log");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait(lock, [this] { return stopping_ || unflushed_.load(); });
    changed_.wait_for(lock, kGather, [this] { return stopping_; });
    lock.unlock();  // nobody who writes waits here for the disk
    unflushed_.store(false);
    logger_->flush();
    lock.lock();
  }
}

bool JsonLogger::Enabled(core::LogLevel level) const {
  return level >= level_.load(std::memory_order_relaxed);
}

void JsonLogger::SetLevel(core::LogLevel level) { level_.store(level); }

core::LogLevel JsonLogger::Level() const { return level_.load(); }

void JsonLogger::Write(core::LogLevel level, std::string_view message,
                       const core::LogFields& fields) {
  if (!Enabled(level)) return;
  std::string line = "{\"time\":\"";
  AppendTime(line);
  line.append("\",\"level\":\"").append(NameOf(level)).append("\",\"message\":");
  AppendJsonString(message, line);
  for (const auto& [name, value] : fields) {
    line.push_back(',');
    AppendJsonString(name, line);
    line.push_back(':');
    AppendJsonString(value, line);
  }
  line.push_back('}');
  logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  if (level >= core::LogLevel::kWarning) {
    logger_->flush();
  } else {
    FlushSoon();
  }
}

}  // namespace grpc_os::host
