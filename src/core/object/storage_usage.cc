#include "core/object/storage_usage.h"

#include <utility>

#include "core/process/process_errors.h"

namespace grpc_os::core {
namespace {

constexpr int kRowsAtOnce = 20'000;

}  // namespace

void StorageMeter::Measure(Done done) {
  const auto counted = std::make_shared<Counted>();
  counted->changes = parts_.changes();
  counted->begun_ms = parts_.uptime_ms();
  {
    auto last = last_.Lock();
    if (last->changes == counted->changes || counted->begun_ms < last->next_ms) {
      const ObjectUsage objects = last->objects;
      last.lock().unlock();
      return AddRest(objects, std::move(done));
    }
  }
  Count(counted, "", std::move(done));
}

void StorageMeter::Count(const std::shared_ptr<Counted>& counted, const std::string& after,
                         Done done) {
  parts_.store.MeasureObjects(
      "/", after, kRowsAtOnce,
      [this, counted, done = std::move(done)](
          const absl::StatusOr<std::pair<ObjectUsage, std::string>>& measured) mutable {
        if (!measured.ok()) return done(FromStore(measured.status()));
        const auto& [part, next] = *measured;
        counted->objects.objects += part.objects;
        counted->objects.bytes += part.bytes;
        counted->objects.versions += part.versions;
        counted->objects.version_bytes += part.version_bytes;
        if (!next.empty()) return Count(counted, next, std::move(done));
        const int64_t now_ms = parts_.uptime_ms();
        counted->next_ms = now_ms + 10 * (now_ms - counted->begun_ms);
        *last_.Lock() = *counted;
        AddRest(counted->objects, std::move(done));
      });
}

void StorageMeter::AddRest(const ObjectUsage& objects, Done done) {
  parts_.index.MeasureUnusedBlobs(
      [this, objects, done = std::move(done)](const absl::StatusOr<BlobUsage>& unused) {
        if (!unused.ok()) return done(FromStore(unused.status()));
        StorageUsage usage;
        usage.objects = objects;
        usage.unused_bytes = unused->bytes;
        usage.uploads = parts_.uploads.usage();
        parts_.add_files(usage);
        done(usage);
      });
}

}  // namespace grpc_os::core
