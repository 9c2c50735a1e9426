#include "main/parts/objects_part.h"

#include <future>
#include <string>
#include <utility>

#include "base/event_loop.h"
#include "core/disk.h"
#include "core/domain/domain_folder.h"
#include "core/process/process_folder.h"
#include "main/sys_folder.h"

namespace grpc_os {

absl::Status ObjectsPart::Start() {
  store::Store& store = needs_.store.store();
  objects_ = std::make_unique<core::Objects>(store, needs_.scheduler);
  quotas_ = std::make_unique<core::Quotas>(store, needs_.scheduler);
  MakeSystemObjects();
  if (absl::Status status = OpenBlobs(); !status.ok()) return status;
  if (absl::Status status = MakeFirstFolders(); !status.ok()) return status;
  if (absl::Status status = OpenUploads(); !status.ok()) return status;
  MakeStorageMeter();
  return absl::OkStatus();
}

void ObjectsPart::MakeSystemObjects() {
  const ProcessesPart& processes = needs_.processes;
  core::SystemObjects::Folders folders;
  folders["/proc/"] = std::make_unique<core::ProcessFolder>(
      processes.processes(), processes.usage(), processes.log_source(), needs_.scheduler);
  folders["/domains/"] =
      std::make_unique<core::DomainFolder>(needs_.domains.domains(), needs_.scheduler);
  folders["/sys/"] = MakeSysFolder(needs_.scheduler);
  system_objects_ = std::make_unique<core::SystemObjects>(std::move(folders), needs_.scheduler);
}

absl::Status ObjectsPart::OpenBlobs() {
  auto blobs = store::BlobFiles::Open({.files = store::FilesIn(needs_.directory.path()),
                                       .hashes = {content_hash_, checksum_},
                                       .clock = needs_.clocks.retention().latest(),
                                       .index = needs_.store.store()});
  if (!blobs.ok()) return blobs.status();
  blobs_ = *std::move(blobs);
  collector_ = std::make_unique<store::BlobCollector>(store::BlobCollector::Parts{
      .collect = [this](int64_t strays_before_ms,
                        auto done) { blobs_->Collect(strays_before_ms, std::move(done)); },
      .any_let_go = [this] { return blobs_->AnyLetGo(); },
      .changes = [this] { return needs_.store.Changes(); },
      .retention_clock = needs_.clocks.retention(),
      .logger = needs_.log.logger()});
  return absl::OkStatus();
}

absl::Status ObjectsPart::MakeFirstFolders() {
  std::promise<absl::Status> made;
  objects_->MakeFirstFolders(
      [&made](const absl::StatusOr<bool>& done) { made.set_value(done.status()); });
  const absl::Status status = made.get_future().get();
  if (!core::IsDiskFullError(status)) return status;
  needs_.log.Warn(std::string(status.message()));  // the next start makes them
  return absl::OkStatus();
}

// Those that were begun under daemons before this one too.
absl::Status ObjectsPart::OpenUploads() {
  uploads_ = std::make_unique<core::Uploads>(core::Uploads::Parts{
      .files = *blobs_,
      .requests = needs_.store.requests(),
      .committed = needs_.store.store(),
      .clock = needs_.clocks.retention().latest(),
      .put =
          [this](core::PutObject change, core::Objects::By by, core::Objects::Done done) {
            objects_->Put(std::move(change), std::move(by), std::move(done));
          },
      .get =
          [this](const std::string& id, const core::ObjectAccess& access,
                 core::Objects::Done done) {
            objects_->Get(id, 0, false, {}, access, std::move(done));
          }});
  return uploads_->Load();
}

void ObjectsPart::MakeStorageMeter() {
  store::Store& store = needs_.store.store();
  storage_ = std::make_unique<core::StorageMeter>(
      core::StorageMeter::Parts{.store = store,
                                .index = store,
                                .uploads = *uploads_,
                                .uptime_ms = EventLoop::NowMs,
                                .changes = [this] { return needs_.store.Changes(); },
                                .add_files =
                                    [this, &store](core::StorageUsage& usage) {
                                      const store::DatabaseSize size = store.SizeOnDisk();
                                      usage.database_bytes = size.database_bytes;
                                      usage.database_log_bytes = size.log_bytes;
                                      usage.unused_bytes += blobs_->stray_bytes();
                                    }});
}

void ObjectsPart::Tick(int64_t now_ms) {
  objects_->Tick(needs_.clocks.expiry().NowMs());
  uploads_->Tick(needs_.clocks.retention().NowMs());
  collector_->Tick(now_ms);
}

void ObjectsPart::Stop() {
  needs_.store.store().FinishReads();  // their answers begin uploads and read files
  uploads_.reset();                    // what is being finished still needs the files and the store
  blobs_.reset();                      // and what is being collected the store
}

}  // namespace grpc_os
