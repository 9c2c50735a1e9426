// Files that say what is to run: what can be said of them without a daemon.
#include <google/protobuf/struct.pb.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "manifest/domain_manifest.h"
#include "manifest/process_manifest.h"
#include "manifest/settings.h"
#include "shell/commands/domain_rows.h"
#include "shell/commands/kinds.h"
#include "shell/commands/process_directory.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

using manifest::Probe;
using manifest::ProcessManifest;

std::string PortOf(const ProcessManifest& process) {
  if (process.auto_port) return "auto";
  if (process.port != 0) return absl::StrCat(process.port);
  const auto said = process.environment.find("PORT");
  return said == process.environment.end() ? "" : said->second;
}

std::string WayOf(const Probe& probe) {
  const std::string port = probe.port == 0 ? "" : absl::StrCat(" on ", probe.port);
  switch (probe.kind) {
    case Probe::Kind::kNotify:
      return "notify";
    case Probe::Kind::kHttp:
      return absl::StrCat("http ", probe.path, port);
    case Probe::Kind::kTcp:
      return "tcp" + port;
    case Probe::Kind::kDelay:
      return absl::StrCat("after ", FormatDuration(probe.delay_ms));
  }
  return "";
}

// What there is to say of it, in words: for people a sentence, for programs an object.
std::vector<std::pair<std::string, std::string>> FieldsOf(const ProcessManifest& process) {
  std::vector<std::pair<std::string, std::string>> fields = {{"name", process.name},
                                                             {"command", process.command}};
  const auto add = [&](const char* name, std::string text) {
    if (!text.empty()) fields.emplace_back(name, std::move(text));
  };
  add("version", process.version);
  add("port", PortOf(process));
  if (process.ready.has_value()) add("ready", WayOf(*process.ready));
  if (process.liveness.has_value()) add("liveness", WayOf(*process.liveness));
  add("volumes", absl::StrJoin(process.volumes, ", ", [](std::string* out, const auto& mount) {
        absl::StrAppend(out, mount.name, ":", mount.path, mount.shared ? ":shared" : "");
      }));
  add("domains", absl::StrJoin(process.domains, ", "));
  add("depends_on",
      absl::StrJoin(process.depends_on, ", ",
                    [](std::string* out, const auto& other) { out->append(other.process); }));
  return fields;
}

ExitCode RunValidate(Session& session, const Arguments& arguments) {
  const std::string& path = arguments.positional()[0];
  if (const auto domain = DomainFileText(path)) return ValidateDomain(session, path, *domain);
  ExitCode code = ExitCode::kOk;
  const auto directory = ReadProcessDirectory(session, path, code);
  if (!directory) return code;
  google::protobuf::Struct all;
  auto* const list = (*all.mutable_fields())["processes"].mutable_list_value();
  for (const ProcessManifest& process : directory->processes) {
    const auto fields = FieldsOf(process);
    google::protobuf::Struct object;
    for (const auto& [name, text] : fields) (*object.mutable_fields())[name].set_string_value(text);
    if (session.collects()) {
      *list->add_values()->mutable_struct_value() = std::move(object);
      continue;
    }
    std::string sentence = absl::StrCat(process.name, ": ", process.command);
    for (size_t i = 2; i < fields.size(); ++i)
      absl::StrAppend(&sentence, "; ", fields[i].first, " ", fields[i].second);
    session.ShowNext(object, process.name, EscapeForTerminal(sentence));
  }
  if (session.collects()) session.Print(all);
  return ExitCode::kOk;
}

ExitCode RunManifest(Session& session, const Arguments& arguments) {
  const std::string& which = arguments.positional()[0];
  if (which == "settings") {
    const std::string& file = arguments.positional()[1];
    session.out() << (file == "reference" ? manifest::SettingsReference()
                                          : manifest::SettingsExample(file));
  } else if (arguments.positional()[1] == "domain") {
    session.out() << (which == "schema"      ? manifest::DomainSchema()
                      : which == "reference" ? manifest::DomainReference()
                                             : manifest::DomainExample());
  } else {
    session.out() << (which == "schema"      ? manifest::ProcessSchema()
                      : which == "reference" ? manifest::ProcessReference()
                                             : manifest::ProcessExample());
  }
  return ExitCode::kOk;
}

}  // namespace

std::vector<Command> ManifestCommands() {
  return {
      {.name = "validate",
       .elsewhere = {"lint"},
       .synopsis = "PATH",
       .arguments = {&kLocalFileWord},
       .summary = "Check the process.yml of a directory, or a domain.yml, without a daemon",
       .details =
           "PATH is the file, or its directory: then process.yml is in it, or beside it with\n"
           "the directory's name; or it is a domain.yml. Prints all that is wrong as\n"
           "FILE:LINE:COLUMN: … (exit code 2), else what would run or be served. The keys:\n"
           "docs/PROCESS_YML.md, docs/DOMAIN_YML.md.\n",
       .examples = {"validate ./processes/myapp", "validate process.yml -o json",
                    "validate domain.yml"},
       .least = 1,
       .most = 1,
       .needs_daemon = false,
       .run = RunValidate},
      {.name = "__manifest",
       .summary = "Print what is made of the keys of a file: schema, reference or example",
       .examples = {"__manifest schema process", "__manifest example domain",
                    "__manifest settings reference", "__manifest settings auth"},
       .least = 2,
       .most = 2,
       .needs_daemon = false,
       .hidden = true,
       .run = RunManifest},
  };
}

}  // namespace grpc_os::shell
