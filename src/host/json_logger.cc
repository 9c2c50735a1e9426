#include "host/json_logger.h"

#include <pthread.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "base/event_loop.h"
#include "base/limits.h"
#include "base/utf8.h"

namespace grpc_os::host {
namespace {

constexpr size_t kFiles = 5;  // with the one that is written
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

std::string MakeLine(core::LogLevel level, std::string_view message,
                     const core::LogFields& fields) {
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
  return line;
}

std::shared_ptr<spdlog::logger> LoggerTo(spdlog::sink_ptr sink) {
  auto logger = std::make_shared<spdlog::logger>("osd", std::move(sink));
  logger->set_pattern("%v");
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::off);
  // A full disk is no reason to write elsewhere.
  logger->set_error_handler([](const std::string&) {});
  return logger;
}

}  // namespace

void AppendJsonString(std::string_view text, std::string& out) {
  out.push_back('"');
  while (!text.empty()) {
    // Nearly all of it stands for itself.
    const auto* plain = std::find_if_not(text.begin(), text.end(), [](char c) {
      return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
    });
    const auto run = static_cast<size_t>(plain - text.begin());
    if (run > 0) {
      out.append(text.substr(0, run));
      text.remove_prefix(run);
      continue;
    }
    const size_t length = Utf8CharacterLength(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      out.append("\\ufffd");
    } else if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(text[0]);
    } else if (byte < 0x20 || byte == 0x7f) {
      char escaped[8];
      snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      out.append(escaped);
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  out.push_back('"');
}

absl::StatusOr<std::unique_ptr<JsonLogger>> JsonLogger::Open(const std::string& path,
                                                             core::LogLevel level,
                                                             int64_t file_bytes) {
  try {
    auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
        path, static_cast<size_t>(file_bytes), kFiles - 1);
    return std::unique_ptr<JsonLogger>(new JsonLogger(LoggerTo(std::move(sink)), level));
  } catch (const spdlog::spdlog_ex& error) {
    return absl::UnavailableError(error.what());
  }
}

std::unique_ptr<JsonLogger> JsonLogger::ToStandardError(core::LogLevel level) {
  return std::unique_ptr<JsonLogger>(
      new JsonLogger(LoggerTo(std::make_shared<spdlog::sinks::stderr_sink_mt>()), level));
}

JsonLogger::JsonLogger(std::shared_ptr<spdlog::logger> logger, core::LogLevel level)
    : logger_(std::move(logger)), level_(level), writer_([this] { RunWriter(); }) {}

JsonLogger::~JsonLogger() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  writer_.join();
}

void JsonLogger::RunWriter() {
  pthread_setname_np(pthread_self(), "log");
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    const auto has_lines = [this] { return stopping_ || !queue_.lines.empty(); };
    changed_.wait(lock, [&] { return has_lines() || budget_.DueMs() >= 0; });
    if (!has_lines()) {
      const std::chrono::milliseconds wait(budget_.DueMs() - EventLoop::NowMs());
      changed_.wait_for(lock, std::max(wait, std::chrono::milliseconds(0)), has_lines);
    }
    changed_.wait_for(lock, kGather, [this] { return stopping_ || queue_.urgent; });
    last = stopping_;
    for (const auto& [kind, lines] : budget_.TakeLeftOut(last ? INT64_MAX : EventLoop::NowMs())) {
      queue_.lines.push_back(MakeLine(core::LogLevel::kWarning, "lines left out",
                                      {{"kind", kind}, {"lines", std::to_string(lines)}}));
    }
    Queue taken = std::exchange(queue_, {});
    lock.unlock();  // nobody who writes waits here for the disk
    WriteOut(std::move(taken));
    lock.lock();
  }
}

void JsonLogger::WriteOut(Queue taken) {
  if (taken.dropped > 0) {
    taken.lines.push_back(MakeLine(core::LogLevel::kWarning,
                                   "lines dropped: the disk did not take them fast enough",
                                   {{"lines", std::to_string(taken.dropped)}}));
  }
  for (const std::string& line : taken.lines) {
    logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  }
  logger_->flush();
}

void JsonLogger::Put(core::LogLevel level, std::string line) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (queue_.bytes + static_cast<int64_t>(line.size()) > limits::kLogQueueBytes) {
      ++queue_.dropped;
      return;
    }
    wake = queue_.lines.empty();
    queue_.bytes += static_cast<int64_t>(line.size());
    queue_.lines.push_back(std::move(line));
    if (level >= core::LogLevel::kWarning && !queue_.urgent) wake = queue_.urgent = true;
  }
  if (wake) changed_.notify_one();
}

bool JsonLogger::Enabled(core::LogLevel level) const {
  return level >= level_.load(std::memory_order_relaxed);
}

void JsonLogger::SetLevel(core::LogLevel level) { level_.store(level); }

core::LogLevel JsonLogger::Level() const { return level_.load(); }

void JsonLogger::Write(core::LogLevel level, std::string_view message,
                       const core::LogFields& fields) {
  if (Enabled(level) && Admit(level, message)) Put(level, MakeLine(level, message, fields));
}

bool JsonLogger::Admit(core::LogLevel level, std::string_view message) {
  if (message == kEveryLine) return true;
  std::string kind(NameOf(level));
  kind.append(" ").append(message);
  std::lock_guard lock(mutex_);
  const bool nothing_due = budget_.DueMs() < 0;
  const bool admitted = budget_.Admit(kind, EventLoop::NowMs());
  // The thread is to say how many, in a second.
  if (nothing_due && budget_.DueMs() >= 0) changed_.notify_one();
  return admitted;
}

}  // namespace grpc_os::host
