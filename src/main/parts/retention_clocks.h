// The clocks by which things are destroyed, over restarts of the daemon.
#ifndef GRPC_OS_MAIN_PARTS_RETENTION_CLOCKS_H_
#define GRPC_OS_MAIN_PARTS_RETENTION_CLOCKS_H_

#include <memory>
#include <string>
#include <utility>

#include "core/retention_clock.h"
#include "main/parts/data_directory.h"

namespace grpc_os {

// Saves how far they came now and then, and when it stops.
class RetentionClocks final : public Part {
 public:
  RetentionClocks(const DataDirectory& directory, const core::Clock& wall, std::string boot_id)
      : directory_(directory), wall_(wall), boot_id_(std::move(boot_id)) {}

  absl::Status Start() override;
  void Tick(int64_t now_ms) override;
  void Stop() override { Save(); }

  const core::RetentionClock& retention() const { return *retention_; }
  const core::RetentionClock& expiry() const { return *expiry_; }  // of objects

 private:
  void Save() const;

  const DataDirectory& directory_;
  const core::Clock& wall_;
  const std::string boot_id_;
  std::unique_ptr<core::RetentionClock> retention_;
  std::unique_ptr<core::RetentionClock> expiry_;
  int64_t next_save_ms_ = 0;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_RETENTION_CLOCKS_H_
