// sessions …, token ….
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "shell/commands/commands.h"
#include "shell/commands/selection.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/render/access.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

ExitCode ShowSessions(Session& session, const Arguments& arguments, bool only_tokens) {
  v1::ListSessionsRequest request;
  request.set_user(arguments.Value("user").value_or(""));
  auto all = session.client().ListSessions(request);
  if (!all.ok()) return session.Report(all.status());
  auto& sessions = *all->mutable_sessions();
  if (only_tokens) {
    const auto rest = std::remove_if(sessions.begin(), sessions.end(), [](const auto& each) {
      return each.login_method() != "token";
    });
    sessions.erase(rest, sessions.end());
  }
  if (session.for_programs()) {
    session.PrintList(*all, sessions);
  } else if (session.for_people()) {
    session.Print(SessionTable(sessions, session.format() == Format::kWide));
    if (only_tokens && sessions.empty() && session.console().out_is_terminal) {
      session.out() << "No tokens. `" << session.Typed("token create") << "` makes one.\n";
    }
  } else {
    for (const v1::Session& each : sessions) session.PrintName(each.id());
  }
  return ExitCode::kOk;
}

}  // namespace

ExitCode RunSessions(Session& session, const Arguments& arguments) {
  return ShowSessions(session, arguments, false);
}

ExitCode RunTokenList(Session& session, const Arguments& arguments) {
  return ShowSessions(session, arguments, true);
}

ExitCode RunSessionEnd(Session& session, const Arguments& arguments) {
  ExitCode code = ExitCode::kOk;
  for (const std::string& id : arguments.positional()) {
    v1::EndSessionRequest request;
    request.set_id(id);
    const auto response = session.client().EndSession(request);
    if (!response.ok()) {
      code = Worst(code, session.Report(response.status()));
      if (EndsEverything(response.status()) || session.interrupted()) break;
    } else if (session.for_programs()) {
      session.Print(*response);
    } else if (session.for_people()) {
      session.out() << "ended " << EscapeForTerminal(id) << "\n" << std::flush;
    } else {
      session.PrintName(id);
    }
  }
  return code;
}

ExitCode RunTokenCreate(Session& session, const Arguments& arguments) {
  v1::CreateTokenRequest request;
  request.set_label(arguments.Value("label").value_or(""));
  for (const std::string& role : arguments.Values("role")) request.add_roles(role);
  if (const auto text = arguments.Value("ttl")) {
    const auto ms = ParseDurationMs(*text);
    if (!ms.ok()) return session.Report(ms.status());
    request.mutable_ttl()->set_seconds(*ms / 1000);
    request.mutable_ttl()->set_nanos(static_cast<int32_t>(*ms % 1000 * 1'000'000));
  }
  const auto response = session.client().CreateToken(request);
  if (!response.ok()) return session.Report(response.status());
  const std::string token = EscapeForTerminal(response->token());
  if (session.for_programs()) {
    session.Print(*response);
  } else if (!session.for_people() || !session.console().out_is_terminal) {
    session.out() << token << "\n";
  } else {
    session.out() << token << "\n\n"
                  << "It is shown this once, and holds until "
                  << FormatTime(response->session().expire_time().seconds(), 0, 0)
                  << ". A program that has it in its environment calls with it:\n"
                  << "  GRPC_OS_TOKEN=… grpc-os ps\n"
                  << "`" << session.Typed("token rm " + EscapeForTerminal(response->session().id()))
                  << "` ends it.\n";
  }
  return ExitCode::kOk;
}

}  // namespace grpc_os::shell
