// Domains.
#include "shell/render/domain.h"

#include <google/protobuf/util/time_util.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "grpc_os/v1/domain_services.pb.h"
#include "manifest/quantity.h"
#include "manifest/read_text.h"
#include "shell/commands/domain_rows.h"
#include "shell/commands/explain.h"
#include "shell/commands/kinds.h"
#include "shell/commands/process_rows.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

// How long the daemon may wait for nginx before it answers.
constexpr std::chrono::milliseconds kServedWithin{30'000};
constexpr int64_t kPemBytes = 1 << 20;  // the daemon takes less, and says how much

// Where requests for domains are sent to: the machine of the daemon.
std::string EdgeHost(Session& session) {
  const client::Address& address = session.client().address();
  return address.is_unix ? "127.0.0.1" : address.DisplayHost();
}

ResourceView<v1::Domain> View(Session& session) {
  return DomainView(EdgeHost(session),
                    [&](const std::string& text) { return session.TypedIn(text); });
}

std::chrono::milliseconds TimeToServe(Session& session) {
  return session.client().timeout() +
         (session.timeout_given() ? std::chrono::milliseconds(0) : kServedWithin);
}

// OK if the option was not given.
absl::Status ReadTime(const Arguments& arguments, const char* option,
                      google::protobuf::Duration* (*field)(v1::AssignDomainRequest&),
                      v1::AssignDomainRequest& request) {
  const auto text = arguments.Value(option);
  if (!text) return absl::OkStatus();
  const auto ms = manifest::ParseDurationMs(*text);
  if (!ms.ok())
    return absl::InvalidArgumentError(absl::StrCat("--", option, ": ", ms.status().message()));
  *field(request) = google::protobuf::util::TimeUtil::MillisecondsToDuration(*ms);
  return absl::OkStatus();
}

// A number from 1 to `most`.
absl::Status ReadNumber(const std::string& what, const std::string& text, int most,
                        int32_t& number) {
  if (absl::SimpleAtoi(text, &number) && number >= 1 && number <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " is a number from 1 to ", most, "; \"", text, "\" is none."));
}

absl::StatusOr<v1::AssignDomainRequest> ToApiRequest(const Arguments& arguments,
                                                     v1::AssignDomainRequest request) {
  const auto chain = arguments.Value("certificate"), key = arguments.Value("key");
  if (!arguments.Has("api") || !chain || !key)
    return absl::InvalidArgumentError(
        "--api, --certificate and --key go together: `assign --api os.example.com --certificate "
        "FILE --key FILE`.");
  for (const char* other :
       {"path", "strip", "weight", "grpc", "hold", "drain", "max-body", "read-timeout"})
    if (arguments.Has(other))
      return absl::InvalidArgumentError(absl::StrCat("--", other, " is not for the API."));
  if (arguments.positional().size() > 1)
    return absl::InvalidArgumentError("The API has a domain of its own: leave out the process.");
  const auto read = [](const std::string& path, const char* what, std::string* text) {
    auto found = manifest::ReadText(path, what, kPemBytes);
    if (found.ok()) *text = *std::move(found);
    return found.status();
  };
  v1::DomainCertificate& certificate = *request.mutable_certificate();
  absl::Status status = read(*chain, "the certificate", certificate.mutable_chain());
  status.Update(read(*key, "the key", certificate.mutable_private_key()));
  if (!status.ok()) return status;
  request.set_api(true);
  request.set_replace(arguments.Has("replace"));
  return request;
}

absl::StatusOr<v1::AssignDomainRequest> ToRequest(const Arguments& arguments) {
  v1::AssignDomainRequest request;
  const auto& words = arguments.positional();
  request.set_name(words[0]);
  if (arguments.Has("api") || arguments.Has("certificate") || arguments.Has("key"))
    return ToApiRequest(arguments, std::move(request));
  if (words.size() < 2)
    return absl::InvalidArgumentError("PROCESS is missing, as in `assign example.com web 8080`.");
  request.set_process(words[1]);
  absl::Status status;
  if (words.size() > 2) {
    int32_t port = 0;
    status.Update(ReadNumber("PORT", words[2], 65'535, port));
    request.set_port(port);
  }
  if (const auto text = arguments.Value("weight")) {
    int32_t weight = 0;
    status.Update(ReadNumber("--weight", *text, 100, weight));
    request.set_weight(weight);
  }
  request.set_path(arguments.Value("path").value_or(""));
  if (arguments.Has("strip")) request.set_strip(true);
  if (arguments.Has("grpc")) request.set_grpc(true);
  request.set_replace(arguments.Has("replace"));
  using Request = v1::AssignDomainRequest;
  status.Update(ReadTime(
      arguments, "hold", [](Request& r) { return r.mutable_hold(); }, request));
  status.Update(ReadTime(
      arguments, "drain", [](Request& r) { return r.mutable_drain(); }, request));
  status.Update(ReadTime(
      arguments, "read-timeout", [](Request& r) { return r.mutable_read_timeout(); }, request));
  if (const auto text = arguments.Value("max-body")) {
    const auto bytes = manifest::ParseBytes(*text);
    if (!bytes.ok()) {
      status.Update(
          absl::InvalidArgumentError(absl::StrCat("--max-body: ", bytes.status().message())));
    } else if (*bytes == 0) {
      status.Update(absl::InvalidArgumentError("--max-body is at least 1 byte."));
    } else {
      request.set_max_body_bytes(*bytes);
    }
  }
  if (!status.ok()) return status;
  return request;
}

// "example.com/api → web:8080", of the route that `path` names.
std::string LeadsTo(const v1::Domain& domain, const std::string& path) {
  if (domain.spec().api()) return absl::StrCat(domain.name(), " → the API");
  const std::string shown = path.empty() ? "/" : path;
  std::vector<std::string> targets;
  for (const auto& target : TargetsOf(domain))
    if ((target.path().empty() ? "/" : target.path()) == shown)
      targets.push_back(TargetText(target));
  return absl::StrCat(domain.name(), shown == "/" ? "" : shown, " → ",
                      absl::StrJoin(targets, ", "));
}

ExitCode RunList(Session& session, const Arguments&) {
  const auto list = session.client().ListDomains();
  if (!list.ok()) return session.Report(list.status());
  // One document has it among its fields.
  if (!list->edge_problem().empty() && !session.collects())
    session.err() << session.TypedIn(EscapeForTerminal(list->edge_problem())) << "\n" << std::flush;
  session.ShowList(View(session), *list);
  if (list->domains().empty()) session.Hint("No domains. `assign DOMAIN PROCESS` makes one.");
  return ExitCode::kOk;
}

ExitCode RunAssign(Session& session, const Arguments& arguments) {
  const auto request = ToRequest(arguments);
  if (!request.ok()) return session.Report(request.status());
  const auto domain = session.client().AssignDomain(*request, TimeToServe(session));
  if (!domain.ok()) return session.Report(domain.status());
  return ShowServed(session, *domain, request->path());
}

ExitCode RunStatus(Session& session, const Arguments& arguments) {
  return session.Show(View(session), session.client().GetDomain(arguments.positional()[0]));
}

ExitCode RunUnassign(Session& session, const Arguments& arguments) {
  const auto& words = arguments.positional();
  v1::UnassignDomainRequest request;
  request.set_name(words[0]);
  if (words.size() > 1) request.set_process(words[1]);
  request.set_path(arguments.Value("path").value_or(""));
  const auto done = session.client().UnassignDomain(request, TimeToServe(session));
  if (!done.ok()) return session.Report(done.status());
  const std::string route = absl::StrCat(request.name(), request.path());
  session.Show(*done, request.name(),
               done->deleted() ? absl::StrCat(request.name(), " is not served any more")
               : request.process().empty()
                   ? absl::StrCat(route, " is not served any more by itself")
                   : absl::StrCat(route, " leads to ", request.process(), " no more"));
  return ExitCode::kOk;
}

ExitCode RunReload(Session& session, const Arguments& arguments) {
  v1::ReloadDomainsRequest request;
  request.set_validate_only(arguments.Has("dry-run"));
  const auto done = session.client().ReloadDomains(request);
  if (!done.ok()) return ReportLines(session, done.status());
  if (!session.for_people()) {
    session.Show(*done, "", "");
    if (!session.for_programs())
      for (const auto* names : {&done->created(), &done->changed(), &done->removed()})
        for (const std::string& name : *names) session.PrintName(name);
    return ExitCode::kOk;
  }
  const bool color = session.console().color;
  const auto print = [&](const char* sign, Style style, const auto& names) {
    for (const std::string& name : names)
      session.out() << Styled(absl::StrCat(sign, " ", EscapeForTerminal(name)), style, color)
                    << "\n";
  };
  print("+", Style::kGood, done->created());
  print("~", Style::kWarning, done->changed());
  print("-", Style::kBad, done->removed());
  const std::string would = request.validate_only() ? "would be " : "";
  session.Show(*done, "",
               absl::StrCat(done->file().empty() ? "no file of domains" : done->file(), ": ",
                            done->created_size(), " ", would, "created, ", done->changed_size(),
                            " changed, ", done->removed_size(), " removed, ", done->unchanged(),
                            " unchanged"));
  return ExitCode::kOk;
}

}  // namespace

ExitCode ShowServed(Session& session, const v1::Domain& domain, const std::string& path) {
  const std::string route = LeadsTo(domain, path);
  const std::string problem = ProblemOf(domain);
  const bool is_served = domain.status().state() == v1::DomainStatus::STATE_ACTIVE;
  const std::string command = RequestCommand(domain, EdgeHost(session), path);
  session.Show(
      domain, domain.name(),
      !is_served ? "" : absl::StrCat(route, " is served", command.empty() ? "" : ": ", command));
  if (domain.status().state() == v1::DomainStatus::STATE_REJECTED) {
    return session.Report(
        absl::FailedPreconditionError(absl::StrCat(domain.name(), " is rejected: ", problem)));
  }
  const std::string warning =
      is_served ? problem : absl::StrCat(route, " is stored, but not served yet: ", problem);
  if (!warning.empty())
    session.err() << session.TypedIn(EscapeForTerminal(warning)) << "\n" << std::flush;
  return ExitCode::kOk;
}

const WordKind kDomainWord = {.live = [](client::Client& client, const std::string&) {
  return WordsIn(DomainView("", nullptr), client.ListDomains());
}};

std::vector<Command> DomainCommands() {
  const Option path = {"path", 0, "PATH", "only requests for this path and what is below it"};
  return {
      {.name = "domains",
       .elsewhere = {"domain", "routes", "vhosts"},
       .summary = "List the domains: where they lead, their state and traffic",
       .details = "Rates are those of the last minute; ERRORS are answers 5xx per second, P95 is "
                  "what 95 of\n100 requests took at most.\n",
       .options = {WatchOption()},
       .examples = {"domains", "domains -o wide", "domains --watch"},
       .most = 0,
       .run = RunList},
      {.name = "assign",
       .elsewhere = {"expose", "route", "publish-domain"},
       .synopsis = "DOMAIN [PROCESS [PORT]]",
       .arguments = {&kDomainWord, &kProcessWord, nullptr},
       .summary = "Serve a process under a domain",
       .details =
           "DOMAIN is a host name, or \"*.example.com\" for every name with one more label. PORT\n"
           "may be left out where the process has one. Returns once the domain is served; exit\n"
           "code 5 if nginx refuses it. While the process is away, as in a restart, requests wait\n"
           "for it up to --hold. What an option does not name stays as it is. With --api the\n"
           "domain leads to the API of gRPC OS itself, over TLS: gRPC clients reach it there.\n",
       .options = {path,
                   {"strip", 0, "", "the process sees the paths without PATH"},
                   {"weight", 0, "N", "one of several: its share of the requests, 1 to 100"},
                   {"replace", 0, "", "take the path from the process that has it"},
                   {"grpc", 0, "", "the process speaks gRPC: HTTP/2 without TLS"},
                   {"hold", 0, "TIME", "how long requests wait for a process that is away (30s)"},
                   {"drain", 0, "TIME", "how long a stop waits for requests under way (10s)"},
                   {"max-body", 0, "SIZE", "of a request (10M)"},
                   {"read-timeout", 0, "TIME", "how long the process may be silent (60s)"},
                   {"api", 0, "", "publish the API of gRPC OS itself"},
                   {"certificate", 0, "FILE", "of --api: PEM, and what signed it behind it"},
                   {"key", 0, "FILE", "of --api: the certificate's key, PEM"}},
       .examples = {"assign example.com proc_123 8080",
                    "assign example.com api --path /api --strip",
                    "assign example.com web-2 --weight 10",
                    "assign --api os.example.com --certificate cert.pem --key key.pem"},
       .least = 1,
       .most = 3,
       .run = RunAssign},
      {.name = "domain-status",
       .synopsis = "DOMAIN",
       .arguments = {&kDomainWord},
       .summary = "Show a domain: what is wanted, what is served, each process, the traffic",
       .examples = {"domain-status example.com", "domain-status example.com -o json"},
       .least = 1,
       .most = 1,
       .run = RunStatus},
      {.name = "unassign",
       .synopsis = "DOMAIN [PROCESS]",
       .arguments = {&kDomainWord, &kProcessWord},
       .summary = "Serve a domain, or one process or path of it, no more",
       .details = "With its last process the domain goes.\n",
       .options = {path},
       .examples = {"unassign example.com", "unassign example.com api --path /api"},
       .least = 1,
       .most = 2,
       .run = RunUnassign},
      {.name = "reload",
       .summary = "Read domains.conf again and apply what changed",
       .details =
           "A file with an error changes nothing: all that is wrong is shown (exit code 5).\n",
       .options = {{"dry-run", 0, "", "show what would change, and change nothing"}},
       .examples = {"reload --dry-run", "reload"},
       .most = 0,
       .with_more = "`restart NAME` restarts a process.",
       .run = RunReload},
  };
}

}  // namespace grpc_os::shell
