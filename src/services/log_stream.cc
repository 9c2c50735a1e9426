#include "services/log_stream.h"

#include <utility>

#include "base/error_detail.h"
#include "core/error_reason.h"
#include "services/convert/process_convert.h"

namespace grpc_os::services {
namespace {

absl::Status ForClient(const absl::Status& status, const std::string& cursor) {
  if (status.code() == absl::StatusCode::kOutOfRange ||
      status.code() == absl::StatusCode::kInvalidArgument) {
    return MakeError(
        absl::StatusCode::kOutOfRange,
        "the log cursor is malformed or past the end; leave it out to begin with the last lines",
        {.reason = core::reason::kCursorInvalid, .metadata = {{"cursor", cursor}}});
  }
  if (status.code() == absl::StatusCode::kUnavailable) {
    return MakeError(absl::StatusCode::kUnavailable, "the logs cannot be read just now; try again",
                     {.reason = core::reason::kRuntimeUnavailable, .retry_after_ms = 1000});
  }
  return status;
}

}  // namespace

std::shared_ptr<LogStream> LogStream::Start(const std::shared_ptr<LogCall>& call,
                                            core::LogSource& source, std::string name,
                                            core::LogSource::Options options) {
  auto stream = std::make_shared<LogStream>(std::move(name));
  const std::string cursor = options.cursor;
  v1::TailLogsResponse initial;
  initial.set_cursor(cursor);
  const bool heard = call->SetProducer({.on_ready = [stream] { stream->OnReady(); },
                                        .on_gone = [stream] { stream->OnGone(); },
                                        .heartbeat =
                                            [](const v1::TailLogsResponse& last) {
                                              v1::TailLogsResponse beat;
                                              beat.set_cursor(last.cursor());
                                              return beat;
                                            }},
                                       std::move(initial));
  if (!heard) return stream;
  auto tail = source.Start(
      std::move(options),
      [stream, call](core::LogLines lines) { stream->OnLines(call, std::move(lines)); },
      [call, cursor](absl::Status status) { call->End(ForClient(status, cursor)); });
  bool gone = false;
  bool proceed = false;
  {
    auto state = stream->state_.Lock();
    gone = state->gone;
    proceed = std::exchange(state->continue_early, false);
    if (!gone) state->tail = tail;
  }
  if (gone) {
    tail->Cancel();
  } else if (proceed) {
    tail->Continue();
  }
  return stream;
}

void LogStream::FinishWhen(const Notify& when) {
  auto finish = when([weak = weak_from_this()] {
    if (const auto stream = weak.lock()) stream->Finish();
  });
  auto state = state_.Lock();
  if (!state->gone) state->finish = std::move(finish);
}

void LogStream::Finish() {
  std::shared_ptr<core::LogSource::Tail> tail = state_.Lock()->tail;
  if (tail != nullptr) tail->Finish();
}

void LogStream::OnLines(const std::shared_ptr<LogCall>& call, core::LogLines lines) {
  if (absl::Status status = call->CheckNameNow(name_); !status.ok()) return call->End(status);
  v1::TailLogsResponse message;
  for (const core::LogLine& line : lines.lines) *message.add_lines() = ToProto(line);
  message.set_cursor(std::move(lines.cursor));
  message.set_gap(lines.gap);
  call->Send(std::move(message));
}

void LogStream::OnReady() {
  std::shared_ptr<core::LogSource::Tail> tail;
  {
    auto state = state_.Lock();
    tail = state->tail;
    state->continue_early = tail == nullptr;
  }
  if (tail != nullptr) tail->Continue();
}

void LogStream::OnGone() {
  std::shared_ptr<core::LogSource::Tail> tail;
  {
    auto state = state_.Lock();
    state->gone = true;
    state->finish = nullptr;
    tail = std::move(state->tail);
  }
  if (tail != nullptr) tail->Cancel();
}

}  // namespace grpc_os::services
