#include "main/parts/store_part.h"

#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/event_loop.h"
#include "store/sqlite/sqlite_clean_stop.h"
#include "store/sqlite/sqlite_database.h"

namespace grpc_os {
namespace {

// Of a store that cannot be opened, so that nobody can ask us to free anything.
absl::Status WithRoomAsCure(const absl::Status& status) {
  if (!absl::IsResourceExhausted(status)) return status;
  return absl::UnavailableError(
      absl::StrCat(std::string(status.message()),
                   ", and grpc-os.db cannot be opened without any: free some there"));
}

}  // namespace

absl::Status StorePart::Start() {
  const std::string path = needs_.directory.DatabasePath();
  const std::string mark = needs_.directory.PathOf("in-use");
  // The key is there without the mark in directories of before there was one.
  const std::string key = needs_.directory.PathOf("secrets/jwt.key");
  const bool marked = access(mark.c_str(), F_OK) == 0;
  auto database = store::OpenSqlite(path, marked ? mark : key);
  if (!database.ok()) return WithRoomAsCure(database.status());
  store::ForgetCleanStop(path);
  store::StoreOptions options;
  options.kept.revisions = needs_.events_kept;
  options.now_ms = [this] { return needs_.clocks.retention().NowMs(); };
  options.retired_from_ms = [this] { return needs_.clocks.retention().LatestMs(); };
  auto store = store::Store::Open(*std::move(database), options);
  if (!store.ok()) return WithRoomAsCure(store.status());
  store_ = *std::move(store);
  core::Logger& logger = needs_.log.logger();
  if (!store_->statistics().reserve_is_supported) {
    logger.Write(core::LogLevel::kWarning,
                 "the file system of the data directory keeps no room for a full disk: stop and "
                 "delete will be refused then, too; put it on ext4, xfs or tmpfs",
                 {});
  }
  if (!marked) {
    needs_.files.Write(
        "in-use",
        "This data directory is in use: without grpc-os.db beside this file, grpc-osd "
        "does not start, so that a lost database is not taken for a new one.\n");
  }
  audit_ = std::make_unique<core::AuditTrail>(*store_, logger);
  requests_ = std::make_unique<core::Requests>(*store_);
  disk_ = std::make_unique<host::DataDisk>(
      host::DataDisk::Parts{.directory = needs_.directory.path(),
                            .clock = needs_.clock,
                            .logger = logger,
                            .refused_ago_ms = [this] {
                              const int64_t refused_ms = store_->statistics().disk_full_ms.load();
                              return refused_ms == 0 ? INT64_MAX : EventLoop::NowMs() - refused_ms;
                            }});
  return absl::OkStatus();
}

void StorePart::Tick(int64_t /*now_ms*/) {
  disk_->Look();
  LookAtFiles();
}

void StorePart::LookAtFiles() {
  absl::Status now = store_->CheckFiles();
  if (now == files_) return;
  core::Logger& logger = needs_.log.logger();
  if (now.ok()) {
    logger.Write(core::LogLevel::kInfo, "the database is back; changes are stored again", {});
  } else {
    logger.Write(core::LogLevel::kError, std::string(now.message()), {});
  }
  files_ = std::move(now);
}

void StorePart::Stop() {
  audit_->Finish();
  requests_.reset();  // what ends from here on asks the store nothing
  const int64_t revision = store_->NewestRevision();
  const bool in_place = store_->CheckFiles().ok();
  store_.reset();
  if (in_place) store::RecordCleanStop(needs_.directory.DatabasePath(), revision);
}

int64_t StorePart::Changes() const {
  return store_->NewestRevision() + store_->statistics().swept_rows.load();
}

}  // namespace grpc_os
