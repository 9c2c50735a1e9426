#include "store/object_cache.h"

#include <iterator>
#include <utility>

namespace grpc_os::store {
namespace {

// More than that at a time are all.
constexpr size_t kMostDoubted = 1000;
// Of an entry but for its texts: the object, two places in the table and one in the list.
constexpr int64_t kEntryBytes = sizeof(core::Object) + 256;

int64_t BytesOf(const core::Object& object) {
  size_t texts = 2 * (object.name.size() + object.id.size()) + object.data.size() +
                 object.sha256.size() + object.content_type.size() + object.owner.size();
  for (const auto& [key, value] : object.metadata) texts += key.size() + value.size() + 96;
  return kEntryBytes + static_cast<int64_t>(texts);
}

}  // namespace

std::optional<core::Object> ObjectCache::Find(const core::ObjectStore::Wanted& wanted) {
  std::shared_ptr<const Kept> kept;
  {
    const std::lock_guard lock(mutex_);
    const auto found = found_.find(wanted.name_or_id);
    if (found == found_.end()) return std::nullopt;
    entries_.splice(entries_.begin(), entries_, found->second);
    kept = found->second->kept;
  }
  core::Object object = kept->object;
  if (HasExpired(object, wanted.now_ms)) return std::nullopt;
  if (wanted.generation != 0 && wanted.generation != object.generation) return std::nullopt;
  if (wanted.data) object.data = kept->data;
  return object;
}

uint64_t ObjectCache::Epoch() const {
  const std::lock_guard lock(mutex_);
  return epoch_;
}

void ObjectCache::Keep(const core::Object& object, uint64_t epoch) {
  if (object.blob || object.retire_time_ms != 0) return;
  const int64_t bytes = BytesOf(object);
  if (bytes > bytes_) return;
  auto kept = std::make_shared<Kept>(Kept{.object = object, .data = {}});
  kept->data = std::exchange(kept->object.data, {});
  const std::lock_guard lock(mutex_);
  if (epoch != epoch_ || all_doubted_ || doubted_.contains(object.id)) return;
  if (found_.contains(object.id) || found_.contains(object.name)) return;
  entries_.push_front({std::move(kept), bytes});
  found_[object.id] = entries_.begin();
  found_[object.name] = entries_.begin();
  used_ += bytes;
  while (used_ > bytes_) Drop(std::prev(entries_.end()));
}

void ObjectCache::Doubt(const std::string& id) {
  const std::lock_guard lock(mutex_);
  ++epoch_;
  if (all_doubted_) return;
  if (doubted_.size() == kMostDoubted) return DoubtAllLocked();
  doubted_.insert(id);
  if (const auto found = found_.find(id); found != found_.end()) Drop(found->second);
}

void ObjectCache::DoubtAll() {
  const std::lock_guard lock(mutex_);
  ++epoch_;
  DoubtAllLocked();
}

void ObjectCache::DoubtAllLocked() {
  all_doubted_ = true;
  doubted_.clear();
  found_.clear();
  entries_.clear();
  used_ = 0;
}

void ObjectCache::Settle() {
  const std::lock_guard lock(mutex_);
  if (doubted_.empty() && !all_doubted_) return;
  ++epoch_;
  doubted_.clear();
  all_doubted_ = false;
}

void ObjectCache::Drop(Entries::iterator entry) {
  found_.erase(entry->kept->object.id);
  found_.erase(entry->kept->object.name);
  used_ -= entry->bytes;
  entries_.erase(entry);
}

}  // namespace grpc_os::store
