// get.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/crc32c.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/content_printer.h"
#include "shell/commands/local_device.h"
#include "shell/commands/local_target.h"
#include "shell/commands/object_content.h"
#include "shell/commands/object_names.h"
#include "shell/commands/object_rows.h"
#include "shell/commands/progress.h"
#include "shell/escape.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/session.h"
#include "shell/words.h"

namespace grpc_os::shell {
namespace {

constexpr char kStandardOutput[] = "-";

v1::ReadObjectRequest RequestFor(const NamedObject& named, const v1::Object& object) {
  v1::ReadObjectRequest request;
  request.set_name(named.name);
  // What lies there may be another content by now.
  request.set_generation(object.generation());
  return request;
}

absl::Status GetToOutput(Session& session, const NamedObject& named, const v1::Object& object) {
  ContentPrinter printer(session.out(), session.console().out_is_terminal);
  const auto read = ReadContent(
      session, RequestFor(named, object), Daemon::kAnswered, 0, [&](std::string_view data) {
        printer.Print(data);
        return session.out() ? absl::OkStatus() : absl::UnknownError("Cannot write to the output.");
      });
  printer.Finish();
  return read.status();
}

// Which content it is, for the name of what is not yet whole.
std::string MarkOf(Session& session, const v1::Object& object) {
  return absl::StrFormat(
      "%08x", client::Crc32c(absl::StrCat(session.client().address().ToString(), "\n", object.id(),
                                          "\n", object.generation(), "\n", object.sha256())));
}

absl::Status Receive(Session& session, const NamedObject& named, const v1::Object& object,
                     LocalTarget& target) {
  const bool whole = object.generation() != 0 && target.size() == object.size_bytes() &&
                     target.crc32c() == object.crc32c();
  if (whole) return absl::OkStatus();
  const std::optional<int64_t> total =
      object.generation() == 0 ? std::nullopt : std::optional<int64_t>(object.size_bytes());
  Progress progress(session, absl::StrCat("get ", object.name()), total, target.size());
  v1::ReadObjectRequest request = RequestFor(named, object);
  request.set_offset(target.size());
  const auto read = ReadContent(session, request, Daemon::kAnswered, target.crc32c(),
                                [&](std::string_view data) -> absl::Status {
                                  if (absl::Status status = target.Append(data); !status.ok())
                                    return status;
                                  progress.At(target.size());
                                  return absl::OkStatus();
                                });
  return read.status();
}

absl::Status GetToFile(Session& session, const NamedObject& named, const v1::Object& object,
                       const std::string& path, bool replace) {
  auto target = LocalTarget::Open(path, MarkOf(session, object));
  if (!target.ok()) return target.status();
  bool resumed = target->size() > 0;
  if (resumed && (object.generation() == 0 || target->size() > object.size_bytes())) {
    if (absl::Status status = target->Restart(); !status.ok()) return status;
    resumed = false;
  }
  const std::string what = absl::StrCat("get ", object.name());
  if (resumed) SayGoingOn(session, what, target->size());
  absl::Status status = Receive(session, named, object, *target);
  if (absl::IsDataLoss(status)) {
    // What an earlier run left is damaged, perhaps: once more from the start. Else there is nothing
    // to go on with.
    if (absl::Status restarted = target->Restart(); !restarted.ok()) return restarted;
    if (resumed) status = Receive(session, named, object, *target);
  }
  if (status.ok()) return target->Commit(replace);
  if (target->size() > 0 && object.generation() != 0) SayThatItGoesOn(session, what);
  return status;
}

// A device or a pipe, also one that a symbolic link leads to, and what a program has open: that is
// written to, while any other file, and a link to one, makes room for the new one.
bool IsWrittenTo(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return false;
  return !S_ISREG(info.st_mode) || LeadsToADescriptor(path);
}

absl::Status GetToDevice(Session& session, const NamedObject& named, const v1::Object& object,
                         const std::string& path) {
  auto device = LocalDevice::Open(session, path);
  if (!device.ok()) return device.status();
  Progress progress(session, absl::StrCat("get ", object.name()), object.size_bytes(), 0);
  int64_t size = 0;
  return ReadContent(session, RequestFor(named, object), Daemon::kAnswered, 0,
                     [&](std::string_view data) -> absl::Status {
                       if (absl::Status status = device->Write(data); !status.ok()) return status;
                       progress.At(size += static_cast<int64_t>(data.size()));
                       return absl::OkStatus();
                     })
      .status();
}

// What the object is called in a directory: never anything that leads out of it, and what was asked
// for, whatever the daemon answers. Only of an id the answer has the name; a hidden file (.bashrc)
// is never made of that.
absl::StatusOr<std::string> FileNameOf(const NamedObject& named, const v1::Object& object) {
  const bool by_id = IsObjectId(named.name);
  const std::string name = LastSegment(by_id ? object.name() : named.name);
  if (!name.empty() && name != "." && name != ".." && !(by_id && name.starts_with('.')) &&
      name.find_first_of(std::string("/\0", 2)) == std::string::npos) {
    return name;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      object.name(), " cannot be the name of a file; give one, as in `get NAME FILE`."));
}

bool IsThere(const std::string& path) {
  struct stat info = {};
  return ::lstat(path.c_str(), &info) == 0;
}

// Whether there is something at `path` to be replaced, which the user wants: by --force, or when
// asked.
absl::StatusOr<bool> Replaces(Session& session, const NamedObject& named, const std::string& path,
                              bool force) {
  if (force || !IsThere(path)) return force;
  if (session.console().ask) {
    if (session.console().ask(
            absl::StrCat(EscapeForTerminal(path), " is there already. Replace it?"))) {
      return true;
    }
    return absl::UnknownError(absl::StrCat(path, " is kept."));
  }
  const std::string version = named.generation == 0 ? "" : absl::StrCat("@", named.generation);
  return absl::AlreadyExistsError(
      absl::StrCat(path, " is there already, and is kept. `",
                   session.Typed(absl::StrCat("get --force ", QuoteWord(named.name + version), " ",
                                              QuoteWord(path))),
                   "` replaces it."));
}

struct Destination {
  std::string path;
  bool is_directory = false;  // each object becomes a file in it
  bool force = false;         // files that are there are replaced
};

absl::Status Get(Session& session, const NamedObject& named, const Destination& destination) {
  std::string target = destination.path;
  const auto object = GetObject(session, named);
  if (!object.ok()) return object.status();
  if (object->folder()) {
    return absl::FailedPreconditionError(absl::StrCat(
        object->name(), " is a folder; name the objects in it, or write '", object->name(), "*'."));
  }
  if (target == kStandardOutput || IsDescriptor(target, STDOUT_FILENO))
    return GetToOutput(session, named, *object);
  if (destination.is_directory) {
    const auto name = FileNameOf(named, *object);
    if (!name.ok()) return name.status();
    target = (std::filesystem::path(target) / *name).string();
  }
  // A device that the user names is not replaced; in a directory its name may be another's choice.
  const bool written_to = IsWrittenTo(target);
  absl::StatusOr<bool> replaces = true;
  if (!written_to || destination.is_directory) {
    replaces = Replaces(session, named, target, destination.force);
    if (!replaces.ok()) return replaces.status();
  }
  absl::Status status = written_to ? GetToDevice(session, named, *object, target)
                                   : GetToFile(session, named, *object, target, *replaces);
  if (!status.ok()) return status;
  session.Show(*object, object->name(),
               absl::StrCat("wrote ", target, ", ", FormatBytes(object->size_bytes())));
  return absl::OkStatus();
}

ExitCode RunGet(Session& session, const Arguments& arguments) {
  std::vector<std::string> words = arguments.positional();
  std::string target = ".";
  if (words.size() > 1) {
    target = words.back();
    words.pop_back();
  }
  std::error_code error;
  const bool into = target != kStandardOutput && std::filesystem::is_directory(target, error);
  const std::string parent =
      target.ends_with('/') ? target : std::filesystem::path(target).parent_path().string();
  if (!into && !parent.empty() && !std::filesystem::is_directory(parent, error)) {
    return session.Report(absl::NotFoundError(
        absl::StrCat("There is no directory ", parent, " on this machine; make it first.")));
  }
  if (!into && target != kStandardOutput) {
    bool one = words.size() == 1 && !target.ends_with('/');
    if (one && !IsWrittenTo(target)) {
      // A pattern that fits several would leave the last of them only.
      const auto objects = ExpandVersioned(session, words[0]);
      if (!objects.ok()) return session.Report(objects.status());
      one = objects->size() == 1;
    }
    if (!one) {
      return session.Report(absl::InvalidArgumentError(
          absl::StrCat(target, " is no directory of this machine, so it takes one object only.")));
    }
  }
  const Destination destination = {
      .path = target, .is_directory = into, .force = arguments.Has("force")};
  return ForEachObject(session, words, ExpandVersioned,
                       [&](const NamedObject& named) { return Get(session, named, destination); });
}

}  // namespace

Command GetRow() {
  return {
      .name = "get",
      .elsewhere = {"download", "fetch"},
      .synopsis = "NAME[@GENERATION]… [FILE]",
      .arguments = {&kObjectWord, &kLocalFileWord},
      .summary = "Write objects to files of this machine",
      .details =
          std::string(kObjectNames) + kObjectVersions +
          "FILE may be a directory (.); \"-\" is standard output. An existing file is replaced "
          "with\n"
          "--force only; on a terminal you are asked. The content is first written to\n"
          ".FILE.….part beside it, and takes the place of FILE once it is complete and on disk; "
          "if\n"
          "the command is interrupted, run it again and it resumes. A symbolic link to a file is\n"
          "replaced like a file; a device or a pipe is written to.\n" +
          kTransfer,
      .options = {{"force", 'f', "", "replace files that are there"}},
      .examples = {"get /backups/backup.tar", "get /config/app.json app.json", "get obj_123 -"},
      .least = 1,
      .run = RunGet};
}

}  // namespace grpc_os::shell
