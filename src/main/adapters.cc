#include "main/adapters.h"

#include <utility>

namespace grpc_os {
namespace {

class TailAdapter final : public core::LogSource::Tail {
 public:
  explicit TailAdapter(std::shared_ptr<runtime::LogReader::Tail> tail) : tail_(std::move(tail)) {}
  void Continue() override { tail_->Continue(); }
  void Cancel() override { tail_->Cancel(); }
  void Finish() override { tail_->Finish(); }

 private:
  std::shared_ptr<runtime::LogReader::Tail> tail_;
};

core::LogLine::Stream StreamOf(runtime::LogEntry::Stream stream) {
  switch (stream) {
    case runtime::LogEntry::Stream::kStdout:
      return core::LogLine::Stream::kStdout;
    case runtime::LogEntry::Stream::kStderr:
      return core::LogLine::Stream::kStderr;
    case runtime::LogEntry::Stream::kSystem:
      return core::LogLine::Stream::kSystem;
  }
  return core::LogLine::Stream::kSystem;
}

core::LogLines LinesOf(runtime::LogBatch batch) {
  core::LogLines lines;
  lines.cursor = std::move(batch.cursor);
  lines.gap = batch.gap;
  lines.lines.reserve(batch.entries.size());
  for (runtime::LogEntry& entry : batch.entries) {
    lines.lines.push_back({.time_ns = entry.time_ns,
                           .stream = StreamOf(entry.stream),
                           .partial = entry.partial,
                           .text = std::move(entry.text)});
  }
  return lines;
}

}  // namespace

core::ProcessUsage UsageAdapter::UsageOf(const std::string& instance_id) const {
  const auto usage = supervision_.UsageOf(instance_id);
  return {.memory_bytes = usage.memory_bytes, .cpu_time_ms = usage.cpu_time_ms};
}

std::shared_ptr<core::LogSource::Tail> LogAdapter::Start(
    Options options, std::function<void(core::LogLines)> on_lines,
    std::function<void(absl::Status)> on_end) {
  runtime::LogReader::Options reader_options;
  reader_options.process_id = std::move(options.process_id);
  reader_options.lines = options.lines;
  reader_options.follow = options.follow;
  reader_options.cursor = std::move(options.cursor);
  return std::make_shared<TailAdapter>(reader_.Start(
      std::move(reader_options),
      [on_lines = std::move(on_lines)](runtime::LogBatch batch) {
        on_lines(LinesOf(std::move(batch)));
      },
      std::move(on_end)));
}

}  // namespace grpc_os
