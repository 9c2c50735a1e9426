#include "core/object/uploads.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/id.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/object/upload_errors.h"
#include "core/violations.h"

namespace grpc_os::core {
namespace {

constexpr int64_t kTickMs = 10'000;
constexpr char kFinishMethod[] = "grpc_os.v1.FilesystemService/FinishUpload";
constexpr char kFinishDigest[] = "finish";
// What one user can have of the places for all, so that the others are left some.
constexpr int kOpenPerUser = limits::kUploadsOpen / 2;
constexpr int kStreamsPerUser = limits::kUploadStreams / 2;

// Under which it is known, in the transaction that made the object, that an upload was finished.
RequestKey FinishKey(const std::string& id, const std::string& user) {
  return {.user = user, .method = kFinishMethod, .id = id};
}

// What a user made stays the user's to see, although it may only be written there.
ObjectAccess ReadOrWrite(const ObjectAccess& access) {
  return [access](ObjectVerb, std::string_view name) {
    return access(ObjectVerb::kRead, name) || access(ObjectVerb::kWrite, name);
  };
}

absl::Status RequestIdReused(const std::string& id) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("the request_id ", id,
                                " was used for an upload of another object; take a new one for "
                                "each upload, and the same one only to repeat it"),
                   {.reason = reason::kRequestIdReused, .metadata = {{"request_id", id}}});
}

}  // namespace

absl::StatusOr<PiecePlan> PlanPiece(const UploadTarget& target, int64_t written_bytes,
                                    int64_t persisted_bytes, int64_t offset, int64_t piece_bytes) {
  Violations violations;
  if (offset < 0) violations.Add("offset", "give 0 or more");
  if (piece_bytes <= 0 || piece_bytes > limits::kUploadChunkBytes)
    violations.Add("data", absl::StrCat("give 1 to ", limits::kUploadChunkBytes, " bytes"));
  if (!violations.empty()) return violations.ToStatus();
  if (offset > written_bytes) return UploadOffset(target.id, offset, persisted_bytes);
  PiecePlan plan;
  plan.repeated_bytes = std::min(written_bytes - offset, piece_bytes);
  plan.new_bytes = piece_bytes - plan.repeated_bytes;
  const int64_t end = written_bytes + plan.new_bytes;
  if (end > limits::kObjectBytes) return ObjectTooLarge();
  if (target.size_bytes.has_value() && end > *target.size_bytes)
    return UploadTooLong(target.id, *target.size_bytes, persisted_bytes);
  return plan;
}

struct Uploads::Entry {
  UploadTarget target;
  std::shared_ptr<UploadFile> file;  // null: being created
  enum class Use { kNone, kWritten, kEnding } use = Use::kNone;
};

// How much is under way. Whoever works on an upload holds a token.
class Uploads::Work final {
 public:
  static std::shared_ptr<void> Begin(const std::shared_ptr<Work>& work) {
    const std::lock_guard lock(work->mutex_);
    ++work->count_;
    return {nullptr, [work](void*) {
              const std::lock_guard ending(work->mutex_);
              if (--work->count_ == 0) work->none_.notify_all();
            }};
  }
  void AwaitEnd() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};

// The uploads that are open, and who works on them. Shared with whatever is under way.
class Uploads::Book final : public std::enable_shared_from_this<Uploads::Book> {
 public:
  explicit Book(Parts parts) : parts_(std::move(parts)) {}

  const Parts& parts() const { return parts_; }
  std::shared_ptr<void> BeginWork() { return Work::Begin(work_); }
  void AwaitEnd() { work_->AwaitEnd(); }

  absl::Status Load() {
    auto stored = parts_.files.LoadUploads();
    if (!stored.ok()) return stored.status();
    auto entries = entries_.Lock();
    for (auto& one : *stored) {
      const std::string id = one.target.id;
      (*entries)[id] = {.target = std::move(one.target), .file = std::move(one.file)};
    }
    entries.lock().unlock();
    ForgetFinished();
    return absl::OkStatus();
  }

  static Upload Show(const Entry& entry) {
    Upload upload;
    upload.id = entry.target.id;
    upload.name = entry.target.object.name;
    upload.state = entry.file->State();
    upload.expire_time_ms = upload.state.write_time_ms + limits::kUploadIdleMs;
    return upload;
  }

  // A place for it. Or: what came of the same request before, or a refusal.
  absl::StatusOr<std::optional<Upload>> Enter(const UploadTarget& target) {
    auto entries = entries_.Lock();
    for (const auto& [id, entry] : *entries) {
      if (target.request_id.empty() || entry.target.request_id != target.request_id ||
          entry.target.user != target.user) {
        continue;
      }
      if (entry.target.request_digest != target.request_digest)
        return RequestIdReused(target.request_id);
      if (entry.file == nullptr) return UploadBusy(id);
      return Show(entry);
    }
    if (static_cast<int>(entries->size()) >= limits::kUploadsOpen)
      return TooManyUploads(limits::kUploadsOpen);
    if (CountOf(*entries, target.user) >= kOpenPerUser) return TooManyUploadsOfUser(kOpenPerUser);
    (*entries)[target.id].target = target;
    return std::nullopt;
  }
  void SetFile(const std::string& id, std::shared_ptr<UploadFile> file) {
    (*entries_.Lock())[id].file = std::move(file);
  }
  void Erase(const std::string& id) { entries_.Lock()->erase(id); }

  std::optional<Upload> Find(const std::string& id, const std::string& user) {
    auto entries = entries_.Lock();
    const auto it = entries->find(id);
    if (!Its(it, *entries, user)) return std::nullopt;
    return Show(it->second);
  }

  absl::StatusOr<Entry> Take(const std::string& id, const std::string& user, Entry::Use use) {
    auto entries = entries_.Lock();
    const auto it = entries->find(id);
    if (!Its(it, *entries, user)) return UploadNotFound(id);
    if (it->second.use != Entry::Use::kNone) return UploadBusy(id);
    if (use == Entry::Use::kWritten) {
      if (writing_ >= limits::kUploadStreams) return TooManyUploadStreams(limits::kUploadStreams);
      if (CountOf(*entries, user, Entry::Use::kWritten) >= kStreamsPerUser)
        return TooManyUploadStreamsOfUser(kStreamsPerUser);
      ++writing_;
    }
    it->second.use = use;
    return it->second;
  }
  void Release(const std::string& id) {
    auto entries = entries_.Lock();
    Entry& entry = entries->at(id);
    if (std::exchange(entry.use, Entry::Use::kNone) == Entry::Use::kWritten) --writing_;
  }

  // With what became of it, as far as that is still there.
  void ShowFinished(const CommittedRequest& committed, Upload upload, const ObjectAccess& access,
                    Done done) {
    upload.name = committed.subject;
    upload.expire_time_ms = committed.time_ms + limits::kRequestKeptMs;
    upload.finished = true;
    parts_.get(committed.subject, access,
               [work = BeginWork(), upload = std::move(upload),
                done = std::move(done)](const absl::StatusOr<Object>& object) mutable {
                 if (!object.ok()) return done(std::move(upload));
                 upload.name = object->name;
                 upload.state.persisted_bytes = object->size_bytes;
                 upload.state.crc32c = object->crc32c;
                 done(std::move(upload));
               });
  }

  // The idle ones, each taken.
  std::vector<Entry> TakeIdle(int64_t before_ms) {
    std::vector<Entry> idle;
    auto entries = entries_.Lock();
    for (auto& [id, entry] : *entries) {
      if (entry.file == nullptr || entry.use != Entry::Use::kNone ||
          entry.file->State().write_time_ms > before_ms) {
        continue;
      }
      entry.use = Entry::Use::kEnding;
      idle.push_back(entry);
    }
    return idle;
  }
  // Of one that was taken.
  void Remove(const Entry& entry, std::function<void(absl::Status)> done) {
    entry.file->Remove([self = shared_from_this(), id = entry.target.id, work = BeginWork(),
                        done = std::move(done)](const absl::Status& status) {
      if (status.ok()) {
        self->Erase(id);
      } else {
        self->Release(id);
      }
      done(status);
    });
  }

  Usage usage() {
    Usage usage;
    for (const auto& [id, entry] : *entries_.Lock()) {
      ++usage.uploads;
      if (entry.file != nullptr) usage.bytes += entry.file->State().persisted_bytes;
    }
    return usage;
  }

  std::atomic<int64_t> next_tick_ms{0};

 private:
  using Entries = std::map<std::string, Entry>;

  // Those that a daemon before this one finished, and was killed before it could forget them.
  void ForgetFinished() {
    const auto looking = std::make_shared<Work>();
    const Entries all = *entries_.Lock();
    for (const auto& [id, entry] : all) {
      parts_.committed.FindRequest(
          FinishKey(id, entry.target.user),
          [self = shared_from_this(), id = id, user = entry.target.user,
           token =
               Work::Begin(looking)](const absl::StatusOr<std::optional<CommittedRequest>>& found) {
            if (!found.ok() || !found->has_value()) return;
            if (const auto taken = self->Take(id, user, Entry::Use::kEnding); taken.ok())
              self->Remove(*taken, [](const absl::Status&) {});
          });
    }
    looking->AwaitEnd();
  }
  static int CountOf(const Entries& entries, const std::string& user,
                     std::optional<Entry::Use> use = std::nullopt) {
    return static_cast<int>(std::count_if(entries.begin(), entries.end(), [&](const auto& one) {
      return one.second.target.user == user && (!use.has_value() || one.second.use == *use);
    }));
  }
  static bool Its(Entries::const_iterator it, const Entries& entries, const std::string& user) {
    return it != entries.end() && it->second.file != nullptr && it->second.target.user == user;
  }

  const Parts parts_;
  const std::shared_ptr<Work> work_ = std::make_shared<Work>();
  Guarded<Entries> entries_;
  int writing_ = 0;  // under the lock of entries_
};

namespace {

class WriterOfOne final : public Uploads::Writer {
 public:
  WriterOfOne(std::string name, std::shared_ptr<UploadFile> file, std::function<Upload()> show,
              std::function<void()> release)
      : name_(std::move(name)),
        file_(std::move(file)),
        show_(std::move(show)),
        release_(std::move(release)) {}
  ~WriterOfOne() override {
    if (release_) file_->Persist([release = std::move(release_)](const auto&) { release(); });
  }
  void Write(UploadFile::Piece piece, std::function<void(absl::Status)> done) override {
    file_->Write(std::move(piece), std::move(done));
  }
  void Close(Uploads::Done done) override {
    file_->Persist([release = std::exchange(release_, nullptr), show = show_,
                    done = std::move(done)](const absl::StatusOr<UploadState>& state) {
      release();
      if (!state.ok()) return done(state.status());
      Upload upload = show();
      upload.state = *state;
      done(std::move(upload));
    });
  }
  const std::string& name() const override { return name_; }

 private:
  const std::string name_;
  const std::shared_ptr<UploadFile> file_;
  const std::function<Upload()> show_;
  std::function<void()> release_;
};

absl::Status Compare(const std::string& id, const UploadExpectation& expected,
                     const ObjectContent& found) {
  if (expected.size_bytes.has_value() && *expected.size_bytes != found.size_bytes)
    return UploadIncomplete(id, found.size_bytes, *expected.size_bytes);
  if (expected.crc32c.has_value() && *expected.crc32c != found.crc32c) {
    return ChecksumMismatch("the content", absl::StrCat(*expected.crc32c),
                            absl::StrCat(found.crc32c));
  }
  if (!expected.sha256.empty() && expected.sha256 != found.sha256) {
    return ChecksumMismatch("the content", absl::BytesToHexString(expected.sha256),
                            absl::BytesToHexString(found.sha256));
  }
  return absl::OkStatus();
}

}  // namespace

// One FinishUpload under way: persist, measure, compare, seal, commit, forget.
class Uploads::Ending final : public std::enable_shared_from_this<Uploads::Ending> {
 public:
  Ending(std::shared_ptr<Book> book, Entry entry, UploadExpectation expected, Objects::By by,
         Objects::Done done)
      : work_(book->BeginWork()),
        book_(std::move(book)),
        entry_(std::move(entry)),
        expected_(std::move(expected)),
        by_(std::move(by)),
        done_(std::move(done)) {}

  void Run() {
    entry_.file->Persist([self = shared_from_this()](const absl::StatusOr<UploadState>& state) {
      if (!state.ok()) return self->Refuse(state.status());
      if (const auto& size = self->entry_.target.size_bytes;
          size.has_value() && *size != state->persisted_bytes) {
        return self->Refuse(
            UploadIncomplete(self->entry_.target.id, state->persisted_bytes, *size));
      }
      self->Measure();
    });
  }

 private:
  void Measure() {
    entry_.file->Measure([self = shared_from_this()](const absl::StatusOr<ObjectContent>& found) {
      if (!found.ok()) return self->Refuse(found.status());
      if (auto status = Compare(self->entry_.target.id, self->expected_, *found); !status.ok())
        return self->Refuse(status);
      self->entry_.file->Seal([self](absl::StatusOr<UploadFile::Sealed> sealed) {
        if (!sealed.ok()) return self->Refuse(sealed.status());
        self->Commit(*std::move(sealed));
      });
    });
  }
  void Commit(UploadFile::Sealed sealed) {
    PutObject object = entry_.target.object;
    object.content = std::move(sealed.content);
    hold_ = std::move(sealed.hold);
    let_go_ = std::move(sealed.let_go);
    book_->parts().put(std::move(object), by_,
                       [self = shared_from_this()](absl::StatusOr<Object> made) {
                         // Named or not, before anyone is told.
                         self->hold_.reset();
                         if (!made.ok()) return self->RefuseCommit(made.status());
                         // What stays if this fails is cleared away when it has become old.
                         self->book_->Remove(self->entry_, [](const absl::Status&) {});
                         self->done_(std::move(made));
                       });
  }
  // What failed in the storage may be found after a crash (docs/decisions/0008): its file stays.
  void RefuseCommit(const absl::Status& status) {
    const bool certain =
        !absl::IsUnavailable(status) && !absl::IsInternal(status) && !absl::IsDataLoss(status);
    if (certain && let_go_) let_go_();
    Refuse(status);
  }
  void Refuse(const absl::Status& status) {
    book_->Release(entry_.target.id);
    done_(status);
  }

  const std::shared_ptr<void> work_;
  const std::shared_ptr<Book> book_;
  const Entry entry_;
  const UploadExpectation expected_;
  const Objects::By by_;
  const Objects::Done done_;
  std::shared_ptr<void> hold_;  // of the content, from its sealing until the commit is answered
  std::function<void()> let_go_;
};

Uploads::Uploads(Parts parts) : book_(std::make_shared<Book>(std::move(parts))) {}
Uploads::~Uploads() { book_->AwaitEnd(); }

absl::Status Uploads::Load() { return book_->Load(); }

Uploads::Usage Uploads::usage() const { return book_->usage(); }

void Uploads::Start(UploadTarget target, Check check, Done done) {
  const int64_t now = book_->parts().clock.NowMs();
  target.id = NewId("upload_", now);
  target.create_time_ms = now;
  auto known = book_->Enter(target);
  if (!known.ok()) return done(known.status());
  if (known->has_value()) return done(**std::move(known));
  if (check == nullptr) return Create(book_, target, std::move(done));
  check([book = book_, target = std::move(target), work = book_->BeginWork(),
         done = std::move(done)](const absl::Status& status) {
    if (status.ok()) return Create(book, target, done);
    book->Erase(target.id);
    done(status);
  });
}

void Uploads::Create(const std::shared_ptr<Book>& book, const UploadTarget& target, Done done) {
  book->parts().files.Create(
      target, [book, id = target.id, user = target.user, work = book->BeginWork(),
               done = std::move(done)](absl::StatusOr<std::shared_ptr<UploadFile>> file) {
        if (!file.ok()) {
          book->Erase(id);
          return done(file.status());
        }
        book->SetFile(id, *std::move(file));
        auto upload = book->Find(id, user);
        if (!upload.has_value()) return done(UploadNotFound(id));
        done(*std::move(upload));
      });
}

void Uploads::Get(const std::string& id, const std::string& user, const ObjectAccess& access,
                  Done done) {
  auto found = book_->Find(id, user);
  // It may have been finished, and then that is known which its transaction left.
  book_->parts().committed.FindRequest(
      FinishKey(id, user),
      [book = book_, work = book_->BeginWork(), id, access, found = std::move(found),
       done = std::move(done)](
          const absl::StatusOr<std::optional<CommittedRequest>>& committed) mutable {
        if (!committed.ok()) return done(committed.status());
        if (!committed->has_value())
          return found.has_value() ? done(*std::move(found)) : done(UploadNotFound(id));
        book->ShowFinished(**committed, Upload{.id = id, .name = "", .state = {}},
                           ReadOrWrite(access), std::move(done));
      });
}

void Uploads::Cancel(const std::string& id, const std::string& user,
                     std::function<void(absl::Status)> done) {
  const auto entry = book_->Take(id, user, Entry::Use::kEnding);
  if (!entry.ok()) return done(entry.status());
  book_->Remove(*entry, std::move(done));
}

absl::StatusOr<std::shared_ptr<Uploads::Writer>> Uploads::BeginWrite(const std::string& id,
                                                                     const std::string& user) {
  auto entry = book_->Take(id, user, Entry::Use::kWritten);
  if (!entry.ok()) return entry.status();
  auto file = entry->file;
  std::string name = entry->target.object.name;
  return std::make_shared<WriterOfOne>(
      std::move(name), std::move(file), [entry = *std::move(entry)] { return Book::Show(entry); },
      [book = book_, id] { book->Release(id); });
}

void Uploads::Finish(const std::string& id, UploadExpectation expected, Objects::By by,
                     Objects::Done done) {
  CommittedRequest committed;
  committed.key = FinishKey(id, by.origin.record.user);
  committed.digest = kFinishDigest;
  committed.time_ms = by.origin.record.time_ms;
  const RequestKey key = committed.key;
  by.origin.request = std::move(committed);
  const ObjectAccess access = ReadOrWrite(by.access);
  book_->parts().requests.Begin(
      key, kFinishDigest,
      {.carry_out =
           [book = book_, work = book_->BeginWork(), id, expected = std::move(expected),
            by = std::move(by), done](std::shared_ptr<void> slot) mutable {
             by.origin.slot = std::move(slot);
             auto entry = book->Take(id, by.origin.record.user, Entry::Use::kEnding);
             if (!entry.ok()) return done(entry.status());
             by.origin.record.resource = entry->target.object.name;
             by.origin.NoteName(id, entry->target.object.name);
             std::make_shared<Ending>(book, *std::move(entry), std::move(expected), std::move(by),
                                      std::move(done))
                 ->Run();
           },
       .repeat =
           [book = book_, work = book_->BeginWork(), id, user = key.user, access,
            done](absl::StatusOr<CommittedRequest> found) {
             if (!found.ok()) return done(found.status());
             // Left by a daemon that was killed after the commit.
             if (const auto entry = book->Take(id, user, Entry::Use::kEnding); entry.ok())
               book->Remove(*entry, [](const absl::Status&) {});
             book->parts().get(found->subject, access, done);
           }});
}

void Uploads::Tick(int64_t now_ms) {
  // A clock that was set back is no reason to wait.
  const int64_t next_ms = book_->next_tick_ms.load();
  if (now_ms < next_ms && now_ms >= next_ms - kTickMs) return;
  book_->next_tick_ms.store(now_ms + kTickMs);
  for (const Entry& entry : book_->TakeIdle(now_ms - limits::kUploadIdleMs))
    book_->Remove(entry, [](const absl::Status&) {});
}

}  // namespace grpc_os::core
