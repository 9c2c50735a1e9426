// Volumes: directories that outlive processes.
#ifndef GRPC_OS_MAIN_PARTS_VOLUMES_PART_H_
#define GRPC_OS_MAIN_PARTS_VOLUMES_PART_H_

#include <memory>

#include "core/scheduler.h"
#include "core/volume/volumes.h"
#include "host/volume_directories.h"
#include "main/parts/data_directory.h"
#include "main/parts/identity_part.h"
#include "main/parts/store_part.h"
#include "main/parts/system_log.h"
#include "store/blob/io_threads.h"

namespace grpc_os {

class VolumesPart final : public Part {
 public:
  struct Needs {
    const DataDirectory& directory;
    const SystemLog& log;
    const StorePart& store;
    const IdentityPart& identity;
    core::Scheduler& scheduler;
    bool shielded;
  };
  explicit VolumesPart(const Needs& needs) : needs_(needs) {}

  absl::Status Start() override {
    directories_ = std::make_unique<host::VolumeDirectories>(
        host::VolumeDirectories::Options{.path = needs_.directory.PathOf(core::kVolumesDirectory),
                                         .shielded = needs_.shielded},
        needs_.log.logger());
    if (absl::Status status = directories_->Open(); !status.ok()) return status;
    thread_ = std::make_unique<store::IoThreads>(1);
    quick_ = std::make_unique<store::IoThreads>(1);
    slow_ = std::make_unique<store::IoThreads>(1);
    const core::Identity& identity = needs_.identity.identity();
    volumes_ = std::make_unique<core::Volumes>(core::Volumes::Parts{
        .store = needs_.store.store(),
        .scheduler = needs_.scheduler,
        .logger = needs_.log.logger(),
        .directories = *directories_,
        .blocking = [this](std::function<void()> work) { thread_->Post(std::move(work)); },
        .quick = [this](std::function<void()> work) { quick_->Post(std::move(work)); },
        .slow = [this](std::function<void()> work) { slow_->Post(std::move(work)); },
        .may =
            [&identity](const core::Origin& origin, const char* permission, std::string_view name) {
              uint64_t version = 0;
              return identity.CheckAllowed(origin.record.session_id, permission, name, version);
            }});
    return volumes_->Load(needs_.store.store().NewestRevision());
  }
  // The store, which still runs, answers what waits; the threads end once that is done.
  void Stop() override { volumes_->Stop(); }

  core::Volumes& volumes() const { return *volumes_; }

 private:
  const Needs needs_;
  std::unique_ptr<host::VolumeDirectories> directories_;
  std::unique_ptr<core::Volumes> volumes_;
  // Last: they end first, and quick_ before slow_, to which it posts.
  std::unique_ptr<store::IoThreads> slow_;   // measures of large volumes
  std::unique_ptr<store::IoThreads> quick_;  // other measures
  std::unique_ptr<store::IoThreads> thread_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_VOLUMES_PART_H_
