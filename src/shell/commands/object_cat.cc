// cat.
#include "absl/strings/str_cat.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/content_printer.h"
#include "shell/commands/object_content.h"
#include "shell/commands/object_names.h"
#include "shell/commands/object_rows.h"
#include "shell/parser.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

// As one of the formats for programs: small contents only, which the message can hold.
absl::Status CatMessage(Session& session, const NamedObject& named) {
  v1::GetObjectRequest request;
  request.set_name(named.name);
  request.set_generation(named.generation);
  request.set_include_data(true);
  const auto object = session.client().GetObject(request);
  if (!object.ok()) return object.status();
  session.Print(*object);
  return absl::OkStatus();
}

absl::Status Cat(Session& session, const NamedObject& named, ContentPrinter& printer) {
  v1::ReadObjectRequest request;
  request.set_name(named.name);
  request.set_generation(named.generation);
  const auto object =
      ReadContent(session, request, Daemon::kNotAskedYet, 0, [&](std::string_view data) {
        printer.Print(data);
        return absl::OkStatus();
      });
  printer.Finish();
  return object.status();
}

ExitCode RunCat(Session& session, const Arguments& arguments) {
  const bool escape = session.console().out_is_terminal && !arguments.Has("raw");
  ContentPrinter printer(session.out(), escape);
  return ForEachObject(session, arguments.positional(), ExpandVersioned,
                       [&](const NamedObject& named) -> absl::Status {
                         if (session.for_programs()) return CatMessage(session, named);
                         if (session.for_people()) return Cat(session, named, printer);
                         session.PrintName(named.name);
                         return absl::OkStatus();
                       });
}

}  // namespace

Command CatRow() {
  return {.name = "cat",
          .elsewhere = {"less", "more", "read", "head", "type"},
          .synopsis = "NAME[@GENERATION]…",
          .arguments = {&kObjectWord},
          .summary = "Show the content of objects",
          .details =
              std::string(kObjectNames) + kObjectVersions +
              "On a terminal, what it would act on is shown as \\x1b; in a pipe the bytes pass\n"
              "unchanged. -o json shows the object with its content, if that has at most 64 KiB.\n",
          .options = {{"raw", 0, "", "the bytes as they are on a terminal, too"}},
          .examples = {"cat /config/app.json", "cat obj_123", "cat app.json@42"},
          .least = 1,
          .run = RunCat};
}

}  // namespace grpc_os::shell
