#include "core/object/uploads.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "base/limits.h"
#include "core/object/object_errors.h"
#include "core/object/object_name.h"
#include "core/object/upload_book.h"
#include "core/object/upload_errors.h"
#include "core/violations.h"

namespace grpc_os::core {
namespace {

constexpr int64_t kTickMs = 10'000;
constexpr char kFinishDigest[] = "finish";

// What a user made stays the user's to see, although it may only be written there.
ObjectAccess ReadOrWrite(const ObjectAccess& access) {
  return [access](ObjectVerb, std::string_view name) {
    return access(ObjectVerb::kRead, name) || access(ObjectVerb::kWrite, name);
  };
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

namespace {

class WriterOfOne final : public Uploads::Writer {
 public:
  struct Parts {
    UploadTarget target;
    std::shared_ptr<UploadFile> file;
    std::function<Upload()> show;
    std::function<bool()> cancelled;
    std::function<void()> release;
  };
  explicit WriterOfOne(Parts parts) : parts_(std::move(parts)) {}
  ~WriterOfOne() override {
    if (parts_.release)
      parts_.file->Persist([release = std::move(parts_.release)](const auto&) { release(); });
  }
  void Write(UploadFile::Piece piece, std::function<void(absl::Status)> done) override {
    if (auto status = Check(); !status.ok()) return done(status);
    parts_.file->Write(std::move(piece), std::move(done));
  }
  void Close(Uploads::Done done) override {
    parts_.file->Persist([release = std::exchange(parts_.release, nullptr), show = parts_.show,
                          check = Check(),
                          done = std::move(done)](const absl::StatusOr<UploadState>& state) {
      release();
      if (!check.ok()) return done(check);
      if (!state.ok()) return done(state.status());
      Upload upload = show();
      upload.state = *state;
      done(std::move(upload));
    });
  }
  const std::string& path() const override { return parts_.target.path; }
  absl::Status Check() const override {
    return parts_.cancelled() ? UploadNotFound(parts_.target.id) : absl::OkStatus();
  }

 private:
  Parts parts_;
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

RequestKey Uploads::FinishKey(const std::string& id, const std::string& user) {
  return {.user = user, .method = "grpc_os.v1.FilesystemService/FinishUpload", .id = id};
}

void Uploads::Start(UploadTarget target, By by, Check check, Done done) {
  const int64_t now = book_->parts().clock.NowMs();
  target.id = NewId("upload_", now);
  target.user = by.user;
  target.create_time_ms = now;
  target.path = target.object.name;
  if (!IsObjectId(target.path)) return Enter(book_, target, std::move(by), check, std::move(done));
  const ObjectAccess see = ReadOrWrite(by.access);
  book_->parts().get(target.path, see,
                     [book = book_, work = book_->BeginWork(), target, by = std::move(by),
                      check = std::move(check),
                      done = std::move(done)](const absl::StatusOr<Object>& object) mutable {
                       if (!object.ok()) return done(object.status());
                       if (!by.access(ObjectVerb::kWrite, object->name))
                         return done(NameForbidden(ObjectVerb::kWrite, object->name));
                       target.path = object->name;
                       Enter(book, target, std::move(by), check, std::move(done));
                     });
}

void Uploads::Enter(const OfBook& book, const UploadTarget& target, By by, const Check& check,
                    Done done) {
  auto known = book->Enter(target);
  if (!known.ok()) return done(known.status());
  if (known->has_value()) return done(**std::move(known));
  if (check == nullptr) return MakeRoom(book, target, by, std::move(done));
  check([book, target, by = std::move(by), work = book->BeginWork(),
         done = std::move(done)](const absl::Status& status) {
    if (status.ok()) return MakeRoom(book, target, by, done);
    book->Erase(target.id);
    done(status);
  });
}

// First those go that give way: at no time there are more than may be, whatever ends the daemon.
void Uploads::MakeRoom(const OfBook& book, const UploadTarget& target, const By& by, Done done) {
  const auto excess = book->TakeExcess(by);
  if (excess.ok() && !excess->has_value()) return Create(book, target, std::move(done));
  if (!excess.ok()) {
    book->Erase(target.id);
    return done(excess.status());
  }
  book->Supersede(**excess, [book, target, by, work = book->BeginWork(),
                             done = std::move(done)](const absl::Status& status) {
    if (status.ok()) return MakeRoom(book, target, by, done);
    book->Erase(target.id);
    done(status);
  });
}

void Uploads::Create(const OfBook& book, const UploadTarget& target, Done done) {
  book->parts().files.Create(
      target, [book, target, work = book->BeginWork(),
               done = std::move(done)](absl::StatusOr<std::shared_ptr<UploadFile>> file) {
        if (!file.ok()) {
          book->Erase(target.id);
          return done(file.status());
        }
        Upload upload = Book::Show({.target = target, .file = *file});
        book->SetFile(target.id, *std::move(file));
        done(std::move(upload));
      });
}

void Uploads::Get(const std::string& id, const By& by, Done done) {
  auto found = book_->Find(id, by);
  // It may have been finished, and then that is known which its transaction left.
  book_->parts().committed.FindRequest(
      FinishKey(id, by.user),
      [book = book_, work = book_->BeginWork(), id, access = by.access, found = std::move(found),
       done = std::move(done)](
          const absl::StatusOr<std::optional<CommittedRequest>>& committed) mutable {
        if (!committed.ok()) return done(committed.status());
        if (!committed->has_value()) return done(std::move(found));
        book->ShowFinished(**committed, Upload{.id = id, .name = "", .state = {}},
                           ReadOrWrite(access), std::move(done));
      });
}

std::vector<Upload> Uploads::List(const By& by) const { return book_->List(by); }

void Uploads::Cancel(const std::string& id, const By& by, std::function<void(absl::Status)> done) {
  if (auto status = book_->Permit(id, by); !status.ok()) return done(status);
  book_->Cancel(id, std::move(done));
}

absl::StatusOr<std::shared_ptr<Uploads::Writer>> Uploads::BeginWrite(const std::string& id,
                                                                     const By& by) {
  if (auto status = book_->Permit(id, by); !status.ok()) return status;
  auto entry = book_->Take(id, Entry::Use::kWritten);
  if (!entry.ok()) return entry.status();
  entry->use = Entry::Use::kNone;  // as it is shown once the writer has done
  return std::make_shared<WriterOfOne>(
      WriterOfOne::Parts{.target = entry->target,
                         .file = entry->file,
                         .show = [entry = *entry] { return Book::Show(entry); },
                         .cancelled = [book = book_, id] { return book->IsCancelled(id); },
                         .release = [book = book_, id] { book->Release(id); }});
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
             if (auto status = book->Permit(id, {by.origin.record.user, by.access}); !status.ok())
               return done(status);
             auto entry = book->Take(id, Entry::Use::kEnding);
             if (!entry.ok()) return done(entry.status());
             by.origin.record.resource = entry->target.object.name;
             by.origin.NoteName(id, entry->target.object.name);
             std::make_shared<Ending>(book, *std::move(entry), std::move(expected), std::move(by),
                                      std::move(done))
                 ->Run();
           },
       .repeat =
           [book = book_, work = book_->BeginWork(), id, access,
            done](absl::StatusOr<CommittedRequest> found) {
             if (!found.ok()) return done(found.status());
             // Left by a daemon that was killed after the commit.
             if (const auto entry = book->Take(id, Entry::Use::kEnding); entry.ok())
               book->Remove(*entry, [](const absl::Status&) {});
             book->parts().get(found->subject, access, done);
           }});
}

void Uploads::Tick(int64_t now_ms) {
  // A clock that was set back is no reason to wait.
  const int64_t next_ms = book_->next_tick_ms.load();
  if (now_ms < next_ms && now_ms >= next_ms - kTickMs) return;
  book_->next_tick_ms.store(now_ms + kTickMs);
  book_->ForgetIdle(now_ms - limits::kUploadIdleMs);
}

}  // namespace grpc_os::core
