// Events.
#include <google/protobuf/struct.pb.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <iterator>
#include <limits>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "client/errors.h"
#include "grpc_os/v1/event_services.pb.h"
#include "grpc_os/v1/system_services.pb.h"
#include "manifest/suggest.h"
#include "shell/commands/count.h"
#include "shell/commands/event.h"
#include "shell/commands/kinds.h"
#include "shell/commands/process_rows.h"
#include "shell/commands/received_events.h"
#include "shell/commands/retry_policy.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/render/text.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

constexpr int kDefaultCount = 100;
// Without --since no more revisions than these are read to find the last events of the wanted kind,
// or of the wanted names and actions, which the daemon looks for.
constexpr int64_t kLookBack = 1000;
constexpr int64_t kLookBackForFew = 100'000;

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

absl::Status ReadSince(const std::string& since, v1::WatchRequest& request) {
  int64_t revision = 0;
  const bool is_number = absl::SimpleAtoi(since, &revision);
  if (is_number && revision >= 1) {
    request.set_from_revision(revision);
    return absl::OkStatus();
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto time =
      ParseSince(since, std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  if (is_number || !time.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--since needs a time or a revision; \"", since,
                     "\" is none. Write how long ago, as 90s, 5m, 12h or 2d, or when, as "
                     "2026-11-30T08:00 (local time), or a number from 1; `status` shows the newest "
                     "revision."));
  }
  *request.mutable_from_time() = *time;
  return absl::OkStatus();
}

absl::StatusOr<Wanted> Read(Session& session, const Arguments& arguments) {
  Wanted wanted;
  wanted.follow = arguments.Has("follow");
  for (const std::string& kind : arguments.Values("kind")) wanted.request.add_kinds(kind);
  for (const std::string& action : arguments.Values("action")) wanted.request.add_actions(action);
  const auto& names = arguments.positional();
  for (const std::string& name : names) wanted.request.add_names(name);
  // Of objects, of which there may be very many, one hears if they are asked for.
  const bool paths = std::all_of(names.begin(), names.end(),
                                 [](const std::string& name) { return name.starts_with('/'); });
  if (!names.empty() && paths && wanted.request.kinds().empty()) wanted.request.add_kinds("object");
  const auto since = arguments.Value("since");
  const auto count =
      CountOption(arguments, since ? std::numeric_limits<int>::max() : kDefaultCount);
  if (!count.ok()) return count.status();
  wanted.count = *count;
  if (since) {
    if (absl::Status status = ReadSince(*since, wanted.request); !status.ok()) return status;
    return wanted;
  }
  const auto system = session.client().GetSystem();
  if (!system.ok()) return system.status();
  const bool few = !names.empty() || !wanted.request.actions().empty();
  // 0 would mean a snapshot instead of what happened.
  wanted.request.set_from_revision(
      std::max({int64_t{1}, system->oldest_revision(),
                system->revision() - (few ? kLookBackForFew : kLookBack)}));
  return wanted;
}

// Whether a watch of it begins with a list of what there is.
bool HasSnapshot(const v1::WatchRequest& request) {
  constexpr const char* kWithout[] = {"object", "quota", "revision"};
  return std::none_of(request.kinds().begin(), request.kinds().end(), [&](const auto& kind) {
    return std::find(std::begin(kWithout), std::end(kWithout), kind) != std::end(kWithout);
  });
}

class Events {
 public:
  Events(Session& session, Wanted wanted)
      : session_(session),
        wanted_(std::move(wanted)),
        received_(wanted_.request.from_revision()),
        retry_(session) {}

  absl::Status Run() {
    for (;;) {
      const absl::Status status = Stream();
      if (session_.interrupted() || (synced_ && !wanted_.follow)) return absl::OkStatus();
      if (wanted_.follow && IsGap(status) && HasSnapshot(wanted_.request)) {
        gap_ = status;
        BeginAnew();
      } else if (!retry_.MayTryAgain(status)) {
        return session_.interrupted() ? absl::OkStatus() : status;
      } else if (!gap_.ok() && !synced_) {
        BeginAnew();  // what there is comes from its beginning again
      }
    }
  }

 private:
  absl::Status Stream() {
    if (received_.resume() > 0 || !gap_.ok()) {
      wanted_.request.clear_from_time();
      wanted_.request.set_from_revision(received_.resume());
    }
    received_.BeginStream();
    return session_.client().Watch(
        wanted_.request, [this](const v1::WatchResponse& message) { return Take(message); });
  }

  bool Take(const v1::WatchResponse& message) {
    retry_.Progress();
    for (const v1::Event& event : message.events()) {
      // What there is was made at any time.
      const bool snapshot = event.action() == "snapshot";
      if (!snapshot && !received_.IsNew(event)) continue;
      if (synced_ || !gap_.ok()) {
        ShowEvent(session_, event);
        continue;
      }
      last_.push_back(event);
      if (last_.size() > static_cast<size_t>(wanted_.count)) last_.pop_front();
    }
    if (!message.more_of_revision()) received_.Delivered(message.revision());
    if (message.synced() && !synced_) {
      synced_ = true;
      for (const v1::Event& event : last_) ShowEvent(session_, event);
      last_.clear();
      if (wanted_.follow) ShowSynced(session_, message.revision(), !gap_.ok());
      gap_ = absl::OkStatus();
    }
    session_.out() << std::flush;
    return !session_.interrupted() && (wanted_.follow || !synced_);
  }

  void BeginAnew() {
    ShowGap(session_, gap_, received_.resume());
    received_ = ReceivedEvents(0);
    synced_ = false;
    last_.clear();
  }

  Session& session_;
  Wanted wanted_;
  ReceivedEvents received_;
  RetryPolicy retry_;
  std::deque<v1::Event> last_;  // of those before SYNCED
  bool synced_ = false;
  absl::Status gap_;  // not OK: it began anew, and what there is comes
};

ExitCode RunEvents(Session& session, const Arguments& arguments) {
  auto wanted = Read(session, arguments);
  if (!wanted.ok()) return session.Report(wanted.status());
  const absl::Status status = Events(session, *std::move(wanted)).Run();
  if (session.interrupted()) return ExitCode::kInterrupted;
  return status.ok() ? ExitCode::kOk : session.Report(status);
}

// For programs: a line that tells of the stream itself.
void ShowMark(Session& session, const char* mark, const std::map<std::string, std::string>& says) {
  google::protobuf::Struct line;
  auto& fields = *(*line.mutable_fields())[mark].mutable_struct_value()->mutable_fields();
  for (const auto& [key, value] : says) fields[key].set_string_value(value);
  session.ShowNext(line, "", "");
  session.out() << std::flush;
}

}  // namespace

void ShowEvent(Session& session, const v1::Event& event) {
  const std::string name = event.name().empty() ? event.resource_id() : event.name();
  session.ShowNext(event, name, Line(event, name, session.console().color));
}

bool IsGap(const absl::Status& status) {
  return client::ReasonOf(status) == "REVISION_UNAVAILABLE";
}

void ShowGap(Session& session, const absl::Status& status, int64_t reached) {
  auto metadata = DetailOf(status).value_or(ErrorDetail{}).metadata;
  const std::string after = absl::StrCat(reached);
  if (session.for_programs()) {
    return ShowMark(
        session, "gap",
        {{"reached", after}, {"oldest", metadata["oldest"]}, {"newest", metadata["newest"]}});
  }
  session.err() << "-- changes after revision " << after << ", up to "
                << EscapeForTerminal(metadata["oldest"])
                << ", are not kept any more. This is what there is now; what it does not show is "
                   "gone:\n"
                << std::flush;
}

void ShowSynced(Session& session, int64_t revision, bool after_gap) {
  const std::string reached = absl::StrCat(revision);
  if (session.for_programs()) return ShowMark(session, "synced", {{"revision", reached}});
  if (!after_gap) return;
  session.err() << "-- that is all, as of revision " << reached << "; changes follow\n"
                << std::flush;
}

std::vector<Command> EventCommands() {
  return {
      {.name = "events",
       .synopsis = "[NAME…]",
       .arguments = {&kProcessWord},
       .summary = "Show what happened",
       .details =
           "Each change has a revision. Without --since: the last ones. NAME is a name or id, of "
           "an "
           "object its whole path.\n"
           "-f -o jsonl is for programs: {\"synced\": …} ends what was there when it began, and "
           "{\"gap\": …} says that changes\nare not kept any more: what there is follows as "
           "`snapshot`, up to `synced`; what is not in it is gone.\n",
       .options = {{"follow", 'f', "", "keep showing new events"},
                   {"since", 's', "TIME",
                    "since 90s, 5m, 12h, 2d ago, 2026-11-30T08:00, or after this revision"},
                   {"action", 'a', "ACTION", "only these: exited, deleted, …", true},
                   {"kind", 'k', "KIND",
                    "this kind; roles, objects, quotas and revisions only if named", true,
                    &kEventKindWord},
                   {"lines", 'n', "N", "begin with the last N (100)"}},
       .examples = {"events", "events -f --kind process", "events web --since 12h --action exited",
                    "events --since 1200"},
       .run = RunEvents},
  };
}

}  // namespace grpc_os::shell
