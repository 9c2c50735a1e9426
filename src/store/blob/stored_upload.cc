#include "store/blob/stored_upload.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "core/object/upload_errors.h"
#include "store/storage_error.h"

namespace grpc_os::store {
namespace {

constexpr int64_t kHintBytes = int64_t{4} << 20;
constexpr int64_t kRereadBytes = int64_t{1} << 20;

// Callers hear of the storage in one form; what was durable stays.
absl::Status ForCaller(const absl::Status& status) {
  return StorageError("the bytes were not written, resume where the upload stands later", status);
}

}  // namespace

StoredUpload::StoredUpload(const Parts& parts, core::UploadTarget target,
                           std::unique_ptr<UploadJournal> journal, UploadJournal::Record last)
    : parts_(parts),
      target_(std::move(target)),
      strand_(parts.threads),
      state_(last.state),
      journal_(std::move(journal)),
      sha256_(std::move(last.sha256)),
      write_time_ms_(last.state.write_time_ms) {}

core::UploadState StoredUpload::State() const { return *state_.Lock(); }

// ---- Ready: the file is open and content_ has all that is in it --------------------------------

absl::Status StoredUpload::Ready() {
  if (data_ != nullptr) return absl::OkStatus();
  auto opened = parts_.files.Open(DataPath(target_.id), Files::Mode::kWrite);
  if (absl::IsNotFound(opened.status()))
    return core::ObjectDamaged("the upload " + target_.id, "", "its file is missing");
  if (!opened.ok()) return opened.status();
  data_ = *std::move(opened);
  absl::Status status = Reread();
  if (!status.ok()) data_ = nullptr;
  return status;
}

// What lies behind the durable part was never acknowledged.
absl::Status StoredUpload::Reread() {
  const core::UploadState state = State();
  content_ = std::make_unique<GrowingContent>(parts_.hashes);
  while (written() < state.persisted_bytes) {
    auto bytes =
        data_->ReadAt(written(), std::min(kRereadBytes, state.persisted_bytes - written()));
    if (!bytes.ok()) return bytes.status();
    if (bytes->empty()) break;
    content_->Add(*bytes);
  }
  if (written() != state.persisted_bytes || content_->crc32c() != state.crc32c) {
    return core::ObjectDamaged(
        "the upload " + target_.id, "",
        absl::StrCat("of its ", state.persisted_bytes, " bytes not all are as they were written"));
  }
  hinted_bytes_ = written();
  return state.sealed ? absl::OkStatus() : RewindTo(*data_, written());
}

absl::Status StoredUpload::RewindTo(OpenFile& data, int64_t size) {
  const auto there = data.Size();
  if (!there.ok()) return there.status();
  if (*there <= size) return absl::OkStatus();
  // A record of more that could not be written must not come to count once the bytes are gone.
  if (auto status = journal_->Rewind(); !status.ok()) return status;
  return data.Truncate(size);
}

void StoredUpload::TrimToDurable() {
  const core::UploadState state = State();
  if (state.sealed) return;
  const auto data = parts_.files.Open(DataPath(target_.id), Files::Mode::kWrite);
  if (data.ok()) (void)RewindTo(**data, state.persisted_bytes);
}

// ---- Pieces ------------------------------------------------------------------------------------

void StoredUpload::Write(Piece piece, std::function<void(absl::Status)> done) {
  strand_.Post([self = shared_from_this(), piece = std::move(piece), done = std::move(done)] {
    auto status = std::exchange(self->failure_, absl::OkStatus());
    if (status.ok()) status = self->TakePiece(piece);
    if (!status.ok()) return done(ForCaller(status));
    Failpoint("upload.written");
    const int64_t unsynced = self->written() - self->State().persisted_bytes;
    if (unsynced >= self->parts_.pace.sync_bytes && !self->syncing_) self->BeginSync();
    if (self->syncing_ &&
        self->written() - self->syncing_bytes_ >= self->parts_.pace.unsynced_bytes) {
      self->held_.push_back(done);
    } else {
      done(absl::OkStatus());
    }
  });
}

absl::Status StoredUpload::TakePiece(const Piece& piece) {
  if (auto status = Ready(); !status.ok()) return status;
  const core::UploadState state = State();
  if (state.sealed) return core::UploadComplete(target_.id, state.persisted_bytes);
  const auto plan = core::PlanPiece(target_, written(), state.persisted_bytes, piece.offset,
                                    static_cast<int64_t>(piece.data.size()));
  if (!plan.ok()) return plan.status();
  if (const uint32_t found = parts_.hashes.checksum.Of(piece.data); found != piece.crc32c) {
    return core::ChecksumMismatch(absl::StrCat("the piece at ", piece.offset),
                                  absl::StrCat(piece.crc32c), absl::StrCat(found));
  }
  if (auto status = CompareRepeated(piece, plan->repeated_bytes); !status.ok()) return status;
  write_time_ms_ = parts_.clock.NowMs();
  if (plan->new_bytes == 0) return absl::OkStatus();
  const auto fresh = std::string_view(piece.data).substr(static_cast<size_t>(plan->repeated_bytes));
  // Hashed only once they are there: whatever a failure leaves behind them is written over.
  const absl::Status status = parts_.place.WithRoom([&] {
    auto room = parts_.files.CheckSpace(static_cast<int64_t>(fresh.size()));
    return room.ok() ? data_->WriteAt(written(), fresh) : room;
  });
  if (!status.ok()) return status;
  content_->Add(fresh);
  if (written() - hinted_bytes_ >= kHintBytes) {
    data_->BeginSync(hinted_bytes_, written() - hinted_bytes_);
    hinted_bytes_ = written();
  }
  return absl::OkStatus();
}

absl::Status StoredUpload::CompareRepeated(const Piece& piece, int64_t repeated_bytes) {
  if (repeated_bytes == 0) return absl::OkStatus();
  const auto there = data_->ReadAt(piece.offset, repeated_bytes);
  if (!there.ok()) return there.status();
  if (*there == std::string_view(piece.data).substr(0, static_cast<size_t>(repeated_bytes)))
    return absl::OkStatus();
  return core::UploadDiffers(target_.id, piece.offset, State().persisted_bytes);
}

// ---- Durability: first the bytes, then the record that tells of them ----------------------------

void StoredUpload::Persist(std::function<void(absl::StatusOr<core::UploadState>)> done) {
  strand_.Post([self = shared_from_this(), done = std::move(done)] {
    if (const auto failure = std::exchange(self->failure_, absl::OkStatus()); !failure.ok())
      return done(ForCaller(failure));
    const core::UploadState state = self->State();
    if (self->data_ == nullptr || state.sealed ||
        (self->written() == state.persisted_bytes && self->write_time_ms_ == state.write_time_ms)) {
      return done(state);
    }
    self->persists_.push_back(done);
    if (!self->syncing_) self->BeginSync();
  });
}

void StoredUpload::BeginSync() {
  core::UploadState snapshot;
  snapshot.persisted_bytes = written();
  snapshot.crc32c = content_->crc32c();
  snapshot.write_time_ms = write_time_ms_;
  syncing_ = true;
  syncing_bytes_ = written();
  parts_.threads.Post([self = shared_from_this(), snapshot, file = data_] {
    const absl::Status status = file->Sync();
    Failpoint("upload.synced");
    self->strand_.Post([self, snapshot, status] { self->Synced(snapshot, status); });
  });
}

void StoredUpload::Synced(const core::UploadState& snapshot, const absl::Status& status) {
  syncing_ = false;
  absl::Status ended = status;
  // Nobody knows what is in the file then; it is read again before anything else.
  if (!ended.ok()) data_ = nullptr;
  if (ended.ok()) ended = Record(snapshot);
  Failpoint("upload.recorded");
  TellSynced(ended);
}

absl::Status StoredUpload::Record(const core::UploadState& snapshot) {
  const absl::Status status =
      parts_.place.WithRoom([&] { return journal_->Append({.state = snapshot, .sha256 = ""}); });
  if (!status.ok()) return status;
  *state_.Lock() = snapshot;
  return absl::OkStatus();
}

void StoredUpload::TellSynced(const absl::Status& status) {
  if (!status.ok() && held_.empty() && persists_.empty()) failure_ = status;
  for (auto& done : std::exchange(held_, {})) done(ForCaller(status));
  if (persists_.empty()) return;
  const core::UploadState state = State();
  const bool all = status.ok() && data_ != nullptr && written() == state.persisted_bytes;
  if (status.ok() && data_ != nullptr && !all) return BeginSync();
  for (auto& done : std::exchange(persists_, {})) {
    if (status.ok()) {
      done(state);
    } else {
      done(ForCaller(status));
    }
  }
}

// ---- The end -----------------------------------------------------------------------------------

void StoredUpload::Measure(std::function<void(absl::StatusOr<core::ObjectContent>)> done) {
  strand_.Post([self = shared_from_this(), done = std::move(done)] {
    auto content = self->MeasureNow();
    if (!content.ok()) return done(ForCaller(content.status()));
    done(std::move(content));
  });
}

absl::StatusOr<core::ObjectContent> StoredUpload::MeasureNow() {
  core::ObjectContent content;
  const core::UploadState state = State();
  if (state.sealed) {
    content.sha256 = sha256_;
  } else {
    if (auto status = Ready(); !status.ok()) return status;
    if (written() != state.persisted_bytes)
      return absl::UnavailableError("not all that was written is durable; try again");
    content.sha256 = content_->Sha256();
  }
  content.size_bytes = state.persisted_bytes;
  content.crc32c = state.crc32c;
  content.blob = content.size_bytes > limits::kObjectInlineBytes;
  return content;
}

void StoredUpload::Seal(std::function<void(absl::StatusOr<Sealed>)> done) {
  strand_.Post([self = shared_from_this(), done = std::move(done)] {
    auto sealed = self->SealNow();
    if (!sealed.ok()) return done(ForCaller(sealed.status()));
    done(std::move(sealed));
  });
}

absl::StatusOr<core::UploadFile::Sealed> StoredUpload::SealNow() {
  auto content = MeasureNow();
  if (!content.ok()) return content.status();
  Sealed sealed;
  sealed.content = *std::move(content);
  if (!sealed.content.blob) {
    if (auto status = Ready(); !status.ok()) return status;
    auto bytes = data_->ReadAt(0, sealed.content.size_bytes);
    if (!bytes.ok()) return bytes.status();
    if (parts_.hashes.checksum.Of(*bytes) != sealed.content.crc32c)
      return core::ObjectDamaged("the upload " + target_.id, "", "its CRC32C is another one");
    sealed.content.data = *std::move(bytes);
    return sealed;
  }
  if (!State().sealed) {
    if (auto status = CloseContent(sealed.content); !status.ok()) return status;
  }
  Failpoint("upload.sealed");
  const std::string& sha256 = sealed.content.sha256;
  const absl::Status laid = parts_.place.WithRoom([&] {
    auto hold = parts_.place.Lay(DataPath(target_.id), sha256);
    if (hold.ok()) sealed.hold = *std::move(hold);
    return hold.status();
  });
  if (!laid.ok()) return laid;
  sealed.let_go = [&place = parts_.place, sha256] { place.LetGo(sha256); };
  Failpoint("upload.laid");
  return sealed;
}

// The file gets its table and is never written again.
absl::Status StoredUpload::CloseContent(const core::ObjectContent& content) {
  const std::string table = content_->Table();
  if (auto status =
          parts_.place.WithRoom([&] { return data_->WriteAt(content.size_bytes, table); });
      !status.ok())
    return status;
  // A write that failed half-way may have left more.
  const int64_t size = content.size_bytes + static_cast<int64_t>(table.size());
  if (auto status = data_->Truncate(size); !status.ok()) return status;
  if (auto status = data_->Sync(); !status.ok()) {
    data_ = nullptr;
    return status;
  }
  core::UploadState state = State();
  state.sealed = true;
  const absl::Status recorded = parts_.place.WithRoom(
      [&] { return journal_->Append({.state = state, .sha256 = content.sha256}); });
  if (!recorded.ok()) {
    data_ = nullptr;  // so that the record is gone for good before more is written
    return recorded;
  }
  sha256_ = content.sha256;
  *state_.Lock() = state;
  return absl::OkStatus();
}

void StoredUpload::Remove(std::function<void(absl::Status)> done) {
  strand_.Post(
      [self = shared_from_this(), done = std::move(done)] { done(ForCaller(self->RemoveNow())); });
}

void StoredUpload::Supersede(std::function<void(absl::Status)> done) {
  strand_.Post([self = shared_from_this(), done = std::move(done)] {
    const absl::Status status = self->SupersedeNow();
    Failpoint("upload.superseded");
    done(ForCaller(status));
  });
}

absl::Status StoredUpload::SupersedeNow() {
  const std::string journal = JournalPath(target_.id);
  const std::string superseded = SupersededPath(target_.id);
  if (auto status = parts_.files.Rename(journal, superseded); !status.ok()) return status;
  absl::Status status = RemoveNow();
  if (!status.ok()) (void)parts_.files.Rename(superseded, journal);  // it goes on
  return status;
}

// The journal first: bytes without a journal are swept away, a journal without bytes looks like a
// loss.
absl::Status StoredUpload::RemoveNow() {
  if (auto status = parts_.files.Unlink(JournalPath(target_.id)); !status.ok()) return status;
  if (auto status = parts_.files.SyncDirectory("uploads"); !status.ok()) return status;
  return parts_.files.Unlink(DataPath(target_.id));
}

}  // namespace grpc_os::store
