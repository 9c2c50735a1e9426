// What is wrong with the daemon itself.
#ifndef GRPC_OS_MAIN_PARTS_VITALS_H_
#define GRPC_OS_MAIN_PARTS_VITALS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/pulse.h"
#include "main/parts/processes_part.h"
#include "main/parts/store_part.h"
#include "main/parts/system_log.h"

namespace grpc_os {

// How long a thread may be at one piece of work before health checks are told that the daemon does
// not serve, and so init ends it (some 30 s later). The core's waits for nothing. The store's wait
// for the disk: a slow one is no reason to end a daemon, which would wait for it again.
inline constexpr int64_t kRuntimeStuckMs = 30'000;
inline constexpr int64_t kStoreStuckMs = 120'000;
inline constexpr int64_t kStoreSlowMs = 10'000;  // then it is a problem of the system

// As a sentence; empty: all threads get on. Times as Pulse::BusyMs.
std::string DescribeStuck(int64_t runtime_ms, int64_t store_ms);

class Vitals final : public Part {
 public:
  Vitals(const SystemLog& log, const StorePart& store, const ProcessesPart& processes)
      : log_(log), store_(store), processes_(processes) {}

  void Tick(int64_t now_ms) override;

  // Of the core's thread, which begins anew each second.
  core::Pulse& runtime() { return runtime_; }
  // DescribeStuck of now. Thread-safe, while the store is there.
  std::string Stuck() const;
  // Each as a sentence with its cure; on the core's thread.
  std::vector<std::string> Problems() const;

 private:
  const SystemLog& log_;
  const StorePart& store_;
  const ProcessesPart& processes_;
  core::Pulse runtime_;
  bool slow_ = false;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_VITALS_H_
