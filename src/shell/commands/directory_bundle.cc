#include "shell/commands/directory_bundle.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/unique_fd.h"
#include "bundle/ignore.h"
#include "client/crc32c.h"
#include "client/errors.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/upload.h"
#include "shell/commands/upload_note.h"
#include "shell/commands/upload_source.h"
#include "shell/quantity.h"

namespace grpc_os::shell {
namespace {

std::string ObjectOf(const DirectoryBundle& bundle) { return "/bundles/" + bundle.packed.digest; }

absl::StatusOr<bundle::Packed> Pack(Session& session, const std::string& directory,
                                    const bundle::Sink& sink) {
  const auto left_out = bundle::ReadIgnoreFiles(directory);
  if (!left_out.ok()) return left_out.status();
  return bundle::Pack(directory, *left_out, [&](std::string_view piece) {
    if (session.interrupted()) return absl::CancelledError("Interrupted.");
    return sink ? sink(piece) : absl::OkStatus();
  });
}

// The same as it was when it was read.
absl::Status PackAgain(Session& session, const DirectoryBundle& bundle, const bundle::Sink& sink) {
  const auto packed = Pack(session, bundle.directory, sink);
  if (!packed.ok() || *packed == bundle.packed) return packed.status();
  return absl::FailedPreconditionError(
      absl::StrCat(bundle.directory, " changed meanwhile; try again once nothing writes to it"));
}

std::string TemporaryDirectory() {
  const char* const named = std::getenv("TMPDIR");
  return named != nullptr && *named != '\0' ? named : "/tmp";
}

// A file without a name. In memory, where the file system has none.
absl::StatusOr<UniqueFd> PackToFile(Session& session, const DirectoryBundle& bundle) {
  const std::string where = TemporaryDirectory();
  UniqueFd file(::open(where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) file.Reset(::memfd_create("grpc-os-bundle", MFD_CLOEXEC));
  const absl::Status packed = PackAgain(session, bundle, [&](std::string_view piece) {
    while (!piece.empty()) {
      const ssize_t written = ::write(file.get(), piece.data(), piece.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        return absl::UnknownError(absl::StrCat(
            "cannot write the bundle (", FormatBytes(bundle.packed.bytes), ") to ", where, ": ",
            std::strerror(errno), "; $TMPDIR names another directory for it"));
      }
      piece.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  });
  if (!packed.ok()) return packed;
  return file;
}

absl::Status UploadSmall(Session& session, const DirectoryBundle& bundle,
                         const v1::Object& object) {
  v1::CreateObjectRequest request;
  *request.mutable_object() = object;
  const absl::Status packed = PackAgain(session, bundle, [&](std::string_view piece) {
    request.mutable_data()->append(piece);
    return absl::OkStatus();
  });
  if (!packed.ok()) return packed;
  request.set_crc32c(client::Crc32c(request.data()));
  return session.client().CreateObject(request).status();
}

absl::Status UploadLarge(Session& session, const DirectoryBundle& bundle,
                         const v1::Object& object) {
  auto file = PackToFile(session, bundle);
  if (!file.ok()) return file.status();
  const auto source = FileSource::Of(*std::move(file), "the bundle");
  if (!source.ok()) return source.status();
  v1::StartUploadRequest request;
  *request.mutable_object() = object;
  request.mutable_preconditions()->set_if_generation_match(0);
  request.set_size_bytes(bundle.packed.bytes);
  const UploadNote note(session, {.address = session.client().address().ToString(),
                                  .file = "bundle",
                                  .identity = bundle.packed.digest,
                                  .object = object.name(),
                                  .fields = request.SerializeAsString()});
  return Upload(session, request, **source, &note, "upload " + bundle.directory).status();
}

}  // namespace

absl::StatusOr<DirectoryBundle> ReadBundle(Session& session, const std::string& directory) {
  auto packed = Pack(session, directory, nullptr);
  if (!packed.ok()) return packed.status();
  struct stat info = {};
  const std::string dockerfile = directory + "/Dockerfile";
  return DirectoryBundle{
      .directory = directory,
      .packed = *std::move(packed),
      .dockerfile = ::stat(dockerfile.c_str(), &info) == 0 && S_ISREG(info.st_mode)};
}

absl::Status UploadBundle(Session& session, const DirectoryBundle& bundle) {
  v1::GetObjectRequest is_there;
  is_there.set_name(ObjectOf(bundle));
  const absl::Status there = session.client().GetObject(is_there).status();
  if (!absl::IsNotFound(there)) return there;
  v1::Object object;
  object.set_name(ObjectOf(bundle));
  object.set_content_type("application/x-tar");
  absl::Status status = bundle.packed.bytes <= limits::kObjectInlineBytes
                            ? UploadSmall(session, bundle, object)
                            : UploadLarge(session, bundle, object);
  // Somebody else was faster with the same bytes.
  const bool is_there_now =
      absl::IsAlreadyExists(status) || client::ReasonOf(status) == "PRECONDITION_FAILED";
  return is_there_now ? absl::OkStatus() : status;
}

}  // namespace grpc_os::shell
