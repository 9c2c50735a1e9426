// put.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "client/crc32c.h"
#include "client/errors.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/for_each.h"
#include "shell/commands/kinds.h"
#include "shell/commands/local_device.h"
#include "shell/commands/object_fields.h"
#include "shell/commands/object_names.h"
#include "shell/commands/object_rows.h"
#include "shell/commands/selection.h"
#include "shell/commands/upload.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/session.h"
#include "shell/words.h"

namespace grpc_os::shell {
namespace {

bool IsStandardInput(const std::string& file) {
  return file == "-" || IsDescriptor(file, STDIN_FILENO);
}

// Small enough for one call: the whole content; nullopt if it is larger.
absl::StatusOr<std::optional<std::string>> ReadSmall(UploadSource& source) {
  const auto ready = source.Prepare(0);
  if (!ready.ok()) return ready.status();
  if (*ready > limits::kObjectInlineBytes) return std::nullopt;
  if (*ready == 0) return std::string();
  auto data = source.Read(0, static_cast<size_t>(*ready));
  if (!data.ok()) return data.status();
  if (absl::Status status = source.CheckUnchanged(); !status.ok()) return status;
  return *std::move(data);
}

absl::StatusOr<v1::Object> PutSmall(Session& session, const ObjectFields& fields,
                                    const std::string& data) {
  v1::PutObjectRequest request;
  *request.mutable_object() = fields.object;
  request.set_data(data);
  request.set_crc32c(client::Crc32c(data));
  if (fields.preconditions) *request.mutable_preconditions() = *fields.preconditions;
  return session.client().PutObject(request);
}

UploadNote::Subject SubjectOf(Session& session, const std::string& file, const FileSource& source,
                              const v1::StartUploadRequest& request) {
  std::error_code error;
  const std::string whole = std::filesystem::weakly_canonical(file, error).string();
  return {.address = session.client().address().ToString(),
          .file = error ? file : whole,
          .identity = source.Identity(),
          .object = request.object().name(),
          .fields = request.SerializeAsString()};
}

absl::StatusOr<v1::Object> Put(Session& session, const std::string& file,
                               const ObjectFields& fields) {
  UniqueFd stream;
  std::unique_ptr<FileSource> regular;
  std::unique_ptr<StreamSource> once;
  if (IsStandardInput(file)) {
    const auto taken = session.TakeInput(
        absl::StrCat("grpc-os put - ", QuoteWord(fields.object.name()), " < FILE"));
    if (!taken.ok()) return taken;
    once = std::make_unique<StreamSource>(session, STDIN_FILENO, "standard input");
  } else {
    auto opened = FileSource::Open(file, stream);
    if (!opened.ok()) return opened.status();
    regular = *std::move(opened);
    if (!regular || !regular->KnowsItsSize()) {
      once = std::make_unique<StreamSource>(session, regular ? regular->fd() : stream.get(), file);
    }
  }
  UploadSource& source = once ? static_cast<UploadSource&>(*once) : *regular;
  const auto small = ReadSmall(source);
  if (!small.ok()) return small.status();
  if (*small) return PutSmall(session, fields, **small);
  v1::StartUploadRequest request;
  *request.mutable_object() = fields.object;
  if (fields.preconditions) *request.mutable_preconditions() = *fields.preconditions;
  if (source.size()) request.set_size_bytes(*source.size());
  std::optional<UploadNote> note;
  if (!once) note.emplace(session, SubjectOf(session, file, *regular, request));
  return Upload(session, request, source, note ? &*note : nullptr,
                absl::StrCat("put ", IsStandardInput(file) ? "standard input" : file));
}

ExitCode RunPut(Session& session, const Arguments& arguments) {
  std::vector<std::string> files = arguments.positional();
  const std::string target = ResolveName(session.directory(), files.back());
  files.pop_back();
  const auto into = IsFolder(session, target);
  if (!into.ok()) return session.Report(into.status());
  if (!*into && files.size() > 1) {
    return session.Report(absl::InvalidArgumentError(
        absl::StrCat(target, " is no folder, so it takes one file only. `", session.Typed("mkdir"),
                     "` makes a folder.")));
  }
  ExitCode code = ExitCode::kOk;
  for (const std::string& file : files) {
    if (*into && IsStandardInput(file)) {
      return session.Report(absl::InvalidArgumentError(
          absl::StrCat(target, " is a folder; what comes from standard input needs a name.")));
    }
    const auto fields = ReadObjectFields(
        arguments,
        *into ? AsFolder(target) + std::filesystem::path(file).filename().string() : target);
    if (!fields.ok()) return session.Report(fields.status());
    const auto object = Put(session, file, *fields);
    if (object.ok()) {
      session.Show(
          *object, object->name(),
          absl::StrCat("wrote ", object->name(), " (", object->id(), "), ",
                       FormatBytes(object->size_bytes()), ", generation ", object->generation()));
      continue;
    }
    code = Worst(code, session.Report(object.status()));
    if (EndsEverything(object.status()) || session.wants_to_leave()) break;
  }
  return code;
}

}  // namespace

Command PutRow() {
  return {
      .name = "put",
      .elsewhere = {"upload"},
      .synopsis = "FILE… NAME",
      .arguments = {&kLocalFileWord, &kObjectWord},
      .summary = "Store files of this machine as objects",
      .details =
          std::string("NAME may be a folder. \"-\" is standard input, which a script on "
                      "standard input cannot\nuse. What has no size of its own (a pipe, a file of "
                      "/proc) is read to its end. ") +
          kTransfer +
          "If the command itself is interrupted, run it again within 24 hours: it resumes, unless\n"
          "the file has changed. The id of the upload is kept in ~/.local/state/grpc-os/uploads,\n"
          "in a file that only you can read; `uploads` lists it. Of what cannot be read again\n"
          "nothing is kept. Every byte is checked (CRC32C).\n",
      .options = FieldOptions(),
      .examples = {"put backup.tar /backups/", "put - /notes/today"},
      .least = 2,
      .run = RunPut};
}

}  // namespace grpc_os::shell
