// Volumes.
#include "absl/strings/str_cat.h"
#include "grpc_os/v1/volume_services.pb.h"
#include "shell/commands/for_each.h"
#include "shell/commands/kinds.h"
#include "shell/escape.h"
#include "shell/quantity.h"
#include "shell/render/text.h"

namespace grpc_os::shell {
namespace {

std::string SizeText(const v1::VolumeStatus& status) {
  if (!status.has_size_time()) return "-";
  return absl::StrCat(status.size_partial() ? ">" : "", FormatBytes(status.size_bytes()));
}

Table Details(const v1::Volume& volume) {
  Table table({{""}, {""}});
  table.AddRow({{"name"}, {volume.name(), Style::kTitle}});
  table.AddRow({{"path"}, {volume.status().path()}});
  table.AddRow({{"size"}, {SizeText(volume.status())}});
  if (volume.status().size_partial())
    table.AddRow({{""}, {"some of it cannot be read, is too deep or takes too long"}});
  if (volume.status().has_size_time())
    table.AddRow({{"measured"}, {TimeText(volume.status().size_time())}});
  table.AddRow({{"account"}, {OrDash(volume.spec().account())}});
  table.AddRow({{"shared"}, {volume.spec().shared() ? "yes" : "no: one process at a time"}});
  table.AddRow({{"processes"}, {OrDash(Joined(volume.status().processes()))}});
  table.AddRow({{"owner"}, {OrDash(volume.owner())}});
  table.AddRow({{"created"}, {TimeText(volume.create_time())}});
  table.AddRow({{"updated"}, {TimeText(volume.update_time())}});
  return table;
}

ResourceView<v1::Volume> View() {
  return {
      .name = [](const auto& volume) { return volume.name(); },
      .columns = {{"NAME", [](const auto& volume) { return volume.name(); }},
                  {"SIZE", [](const auto& volume) { return SizeText(volume.status()); },
                   Table::Align::kRight},
                  {"SHARED",
                   [](const auto& volume) {
                     return std::string(volume.spec().shared() ? "yes" : "-");
                   }},
                  {"ACCOUNT", [](const auto& volume) { return OrDash(volume.spec().account()); }},
                  {"PROCESSES",
                   [](const auto& volume) { return OrDash(Joined(volume.status().processes())); }},
                  {"PATH", [](const auto& volume) { return volume.status().path(); }}},
      .details = Details};
}

ExitCode RunList(Session& session, const Arguments&) {
  return session.ShowList(View(), session.client().ListVolumes());
}

ExitCode RunShow(Session& session, const Arguments& arguments) {
  return session.Show(View(), session.client().GetVolume(arguments.positional()[0]));
}

ExitCode RunCreate(Session& session, const Arguments& arguments) {
  v1::CreateVolumeRequest request;
  v1::Volume& wanted = *request.mutable_volume();
  wanted.set_name(arguments.positional()[0]);
  wanted.mutable_spec()->set_account(arguments.Value("user").value_or(""));
  wanted.mutable_spec()->set_shared(arguments.Has("shared"));
  return session.ShowDone<v1::Volume>(
      View(), session.client().CreateVolume(request), [&](const v1::Volume& volume) {
        return absl::StrCat(
            "made the volume ", volume.name(), " at ", volume.status().path(), ". `",
            session.Typed(absl::StrCat("start NAME COMMAND --volume ", volume.name())),
            "` gives it to a process.");
      });
}

ExitCode RunUpdate(Session& session, const Arguments& arguments) {
  if (arguments.Has("shared") == arguments.Has("exclusive"))
    return session.Report(absl::InvalidArgumentError("Give either --shared or --exclusive."));
  v1::UpdateVolumeRequest request;
  request.mutable_volume()->set_name(arguments.positional()[0]);
  request.mutable_volume()->mutable_spec()->set_shared(arguments.Has("shared"));
  return session.ShowDone<v1::Volume>(
      View(), session.client().UpdateVolume(request), [](const v1::Volume& volume) {
        return absl::StrCat(volume.name(), volume.spec().shared()
                                               ? " may be had by several processes now"
                                               : " is of one process at a time now");
      });
}

ExitCode RunRemove(Session& session, const Arguments& arguments) {
  return ForEachWord(session, arguments.positional(), [&](const std::string& name) {
    absl::Status status = Confirm(session, arguments,
                                  absl::StrCat("Remove the volume ", EscapeForTerminal(name),
                                               " and all that it has for good?"),
                                  name);
    if (!status.ok()) return status;
    v1::DeleteVolumeRequest request;
    request.set_name(name);
    status = session.client().DeleteVolume(request).status();
    if (!status.ok()) return status;
    v1::Volume removed;
    removed.set_name(name);
    session.Show(removed, name, absl::StrCat("removed ", name));
    return status;
  });
}

}  // namespace

const WordKind kVolumeWord = {.live = [](client::Client& client, const std::string&) {
  return WordsIn(View(), client.ListVolumes());
}};

std::vector<Command> VolumeCommands() {
  const Option shared = {"shared", 0, "", "several processes may have it at a time"};
  return {
      {.name = "volume ls",
       .aliases = {"volume list"},
       .elsewhere = {"volumes"},
       .summary = "List the volumes, what they take on the disk and which processes have them",
       .examples = {"volume ls"},
       .most = 0,
       .run = RunList},
      {.name = "volume show",
       .synopsis = "VOLUME",
       .arguments = {&kVolumeWord},
       .summary = "Show a volume",
       .examples = {"volume show data"},
       .least = 1,
       .most = 1,
       .run = RunShow},
      {.name = "volume create",
       .aliases = {"volume add"},
       .synopsis = "NAME",
       .arguments = {nullptr},
       .summary = "Make a volume: a directory that outlives the processes that have it",
       .details =
           "NAME is a letter or digit, then up to 62 letters, digits, \".\", \"_\" or \"-\".\n"
           "A process that has the volume data finds its directory in its variable\n"
           "GRPC_OS_VOLUME_DATA. A volume is of one account for life.\n",
       .options = {shared, {"user", 0, "ACCOUNT", "account of the machine that may use it"}},
       .examples = {"volume create data", "volume create media --shared"},
       .least = 1,
       .most = 1,
       .run = RunCreate},
      {.name = "volume update",
       .synopsis = "VOLUME",
       .arguments = {&kVolumeWord},
       .summary = "Say whether several processes may have a volume",
       .options = {shared, {"exclusive", 0, "", "one process has it at a time"}},
       .examples = {"volume update data --shared"},
       .least = 1,
       .most = 1,
       .run = RunUpdate},
      {.name = "volume rm",
       .aliases = {"volume delete"},
       .synopsis = "VOLUME…",
       .arguments = {&kVolumeWord},
       .summary = "Remove volumes that no process has, with all that is in them",
       .options = {YesOption()},
       .examples = {"volume rm data"},
       .least = 1,
       .run = RunRemove},
  };
}

}  // namespace grpc_os::shell
