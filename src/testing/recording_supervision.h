// core::Supervision that writes down what is asked of it; a test answers in its place.
#ifndef GRPC_OS_TESTING_RECORDING_SUPERVISION_H_
#define GRPC_OS_TESTING_RECORDING_SUPERVISION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/process/supervision.h"

namespace grpc_os::testing {

class RecordingSupervision final : public core::Supervision {
 public:
  void Launch(const core::Process& process, std::function<void(absl::Status)> done) override {
    launched.push_back(process.instance_id);
    launch_done = std::move(done);
  }
  void Attach(const std::string& instance, int64_t) override { attached.push_back(instance); }
  void SetSpec(const core::Process& process, std::function<void(absl::Status)> done) override {
    specs.push_back(process.generation);
    done(spec_answer);
  }
  void Stop(const std::string& instance, std::function<void(absl::Status)>) override {
    stopped.push_back(instance);
  }
  void Restart(const std::string&, int64_t number, bool if_waiting,
               std::function<void(absl::Status)>) override {
    restarts.push_back(number);
    only_if_waiting.push_back(if_waiting);
  }
  void Signal(const std::string&, int signal,
              std::function<void(absl::StatusOr<int>)> done) override {
    signals.push_back(signal);
    done(signal);
  }
  void Acknowledge(const std::string&, int64_t seq) override { acknowledged = seq; }
  void Release(const std::string& instance) override { released.push_back(instance); }
  void RemoveRemains(const std::string& id, const std::string&) override { removed.push_back(id); }

  std::vector<std::string> launched, attached, stopped, released, removed;
  std::vector<int64_t> specs, restarts;
  std::vector<int> signals;
  std::vector<bool> only_if_waiting;  // of each of `restarts`
  absl::Status spec_answer;
  int64_t acknowledged = 0;
  std::function<void(absl::Status)> launch_done;
};

}  // namespace grpc_os::testing

#endif  // GRPC_OS_TESTING_RECORDING_SUPERVISION_H_
