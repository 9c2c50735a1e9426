// Events.
#include <algorithm>
#include <deque>
#include <limits>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "grpc_os/v1/event_services.pb.h"
#include "grpc_os/v1/system_services.pb.h"
#include "manifest/suggest.h"
#include "shell/commands/count.h"
#include "shell/commands/event.h"
#include "shell/commands/kinds.h"
#include "shell/commands/received_events.h"
#include "shell/commands/retry_policy.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/render/text.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

constexpr int kDefaultCount = 100;
// Without --since no more revisions than these are read to find the last events of the wanted kind.
constexpr int64_t kLookBack = 1000;

#define GRPC_OS_SHELL_EVENTS(kind, section, events) events " "
constexpr WordKind kEventKindWord = {.words = GRPC_OS_SHELL_KINDS(GRPC_OS_SHELL_EVENTS)};
#undef GRPC_OS_SHELL_EVENTS

constexpr size_t kNameColumns = 20;
constexpr size_t kActionColumns = 18;
constexpr size_t kRevisionColumns = 8;
constexpr size_t kKindColumns = 7;

std::string Padded(const std::string& text, size_t columns) {
  const size_t width = DisplayWidth(text);
  return text + std::string(width < columns ? columns - width : 0, ' ');
}

Style StyleOfAction(const std::string& action) {
  if (action == "ready" || action == "started" || action == "created") return Style::kGood;
  if (action == "failed" || action == "crash_looping" || action == "unkillable") return Style::kBad;
  if (action == "not_ready" || action == "not_live" || action == "backoff" || action == "exited" ||
      action == "deleted")
    return Style::kWarning;
  return Style::kPlain;
}

// Its columns stand where those of others do, unless a name is long.
std::string Line(const v1::Event& event, const std::string& name, bool color) {
  const std::string action = EscapeForTerminal(event.action());
  const size_t padding = kActionColumns - std::min(kActionColumns, DisplayWidth(action));
  std::string line = absl::StrCat(TimeText(event.time(), 3), "  ",
                                  Padded(absl::StrCat(event.revision()), kRevisionColumns), "  ",
                                  Padded(EscapeForTerminal(event.kind()), kKindColumns), "  ",
                                  Padded(EscapeForTerminal(name), kNameColumns), "  ",
                                  Styled(action, StyleOfAction(event.action()), color));
  // Sorted, for the order of a map of protobuf means nothing.
  const std::map<std::string, std::string> attributes(event.attributes().begin(),
                                                      event.attributes().end());
  if (!attributes.empty()) line.append(padding, ' ');
  for (const auto& [key, value] : attributes) {
    absl::StrAppend(&line, "  ", EscapeForTerminal(key), "=", EscapeForTerminal(value));
  }
  return line;
}

struct Wanted {
  v1::WatchRequest request;
  int count = kDefaultCount;
  bool follow = false;
};

absl::StatusOr<Wanted> Read(Session& session, const Arguments& arguments) {
  Wanted wanted;
  wanted.follow = arguments.Has("follow");
  for (const std::string& kind : arguments.Values("kind")) wanted.request.add_kinds(kind);
  const auto since = arguments.Value("since");
  const auto count =
      CountOption(arguments, since ? std::numeric_limits<int>::max() : kDefaultCount);
  if (!count.ok()) return count.status();
  wanted.count = *count;
  if (since) {
    int64_t revision = 0;
    if (!absl::SimpleAtoi(*since, &revision) || revision < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("--since needs a revision, a number from 1; \"", *since,
                       "\" is none. `status` shows the newest."));
    }
    wanted.request.set_from_revision(revision);
    return wanted;
  }
  const auto system = session.client().GetSystem();
  if (!system.ok()) return system.status();
  // 0 would mean a snapshot instead of what happened.
  wanted.request.set_from_revision(
      std::max({int64_t{1}, system->oldest_revision(), system->revision() - kLookBack}));
  return wanted;
}

ExitCode RunEvents(Session& session, const Arguments& arguments) {
  auto wanted = Read(session, arguments);
  if (!wanted.ok()) return session.Report(wanted.status());
  ReceivedEvents received(wanted->request.from_revision());
  RetryPolicy retry(session);
  std::deque<v1::Event> last;  // of those before SYNCED
  bool synced = false;
  const auto take = [&](const v1::WatchResponse& message) {
    retry.Progress();
    for (const v1::Event& event : message.events()) {
      if (!received.IsNew(event)) continue;
      if (synced) {
        ShowEvent(session, event);
        continue;
      }
      last.push_back(event);
      if (last.size() > static_cast<size_t>(wanted->count)) last.pop_front();
    }
    if (!message.more_of_revision()) received.Delivered(message.revision());
    if (message.synced() && !synced) {
      synced = true;
      for (const v1::Event& event : last) ShowEvent(session, event);
      last.clear();
    }
    session.out() << std::flush;
    return !session.interrupted() && (wanted->follow || !synced);
  };
  absl::Status status;
  do {
    wanted->request.set_from_revision(received.resume());
    received.BeginStream();
    status = session.client().Watch(wanted->request, take);
  } while (!session.interrupted() && !(synced && !wanted->follow) && retry.MayTryAgain(status));
  if (session.interrupted()) return ExitCode::kInterrupted;
  return status.ok() ? ExitCode::kOk : session.Report(status);
}

}  // namespace

void ShowEvent(Session& session, const v1::Event& event) {
  const std::string name = event.name().empty() ? event.resource_id() : event.name();
  session.ShowNext(event, name, Line(event, name, session.console().color));
}

std::vector<Command> EventCommands() {
  return {
      {.name = "events",
       .summary = "Show what happened",
       .details = "Each change has a revision. Without --since: the last ones.\n",
       .options = {{"follow", 'f', "", "keep showing new events"},
                   {"since", 's', "REVISION", "all that happened after this revision"},
                   {"kind", 'k', "KIND",
                    "this kind; roles, objects, quotas and revisions only if named", true,
                    &kEventKindWord},
                   {"lines", 'n', "N", "begin with the last N (100)"}},
       .examples = {"events", "events -f --kind process", "events --since 1200"},
       .most = 0,
       .run = RunEvents},
  };
}

}  // namespace grpc_os::shell
