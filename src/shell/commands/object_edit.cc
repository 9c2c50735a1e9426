// edit.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/unique_fd.h"
#include "client/crc32c.h"
#include "client/errors.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/editor.h"
#include "shell/commands/object_content.h"
#include "shell/commands/object_names.h"
#include "shell/commands/object_rows.h"
#include "shell/commands/upload.h"
#include "shell/escape.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

// What nobody edits by hand anyway.
constexpr int64_t kMostBytes = int64_t{64} << 20;

absl::Status FileError(const std::string& path) {
  return absl::UnknownError(absl::StrCat("Cannot write ", path, ": ", std::strerror(errno), "."));
}

// A directory of our own (0700), so that nobody else sees the text or what the editor puts beside
// it. Stays if the text is to be kept.
class Workplace {
 public:
  static absl::StatusOr<std::unique_ptr<Workplace>> Make(const std::string& name) {
    const char* place = std::getenv("TMPDIR");
    std::string directory =
        absl::StrCat(place != nullptr && *place == '/' ? place : "/tmp", "/grpc-os-edit-XXXXXX");
    if (::mkdtemp(directory.data()) == nullptr) return FileError(directory);
    return std::unique_ptr<Workplace>(new Workplace(directory, directory + "/" + name));
  }
  ~Workplace() {
    std::error_code error;
    if (!kept_) std::filesystem::remove_all(directory_, error);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  const std::string& file() const { return file_; }
  void Keep() { kept_ = true; }

 private:
  Workplace(std::string directory, std::string file)
      : directory_(std::move(directory)), file_(std::move(file)) {}

  const std::string directory_;
  const std::string file_;
  bool kept_ = false;
};

absl::Status WriteFile(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return FileError(path);
  while (!text.empty()) {
    const ssize_t n = ::write(fd.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError(path);
    text.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

struct Text {
  std::string data = {};
  int64_t generation = 0;  // 0: there is no such object yet
};

absl::StatusOr<Text> Fetch(Session& session, const std::string& name) {
  Text text;
  const auto object = GetObject(session, {.name = name});
  if (client::ReasonOf(object.status()) == "OBJECT_NOT_FOUND" && !IsObjectId(name)) return text;
  if (!object.ok()) return object.status();
  if (object->folder() || object->generation() == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        object->name(), object->folder() ? " is a folder" : " is an object of the system",
        ", which cannot be edited."));
  }
  if (object->size_bytes() > kMostBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(object->name(), " has ", FormatBytes(object->size_bytes()), "; at most ",
                     FormatBytes(kMostBytes), " can be edited. `", session.Typed("get"), "` and `",
                     session.Typed("put"), "` take more."));
  }
  v1::ReadObjectRequest request;
  request.set_name(name);
  request.set_generation(object->generation());
  const auto read = ReadContent(session, request, Daemon::kAnswered, 0, [&](std::string_view data) {
    text.data.append(data);
    return absl::OkStatus();
  });
  if (!read.ok()) return read.status();
  text.generation = object->generation();
  return text;
}

// The edited text as the next generation, if nobody else made one.
absl::StatusOr<v1::Object> Store(Session& session, const std::string& name, FileSource& source,
                                 int64_t generation) {
  const int64_t size = *source.size();
  if (size > limits::kObjectInlineBytes) {
    v1::StartUploadRequest request;
    request.mutable_object()->set_name(name);
    request.set_size_bytes(size);
    request.mutable_preconditions()->set_if_generation_match(generation);
    return Upload(session, request, source, nullptr, absl::StrCat("edit ", name));
  }
  const auto data = size == 0 ? std::string() : source.Read(0, static_cast<size_t>(size));
  if (!data.ok()) return data.status();
  v1::PutObjectRequest request;
  request.mutable_object()->set_name(name);
  request.set_data(*data);
  request.set_crc32c(client::Crc32c(*data));
  request.mutable_preconditions()->set_if_generation_match(generation);
  return session.client().PutObject(request);
}

EditorInput InputOf(const Console& console) {
  if (console.can_lend_terminal) return EditorInput::kTerminal;
  return console.input_is_script ? EditorInput::kNone : EditorInput::kOurs;
}

absl::StatusOr<bool> IsUnchanged(FileSource& source, const Text& before) {
  if (*source.size() != static_cast<int64_t>(before.data.size())) return false;
  if (before.data.empty()) return true;
  const auto data = source.Read(0, before.data.size());
  if (!data.ok()) return data.status();
  return *data == before.data;
}

ExitCode RunEdit(Session& session, const Arguments& arguments) {
  const std::string name = ResolveName(session.directory(), arguments.positional()[0]);
  const auto before = Fetch(session, name);
  if (!before.ok()) return session.Report(before.status());
  // A name may be one that a file cannot have.
  std::string file_name = LastSegment(name);
  if (file_name == "/" || file_name.empty()) file_name = "object";
  const auto workplace = Workplace::Make(file_name);
  if (!workplace.ok()) return session.Report(workplace.status());
  const std::string& file = (*workplace)->file();
  if (absl::Status status = WriteFile(file, before->data); !status.ok()) {
    return session.Report(status);
  }
  session.out() << std::flush;
  const absl::Status edited = RunEditor(file, InputOf(session.console()));
  UniqueFd other;
  auto source = FileSource::Open(file, other);
  const auto unchanged = source.ok() && *source != nullptr ? IsUnchanged(**source, *before)
                                                           : absl::StatusOr<bool>(false);
  const auto keep = [&] {
    (*workplace)->Keep();
    session.err() << "Your text is kept in " << EscapeForTerminal(file) << ".\n" << std::flush;
  };
  if (!edited.ok()) {
    const ExitCode code = session.Report(edited);
    if (source.ok() && unchanged.ok() && !*unchanged) keep();
    return code;
  }
  if (!source.ok()) return session.Report(source.status());
  if (*source == nullptr) {
    return session.Report(absl::FailedPreconditionError(
        absl::StrCat(file, " is no regular file any more; nothing was stored.")));
  }
  if (unchanged.ok() && *unchanged) {
    if (session.for_people()) {
      session.out() << EscapeForTerminal(name) << " is as it was.\n";
    }
    return ExitCode::kOk;
  }
  const auto object = Store(session, name, **source, before->generation);
  if (!object.ok()) {
    const bool changed = client::ReasonOf(object.status()) == "PRECONDITION_FAILED";
    const ExitCode code = session.Report(
        changed ? absl::AbortedError(absl::StrCat(
                      "Somebody else changed ", name, " while you edited it (it had generation ",
                      before->generation, "); nothing was stored. Edit it again, or `",
                      session.Typed("put"), "` your text."))
                : object.status());
    keep();
    return code;
  }
  session.Show(
      *object, object->name(),
      absl::StrCat("wrote ", object->name(), " (", object->id(), "), ",
                   FormatBytes(object->size_bytes()), ", generation ", object->generation()));
  return ExitCode::kOk;
}

}  // namespace

Command EditRow() {
  return {.name = "edit",
          .elsewhere = {"vi", "vim", "nano"},
          .synopsis = "NAME",
          .arguments = {&kObjectWord},
          .summary = "Edit an object with $VISUAL, $EDITOR or vi",
          .details =
              "Stored only if nobody else changed it meanwhile; else your text is kept in a "
              "file.\n",
          .examples = {"edit /config/app.json"},
          .least = 1,
          .most = 1,
          .run = RunEdit};
}

}  // namespace grpc_os::shell
