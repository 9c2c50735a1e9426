// Objects: their changes, the system's own, large contents and the uploads that they come from.
#ifndef GRPC_OS_MAIN_PARTS_OBJECTS_PART_H_
#define GRPC_OS_MAIN_PARTS_OBJECTS_PART_H_

#include <memory>

#include "core/object/objects.h"
#include "core/object/quotas.h"
#include "core/object/storage_usage.h"
#include "core/object/system_objects.h"
#include "core/object/uploads.h"
#include "core/scheduler.h"
#include "host/content_sha256.h"
#include "host/crc32c.h"
#include "main/parts/data_directory.h"
#include "main/parts/domains_part.h"
#include "main/parts/processes_part.h"
#include "main/parts/retention_clocks.h"
#include "main/parts/store_part.h"
#include "main/parts/system_log.h"
#include "store/blob/blob_collector.h"
#include "store/blob/blob_files.h"

namespace grpc_os {

class ObjectsPart final : public Part {
 public:
  struct Needs {
    const DataDirectory& directory;
    const SystemLog& log;
    const StorePart& store;
    const RetentionClocks& clocks;
    const ProcessesPart& processes;
    const DomainsPart& domains;
    core::Scheduler& scheduler;
  };
  explicit ObjectsPart(const Needs& needs) : needs_(needs) {}

  absl::Status Start() override;
  // Removes what has expired, was abandoned, or is had by nothing any more.
  void Tick(int64_t now_ms) override;
  // Finishes the store's reads and what is under way with uploads and contents.
  void Stop() override;

  core::Objects& objects() const { return *objects_; }
  core::Quotas& quotas() const { return *quotas_; }
  const core::SystemObjects& system_objects() const { return *system_objects_; }
  core::Blobs& blobs() const { return *blobs_; }
  core::Uploads& uploads() const { return *uploads_; }
  core::StorageMeter& storage() const { return *storage_; }
  const core::Checksum& checksum() const { return checksum_; }
  const core::ContentHash& content_hash() const { return content_hash_; }

 private:
  void MakeSystemObjects();
  absl::Status MakeFirstFolders();
  absl::Status OpenBlobs();
  absl::Status OpenUploads();
  void MakeStorageMeter();

  const Needs needs_;
  const host::Crc32c checksum_;
  const host::ContentSha256 content_hash_;
  std::unique_ptr<core::Objects> objects_;
  std::unique_ptr<core::Quotas> quotas_;
  std::unique_ptr<core::SystemObjects> system_objects_;
  std::unique_ptr<store::BlobFiles> blobs_;
  std::unique_ptr<store::BlobCollector> collector_;
  std::unique_ptr<core::Uploads> uploads_;
  std::unique_ptr<core::StorageMeter> storage_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_OBJECTS_PART_H_
