#include "main/parts/deploys_part.h"

#include <string.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/disk_space.h"
#include "core/deploy/deploy_errors.h"
#include "core/deploy/release.h"
#include "core/disk.h"
#include "core/process/bundle_place.h"
#include "core/volume/volume.h"

namespace grpc_os {
namespace {

constexpr int kObjectsPage = 1000;
constexpr int64_t kUndeployedMs = int64_t{24} * 60 * 60 * 1000;

absl::Status WriteAll(int file, std::string_view bytes, const std::string& directory) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(file, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && IsDiskFull(errno))
      return core::DiskFullError(DescribeDiskFull(directory, errno), "nothing was deployed");
    if (wrote < 0)
      return absl::UnavailableError(absl::StrCat("cannot write a bundle: ", strerror(errno)));
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return absl::OkStatus();
}

// Piece by piece; each is written on the thread that read it.
void Copy(std::shared_ptr<core::BlobReader> reader, int file, std::string directory,
          std::function<void(absl::Status)> done) {
  reader->Next([reader, file, directory = std::move(directory),
                done = std::move(done)](const absl::StatusOr<core::BlobReader::Piece>& piece) {
    if (!piece.ok() || piece->data.empty()) return done(piece.status());
    if (absl::Status status = WriteAll(file, piece->data, directory); !status.ok())
      return done(status);
    Copy(reader, file, directory, done);
  });
}

}  // namespace

absl::Status DeploysPart::Start() {
  thread_ = std::make_unique<store::IoThreads>(1);
  places_ = std::make_unique<host::BundlePlaces>(host::BundlePlaces::Parts{
      .path = needs_.directory.PathOf(core::kBundlesDirectory),
      .shielded = needs_.shielded,
      .accounts_file = needs_.accounts_file,
      .scheduler = needs_.scheduler,
      .logger = needs_.log.logger(),
      .blocking = [this](std::function<void()> work) { Blocking(std::move(work)); },
      .fetch = [this](const std::string& digest, int file,
                      auto done) { Fetch(digest, file, std::move(done)); },
      .forget = [this](const std::string& digest, int64_t used_ms) { Forget(digest, used_ms); },
      .forget_others =
          [this](std::set<std::string> digests) { ForgetOthers(std::move(digests), ""); },
      .volumes = absl::StrCat("../", core::kVolumesDirectory)});
  if (absl::Status status = places_->Open(); !status.ok()) return status;
  core::Tasks& tasks = needs_.processes.tasks();
  deploys_ = std::make_unique<core::Deploys>(core::Deploys::Parts{
      .processes = needs_.processes.processes(),
      .store = needs_.store.store(),
      .scheduler = needs_.scheduler,
      .logger = needs_.log.logger(),
      .bundles = *places_,
      .logs = needs_.processes.log_source(),
      .release = [&tasks](const core::Process& process, const std::string& command, auto done) {
        core::RunRelease(tasks, process, command, done);
      }});
  if (absl::Status status = deploys_->Load(needs_.store.store().NewestRevision()); !status.ok())
    return status;
  needs_.scheduler.Post([this] { deploys_->Recover(); });
  return absl::OkStatus();
}

void DeploysPart::Blocking(std::function<void()> work) {
  if (stopping_) return;
  thread_->Post([this, work = std::move(work)] {
    if (!stopping_) work();
  });
}

void DeploysPart::Stop() {
  stopping_ = true;
  std::promise<void> idle;
  thread_->Post([&idle] { idle.set_value(); });
  idle.get_future().wait();
}

void DeploysPart::Fetch(const std::string& digest, int file,
                        std::function<void(absl::Status)> done) const {
  const std::string directory = needs_.directory.PathOf(core::kBundlesDirectory);
  const core::ObjectAccess any = [](core::ObjectVerb, std::string_view) { return true; };
  needs_.objects.objects().Get(
      core::BundleObject(digest), /*generation=*/0, /*data=*/true, {}, any,
      [this, digest, file, directory,
       done = std::move(done)](const absl::StatusOr<core::Object>& object) {
        if (absl::IsNotFound(object.status())) return done(core::BundleNotFound(digest));
        if (!object.ok()) return done(object.status());
        if (absl::BytesToHexString(object->sha256) != digest)
          return done(core::BundleDamaged(
              digest,
              absl::StrCat("the object ", core::BundleObject(digest), " has another content")));
        if (!object->blob) return done(WriteAll(file, object->data, directory));
        Copy(
            needs_.objects.blobs().ReadBlob(
                {.name = object->name, .sha256 = object->sha256, .size_bytes = object->size_bytes}),
            file, directory, done);
      });
}

void DeploysPart::Forget(const std::string& digest, int64_t used_ms) const {
  const core::ObjectAccess any = [](core::ObjectVerb, std::string_view) { return true; };
  const auto log = [&logger = needs_.log.logger(), digest](const absl::Status& status) {
    // Of FAILED_PRECONDITION: it was written again just now.
    if (status.ok() || absl::IsNotFound(status) || absl::IsFailedPrecondition(status)) return;
    logger.Write(core::LogLevel::kError, "the object of a bundle that nothing needs stays",
                 {{"bundle", digest}, {"error", std::string(status.message())}});
  };
  needs_.objects.objects().Get(
      core::BundleObject(digest), /*generation=*/0, /*data=*/false, {}, any,
      [&objects = needs_.objects.objects(), used_ms, log](const absl::StatusOr<core::Object>& one) {
        if (!one.ok()) return log(one.status());
        if (one->update_time_ms <= used_ms) objects.Purge(one->name, one->generation, log);
      });
}

// Page by page, those after `after`. One that was uploaded just now may be deployed yet.
void DeploysPart::ForgetOthers(std::set<std::string> digests, const std::string& after) const {
  core::ObjectQuery query;
  query.prefix = core::BundleObject("");
  query.after = after;
  query.recursive = false;
  query.limit = kObjectsPage;
  const core::ObjectAccess any = [](core::ObjectVerb, std::string_view) { return true; };
  needs_.objects.objects().List(
      query, any, nullptr,
      [this, digests = std::move(digests)](const absl::StatusOr<core::ObjectPage>& page) mutable {
        if (!page.ok() || stopping_) return;
        const int64_t old = needs_.clocks.retention().NowMs() - kUndeployedMs;
        for (const core::Object& object : page->objects) {
          const std::string digest = object.name.substr(core::BundleObject("").size());
          if (object.update_time_ms < old && digest.size() == 64 && !digests.contains(digest))
            Forget(digest, old);
        }
        if (page->more) ForgetOthers(std::move(digests), page->next_after);
      });
}

}  // namespace grpc_os
