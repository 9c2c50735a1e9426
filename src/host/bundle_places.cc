#include "host/bundle_places.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/disk_space.h"
#include "base/error_detail.h"
#include "base/failpoint.h"
#include "base/unique_fd.h"
#include "bundle/unpack.h"
#include "bundle/view.h"
#include "core/deploy/deploy_errors.h"
#include "core/disk.h"
#include "core/error_reason.h"
#include "core/process/bundle_place.h"
#include "core/process/process_errors.h"
#include "host/account.h"
#include "host/acl.h"

namespace grpc_os::host {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;

// As the API has it.
absl::Status ForCaller(const std::string& digest, const absl::Status& status) {
  const std::string why(status.message());
  if (absl::IsInvalidArgument(status)) return core::BundleRefused(digest, why);
  if (absl::IsDataLoss(status)) return core::BundleDamaged(digest, why);
  return status;
}

}  // namespace

absl::Status BundlePlaces::Open() const {
  const char* const path = parts_.path.c_str();
  // Accounts pass through it to their own.
  if (mkdir(path, 0711) != 0 && errno != EEXIST)
    return absl::UnavailableError(absl::StrCat("cannot make ", path, ": ", strerror(errno)));
  const UniqueFd there(open(path, kDirectory));
  if (!there || (parts_.shielded && fchmod(there.get(), 0711) != 0))
    return absl::UnavailableError(absl::StrCat("cannot open ", path, ": ", strerror(errno)));
  return bundle::RemovePartials(parts_.path);
}

absl::Status BundlePlaces::Grant(const core::Process& process) const {
  std::string account = process.spec.account;
  if (account.empty() && parts_.shielded) {
    auto first = DefaultAccount(parts_.accounts_file);
    if (!first.ok()) return core::AccountRefused(process, std::string(first.status().message()));
    account = *std::move(first);
  }
  const auto uid = UidOfAccount(account, parts_.shielded);
  if (!uid.ok()) return core::AccountRefused(process, std::string(uid.status().message()));
  const std::string path = absl::StrCat(parts_.path, "/", core::BundlePlace(process));
  const UniqueFd place(open(path.c_str(), kDirectory));
  if (!place)
    return absl::UnavailableError(absl::StrCat("cannot open ", path, ": ", strerror(errno)));
  return GrantAccess(place.get(), *uid, Access::kReadOnly);
}

// The bundle is there: the place is made of it.
absl::Status BundlePlaces::Finish(const core::Process& process) const {
  const std::string place = core::BundlePlace(process);
  const std::string& digest = process.spec.bundle;
  if (place != digest) {
    std::vector<bundle::Mount> mounts;
    for (const core::VolumeUse& use : process.spec.volumes) {
      if (use.path.empty()) continue;
      const std::string path(core::PathInBundle(use.path));
      // From where the link lies, so that a copy of the data directory has volumes of its own.
      std::string up = "../";
      for (const char byte : path) up += byte == '/' ? "../" : "";
      mounts.push_back({path, absl::StrCat(up, parts_.volumes, "/", use.name)});
    }
    if (absl::Status made = bundle::MakeView(parts_.path, digest, place, mounts); !made.ok())
      return ForCaller(digest, made);
  }
  return Grant(process);
}

void BundlePlaces::Prepare(const core::Process& process, std::function<void(absl::Status)> done) {
  const auto answer = [&scheduler = parts_.scheduler, done = std::move(done)](absl::Status status) {
    scheduler.Post([done, status = std::move(status)] { done(status); });
  };
  if (process.spec.bundle.empty()) return answer(absl::OkStatus());
  parts_.blocking([this, process, answer] {
    const std::string digest = process.spec.bundle;
    const std::string whole = absl::StrCat(parts_.path, "/", digest);
    if (access(whole.c_str(), F_OK) == 0) {
      // What lies there may have been damaged since; who runs in it, runs on.
      const absl::Status intact = bundle::Verify(parts_.path, digest);
      return answer(intact.ok() ? Finish(process) : ForCaller(digest, intact));
    }
    // Without a name: whatever happens, nothing of it stays.
    auto file =
        std::make_shared<UniqueFd>(open(parts_.path.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!*file) {
      return answer(absl::UnavailableError(
          absl::StrCat("cannot write in ", parts_.path, ": ", strerror(errno))));
    }
    const int to = file->get();
    parts_.fetch(digest, to, [this, process, answer, digest, file](const absl::Status& fetched) {
      parts_.blocking([this, process, answer, digest, file, fetched] {
        if (!fetched.ok()) return answer(fetched);
        if (lseek(file->get(), 0, SEEK_SET) != 0)
          return answer(absl::UnavailableError(absl::StrCat("lseek: ", strerror(errno))));
        Failpoint("osd.bundle.fetched");
        const absl::Status unpacked = bundle::Unpack(file->get(), parts_.path, digest);
        answer(unpacked.ok() ? Finish(process) : ForCaller(digest, unpacked));
      });
    });
  });
}

void BundlePlaces::RemoveNow(const std::string& place) const {
  const absl::Status removed = bundle::RemoveBundle(parts_.path, place);
  if (removed.ok()) return;
  parts_.logger.Write(core::LogLevel::kError, "a bundle that nothing needs stays on the disk",
                      {{"place", place}, {"error", std::string(removed.message())}});
}

void BundlePlaces::Restore(const core::Process& process) {
  parts_.blocking([this, process] {
    const std::string path = absl::StrCat(parts_.path, "/", core::BundlePlace(process));
    if (access(path.c_str(), F_OK) == 0) return;
    Prepare(process, [this, name = process.name](const absl::Status& status) {
      parts_.logger.Write(
          status.ok() ? core::LogLevel::kInfo : core::LogLevel::kError,
          "the directory of a process's bundle was not there",
          {{"process", name}, {"made_anew", status.ok() ? "yes" : std::string(status.message())}});
    });
  });
}

void BundlePlaces::RemovePlace(const std::string& place) {
  parts_.blocking([this, place] { RemoveNow(place); });
}

void BundlePlaces::RemoveBundle(const std::string& digest, int64_t used_ms) {
  parts_.blocking([this, digest] { RemoveNow(digest); });
  parts_.forget(digest, used_ms);
}

void BundlePlaces::KeepOnly(std::set<std::string> places, std::set<std::string> digests) {
  parts_.blocking([this, places = std::move(places)] {
    std::set<std::string> kept = places;
    for (const std::string& place : places) kept.insert(place.substr(0, 64));  // of a view
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(parts_.path, error)) {
      const std::string name = entry.path().filename();
      if (!kept.contains(name)) RemoveNow(name);
    }
  });
  parts_.forget_others(std::move(digests));
}

}  // namespace grpc_os::host
