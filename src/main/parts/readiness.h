// Whether the daemon serves, as init and health checks see it. The last part.
#ifndef GRPC_OS_MAIN_PARTS_READINESS_H_
#define GRPC_OS_MAIN_PARTS_READINESS_H_

#include "absl/strings/str_cat.h"
#include "host/startup_code.h"
#include "main/parts/grpc_part.h"
#include "main/parts/ports.h"
#include "main/parts/processes_part.h"
#include "main/parts/system_log.h"

namespace grpc_os {

class Readiness final : public Part {
 public:
  Readiness(const SystemLog& log, ProcessesPart& processes, const GrpcPart& grpc,
            const Ports& ports)
      : log_(log), processes_(processes), grpc_(grpc), ports_(ports) {}

  absl::Status Start() override {
    processes_.ReportReady();
    grpc_.server().SetServing(true);
    log_.logger().Write(core::LogLevel::kInfo, "serving",
                        {{"port", absl::StrCat(ports_.grpc_port())}});
    host::ForgetStartupCode();
    return absl::OkStatus();
  }
  void Stop() override {
    log_.logger().Write(core::LogLevel::kInfo, "stopping", {});
    grpc_.server().SetServing(false);
  }

 private:
  const SystemLog& log_;
  ProcessesPart& processes_;
  const GrpcPart& grpc_;
  const Ports& ports_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_READINESS_H_
