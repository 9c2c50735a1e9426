// watch.
#include "grpc_os/v1/event_services.pb.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/event.h"
#include "shell/commands/object_rows.h"
#include "shell/commands/received_events.h"
#include "shell/commands/retry_policy.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

class ObjectWatch {
 public:
  ObjectWatch(Session& session, std::string prefix)
      : session_(session), retry_(session), prefix_(std::move(prefix)) {}

  absl::Status Run() {
    for (bool after_gap = false;; after_gap = true) {
      absl::StatusOr<int64_t> revision;
      do {
        revision = ShowWhatThereIs();
        // What was shown of a list that broke off may be gone by now.
      } while (!revision.ok() && !shown_ && retry_.MayTryAgain(revision.status()));
      if (!revision.ok() || session_.interrupted()) return revision.status();
      ShowSynced(session_, *revision, after_gap);
      // 0 would mean a snapshot, which there is none of.
      ReceivedEvents received(std::max<int64_t>(*revision, 1));
      const absl::Status status = Follow(received);
      if (!IsGap(status) || session_.interrupted()) return status;
      ShowGap(session_, status, received.resume());
    }
  }

 private:
  // Gives the revision from which on a watch misses nothing.
  absl::StatusOr<int64_t> ShowWhatThereIs() {
    v1::ListObjectsRequest request;
    request.set_prefix(prefix_);
    request.set_recursive(true);
    int64_t revision = 0;
    shown_ = false;
    const absl::Status status =
        session_.client().ListObjects(request, [&](v1::ListObjectsResponse& page) {
          retry_.Progress();
          if (revision == 0) revision = page.revision();
          for (const v1::Object& object : page.objects()) Show(Snapshot(object));
          shown_ = shown_ || !page.objects().empty();
          session_.out() << std::flush;
          return !session_.interrupted();
        });
    if (!status.ok()) return status;
    return revision;
  }

  absl::Status Follow(ReceivedEvents& received) {
    v1::WatchRequest request;
    request.add_kinds("object");
    request.set_prefix(prefix_);
    absl::Status status;
    do {
      request.set_from_revision(received.resume());
      received.BeginStream();
      status = session_.client().Watch(request, [&](const v1::WatchResponse& message) {
        retry_.Progress();
        for (const v1::Event& event : message.events()) {
          if (received.IsNew(event)) Show(event);
        }
        if (!message.more_of_revision()) received.Delivered(message.revision());
        session_.out() << std::flush;
        return !session_.interrupted();
      });
    } while (!session_.interrupted() && retry_.MayTryAgain(status));
    return status;
  }

  // The snapshot event that the daemon sends of processes and users.
  static v1::Event Snapshot(const v1::Object& object) {
    v1::Event event;
    event.set_revision(object.revision());
    *event.mutable_time() = object.update_time();
    event.set_kind("object");
    event.set_resource_id(object.id());
    event.set_name(object.name());
    event.set_action("snapshot");
    (*event.mutable_attributes())["generation"] = std::to_string(object.generation());
    (*event.mutable_attributes())["size_bytes"] = std::to_string(object.size_bytes());
    return event;
  }

  // People see it without what is the same in nearly every line, unless the format is wide.
  void Show(v1::Event event) {
    if (session_.format() == Format::kTable) {
      event.mutable_attributes()->erase("content_type");
      event.mutable_attributes()->erase("metageneration");
    }
    ShowEvent(session_, event);
  }

  Session& session_;
  RetryPolicy retry_;
  const std::string prefix_;
  bool shown_ = false;  // of what there is
};

ExitCode RunObjectWatch(Session& session, const Arguments& arguments) {
  const auto& words = arguments.positional();
  ObjectWatch watch(session, ResolveName(session.directory(), words.empty() ? "." : words[0]));
  const absl::Status status = watch.Run();
  if (session.interrupted()) return ExitCode::kInterrupted;
  return status.ok() ? ExitCode::kOk : session.Report(status);
}

}  // namespace

Command WatchRow() {
  return {.name = "watch",
          .synopsis = "[PREFIX]",
          .arguments = {&kObjectWord},
          .summary = "Show what there is below a prefix, then every change as it happens",
          .details =
              "In order, each once, over a restart of the daemon too. Ctrl-C ends it.\n"
              "-o jsonl is for programs: {\"synced\": …} ends what there is, and {\"gap\": …} says "
              "that changes are not kept any more:\nwhat there is follows again, up to `synced`; "
              "what is not in it is gone.\n",
          .examples = {"watch /config/", "watch / -o jsonl"},
          .most = 1,
          .run = RunObjectWatch};
}

}  // namespace grpc_os::shell
