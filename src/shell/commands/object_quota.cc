// quota ls, quota set, quota rm.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "shell/commands/commands.h"
#include "shell/commands/object_names.h"
#include "shell/commands/selection.h"
#include "shell/escape.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/render/object.h"
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
    const auto bytes = ParseBytes(*text);
    if (!bytes.ok()) return bytes.status();
    if (*bytes < 1) return absl::InvalidArgumentError("--bytes needs a size from 1 byte on.");
    quota.set_max_bytes(*bytes);
  }
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
                  FormatBytes(quota.bytes()));
  return text;
}

}  // namespace

ExitCode RunQuotaSet(Session& session, const Arguments& arguments) {
  auto wanted = ReadQuota(session, arguments);
  if (!wanted.ok()) return session.Report(wanted.status());
  v1::SetQuotaRequest request;
  *request.mutable_quota() = *std::move(wanted);
  const auto quota = session.client().SetQuota(request);
  if (!quota.ok()) return session.Report(quota.status());
  if (session.for_programs()) {
    session.Print(*quota);
  } else if (session.for_people()) {
    session.out() << EscapeForTerminal(Sentence(*quota)) << "\n";
  } else {
    session.PrintName(quota->prefix());
  }
  return ExitCode::kOk;
}

ExitCode RunQuotaList(Session& session, const Arguments&) {
  const auto all = session.client().ListQuotas();
  if (!all.ok()) return session.Report(all.status());
  if (session.for_programs()) {
    session.PrintList(*all, all->quotas());
  } else if (!session.for_people()) {
    for (const v1::Quota& quota : all->quotas()) session.PrintName(quota.prefix());
  } else if (all->quotas().empty() && session.console().out_is_terminal) {
    session.out() << "No quotas. `" << session.Typed("quota set FOLDER --bytes SIZE")
                  << "` makes one.\n";
  } else {
    session.Print(QuotaTable({all->quotas().begin(), all->quotas().end()}));
  }
  return ExitCode::kOk;
}

ExitCode RunQuotaDelete(Session& session, const Arguments& arguments) {
  ExitCode code = ExitCode::kOk;
  for (const std::string& word : arguments.positional()) {
    const std::string prefix = AsFolder(ResolveName(session.directory(), word));
    const auto response = session.client().DeleteQuota(prefix);
    if (!response.ok()) {
      code = Worst(code, session.Report(response.status()));
      if (EndsEverything(response.status()) || session.interrupted()) break;
    } else if (session.for_programs()) {
      session.Print(*response);
    } else if (session.for_people()) {
      session.out() << "removed the quota of " << EscapeForTerminal(prefix) << "\n" << std::flush;
    } else {
      session.PrintName(prefix);
    }
  }
  return code;
}

}  // namespace grpc_os::shell
