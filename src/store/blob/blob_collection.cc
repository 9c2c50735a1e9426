// Which files go. The index decides in a transaction, after all commits before it; a content that
// is held, or was since the index was asked, may be named by a commit after that and stays.
#include <future>
#include <map>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "store/blob/blob_files.h"

namespace grpc_os::store {
namespace {

constexpr int kPage = 1000;

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

void BlobFiles::Collect(core::BlobIndex& index, int64_t before_ms,
                        std::function<void(absl::StatusOr<int64_t>)> done) {
  threads_.Post(
      [this, &index, before_ms, done = std::move(done)] { done(CollectNow(index, before_ms)); });
}

absl::StatusOr<int64_t> BlobFiles::CollectNow(core::BlobIndex& index, int64_t before_ms) {
  auto total = CollectUnused(index, before_ms);
  if (!total.ok()) return total.status();
  const auto directories = files_->List("blobs");
  if (!directories.ok()) return directories.status();
  for (const auto& directory : *directories) {
    if (!directory.directory || directory.name.size() != 2) continue;
    const auto gone = CollectUnknown(index, directory.name, before_ms);
    if (!gone.ok()) return gone.status();
    *total += *gone;
  }
  return total;
}

// What is held now may be let go of, named, before the file is looked at.
void BlobFiles::BeginCollection() {
  auto holds = holds_->Lock();
  holds->touched = {holds->held.begin(), holds->held.end()};
}

absl::StatusOr<int64_t> BlobFiles::CollectUnused(core::BlobIndex& index, int64_t before_ms) {
  int64_t total = 0;
  for (;;) {
    BeginCollection();
    const auto unused = Wait<core::BlobIndex::Listed>(
        [&](auto done) { index.ListUnusedBlobs(before_ms, kPage, std::move(done)); });
    if (!unused.ok()) return unused.status();
    for (const core::BlobEntry& entry : *unused) {
      const auto forgotten = Wait<absl::StatusOr<bool>>(
          [&](auto done) { index.ForgetBlob(entry.sha256, before_ms, std::move(done)); });
      if (!forgotten.ok()) return forgotten.status();
      if (!*forgotten) continue;
      Failpoint("upload.forgotten");
      const auto gone = UnlinkUnlessHeld(entry.sha256, PathOf(entry.sha256));
      if (!gone.ok()) return gone.status();
      total += *gone ? 1 : 0;
    }
    if (unused->size() < kPage) return total;
  }
}

// In blobs/ab: what a killed daemon laid there, and what was forgotten and not removed.
absl::StatusOr<int64_t> BlobFiles::CollectUnknown(core::BlobIndex& index,
                                                  const std::string& directory, int64_t before_ms) {
  BeginCollection();
  const std::string first = absl::HexStringToBytes(directory);
  const std::string path = absl::StrCat("blobs/", directory);
  std::map<std::string, std::string> old;  // path -> name
  const auto inner = files_->List(path);
  if (!inner.ok()) return inner.status();
  for (const auto& one : *inner) {
    const std::string below = absl::StrCat(path, "/", one.name);
    const auto entries = files_->List(below);
    if (!entries.ok()) return entries.status();
    for (const auto& entry : *entries) {
      if (!entry.directory && entry.change_time_ms <= before_ms)
        old.emplace(absl::StrCat(below, "/", entry.name), entry.name);
    }
  }
  if (old.empty()) return 0;
  const auto known = KnownUnder(index, first[0]);
  if (!known.ok()) return known.status();
  int64_t total = 0;
  for (const auto& [file, name] : old) {
    // What is left of laying one counts as that one.
    const std::string sha256 = absl::HexStringToBytes(name.substr(0, 64));
    const bool blob = file == PathOf(sha256);
    if (blob && known->contains(sha256)) continue;
    const auto gone = UnlinkUnlessHeld(sha256, file);
    if (!gone.ok()) return gone.status();
    total += *gone ? 1 : 0;
  }
  return total;
}

}  // namespace grpc_os::store
