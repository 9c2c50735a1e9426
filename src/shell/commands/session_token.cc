// Sessions, of which tokens are some.
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "manifest/quantity.h"
#include "shell/commands/for_each.h"
#include "shell/commands/kinds.h"
#include "shell/escape.h"
#include "shell/quantity.h"
#include "shell/render/text.h"

namespace grpc_os::shell {
namespace {

bool IsToken(const v1::Session& each) { return each.login_method() == "token"; }

// A `*` marks the session of the call.
ResourceView<v1::Session> View() {
  return {
      .name = [](const auto& each) { return each.id(); },
      .columns = {{"ID", [](const auto& each) { return each.id() + (each.current() ? "*" : ""); }},
                  {"USER", [](const auto& each) { return each.user(); }},
                  {"BY", [](const auto& each) { return OrDash(each.login_method()); }},
                  {"FROM", [](const auto& each) { return OrDash(each.source()); }},
                  {"CREATED", [](const auto& each) { return TimeText(each.create_time()); }},
                  {"EXPIRES", [](const auto& each) { return TimeText(each.expire_time()); }},
                  {"LABEL", [](const auto& each) { return OrDash(each.label()); }},
                  {"ROLES", [](const auto& each) { return Joined(each.roles()); },
                   Table::Align::kLeft, ResourceView<v1::Session>::In::kWide}}};
}

LiveWords Ids(client::Client& client, bool only_tokens) {
  LiveWords words;
  if (const auto all = client.ListSessions({}); all.ok()) {
    for (const v1::Session& each : all->sessions()) {
      if (!only_tokens || IsToken(each)) words.ids.push_back(each.id());
    }
  }
  return words;
}

constexpr WordKind kSessionWord = {
    .live = [](client::Client& client, const std::string&) { return Ids(client, false); }};
constexpr WordKind kTokenWord = {
    .live = [](client::Client& client, const std::string&) { return Ids(client, true); }};

absl::StatusOr<v1::ListSessionsResponse> List(Session& session, const Arguments& arguments) {
  v1::ListSessionsRequest request;
  request.set_user(arguments.Value("user").value_or(""));
  return session.client().ListSessions(request);
}

ExitCode RunList(Session& session, const Arguments& arguments) {
  return session.ShowList(View(), List(session, arguments));
}

ExitCode RunTokenList(Session& session, const Arguments& arguments) {
  auto all = List(session, arguments);
  if (!all.ok()) return session.Report(all.status());
  auto& sessions = *all->mutable_sessions();
  sessions.erase(std::remove_if(sessions.begin(), sessions.end(), std::not_fn(IsToken)),
                 sessions.end());
  session.ShowList(View(), *all);
  if (sessions.empty()) session.Hint("No tokens. `token create` makes one.");
  return ExitCode::kOk;
}

ExitCode RunEnd(Session& session, const Arguments& arguments) {
  return ForEachWord(session, arguments.positional(), [&](const std::string& id) {
    v1::EndSessionRequest request;
    request.set_id(id);
    const auto response = session.client().EndSession(request);
    if (response.ok()) session.Show(*response, id, absl::StrCat("ended ", id));
    return response.status();
  });
}

ExitCode RunTokenCreate(Session& session, const Arguments& arguments) {
  v1::CreateTokenRequest request;
  request.set_label(arguments.Value("label").value_or(""));
  for (const std::string& role : arguments.Values("role")) request.add_roles(role);
  if (const auto text = arguments.Value("ttl")) {
    const auto ms = manifest::ParseDurationMs(*text);
    if (!ms.ok()) return session.Report(ms.status());
    *request.mutable_ttl() = google::protobuf::util::TimeUtil::MillisecondsToDuration(*ms);
  }
  const auto response = session.client().CreateToken(request);
  if (!response.ok()) return session.Report(response.status());
  session.Show(*response, response->token(), response->token());
  session.Hint(absl::StrCat("\nIt is shown this once, and holds until ",
                            FormatTime(response->session().expire_time().seconds(), 0, 0),
                            ". A program that has it in its environment calls with it:\n  "
                            "GRPC_OS_TOKEN=… grpc-os ps\n`token rm ",
                            EscapeForTerminal(response->session().id()), "` ends it."));
  return ExitCode::kOk;
}

}  // namespace

std::vector<Command> SessionTokenCommands() {
  return {
      {.name = "sessions",
       .aliases = {"sessions ls"},
       .summary = "List the sessions and tokens that are open",
       .details =
           "Yours, or with the permission user.read those of everyone. A * marks this one.\n",
       .options = {UserOption(), WatchOption()},
       .examples = {"sessions", "sessions --user deploy"},
       .most = 0,
       .run = RunList},
      {.name = "sessions end",
       .aliases = {"sessions rm"},
       .synopsis = "ID…",
       .arguments = {&kSessionWord},
       .summary = "End sessions or tokens at once",
       .examples = {"sessions end 0123456789abcdef0123456789abcdef"},
       .least = 1,
       .run = RunEnd},
      {.name = "token create",
       .summary = "Make a token for scripts and other programs",
       .details = "A program that has it in GRPC_OS_TOKEN calls as you, with these roles. It is "
                  "shown this\n"
                  "once: alone where the output is not a terminal, and with -o name.\n",
       .options = {{"label", 'l', "LABEL", "what it is for"},
                   {"ttl", 't', "TIME", "until it expires, 1m to 365d (90d)"},
                   {"role", 'r', "ROLE", "one of yours (all of them)", true, &kRoleWord}},
       .examples = {"token create --label ci --ttl 1h --role viewer",
                    "token create --ttl 30d -o name"},
       .most = 0,
       .run = RunTokenCreate},
      {.name = "token ls",
       .aliases = {"token list"},
       .elsewhere = {"tokens"},
       .summary = "List active tokens",
       .options = {UserOption()},
       .examples = {"token ls"},
       .most = 0,
       .run = RunTokenList},
      {.name = "token rm",
       .aliases = {"token delete"},
       .synopsis = "ID…",
       .arguments = {&kTokenWord},
       .summary = "End tokens at once",
       .examples = {"token rm 0123456789abcdef0123456789abcdef"},
       .least = 1,
       .run = RunEnd},
  };
}

}  // namespace grpc_os::shell
