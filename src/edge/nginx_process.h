// nginx as a system process of gRPC OS.
#ifndef GRPC_OS_EDGE_NGINX_PROCESS_H_
#define GRPC_OS_EDGE_NGINX_PROCESS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/process/processes.h"
#include "core/scheduler.h"
#include "core/task/tasks.h"

namespace grpc_os::edge {

// Lives on the core's thread; answers come on it, never from inside a call.
class NginxProcess {
 public:
  struct Parts {
    core::Processes& processes;
    core::Tasks& tasks;
    core::Scheduler& scheduler;
    core::Process process;  // its name and spec
  };
  explicit NginxProcess(Parts parts) : parts_(std::move(parts)) {}

  // What nginx says of a file, run as the process would be.
  struct Run {
    int exit_code = 0;
    std::string output;  // the end of it
  };
  void Test(const std::string& config, std::function<void(absl::StatusOr<Run>)> done);

  // Makes it, if there is none, gives it the spec of this version, and has it run. OK: it is being
  // started, or runs.
  void Start(std::function<void(absl::Status)> done);
  void Stop();
  // NOT_FOUND, FAILED_PRECONDITION: it does not run.
  void Signal(int signal, std::function<void(absl::Status)> done);

  // Null: there is none yet.
  const core::Process* Find() const { return parts_.processes.Find(parts_.process.name); }
  // It is to run, and does.
  bool Runs() const;
  // Whether it is to run.
  bool Wanted() const;
  const std::string& name() const { return parts_.process.name; }

 private:
  const Parts parts_;
  bool stopped_ = false;  // Stop was the last that was asked for, though it may not be stored yet
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_NGINX_PROCESS_H_
