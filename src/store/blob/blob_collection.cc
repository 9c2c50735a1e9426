// Which files go. The index decides in a transaction, after all commits before it; a content that
// is held, or was since the index was asked, may be named by a commit after that and stays. So does
// one that is read: whoever looked at its object before and holds it after that is answered that
// there is none, by the reader.
#include <chrono>
#include <future>
#include <limits>
#include <map>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "store/blob/blob_files.h"

namespace grpc_os::store {
namespace {

constexpr int kPage = 1000;
constexpr int64_t kAnyTime = std::numeric_limits<int64_t>::max();

// On an I/O thread, which may wait.
template <typename Result>
Result Wait(const std::function<void(std::function<void(Result)>)>& ask) {
  auto promise = std::make_shared<std::promise<Result>>();
  auto answer = promise->get_future();
  ask([promise](Result result) { promise->set_value(std::move(result)); });
  return answer.get();
}

// The contents known to `index` whose names begin with this byte.
absl::StatusOr<std::set<std::string>> KnownUnder(core::BlobIndex& index, char first) {
  std::set<std::string> known;
  std::string after =
      first == 0 ? "" : std::string(1, static_cast<char>(first - 1)) + std::string(31, '\xff');
  for (;;) {
    const auto page = Wait<core::BlobIndex::Listed>(
        [&](auto done) { index.ListBlobs(after, kPage, std::move(done)); });
    if (!page.ok()) return page.status();
    for (const core::BlobEntry& entry : *page) {
      if (entry.sha256.empty() || entry.sha256[0] != first) return known;
      known.insert(entry.sha256);
    }
    if (page->size() < kPage) return known;
    after = page->back().sha256;
  }
}

}  // namespace

void BlobFiles::Collect(int64_t strays_before_ms,
                        std::function<void(absl::StatusOr<Collected>)> done) {
  threads_.Post([this, strays_before_ms, done = std::move(done)] {
    std::unique_lock lock(collection_);
    collected_.wait(lock, [this] { return !collecting_; });
    collecting_ = true;
    lock.unlock();
    auto collected = CollectNow(strays_before_ms);
    lock.lock();
    collecting_ = false;
    collected_.notify_all();
    lock.unlock();
    done(std::move(collected));
  });
}

// Where the index cannot be written, what it does not know goes nevertheless.
absl::StatusOr<BlobFiles::Collected> BlobFiles::CollectNow(int64_t strays_before_ms) {
  Collected collected;
  absl::Status status = CollectUnused(collected);
  status.Update(CollectLetGo(collected));
  if (!files_->CheckSpace(limits::kDiskPressureBytes).ok() && TimeToLookUnderPressure())
    strays_before_ms = kAnyTime;
  if (strays_before_ms != 0) status.Update(CollectStrays(strays_before_ms, collected));
  if (!status.ok()) return status;
  return collected;
}

// What one upload could not write for, another may have made room for meanwhile: it is for the
// caller to try again, whatever came of it here. This is one of few threads, so it waits for a
// collection that is under way until there is room, and not for long.
void BlobFiles::MakeRoom() {
  std::unique_lock lock(collection_);
  if (!collected_.wait_for(lock, parts_.room_wait, [this] { return !collecting_ || HasRoom(); }) ||
      collecting_) {
    return;
  }
  collecting_ = true;
  lock.unlock();
  Collected collected;
  (void)CollectUnused(collected);
  (void)CollectLetGo(collected);
  if ((collected.removed == 0 || !HasRoom()) && TimeToLookUnderPressure())
    (void)CollectStrays(kAnyTime, collected);
  lock.lock();
  collecting_ = false;
  collected_.notify_all();
}

// For a piece of any size.
bool BlobFiles::HasRoom() const { return files_->CheckSpace(limits::kUploadChunkBytes).ok(); }

void BlobFiles::TellRemoved() {
  const std::lock_guard lock(collection_);
  collected_.notify_all();
}

// A second look so soon finds nothing new: what is refused meanwhile is let go of.
bool BlobFiles::TimeToLookUnderPressure() {
  const int64_t now = parts_.clock.NowMs();
  if (pressure_looked_ms_.has_value() && now >= *pressure_looked_ms_ &&
      now - *pressure_looked_ms_ < limits::kPressureCollectEveryMs)
    return false;
  pressure_looked_ms_ = now;
  return true;
}

// What is held now may be let go of, named, before the file is looked at.
void BlobFiles::BeginCollection() {
  auto holds = holds_->Lock();
  holds->touched = {holds->held.begin(), holds->held.end()};
}

bool BlobFiles::InUse(const std::string& sha256) const {
  auto holds = holds_->Lock();
  return holds->MayBeNamed(sha256) || holds->read.contains(sha256);
}

absl::StatusOr<std::optional<int64_t>> BlobFiles::RefsOf(const std::string& sha256) {
  // The greatest text before it that no content of 32 bytes has.
  std::string before = sha256;
  if (before.back() == 0) {
    before.pop_back();
  } else {
    --before.back();
    before.push_back('\xff');
  }
  const auto found = Wait<core::BlobIndex::Listed>(
      [&](auto done) { parts_.index.ListBlobs(before, 1, std::move(done)); });
  if (!found.ok()) return found.status();
  if (found->empty() || found->front().sha256 != sha256) return std::nullopt;
  return found->front().refs;
}

absl::Status BlobFiles::CollectUnused(Collected& collected) {
  for (;;) {
    BeginCollection();
    const auto unused = Wait<core::BlobIndex::Listed>(
        [&](auto done) { parts_.index.ListUnusedBlobs(kAnyTime, kPage, std::move(done)); });
    if (!unused.ok()) return unused.status();
    const int64_t removed_before = collected.removed;
    collected.in_use = 0;
    for (const core::BlobEntry& entry : *unused) {
      if (InUse(entry.sha256)) {
        ++collected.in_use;
        continue;
      }
      const auto forgotten = Wait<absl::StatusOr<bool>>(
          [&](auto done) { parts_.index.ForgetBlob(entry.sha256, kAnyTime, std::move(done)); });
      if (!forgotten.ok()) return forgotten.status();
      if (!*forgotten) continue;
      Failpoint("upload.forgotten");
      const auto gone = UnlinkUnlessHeld(entry.sha256, PathOf(entry.sha256));
      if (!gone.ok()) {
        LetGo(entry.sha256);  // the index knows it no more
        return gone.status();
      }
      collected.removed += *gone ? 1 : 0;
      Failpoint("upload.unlinked");
    }
    // A whole page of contents in use waits for their readers.
    if (unused->size() < kPage || collected.removed == removed_before) return absl::OkStatus();
  }
}

absl::Status BlobFiles::CollectLetGo(Collected& collected) {
  BeginCollection();
  const std::set<std::string> all = holds_->Lock()->let_go;
  for (const std::string& sha256 : all) {
    holds_->Lock()->let_go.erase(sha256);  // it may be let go of again from here on
    const auto gone = RemoveLetGo(sha256, collected);
    if (!gone.ok() || !*gone) LetGo(sha256);
    if (!gone.ok()) return gone.status();
  }
  return absl::OkStatus();
}

// False: it is in use.
absl::StatusOr<bool> BlobFiles::RemoveLetGo(const std::string& sha256, Collected& collected) {
  if (InUse(sha256)) return false;
  const auto refs = RefsOf(sha256);
  if (!refs.ok()) return refs.status();
  if (refs->has_value()) return true;  // it goes once nothing has it
  const auto gone = UnlinkUnlessHeld(sha256, PathOf(sha256));
  if (gone.ok() && *gone) ++collected.removed;
  return gone;
}

absl::Status BlobFiles::CollectStrays(int64_t before_ms, Collected& collected) {
  const auto directories = files_->List("blobs");
  if (!directories.ok()) return directories.status();
  int64_t left = 0;
  for (const auto& directory : *directories) {
    if (!directory.directory || directory.name.size() != 2) continue;
    const auto stay = CollectStraysIn(directory.name, before_ms, collected);
    if (!stay.ok()) return stay.status();
    left += *stay;
  }
  stray_bytes_.store(left);
  return absl::OkStatus();
}

// What a killed daemon laid there, and what was forgotten and not removed.
absl::StatusOr<int64_t> BlobFiles::CollectStraysIn(const std::string& directory, int64_t before_ms,
                                                   Collected& collected) {
  BeginCollection();
  const std::string first = absl::HexStringToBytes(directory);
  const std::string path = absl::StrCat("blobs/", directory);
  std::map<std::string, Files::Entry> files;
  const auto inner = files_->List(path);
  if (!inner.ok()) return inner.status();
  for (const auto& one : *inner) {
    const std::string below = absl::StrCat(path, "/", one.name);
    auto entries = files_->List(below);
    if (!entries.ok()) return entries.status();
    for (auto& entry : *entries) {
      if (!entry.directory) files.emplace(absl::StrCat(below, "/", entry.name), std::move(entry));
    }
  }
  if (files.empty()) return 0;
  const auto known = KnownUnder(parts_.index, first[0]);
  if (!known.ok()) return known.status();
  int64_t left = 0;
  for (const auto& [file, entry] : files) {
    // What is left of laying one counts as that one.
    const std::string sha256 = absl::HexStringToBytes(entry.name.substr(0, 64));
    const bool blob = file == PathOf(sha256);
    if (blob && known->contains(sha256)) continue;
    bool gone = false;
    if (entry.change_time_ms <= before_ms && !(blob && InUse(sha256))) {
      const auto unlinked = UnlinkUnlessHeld(sha256, file);
      if (!unlinked.ok()) return unlinked.status();
      gone = *unlinked;
    }
    collected.removed += gone ? 1 : 0;
    // The bytes of one that an open upload has too are the upload's.
    left += gone || entry.links > 1 ? 0 : entry.size_bytes;
  }
  return left;
}

}  // namespace grpc_os::store
