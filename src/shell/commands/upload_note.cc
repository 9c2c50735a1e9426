#include "shell/commands/upload_note.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/crc32c.h"
#include "client/private_file.h"

namespace grpc_os::shell {
namespace {

constexpr size_t kNoteBytes = size_t{64} << 10;
constexpr char kUpload[] = "upload ";

// One line each, in a form in which no two subjects are alike.
std::string Place(const UploadNote::Subject& subject) {
  return absl::StrCat("address ", absl::CEscape(subject.address), "\nfile ",
                      absl::CEscape(subject.file), "\nobject ", absl::CEscape(subject.object),
                      "\n");
}
std::string Text(const UploadNote::Subject& subject) {
  return absl::StrCat(Place(subject), "identity ", absl::CEscape(subject.identity), "\nfields ",
                      absl::CEscape(subject.fields), "\n");
}

// Of one file and one object: a newer content takes the place of an older one.
std::string Path(Session& session, const UploadNote::Subject& subject) {
  const std::string which =
      absl::StrCat(subject.address, "\n", absl::CEscape(subject.file), "\n", subject.object);
  return absl::StrFormat("%s/uploads/%08x", session.state_directory(), client::Crc32c(which));
}

}  // namespace

UploadNote::UploadNote(Session& session, Subject subject)
    : place_(Place(subject)), subject_(Text(subject)), path_(Path(session, subject)) {}

// On the line that ends a note with this beginning.
std::optional<std::string> UploadNote::IdIn(const std::string& beginning) const {
  const auto text = client::ReadPrivateFile(path_, kNoteBytes);
  if (!text.ok() || !text->has_value()) return std::nullopt;
  std::string_view rest = **text;
  if (!rest.starts_with(beginning) || !rest.ends_with('\n')) return std::nullopt;
  rest.remove_suffix(1);
  rest.remove_prefix(beginning == subject_ ? subject_.size() : rest.rfind('\n') + 1);
  if (!rest.starts_with(kUpload)) return std::nullopt;
  return std::string(rest.substr(sizeof(kUpload) - 1));
}

std::optional<std::string> UploadNote::Read() const { return IdIn(subject_); }

std::optional<std::string> UploadNote::ReadOther() const {
  return Read().has_value() ? std::nullopt : IdIn(place_);
}

absl::Status UploadNote::Write(const std::string& upload_id) const {
  return client::WritePrivateFile(path_, absl::StrCat(subject_, kUpload, upload_id, "\n"));
}

void UploadNote::Remove() const { ::unlink(path_.c_str()); }

}  // namespace grpc_os::shell
