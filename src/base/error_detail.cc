#include "base/error_detail.h"

#include <cstring>

#include "absl/strings/cord.h"

namespace grpc_os {
namespace {

constexpr char kPayload[] = "grpc-os/error-detail";

// The payload never leaves the process: strings behind their lengths, in host order.
void Put(std::string& out, std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out.append(text);
}

std::string Take(std::string_view& in) {
  uint32_t size = 0;
  if (in.size() < sizeof size) return "";
  memcpy(&size, in.data(), sizeof size);
  in.remove_prefix(sizeof size);
  std::string text(in.substr(0, size));
  in.remove_prefix(text.size());
  return text;
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, std::string_view message, const ErrorDetail& detail) {
  absl::Status status(code, absl::string_view(message.data(), message.size()));
  std::string payload;
  Put(payload, detail.reason);
  Put(payload, std::to_string(detail.retry_after_ms));
  Put(payload, std::to_string(detail.metadata.size()));
  for (const auto& [key, value] : detail.metadata) {
    Put(payload, key);
    Put(payload, value);
  }
  for (const FieldViolation& violation : detail.violations) {
    Put(payload, violation.field);
    Put(payload, violation.description);
  }
  status.SetPayload(kPayload, absl::Cord(payload));
  return status;
}

std::optional<ErrorDetail> DetailOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayload);
  if (!payload.has_value()) return std::nullopt;
  const std::string bytes(*payload);
  std::string_view in = bytes;
  ErrorDetail detail;
  detail.reason = Take(in);
  detail.retry_after_ms = std::stoll(Take(in));
  for (auto count = std::stoul(Take(in)); count > 0; --count) {
    std::string key = Take(in);
    detail.metadata[std::move(key)] = Take(in);
  }
  while (!in.empty()) {
    FieldViolation violation;
    violation.field = Take(in);
    violation.description = Take(in);
    detail.violations.push_back(std::move(violation));
  }
  return detail;
}

}  // namespace grpc_os
