// fsck.
#include <optional>

#include "absl/strings/str_cat.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/object_rows.h"
#include "shell/commands/progress.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

void ShowDamaged(Session& session, const v1::DamagedObject& damaged) {
  const std::string which = absl::StrCat(damaged.name(), "@", damaged.generation());
  session.Show(damaged, which,
               absl::StrCat("damaged: ", which, " (", damaged.id(), "): ", damaged.message()));
}

absl::Status Check(Session& session, const std::string& prefix, v1::CheckObjectsResponse& all) {
  v1::CheckObjectsRequest request;
  request.set_prefix(prefix);
  Progress progress(session, absl::StrCat("fsck ", prefix), std::nullopt, 0);
  const absl::Status status =
      session.client().CheckObjects(request, [&](const v1::CheckObjectsResponse& message) {
        for (const v1::DamagedObject& damaged : message.damaged()) {
          progress.Clear();
          if (!session.collects()) ShowDamaged(session, damaged);
          *all.add_damaged() = damaged;
        }
        all.set_checked_count(message.checked_count());
        all.set_checked_bytes(message.checked_bytes());
        all.set_done(message.done());
        progress.At(message.checked_bytes());
        return !session.interrupted() && !message.done();
      });
  if (!status.ok() || all.done() || session.interrupted()) return status;
  return absl::UnavailableError(
      "The check ended before all was read; what came says nothing of the rest. Run it again.");
}

ExitCode RunCheck(Session& session, const Arguments& arguments) {
  const auto& words = arguments.positional();
  v1::CheckObjectsResponse all;
  const absl::Status status =
      Check(session, ResolveName(session.directory(), words.empty() ? "/" : words[0]), all);
  if (session.interrupted()) return ExitCode::kInterrupted;
  if (!status.ok()) return session.Report(status);
  if (session.collects()) {
    session.Print(all);
  } else if (session.for_people()) {
    session.out() << all.checked_count()
                  << (all.checked_count() == 1 ? " content, " : " contents, ")
                  << FormatBytes(all.checked_bytes()) << ", read; "
                  << (all.damaged().empty() ? "all are whole"
                                            : absl::StrCat(all.damaged_size(), " damaged"))
                  << "\n";
    if (!all.damaged().empty()) {
      session.Hint(
          "`history NAME` shows whether an older content can take its place: `cp -f "
          "NAME@GENERATION NAME`.");
    }
  }
  return all.damaged().empty() ? ExitCode::kOk : ExitCode::kFailure;
}

}  // namespace

Command CheckRow() {
  return {.name = "fsck",
          .synopsis = "[PREFIX]",
          .arguments = {&kObjectWord},
          .summary = "Read every content, old ones too, and name those that are damaged",
          .details = "Without PREFIX all there is. Ends with 1 if any is damaged.\n",
          .examples = {"fsck", "fsck /backups/"},
          .most = 1,
          .run = RunCheck};
}

}  // namespace grpc_os::shell
