// Where one room's port meets another room's class.
#ifndef GRPC_OS_MAIN_ADAPTERS_H_
#define GRPC_OS_MAIN_ADAPTERS_H_

#include <memory>
#include <string>

#include "core/process/process_ports.h"
#include "runtime/log_reader.h"
#include "runtime/supervision_client.h"

namespace grpc_os {

class UsageAdapter final : public core::UsageSource {
 public:
  explicit UsageAdapter(const runtime::SupervisionClient& supervision)
      : supervision_(supervision) {}
  core::ProcessUsage UsageOf(const std::string& instance_id) const override;

 private:
  const runtime::SupervisionClient& supervision_;
};

class LogAdapter final : public core::LogSource {
 public:
  explicit LogAdapter(runtime::LogReader& reader) : reader_(reader) {}
  std::shared_ptr<Tail> Start(Options options, std::function<void(core::LogLines)> on_lines,
                              std::function<void(absl::Status)> on_end) override;

 private:
  runtime::LogReader& reader_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_ADAPTERS_H_
