// core::ProcessStore in memory: commits at once, or when told to (`hold`), or not at all
// (`failure`).
#ifndef GRPC_OS_TESTING_MEMORY_PROCESS_STORE_H_
#define GRPC_OS_TESTING_MEMORY_PROCESS_STORE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/disk.h"
#include "core/process/process_store.h"
#include "testing/recorded.h"

namespace grpc_os::testing {

class MemoryProcessStore final : public core::ProcessStore {
 public:
  void Commit(core::ProcessWrite write, core::Envelope envelope,
              std::function<void(absl::StatusOr<int64_t>)> done) override {
    if (!failure.ok()) return done(failure);
    if (auto status = envelope.CheckPermitted(); !status.ok()) return done(status);
    reserve_asked.push_back(write.may_use_reserve);
    if (full && !write.may_use_reserve)
      return done(core::DiskFullError("disk full", "nothing was stored"));
    if (hold_failure) {
      held.push_back([done] { done(absl::UnavailableError("disk full")); });
      return;
    }
    for (core::Process& process : write.put) {
      process.revision = revision + 1;
      rows[process.id] = process;
    }
    for (const std::string& id : write.remove) rows.erase(id);
    for (const core::Event& event : write.events) actions.push_back(event.action);
    events.insert(events.end(), write.events.begin(), write.events.end());
    Record(envelope, audit, requests);
    ++revision;
    if (hold) {
      held.push_back([done, envelope, at = revision] {
        envelope.SetWritten();
        done(at);
      });
    } else {
      envelope.SetWritten();
      done(revision);
    }
  }
  absl::StatusOr<std::vector<core::Process>> LoadProcesses() override {
    return std::vector<core::Process>();
  }
  absl::StatusOr<std::string> LoadBootId() override { return ""; }
  void SaveBootId(const std::string&, std::function<void(absl::Status)> done) override {
    done(absl::OkStatus());
  }

  std::map<std::string, core::Process> rows;
  std::vector<std::string> actions;  // of `events`
  std::vector<core::Event> events;
  std::vector<core::AuditRecord> audit;
  std::vector<core::CommittedRequest> requests;
  int64_t revision = 0;
  absl::Status failure;
  bool full = false;                // only what may use the reserve is stored
  std::vector<bool> reserve_asked;  // by each write
  bool hold = false;
  bool hold_failure = false;  // fails, but not before it is told to
  std::vector<std::function<void()>> held;
};

}  // namespace grpc_os::testing

#endif  // GRPC_OS_TESTING_MEMORY_PROCESS_STORE_H_
