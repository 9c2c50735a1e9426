#include "store/blob/blob_files.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/object/upload_errors.h"
#include "store/blob/blob_reader.h"
#include "store/storage_error.h"

namespace grpc_os::store {
namespace {

constexpr int kThreads = 4;
constexpr char kUploads[] = "uploads";
constexpr char kBlobs[] = "blobs";

absl::Status ForCaller(const absl::Status& status) {
  return StorageError("the upload was not recorded", status);
}

}  // namespace

std::string BlobFiles::PathOf(const std::string& sha256) {
  const std::string hex = absl::BytesToHexString(sha256);
  return absl::StrCat(kBlobs, "/", hex.substr(0, 2), "/", hex.substr(2, 2), "/", hex);
}

BlobFiles::BlobFiles(Parts parts)
    : parts_(std::move(parts)), files_(parts_.files.get()), threads_(kThreads) {}
BlobFiles::~BlobFiles() = default;

absl::StatusOr<std::unique_ptr<BlobFiles>> BlobFiles::Open(Parts parts) {
  Files& files = *parts.files;
  for (const char* directory : {kUploads, kBlobs}) {
    if (auto status = files.MakeDirectory(directory); !status.ok()) return status;
  }
  if (auto status = files.SyncDirectory("."); !status.ok()) return status;
  // Names that a killed daemon made and did not sync count from now on.
  if (auto status = files.SyncDirectory(kUploads); !status.ok()) return status;
  return std::unique_ptr<BlobFiles>(new BlobFiles(std::move(parts)));
}

StoredUpload::Parts BlobFiles::UploadParts() {
  return {.files = *files_,
          .threads = threads_,
          .place = *this,
          .hashes = parts_.hashes,
          .clock = parts_.clock};
}

// ---- Uploads -----------------------------------------------------------------------------------

void BlobFiles::Create(
    const core::UploadTarget& target,
    std::function<void(absl::StatusOr<std::shared_ptr<core::UploadFile>>)> done) {
  threads_.Post([this, target, done = std::move(done)] {
    absl::StatusOr<std::shared_ptr<core::UploadFile>> made;
    const absl::Status status = WithRoom([&] {
      made = CreateNow(target);
      if (made.ok()) return absl::OkStatus();
      // Without a journal it is nothing.
      (void)files_->Unlink(StoredUpload::JournalPath(target.id));
      (void)files_->Unlink(StoredUpload::DataPath(target.id));
      return made.status();
    });
    if (!status.ok()) return done(ForCaller(status));
    done(std::move(made));
  });
}

absl::StatusOr<std::shared_ptr<core::UploadFile>> BlobFiles::CreateNow(
    const core::UploadTarget& target) {
  auto data = files_->Open(StoredUpload::DataPath(target.id), Files::Mode::kCreate);
  if (!data.ok()) return data.status();
  auto journal = UploadJournal::Create(*files_, StoredUpload::JournalPath(target.id), target,
                                       parts_.hashes.checksum);
  if (!journal.ok()) return journal.status();
  if (auto status = files_->SyncDirectory(kUploads); !status.ok()) return status;
  UploadJournal::Record first;
  first.state.write_time_ms = target.create_time_ms;
  return std::make_shared<StoredUpload>(UploadParts(), target, *std::move(journal),
                                        std::move(first));
}

absl::StatusOr<core::UploadFiles::Loaded> BlobFiles::LoadUploads() {
  const auto entries = files_->List(kUploads);
  if (!entries.ok()) return entries.status();
  Loaded loaded;
  std::set<std::string> known;  // names of files
  for (const auto& entry : *entries) {
    const bool superseded = absl::EndsWith(entry.name, ".superseded");
    if (!superseded && !absl::EndsWith(entry.name, ".journal")) continue;
    const std::string id = entry.name.substr(0, entry.name.find('.'));
    auto opened = UploadJournal::Open(*files_, absl::StrCat(kUploads, "/", entry.name),
                                      parts_.hashes.checksum);
    // Without a whole first record nobody was told of it.
    if (absl::IsDataLoss(opened.status()) || (opened.ok() && opened->target.id != id)) continue;
    if (!opened.ok()) return opened.status();
    known.insert(entry.name);
    if (superseded) {
      loaded.superseded.push_back(std::move(opened->target));
      continue;
    }
    known.insert(absl::StrCat(id, ".data"));
    auto file = std::make_shared<StoredUpload>(UploadParts(), opened->target,
                                               std::move(opened->journal), std::move(opened->last));
    file->TrimToDurable();
    loaded.uploads.push_back({.target = std::move(opened->target), .file = std::move(file)});
  }
  for (const auto& entry : *entries) {
    if (known.contains(entry.name)) continue;
    if (auto status = files_->Unlink(absl::StrCat(kUploads, "/", entry.name)); !status.ok())
      return status;
  }
  return loaded;
}

// What cannot be removed now goes with another daemon's start.
void BlobFiles::ForgetSuperseded(const std::string& id) {
  threads_.Post([this, id] { (void)files_->Unlink(StoredUpload::SupersededPath(id)); });
}

// ---- Blobs -------------------------------------------------------------------------------------

std::shared_ptr<core::BlobReader> BlobFiles::ReadBlob(const Range& range) {
  return std::make_shared<StoredBlobReader>(
      StoredBlobReader::Parts{.files = *files_,
                              .threads = threads_,
                              .checksum = parts_.hashes.checksum,
                              .hold = HoldForReading(range.sha256),
                              .is_named = [this, sha256 = range.sha256]() -> absl::StatusOr<bool> {
                                const auto refs = RefsOf(sha256);
                                if (!refs.ok()) return refs.status();
                                return refs->value_or(0) > 0;
                              }},
      PathOf(range.sha256), range);
}

std::shared_ptr<void> BlobFiles::HoldForReading(const std::string& sha256) {
  holds_->Lock()->read.insert(sha256);
  return {nullptr, [holds = holds_, sha256](void*) {
            auto locked = holds->Lock();
            locked->read.erase(locked->read.find(sha256));
          }};
}

std::shared_ptr<void> BlobFiles::Hold(const std::string& sha256) {
  {
    auto holds = holds_->Lock();
    holds->held.insert(sha256);
    holds->touched.insert(sha256);
  }
  return {nullptr, [holds = holds_, sha256](void*) {
            auto locked = holds->Lock();
            locked->held.erase(locked->held.find(sha256));
          }};
}

// After the hold.
void BlobFiles::LetGo(const std::string& sha256) { holds_->Lock()->let_go.insert(sha256); }

bool BlobFiles::AnyLetGo() const { return !holds_->Lock()->let_go.empty(); }

// Held before it is laid: a collection must not take it between its name and its row.
absl::StatusOr<std::shared_ptr<void>> BlobFiles::Lay(const std::string& path,
                                                     const std::string& sha256) {
  auto hold = Hold(sha256);
  const std::string target = PathOf(sha256);
  const std::string directory = target.substr(0, target.rfind('/'));
  const std::string above = directory.substr(0, directory.rfind('/'));
  if (auto status = MakeDurableDirectory(above, kBlobs); !status.ok()) return status;
  if (auto status = MakeDurableDirectory(directory, above); !status.ok()) return status;
  // A link and not a renaming, so that at no time the upload is without its bytes. It takes the
  // place of one that is there, which may be damaged.
  const std::string fresh = absl::StrCat(target, ".", path.substr(path.rfind('/') + 1));
  if (auto status = files_->Unlink(fresh); !status.ok()) return status;
  if (auto status = files_->Link(path, fresh); !status.ok()) return status;
  if (auto status = files_->Rename(fresh, target); !status.ok()) return status;
  // Where both were names of one file already, that was no renaming.
  if (auto status = files_->Unlink(fresh); !status.ok()) return status;
  if (auto status = files_->SyncDirectory(directory); !status.ok()) return status;
  return hold;
}

absl::Status BlobFiles::MakeDurableDirectory(const std::string& path, const std::string& parent) {
  if (holds_->Lock()->made.contains(path)) return absl::OkStatus();
  if (auto status = files_->MakeDirectory(path); !status.ok()) return status;
  if (auto status = files_->SyncDirectory(parent); !status.ok()) return status;
  holds_->Lock()->made.insert(path);
  return absl::OkStatus();
}

absl::StatusOr<bool> BlobFiles::UnlinkUnlessHeld(const std::string& sha256,
                                                 const std::string& path) {
  {
    auto holds = holds_->Lock();  // until it is gone
    if (holds->MayBeNamed(sha256)) return false;
    if (auto status = files_->Unlink(path); !status.ok()) return status;
  }
  TellRemoved();
  return true;
}

}  // namespace grpc_os::store
