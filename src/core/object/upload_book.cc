#include "core/object/upload_book.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/object/object_errors.h"
#include "core/object/upload_errors.h"

namespace grpc_os::core {
namespace {

// What one user can have of the places for all, so that the others are left some.
constexpr int kOpenPerUser = limits::kUploadsOpen / 2;
constexpr int kStreamsPerUser = limits::kUploadStreams / 2;

absl::Status RequestIdReused(const std::string& id) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("the request_id ", id,
                                " was used for an upload of another object; take a new one for "
                                "each upload, and the same one only to repeat it"),
                   {.reason = reason::kRequestIdReused, .metadata = {{"request_id", id}}});
}

absl::Status PermitPath(const Uploads::By& by, const std::string& path) {
  if (by.all_users || by.access(ObjectVerb::kWrite, path)) return absl::OkStatus();
  return NameForbidden(ObjectVerb::kWrite, path);
}

}  // namespace

absl::Status Uploads::Book::Load() {
  auto stored = parts_.files.LoadUploads();
  if (!stored.ok()) return stored.status();
  for (const UploadTarget& target : stored->superseded) AddSuperseded(target);
  auto entries = entries_.Lock();
  for (auto& one : stored->uploads) {
    const std::string id = one.target.id;
    (*entries)[id] = {.target = std::move(one.target), .file = std::move(one.file)};
  }
  entries.lock().unlock();
  ForgetFinished();
  return absl::OkStatus();
}

// Those that a daemon before this one finished, and was killed before it could forget them.
void Uploads::Book::ForgetFinished() {
  const auto looking = std::make_shared<Work>();
  const Entries all = *entries_.Lock();
  for (const auto& [id, entry] : all) {
    parts_.committed.FindRequest(FinishKey(id, entry.target.user),
                                 [self = shared_from_this(), id = id, token = Work::Begin(looking)](
                                     const absl::StatusOr<std::optional<CommittedRequest>>& found) {
                                   if (!found.ok() || !found->has_value()) return;
                                   if (const auto taken = self->Take(id, Entry::Use::kEnding);
                                       taken.ok())
                                     self->Remove(*taken, [](const absl::Status&) {});
                                 });
  }
  looking->AwaitEnd();
}

Upload Uploads::Book::Show(const Entry& entry) {
  Upload upload;
  upload.id = entry.target.id;
  upload.name = entry.target.object.name;
  upload.owner = entry.target.user;
  upload.state = entry.file->State();
  upload.create_time_ms = entry.target.create_time_ms;
  upload.expire_time_ms = upload.state.write_time_ms + limits::kUploadIdleMs;
  upload.busy = entry.use != Entry::Use::kNone;
  return upload;
}

// ---- Places -------------------------------------------------------------------------------------

absl::StatusOr<std::optional<Upload>> Uploads::Book::Enter(const UploadTarget& target) {
  auto entries = entries_.Lock();
  for (const auto& [id, entry] : *entries) {
    if (target.request_id.empty() || entry.target.request_id != target.request_id ||
        entry.target.user != target.user || entry.use == Entry::Use::kGivingWay) {
      continue;
    }
    if (entry.target.request_digest != target.request_digest)
      return RequestIdReused(target.request_id);
    if (entry.file == nullptr) return UploadBusy(id);
    return Show(entry);
  }
  (*entries)[target.id].target = target;
  return std::nullopt;
}

void Uploads::Book::SetFile(const std::string& id, std::shared_ptr<UploadFile> file) {
  (*entries_.Lock())[id].file = std::move(file);
}

// Of whoever has most, the one that was not touched for longest.
std::vector<Uploads::Book::Idle> Uploads::Book::IdleOnes(const Entries& entries) {
  std::map<std::string, int> of_user;
  for (const auto& [id, entry] : entries) {
    if (entry.use != Entry::Use::kGivingWay) ++of_user[entry.target.user];
  }
  std::vector<Idle> idle;
  for (const auto& [id, entry] : entries) {
    if (entry.file == nullptr || entry.use != Entry::Use::kNone) continue;
    idle.push_back({.id = id,
                    .user = entry.target.user,
                    .path = entry.target.path,
                    .write_time_ms = entry.file->State().write_time_ms,
                    .of_user = of_user[entry.target.user]});
  }
  std::sort(idle.begin(), idle.end(), [](const Idle& a, const Idle& b) {
    return std::tuple(-a.of_user, a.write_time_ms, a.id) <
           std::tuple(-b.of_user, b.write_time_ms, b.id);
  });
  return idle;
}

absl::StatusOr<std::optional<Uploads::Entry>> Uploads::Book::TakeExcess(const By& by) {
  std::vector<Idle> idle;
  int all = 0;
  int own = 0;
  {
    auto entries = entries_.Lock();
    for (const auto& [id, entry] : *entries) {
      if (entry.use == Entry::Use::kGivingWay) continue;
      ++all;
      if (entry.target.user == by.user) ++own;
    }
    if (own <= kOpenPerUser && all <= limits::kUploadsOpen) return std::nullopt;
    idle = IdleOnes(*entries);
  }
  const bool own_limit = own > kOpenPerUser;
  for (const Idle& one : idle) {
    // Of their own, what they may cancel; of others, what those have beyond an equal share.
    const bool gives_way = one.user == by.user ? by.access(ObjectVerb::kWrite, one.path)
                                               : !own_limit && one.of_user >= own;
    if (!gives_way) continue;
    if (auto taken = Take(one.id, Entry::Use::kGivingWay); taken.ok()) return *std::move(taken);
  }
  return own_limit ? TooManyUploadsOfUser(kOpenPerUser) : TooManyUploads(limits::kUploadsOpen);
}

// ---- Whose --------------------------------------------------------------------------------------

absl::Status Uploads::Book::MissingFor(const std::string& id, const By& by) {
  std::optional<Superseded> gone;
  {
    auto superseded = superseded_.Lock();
    if (const auto it = superseded->find(id); it != superseded->end()) gone = it->second;
  }
  if (!gone.has_value() || !(by.all_users || gone->user == by.user)) return UploadNotFound(id);
  if (auto status = PermitPath(by, gone->path); !status.ok()) return status;
  return UploadSuperseded(id);
}

absl::Status Uploads::Book::Permit(const std::string& id, const By& by) {
  std::string path;
  {
    auto entries = entries_.Lock();
    const auto it = entries->find(id);
    const bool there = it != entries->end() && it->second.file != nullptr &&
                       it->second.use != Entry::Use::kGivingWay &&
                       (by.all_users || it->second.target.user == by.user);
    if (!there) {
      entries.lock().unlock();
      return MissingFor(id, by);
    }
    path = it->second.target.path;
  }
  return PermitPath(by, path);
}

absl::StatusOr<Upload> Uploads::Book::Find(const std::string& id, const By& by) {
  if (auto status = Permit(id, by); !status.ok()) return status;
  auto entries = entries_.Lock();
  const auto it = entries->find(id);
  if (it == entries->end()) return UploadNotFound(id);
  return Show(it->second);
}

std::vector<Upload> Uploads::Book::List(const By& by) {
  std::vector<std::pair<std::string, Upload>> all;  // with their paths
  {
    auto entries = entries_.Lock();
    for (const auto& [id, entry] : *entries) {
      if (entry.file == nullptr || entry.use == Entry::Use::kGivingWay ||
          !(by.all_users || entry.target.user == by.user)) {
        continue;
      }
      all.emplace_back(entry.target.path, Show(entry));
    }
  }
  std::vector<Upload> uploads;
  for (auto& [path, upload] : all) {
    if (PermitPath(by, path).ok()) uploads.push_back(std::move(upload));
  }
  return uploads;
}

absl::StatusOr<Uploads::Entry> Uploads::Book::Take(const std::string& id, Entry::Use use) {
  auto entries = entries_.Lock();
  const auto it = entries->find(id);
  if (it == entries->end() || it->second.file == nullptr) return UploadNotFound(id);
  Entry& entry = it->second;
  if (entry.use == Entry::Use::kGivingWay) return UploadSuperseded(id);
  if (entry.use != Entry::Use::kNone) return UploadBusy(id);
  if (use == Entry::Use::kWritten) {
    if (writing_ >= limits::kUploadStreams) return TooManyUploadStreams(limits::kUploadStreams);
    const auto written = std::count_if(entries->begin(), entries->end(), [&](const auto& one) {
      return one.second.target.user == entry.target.user && one.second.use == Entry::Use::kWritten;
    });
    if (written >= kStreamsPerUser) return TooManyUploadStreamsOfUser(kStreamsPerUser);
    ++writing_;
  }
  entry.use = use;
  return entry;
}

void Uploads::Book::Release(const std::string& id) {
  std::optional<Entry> cancelled;
  {
    auto entries = entries_.Lock();
    Entry& entry = entries->at(id);
    if (std::exchange(entry.use, Entry::Use::kNone) == Entry::Use::kWritten) --writing_;
    if (!entry.cancels.empty()) {
      entry.use = Entry::Use::kEnding;
      cancelled = entry;
      entry.cancels.clear();
    }
  }
  if (!cancelled.has_value()) return;
  Remove(*cancelled, [cancels = cancelled->cancels](const absl::Status& status) {
    for (const auto& done : cancels) done(status);
  });
}

// ---- The end ------------------------------------------------------------------------------------

void Uploads::Book::Cancel(const std::string& id, std::function<void(absl::Status)> done) {
  {
    auto entries = entries_.Lock();
    const auto it = entries->find(id);
    if (it != entries->end() && it->second.use == Entry::Use::kWritten)
      return it->second.cancels.push_back(std::move(done));
  }
  const auto entry = Take(id, Entry::Use::kEnding);
  if (!entry.ok()) return done(entry.status());
  Remove(*entry, std::move(done));
}

bool Uploads::Book::IsCancelled(const std::string& id) {
  auto entries = entries_.Lock();
  const auto it = entries->find(id);
  return it == entries->end() || !it->second.cancels.empty();
}

void Uploads::Book::ShowFinished(const CommittedRequest& committed, Upload upload,
                                 const ObjectAccess& access, Done done) {
  upload.name = committed.subject;
  upload.owner = committed.key.user;
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

void Uploads::Book::Remove(const Entry& entry, std::function<void(absl::Status)> done) {
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

void Uploads::Book::Supersede(const Entry& entry, std::function<void(absl::Status)> done) {
  entry.file->Supersede([self = shared_from_this(), target = entry.target, work = BeginWork(),
                         done = std::move(done)](const absl::Status& status) {
    if (status.ok()) {
      self->AddSuperseded(target);
      self->Erase(target.id);
    } else {
      self->Release(target.id);
    }
    done(status);
  });
}

void Uploads::Book::AddSuperseded(const UploadTarget& target) {
  std::string oldest;
  {
    auto superseded = superseded_.Lock();
    (*superseded)[target.id] = {
        .user = target.user, .path = target.path, .time_ms = parts_.clock.NowMs()};
    if (superseded->size() <= static_cast<size_t>(limits::kUploadsOpen)) return;
    const auto it = std::min_element(
        superseded->begin(), superseded->end(),
        [](const auto& a, const auto& b) { return a.second.time_ms < b.second.time_ms; });
    oldest = it->first;
    superseded->erase(it);
  }
  parts_.files.ForgetSuperseded(oldest);
}

void Uploads::Book::ForgetIdle(int64_t before_ms) {
  std::vector<Idle> idle;
  {
    auto entries = entries_.Lock();
    idle = IdleOnes(*entries);
  }
  for (const Idle& one : idle) {
    if (one.write_time_ms > before_ms) continue;
    if (const auto taken = Take(one.id, Entry::Use::kEnding); taken.ok())
      Remove(*taken, [](const absl::Status&) {});
  }
  std::vector<std::string> old;
  {
    auto superseded = superseded_.Lock();
    for (const auto& [id, one] : *superseded) {
      if (one.time_ms <= before_ms) old.push_back(id);
    }
    for (const std::string& id : old) superseded->erase(id);
  }
  for (const std::string& id : old) parts_.files.ForgetSuperseded(id);
}

Uploads::Usage Uploads::Book::usage() {
  Usage usage;
  for (const auto& [id, entry] : *entries_.Lock()) {
    ++usage.uploads;
    if (entry.file != nullptr) usage.bytes += entry.file->State().persisted_bytes;
  }
  return usage;
}

}  // namespace grpc_os::core
