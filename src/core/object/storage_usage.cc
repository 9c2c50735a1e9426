#include "core/object/storage_usage.h"

#include <utility>

#include "core/store_error.h"

namespace grpc_os::core {
namespace {

constexpr int kRowsAtOnce = 5'000;  // some milliseconds

}  // namespace

void StorageMeter::Measure(Done done) {
  const auto counted = std::make_shared<Counted>();
  counted->changes = parts_.changes();
  counted->begun_ms = parts_.uptime_ms();
  {
    auto state = state_.Lock();
    const Counted& last = state->last;
    const bool any = last.changes >= 0;
    if (any &&
        (state->counting || last.changes == counted->changes || counted->begun_ms < last.next_ms)) {
      const ObjectUsage objects = last.objects;
      state.lock().unlock();
      return AddRest(objects, std::move(done));
    }
    state->waiting.push_back(std::move(done));
    if (std::exchange(state->counting, true)) return;
  }
  Count(counted, "");
}

void StorageMeter::Count(const std::shared_ptr<Counted>& counted, const std::string& after) {
  parts_.store.MeasureObjects(
      Requester(), "/", after, kRowsAtOnce,
      [this, counted](const absl::StatusOr<std::pair<ObjectUsage, std::string>>& measured) {
        if (!measured.ok()) return EndCount(FromStore(measured.status()));
        const auto& [part, next] = *measured;
        counted->objects.objects += part.objects;
        counted->objects.bytes += part.bytes;
        counted->objects.versions += part.versions;
        counted->objects.version_bytes += part.version_bytes;
        if (!next.empty()) return Count(counted, next);
        const int64_t now_ms = parts_.uptime_ms();
        counted->next_ms = now_ms + 10 * (now_ms - counted->begun_ms);
        EndCount(*counted);
      });
}

void StorageMeter::EndCount(const absl::StatusOr<Counted>& counted) {
  std::vector<Done> waiting;
  {
    auto state = state_.Lock();
    if (counted.ok()) state->last = *counted;
    state->counting = false;
    waiting.swap(state->waiting);
  }
  for (Done& done : waiting) {
    if (!counted.ok()) {
      done(counted.status());
    } else {
      AddRest(counted->objects, std::move(done));
    }
  }
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
