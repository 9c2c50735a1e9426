// Uploads that are open.
#include "absl/strings/str_cat.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/for_each.h"
#include "shell/commands/kinds.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/render/text.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

ResourceView<v1::Upload> View() {
  const auto state = [](const v1::Upload& upload) -> Cell {
    return upload.busy() ? Cell{"busy", Style::kGood} : Cell{"idle", Style::kDim};
  };
  return {
      .name = [](const auto& upload) { return upload.upload_id(); },
      .columns = {{"ID", [](const auto& upload) { return upload.upload_id(); }},
                  {"NAME", [](const auto& upload) { return upload.name(); }},
                  {"OWNER", [](const auto& upload) { return OrDash(upload.owner()); }},
                  {"SIZE", [](const auto& upload) { return FormatBytes(upload.persisted_bytes()); },
                   Table::Align::kRight},
                  {"STATE", state},
                  {"BEGUN", [](const auto& upload) { return TimeText(upload.create_time()); }},
                  {"WRITTEN", [](const auto& upload) { return TimeText(upload.update_time()); }},
                  {"EXPIRES", [](const auto& upload) { return TimeText(upload.expire_time()); },
                   Table::Align::kLeft, ResourceView<v1::Upload>::In::kWide}}};
}

LiveWords Ids(client::Client& client, const std::string&) {
  LiveWords words;
  if (const auto all = client.ListUploads(false); all.ok()) {
    for (const v1::Upload& upload : all->uploads()) words.ids.push_back(upload.upload_id());
  }
  return words;
}

constexpr WordKind kUploadWord = {.live = Ids};

Option AllUsersOption() { return {"all-users", 0, "", "everyone's; needs quota.write of \"/\""}; }

ExitCode RunList(Session& session, const Arguments& arguments) {
  const auto all = session.client().ListUploads(arguments.Has("all-users"));
  if (all.ok() && all->uploads().empty() &&
      session.Hint("No uploads are open. `put FILE NAME` makes an object of a file.")) {
    return ExitCode::kOk;
  }
  return session.ShowList(View(), all);
}

ExitCode RunCancel(Session& session, const Arguments& arguments) {
  std::vector<std::string> ids = arguments.positional();
  if (ids.empty() != arguments.Has("all")) {
    return session.Report(absl::InvalidArgumentError("Give either the ids of uploads or --all."));
  }
  if (arguments.Has("all")) {
    const auto all = session.client().ListUploads(arguments.Has("all-users"));
    if (!all.ok()) return session.Report(all.status());
    for (const v1::Upload& upload : all->uploads()) {
      // Someone is at those that are written; who means one of them names it.
      if (!upload.busy()) ids.push_back(upload.upload_id());
    }
  }
  return ForEachWord(session, ids, [&](const std::string& id) {
    const auto response = session.client().CancelUpload(id);
    if (response.ok()) session.Show(*response, id, absl::StrCat("cancelled ", id));
    return response.status();
  });
}

}  // namespace

std::vector<Command> UploadCommands() {
  return {
      {.name = "uploads",
       .aliases = {"uploads ls"},
       .summary = "List the uploads that are open",
       .details =
           "Those that were begun and neither finished nor cancelled, the oldest first. One that\n"
           "nobody writes is forgotten 24 hours after its last piece, and sooner where its user\n"
           "begins so many more that more than 500 would be open: the longest idle gives way.\n",
       .options = {AllUsersOption(), WatchOption()},
       .examples = {"uploads", "uploads --all-users"},
       .most = 0,
       .run = RunList},
      {.name = "uploads cancel",
       .aliases = {"uploads rm"},
       .synopsis = "ID… | --all",
       .arguments = {&kUploadWord},
       .summary = "Forget uploads and their bytes",
       .details = "By its id also one that is being written, which ends that.\n",
       .options = {{"all", 0, "", "all of yours that nobody writes just now"}, AllUsersOption()},
       .examples = {"uploads cancel upload_06frp2hw8v1a", "uploads cancel --all"},
       .run = RunCancel},
  };
}

}  // namespace grpc_os::shell
