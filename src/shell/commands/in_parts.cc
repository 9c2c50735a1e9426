#include "shell/commands/in_parts.h"

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "client/errors.h"
#include "shell/commands/progress.h"
#include "shell/escape.h"

namespace grpc_os::shell {
namespace {

std::string Number(int64_t count) { return absl::StrCat(count); }

}  // namespace

bool IsTooMuch(const absl::Status& status) {
  const auto detail = DetailOf(status);
  if (!detail.has_value() || detail->reason != "LIMIT_REACHED") return false;
  const auto limit = detail->metadata.find("limit");
  return limit != detail->metadata.end() &&
         (limit->second == "objects_per_call" || limit->second == "versions_per_call");
}

absl::StatusOr<int64_t> DoInParts(Session& session, const InParts& work,
                                  const std::function<absl::StatusOr<Part>()>& next) {
  int64_t count = 0;
  Progress progress(session, work.what, work.total, 0, Number);
  for (;;) {
    const auto part = session.interrupted() ? absl::CancelledError("interrupted") : next();
    if (!part.ok()) {
      progress.Clear();
      if (count == 0) return part.status();
      if (client::ReasonOf(part.status()) == "OBJECT_NOT_FOUND") return count;
      session.err() << EscapeForTerminal(absl::StrCat(work.what, ": ", work.done, " ", count,
                                                      " so far; `", work.again, "` goes on"))
                    << "\n"
                    << std::flush;
      return part.status();
    }
    count += part->count;
    if (!part->more) return count;
    progress.At(count);
  }
}

}  // namespace grpc_os::shell
