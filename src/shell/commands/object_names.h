// The objects that the words NAME… mean.
#ifndef GRPC_OS_SHELL_COMMANDS_OBJECT_NAMES_H_
#define GRPC_OS_SHELL_COMMANDS_OBJECT_NAMES_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/session.h"

namespace grpc_os::shell {

// An absolute name or an id, and whether a pattern found it.
struct NamedObject {
  std::string name;
  int64_t generation = 0;  // 0: the live object
  bool of_pattern = false;
};

// What one word means: itself, resolved against the session's directory; or, where it has * ? or [,
// all that fits, in the order of names, segment by segment: `/a*/b?` looks into every folder that
// fits /a*. A dot at the beginning is fitted by a dot only, as in a POSIX shell. A backslash before
// such a character means the character. NOT_FOUND if nothing fits.
absl::StatusOr<std::vector<NamedObject>> Expand(Session& session, const std::string& word);
// The same of a word that may end with @GENERATION; then it is no pattern.
absl::StatusOr<std::vector<NamedObject>> ExpandVersioned(Session& session, const std::string& word);
// As ExpandVersioned, among what was deleted and can be brought back.
absl::StatusOr<std::vector<NamedObject>> ExpandDeleted(Session& session, const std::string& word);

using Expansion = absl::StatusOr<std::vector<NamedObject>> (*)(Session&, const std::string&);

// Does `action` to each object that the words mean, each once. Its errors and those of words are
// reported and do not stop the others, unless they would meet every other call as well.
ExitCode ForEachObject(Session& session, const std::vector<std::string>& words, Expansion expand,
                       const std::function<absl::Status(const NamedObject&)>& action);

// The live object, or a version of it.
absl::StatusOr<v1::Object> GetObject(Session& session, const NamedObject& named);

// Whether what is moved, copied or put to `name` goes into it, because it is a folder.
absl::StatusOr<bool> IsFolder(Session& session, const std::string& name);

// "1 object", "2 objects".
std::string CountOfObjects(int64_t count);
std::string CountOfVersions(int64_t count);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_OBJECT_NAMES_H_
