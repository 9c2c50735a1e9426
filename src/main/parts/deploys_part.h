// Deploys: revisions, and the directories that processes with a bundle run in.
#ifndef GRPC_OS_MAIN_PARTS_DEPLOYS_PART_H_
#define GRPC_OS_MAIN_PARTS_DEPLOYS_PART_H_

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "core/deploy/deploys.h"
#include "core/scheduler.h"
#include "host/bundle_places.h"
#include "main/parts/composition.h"
#include "main/parts/data_directory.h"
#include "main/parts/objects_part.h"
#include "main/parts/processes_part.h"
#include "main/parts/store_part.h"
#include "main/parts/system_log.h"
#include "main/parts/volumes_part.h"
#include "store/blob/io_threads.h"

namespace grpc_os {

class DeploysPart final : public Part {
 public:
  struct Needs {
    const DataDirectory& directory;
    const SystemLog& log;
    const StorePart& store;
    const RetentionClocks& clocks;
    const VolumesPart& volumes;
    const ProcessesPart& processes;
    const ObjectsPart& objects;
    core::Scheduler& scheduler;
    bool shielded;
    std::string accounts_file;
  };
  explicit DeploysPart(const Needs& needs) : needs_(needs) {}

  absl::Status Start() override;
  // What waits is dropped: its calls have ended. What is under way is finished.
  void Stop() override;

  core::Deploys& deploys() const { return *deploys_; }

 private:
  // Of host::BundlePlaces.
  void Fetch(const std::string& digest, int file, std::function<void(absl::Status)> done) const;
  void Forget(const std::string& digest, int64_t used_ms) const;
  void ForgetOthers(std::set<std::string> digests, const std::string& after) const;
  void Blocking(std::function<void()> work);

  const Needs needs_;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<host::BundlePlaces> places_;
  std::unique_ptr<core::Deploys> deploys_;
  std::unique_ptr<store::IoThreads> thread_;  // last: it ends first
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_DEPLOYS_PART_H_
