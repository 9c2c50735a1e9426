// events.
#include <algorithm>
#include <deque>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "shell/commands/commands.h"
#include "shell/commands/count.h"
#include "shell/commands/patience.h"
#include "shell/commands/received_events.h"
#include "shell/parser.h"
#include "shell/render/access.h"
#include "shell/session.h"
#include "shell/suggest.h"

namespace grpc_os::shell {
namespace {

constexpr int kDefaultCount = 100;
// Without --since no more revisions than these are read to find the last events of the wanted kind.
constexpr int64_t kLookBack = 1000;

void Show(Session& session, const v1::Event& event) {
  if (session.for_programs()) {
    session.PrintNext(event);
  } else if (session.for_people()) {
    session.out() << EventLine(event, session.console().color) << "\n";
  } else {
    session.PrintName(event.name().empty() ? event.resource_id() : event.name());
  }
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

}  // namespace

ExitCode RunEvents(Session& session, const Arguments& arguments) {
  auto wanted = Read(session, arguments);
  if (!wanted.ok()) return session.Report(wanted.status());
  ReceivedEvents received(wanted->request.from_revision());
  Patience patience(session);
  std::deque<v1::Event> last;  // of those before SYNCED
  bool synced = false;
  const auto take = [&](const v1::WatchResponse& message) {
    patience.Progress();
    for (const v1::Event& event : message.events()) {
      if (!received.IsNew(event)) continue;
      if (synced) {
        Show(session, event);
        continue;
      }
      last.push_back(event);
      if (last.size() > static_cast<size_t>(wanted->count)) last.pop_front();
    }
    if (!message.more_of_revision()) received.Delivered(message.revision());
    if (message.synced() && !synced) {
      synced = true;
      for (const v1::Event& event : last) Show(session, event);
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
  } while (!session.interrupted() && !(synced && !wanted->follow) && patience.MayTryAgain(status));
  if (session.interrupted()) return ExitCode::kInterrupted;
  return status.ok() ? ExitCode::kOk : session.Report(status);
}

}  // namespace grpc_os::shell
