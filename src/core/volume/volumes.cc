#include "core/volume/volumes.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error_detail.h"
#include "base/failpoint.h"
#include "core/resource/resource_errors.h"

namespace grpc_os::core {
namespace {

constexpr char kReadProcess[] = "process.read";
constexpr char kCureOfUse[] =
    "let both have it with `volume update NAME --shared`, or take another volume";
constexpr char kCureOfRemoval[] =
    "delete them first, or let them do without: `update PROCESS --volume OTHER`, or --volume ''";
constexpr char kCureOfNarrowing[] = "leave it shared, or take it out of all but one of them first";

std::string Named(const std::string& account) {
  return account.empty() ? "the daemon's own account" : absl::StrCat("the account '", account, "'");
}

absl::Status OtherAccount(const Volume& volume, const std::string& wanted) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat(
          "the volume '", volume.name, "' is of ", Named(volume.spec.account), " for life, not of ",
          Named(wanted),
          "; run the process as that account, or make another volume with `volume create`"),
      {.reason = reason::kVolumeAccount,
       .metadata = {{"volume", volume.name}, {"account", volume.spec.account}}});
}

}  // namespace

Volumes::Volumes(Parts parts)
    : parts_(std::move(parts)),
      catalogue_(
          {.kind = kVolumeKind,
           .store = parts_.store,
           .clock = parts_.scheduler,
           .changes = changes_,
           .rules = {.check =
                         [this](const Volume* before, const Volume* after, const Origin& origin) {
                           return CheckChange(before, after, origin);
                         }}}),
      sizes_({.directories = parts_.directories,
              .scheduler = parts_.scheduler,
              .find = [this](const std::string& name) { return Find(name); },
              .quick = parts_.quick,
              .slow = parts_.slow}) {}

absl::Status Volumes::Load(int64_t revision) {
  if (absl::Status status = catalogue_.Load(revision); !status.ok()) return status;
  parts_.directories.Recover(
      [this](const std::string& name) { return !absl::IsNotFound(Find(name).status()); });
  for (const Volume& volume : List("", std::numeric_limits<int>::max())) {
    const absl::Status status = parts_.directories.Mend(volume.name, volume.spec.account);
    if (!status.ok()) {
      parts_.logger.Write(LogLevel::kError, "volume",
                          {{"volume", volume.name}, {"error", std::string(status.message())}});
    }
  }
  RemoveRest();
  return absl::OkStatus();
}

void Volumes::RemoveRest() {
  parts_.blocking([this] {
    if (!stopping_ && parts_.directories.RemoveSome()) RemoveRest();
  });
}

// ---- Changes ------------------------------------------------------------------------------------

void Volumes::Create(Volume wanted, Origin origin, Done done) {
  steps_.Enqueue([this, wanted = std::move(wanted), origin = std::move(origin),
                  done = std::move(done)](const std::function<void()>& next) mutable {
    origin.name = wanted.name;
    absl::Status status = origin.CheckPermitted();
    if (status.ok()) {
      status = Find(wanted.name).status();
      if (status.ok()) status = ResourceExists(kVolumeKind, wanted.name);
      if (absl::IsNotFound(status)) status = absl::OkStatus();
    }
    if (!status.ok()) {
      done(status);
      return next();
    }
    parts_.blocking([this, wanted, origin, done, next] {
      const std::string name = wanted.name;
      if (absl::Status made = parts_.directories.Prepare(name, wanted.spec.account); !made.ok()) {
        done(made);
        return next();
      }
      catalogue_.Create(wanted, origin, [this, name, done, next](absl::StatusOr<Volume> created) {
        parts_.blocking([this, name, done, next, created = std::move(created)]() mutable {
          if (created.ok()) {
            Failpoint("osd.volume.created");
            if (absl::Status there = parts_.directories.Publish(name); !there.ok()) created = there;
            if (created.ok()) sizes_.MeasureNow(name);
          } else {
            parts_.directories.Discard(name);
          }
          done(std::move(created));
          next();
        });
      });
    });
  });
}

absl::Status Volumes::CheckChange(const Volume* before, const Volume* after, const Origin& origin) {
  if (before == nullptr || after == nullptr) return absl::OkStatus();
  if (before->spec.account != after->spec.account)
    return OtherAccount(*before, after->spec.account);
  if (after->spec.shared || !before->spec.shared) return absl::OkStatus();
  auto state = state_.Lock();
  const auto users = Others(*state, before->name, "");
  if (users.size() > 1) return InUse(before->name, users, &origin, kCureOfNarrowing);
  state->narrowing.insert(before->name);
  return absl::OkStatus();
}

void Volumes::Update(Volume wanted, const std::string& etag, Origin origin, Done done) {
  const std::string name = wanted.name;
  catalogue_.Update(
      name, etag,
      [wanted = std::move(wanted.spec)](VolumeSpec& spec) {
        spec.shared = wanted.shared;
        if (!wanted.account.empty()) spec.account = wanted.account;
        return absl::OkStatus();
      },
      std::move(origin),
      [this, name, done = std::move(done)](absl::StatusOr<Volume> updated) {
        state_.Lock()->narrowing.erase(name);
        done(std::move(updated));
      });
}

void Volumes::Delete(const std::string& name, const std::string& etag, Origin origin,
                     std::function<void(absl::Status)> done) {
  steps_.Enqueue([this, name, etag, origin = std::move(origin),
                  done = std::move(done)](const std::function<void()>& next) mutable {
    origin.name = name;
    absl::Status status = origin.CheckPermitted();
    if (status.ok()) {
      auto state = state_.Lock();
      if (const auto users = Others(*state, name, ""); !users.empty()) {
        status = InUse(name, users, &origin, kCureOfRemoval);
      } else {
        state->leaving.insert(name);
      }
    }
    if (!status.ok()) {
      done(status);
      return next();
    }
    parts_.blocking([this, name, etag, origin, done, next] {
      const bool there = !absl::IsNotFound(Find(name).status());
      if (there) parts_.directories.BeginRemoval(name);
      Failpoint("osd.volume.leaving");
      catalogue_.Delete(name, etag, origin,
                        [this, name, there, done, next](const absl::StatusOr<int64_t>& revision) {
                          parts_.blocking([this, name, there, done, next, revision] {
                            Failpoint("osd.volume.deleted");
                            absl::Status removed;
                            if (there) removed = parts_.directories.EndRemoval(name, revision.ok());
                            state_.Lock()->leaving.erase(name);
                            if (revision.ok()) sizes_.Forget(name);
                            done(revision.ok() ? removed : revision.status());
                            next();
                            if (revision.ok()) RemoveRest();
                          });
                        });
    });
  });
}

// ---- What processes have ------------------------------------------------------------------------

struct Volumes::Use {
  std::vector<VolumeUse> uses;
  std::string account;
  Origin origin;
  std::function<void(absl::StatusOr<Origin>)> done;
};

void Volumes::PrepareUse(std::vector<VolumeUse> uses, std::string account, Origin origin,
                         std::function<void(absl::StatusOr<Origin>)> done) {
  if (uses.empty()) return done(std::move(origin));
  if (absl::Status status = origin.CheckPermitted(); !status.ok()) return done(status);
  std::vector<std::string> names;
  names.reserve(uses.size());
  for (const VolumeUse& use : uses) names.push_back(use.name);
  // Copied first: what asks for these must not hold itself.
  const auto asker = std::make_shared<Origin>(origin);
  origin.permit = [this, asker, names = std::move(names)](std::string_view process) {
    absl::Status status = asker->permit ? asker->permit(process) : absl::OkStatus();
    for (const std::string& name : names)
      if (status.ok()) status = parts_.may(*asker, kVolumeWrite, name);
    return status;
  };
  if (absl::Status status = origin.CheckPermitted(); !status.ok()) return done(status);
  PrepareNext(std::make_shared<Use>(
                  Use{std::move(uses), std::move(account), std::move(origin), std::move(done)}),
              0);
}

void Volumes::PrepareNext(const std::shared_ptr<Use>& use, size_t at) {
  if (at == use->uses.size()) return use->done(use->origin);
  const VolumeUse& one = use->uses[at];
  const auto go_on = [this, use, at](const absl::Status& status) {
    if (!status.ok() && !absl::IsAlreadyExists(status)) return use->done(status);
    PrepareNext(use, at + 1);
  };
  const auto found = Find(one.name);
  if (found.ok()) {
    // What a crash or people left undone of it.
    return parts_.blocking([this, volume = *found, go_on] {
      go_on(parts_.directories.Mend(volume.name, volume.spec.account));
    });
  }
  if (!absl::IsNotFound(found.status())) return go_on(found.status());
  Volume wanted;
  wanted.name = one.name;
  wanted.spec = {use->account, one.shared};
  Origin origin = use->origin;  // which is not done with that
  origin.request.reset();
  origin.record.result = "STARTED";
  origin.written = std::make_shared<std::atomic<bool>>(false);
  origin.permit = [this, asker = use->origin](std::string_view name) {
    return parts_.may(asker, kVolumeWrite, name);
  };
  Create(std::move(wanted), std::move(origin),
         [go_on](const absl::StatusOr<Volume>& made) { go_on(made.status()); });
}

std::vector<std::string> Volumes::Others(const State& state, const std::string& volume,
                                         const std::string& process_id) {
  std::vector<std::string> names;
  if (const auto it = state.users.find(volume); it != state.users.end()) {
    for (const auto& [id, name] : it->second)
      if (id != process_id) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> Volumes::UsersOf(const std::string& name) const {
  return Others(*state_.Lock(), name, "");
}

// Names those that whoever asks may know of.
absl::Status Volumes::InUse(const std::string& volume, const std::vector<std::string>& users,
                            const Origin* origin, const char* cure) const {
  std::vector<std::string> shown = users;
  std::erase_if(shown, [&](const std::string& name) {
    return origin == nullptr || !parts_.may(*origin, kReadProcess, name).ok();
  });
  ErrorDetail detail{.reason = reason::kVolumeInUse, .metadata = {{"volume", volume}}};
  if (!shown.empty()) detail.metadata["process"] = shown.front();
  const std::string who = shown.empty()
                              ? "processes that you may not see"
                              : absl::StrCat("'", absl::StrJoin(shown, "', '"), "'",
                                             shown.size() < users.size() ? " and others" : "");
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the volume '", volume, "' is had by ", who, "; ", cure), detail);
}

absl::Status Volumes::CheckTake(const State& state, const Process& process, const VolumeUse& use,
                                const Origin* origin) const {
  if (state.leaving.contains(use.name)) return ResourceNotFound(kVolumeKind, use.name);
  const auto volume = Find(use.name);
  if (!volume.ok()) return volume.status();
  if (volume->spec.account != process.spec.account)
    return OtherAccount(*volume, process.spec.account);
  if (volume->spec.shared && !state.narrowing.contains(use.name)) return absl::OkStatus();
  const auto others = Others(state, use.name, process.id);
  return others.empty() ? absl::OkStatus() : InUse(use.name, others, origin, kCureOfUse);
}

absl::Status Volumes::Take(const Process& process, const Origin* origin) {
  auto state = state_.Lock();
  for (const VolumeUse& use : process.spec.volumes)
    if (absl::Status status = CheckTake(*state, process, use, origin); !status.ok()) return status;
  for (const VolumeUse& use : process.spec.volumes) {
    state->users[use.name][process.id] = process.name;
    state->volumes_of[process.id].insert(use.name);
  }
  return absl::OkStatus();
}

void Volumes::Settle(const Process& process, bool there) {
  auto state = state_.Lock();
  if (const auto it = state->volumes_of.find(process.id); it != state->volumes_of.end()) {
    for (const std::string& name : it->second) {
      auto& users = state->users[name];
      users.erase(process.id);
      if (users.empty()) state->users.erase(name);
    }
    state->volumes_of.erase(it);
  }
  if (!there) return;
  for (const VolumeUse& use : process.spec.volumes) {
    state->users[use.name][process.id] = process.name;
    state->volumes_of[process.id].insert(use.name);
  }
}

}  // namespace grpc_os::core
