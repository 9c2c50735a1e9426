// What an upload that was cut short needs to be resumed by another run of the program.
#ifndef GRPC_OS_SHELL_COMMANDS_UPLOAD_NOTE_H_
#define GRPC_OS_SHELL_COMMANDS_UPLOAD_NOTE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "shell/session.h"

namespace grpc_os::shell {

// One file for each upload under way, <state directory>/uploads/…, 0600. It says which upload it is
// and of what: nothing of the content.
class UploadNote {
 public:
  // Which content goes where: the daemon's address, the file with what tells that it is the same
  // (UploadSource), the object's name, and what else is said of it.
  struct Subject {
    std::string address;
    std::string file;
    std::string identity;
    std::string object;
    std::string fields;
  };

  UploadNote(Session& session, Subject subject);

  // The id of the upload that was begun of just this. A note of anything else, or one that cannot
  // be trusted, is none.
  std::optional<std::string> Read() const;
  // The one that was begun of the same file for the same object, but not of just this: of an older
  // content, say. Nobody resumes it once this one has its note.
  std::optional<std::string> ReadOther() const;
  // Not OK: the next run begins anew.
  absl::Status Write(const std::string& upload_id) const;
  void Remove() const;

  const std::string& path() const { return path_; }

 private:
  std::optional<std::string> IdIn(const std::string& beginning) const;

  const std::string place_;  // with which the subject begins
  const std::string subject_;
  const std::string path_;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_UPLOAD_NOTE_H_
