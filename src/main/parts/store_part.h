// The store, what else is recorded through it, and the disk that it is on.
#ifndef GRPC_OS_MAIN_PARTS_STORE_PART_H_
#define GRPC_OS_MAIN_PARTS_STORE_PART_H_

#include <memory>

#include "core/audit/audit_trail.h"
#include "core/request/requests.h"
#include "core/scheduler.h"
#include "host/data_disk.h"
#include "main/parts/data_directory.h"
#include "main/parts/published_files.h"
#include "main/parts/retention_clocks.h"
#include "main/parts/system_log.h"
#include "store/store.h"

namespace grpc_os {

class StorePart final : public Part {
 public:
  struct Needs {
    const DataDirectory& directory;
    const SystemLog& log;
    PublishedFiles& files;
    const RetentionClocks& clocks;
    const core::Clock& clock;
    int64_t events_kept;
  };
  explicit StorePart(const Needs& needs) : needs_(needs) {}

  absl::Status Start() override;
  // Looks at the disk and at the files of the database.
  void Tick(int64_t now_ms) override;
  // Commits what was submitted, closes the database, and records that it was stopped cleanly.
  void Stop() override;

  store::Store& store() const { return *store_; }
  core::AuditTrail& audit() const { return *audit_; }
  core::Requests& requests() const { return *requests_; }
  core::Disk& disk() const { return *disk_; }
  // Another number after each change of what is stored.
  int64_t Changes() const;
  // OK, or why nothing can be stored: the files are not the database's any more (FilesInPlace). As
  // the last Tick found it; on the core's thread.
  const absl::Status& files() const { return files_; }

 private:
  void LookAtFiles();

  const Needs needs_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<core::AuditTrail> audit_;
  std::unique_ptr<core::Requests> requests_;
  std::unique_ptr<host::DataDisk> disk_;
  absl::Status files_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_STORE_PART_H_
