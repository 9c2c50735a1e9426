// Quotas of folders.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "manifest/quantity.h"
#include "shell/commands/for_each.h"
#include "shell/commands/kinds.h"
#include "shell/commands/object_names.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

absl::StatusOr<v1::Quota> ReadQuota(Session& session, const Arguments& arguments) {
  v1::Quota quota;
  quota.set_prefix(AsFolder(ResolveName(session.directory(), arguments.positional()[0])));
  if (const auto text = arguments.Value("objects")) {
    int64_t objects = 0;
    if (!absl::SimpleAtoi(*text, &objects) || objects < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("--objects needs a number from 1; \"", *text, "\" is none."));
    }
    quota.set_max_objects(objects);
  }
  if (const auto text = arguments.Value("bytes")) {
    const auto bytes = manifest::ParseBytes(*text);
    if (!bytes.ok()) return bytes.status();
    if (*bytes < 1) return absl::InvalidArgumentError("--bytes needs a size from 1 byte on.");
    quota.set_max_bytes(*bytes);
  }
  quota.set_include_versions(arguments.Has("versions"));
  if (quota.max_objects() == 0 && quota.max_bytes() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("A quota bounds something: give --objects N, --bytes SIZE or both. `",
                     session.Typed("quota rm"), "` removes one."));
  }
  return quota;
}

std::string Sentence(const v1::Quota& quota) {
  std::string text = absl::StrCat(quota.prefix(), " may hold ");
  if (quota.max_objects() != 0) absl::StrAppend(&text, CountOfObjects(quota.max_objects()));
  if (quota.max_objects() != 0 && quota.max_bytes() != 0) absl::StrAppend(&text, " and ");
  if (quota.max_bytes() != 0) absl::StrAppend(&text, FormatBytes(quota.max_bytes()));
  absl::StrAppend(&text, "; it holds ", CountOfObjects(quota.objects()), ", ",
                  FormatBytes(quota.bytes()),
                  quota.include_versions() ? ", with old versions" : "");
  return text;
}

Cell FolderOf(const v1::Quota& quota) {
  const bool full = (quota.max_objects() != 0 && quota.objects() >= quota.max_objects()) ||
                    (quota.max_bytes() != 0 && quota.bytes() >= quota.max_bytes());
  return {quota.prefix(), full ? Style::kBad : Style::kPlain};
}

std::string MaxObjects(const v1::Quota& quota) {
  return quota.max_objects() == 0 ? "-" : absl::StrCat(quota.max_objects());
}

std::string MaxBytes(const v1::Quota& quota) {
  return quota.max_bytes() == 0 ? "-" : FormatBytes(quota.max_bytes());
}

ResourceView<v1::Quota> View() {
  constexpr auto kRight = Table::Align::kRight;
  return {.name = [](const auto& quota) { return quota.prefix(); },
          .columns = {
              {"FOLDER", FolderOf},
              {"OBJECTS", [](const auto& quota) { return absl::StrCat(quota.objects()); }, kRight},
              {"AT-MOST", MaxObjects, kRight},
              {"SIZE", [](const auto& quota) { return FormatBytes(quota.bytes()); }, kRight},
              {"AT-MOST", MaxBytes, kRight},
              {"VERSIONS", [](const auto& quota) {
                 return std::string(quota.include_versions() ? "counted" : "-");
               }}}};
}

ExitCode RunSet(Session& session, const Arguments& arguments) {
  auto wanted = ReadQuota(session, arguments);
  if (!wanted.ok()) return session.Report(wanted.status());
  v1::SetQuotaRequest request;
  *request.mutable_quota() = *std::move(wanted);
  return session.ShowDone<v1::Quota>(View(), session.client().SetQuota(request), Sentence);
}

ExitCode RunList(Session& session, const Arguments&) {
  const auto all = session.client().ListQuotas();
  if (all.ok() && all->quotas().empty() &&
      session.Hint("No quotas. `quota set FOLDER --bytes SIZE` makes one.")) {
    return ExitCode::kOk;
  }
  return session.ShowList(View(), all);
}

ExitCode RunRemove(Session& session, const Arguments& arguments) {
  return ForEachWord(session, arguments.positional(), [&](const std::string& word) {
    const std::string prefix = AsFolder(ResolveName(session.directory(), word));
    const auto response = session.client().DeleteQuota(prefix);
    if (response.ok()) {
      session.Show(*response, prefix, absl::StrCat("removed the quota of ", prefix));
    }
    return response.status();
  });
}

}  // namespace

std::vector<Command> QuotaCommands() {
  return {
      {.name = "quota ls",
       .aliases = {"quota list"},
       .summary = "List the quotas and what is used of them",
       .examples = {"quota ls"},
       .most = 0,
       .run = RunList},
      {.name = "quota set",
       .synopsis = "FOLDER",
       .arguments = {&kFolderWord},
       .summary = "Set a quota on a folder and everything below it; \"/\" is all",
       .details =
           "Counts live objects; with --versions old versions too, which then bound how often a\n"
           "full folder can be written (`rm --versions` drops them). What is there already stays,\n"
           "and deleting is always allowed. It replaces the quota that the folder had: omitting "
           "an\n"
           "option removes that limit.\n",
       .options = {{"objects", 0, "N", "at most so many objects"},
                   {"bytes", 0, "SIZE", "at most so many bytes: 500M, 2GiB"},
                   {"versions", 0, "", "count old versions too"}},
       .examples = {"quota set /logs --bytes 1G", "quota set / --objects 100000 --bytes 50G"},
       .least = 1,
       .most = 1,
       .run = RunSet},
      {.name = "quota rm",
       .aliases = {"quota delete"},
       .synopsis = "FOLDER…",
       .arguments = {&kFolderWord},
       .summary = "Remove the quotas of folders",
       .examples = {"quota rm /logs"},
       .least = 1,
       .run = RunRemove},
  };
}

}  // namespace grpc_os::shell
