// touch.
#include <google/protobuf/util/time_util.h>

#include <chrono>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "client/crc32c.h"
#include "client/errors.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "manifest/quantity.h"
#include "shell/commands/count.h"
#include "shell/commands/kinds.h"
#include "shell/commands/object_fields.h"
#include "shell/commands/object_names.h"
#include "shell/commands/object_rows.h"
#include "shell/escape.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/quantity.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

// In how long by the daemon's clock, or when.
absl::Status ParseExpiry(const std::string& text, v1::Object& object) {
  using google::protobuf::util::TimeUtil;
  if (const auto ms = manifest::ParseDurationMs(text); ms.ok()) {
    *object.mutable_ttl() = TimeUtil::MillisecondsToDuration(*ms);
    return absl::OkStatus();
  }
  if (const auto time = ParseTime(text)) {
    *object.mutable_expire_time() = *time;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--expire needs a time; \"", text,
                   "\" is none. Write in how long, as 90s, 5m, 1h or 2d, or when, as "
                   "2026-11-23T05:00:00Z, or never."));
}

// One with content: new, or a new generation of what is there.
absl::StatusOr<v1::Object> Write(Session& session, const ObjectFields& fields,
                                 const std::string& id, const std::string& data) {
  if (id.empty()) {
    v1::PutObjectRequest request;
    *request.mutable_object() = fields.object;
    request.set_data(data);
    request.set_crc32c(client::Crc32c(data));
    if (fields.preconditions) *request.mutable_preconditions() = *fields.preconditions;
    return session.client().PutObject(request);
  }
  v1::CreateObjectRequest request;
  *request.mutable_object() = fields.object;
  request.set_data(data);
  request.set_crc32c(client::Crc32c(data));
  request.set_object_id(id);
  return session.client().CreateObject(request);
}

absl::StatusOr<v1::Object> Update(Session& session, const ObjectFields& fields) {
  v1::UpdateObjectRequest request;
  *request.mutable_object() = fields.object;
  for (const std::string& path : fields.mask) request.mutable_update_mask()->add_paths(path);
  if (fields.preconditions) *request.mutable_preconditions() = *fields.preconditions;
  return session.client().UpdateObject(request);
}

absl::StatusOr<v1::Object> CreateEmpty(Session& session, const ObjectFields& fields,
                                       const std::string& id) {
  v1::CreateObjectRequest request;
  *request.mutable_object() = fields.object;
  request.set_crc32c(0);
  request.set_object_id(id);
  return session.client().CreateObject(request);
}

struct Touched {
  absl::StatusOr<v1::Object> object;
  const char* verb;
};

// One without content: its time and what else is given, or a new empty one.
Touched TouchEmpty(Session& session, const ObjectFields& fields, const std::string& id) {
  const bool must_be_new =
      !id.empty() || (fields.preconditions && fields.preconditions->if_generation_match() == 0);
  if (must_be_new) return {CreateEmpty(session, fields, id), "created"};
  auto updated = Update(session, fields);
  const bool absent = client::ReasonOf(updated.status()) == "OBJECT_NOT_FOUND";
  // Who names an id, or demands a generation, means one that is there.
  if (!absent || fields.preconditions || IsObjectId(fields.object.name())) {
    return {std::move(updated), "touched"};
  }
  auto created = CreateEmpty(session, fields, id);
  // Somebody else was faster.
  if (client::ReasonOf(created.status()) == "NAME_TAKEN") {
    return {Update(session, fields), "touched"};
  }
  return {std::move(created), "created"};
}

ExitCode RunTouch(Session& session, const Arguments& arguments) {
  const auto& words = arguments.positional();
  const auto fields = ReadObjectFields(arguments, ResolveName(session.directory(), words[0]));
  if (!fields.ok()) return session.Report(fields.status());
  const std::string id = arguments.Value("id").value_or("");
  if (words.size() == 1) {
    const Touched touched = TouchEmpty(session, *fields, id);
    if (!touched.object.ok()) return session.Report(touched.object.status());
    session.Show(
        *touched.object, touched.object->name(),
        absl::StrCat(touched.verb, " ", touched.object->name(), " (", touched.object->id(), ")"));
    return ExitCode::kOk;
  }
  if (fields->preconditions && !id.empty()) {
    return session.Report(absl::InvalidArgumentError(
        "--id makes a new object, so --if-generation says nothing; leave out one of them."));
  }
  if (arguments.Value("expire").value_or("") == "never") {
    return session.Report(absl::InvalidArgumentError(absl::StrCat(
        "With new content an expiry can be set, but not taken away; do that with `",
        session.Typed(absl::StrCat("touch ", EscapeForTerminal(words[0]), " --expire never")),
        "`.")));
  }
  if (static_cast<int64_t>(words[1].size()) > limits::kObjectInlineBytes) {
    return session.Report(absl::InvalidArgumentError(
        absl::StrCat("DATA has ", words[1].size(), " bytes; at most ", limits::kObjectInlineBytes,
                     " can be typed. `", session.Typed("put FILE NAME"), "` takes more.")));
  }
  const auto object = Write(session, *fields, id, words[1]);
  if (!object.ok()) return session.Report(object.status());
  session.Show(
      *object, object->name(),
      absl::StrCat("wrote ", object->name(), " (", object->id(), "), ",
                   FormatBytes(object->size_bytes()), ", generation ", object->generation()));
  return ExitCode::kOk;
}

}  // namespace

std::vector<Option> FieldOptions() {
  return {
      {"meta", 0, "K=V", "metadata; what is not named goes", true},
      {"type", 0, "TYPE", "content type (application/octet-stream)"},
      {"expire", 0, "TIME", "delete it in 90s, 5m, 1h, 2d, or at 2026-11-23T05:00:00Z; or never"},
      {"if-generation", 0, "N", "only if it has this generation; 0: only if there is none"},
  };
}

absl::StatusOr<ObjectFields> ReadObjectFields(const Arguments& arguments, std::string name) {
  ObjectFields fields;
  fields.object.set_name(std::move(name));
  if (const auto type = arguments.Value("type")) {
    fields.object.set_content_type(*type);
    fields.mask.emplace_back("content_type");
  }
  for (const std::string& pair : arguments.Values("meta")) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--meta needs KEY=VALUE; \"", pair, "\" is not that."));
    }
    (*fields.object.mutable_metadata())[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  if (arguments.Has("meta")) fields.mask.emplace_back("metadata");
  if (const auto text = arguments.Value("expire")) {
    if (*text != "never") {
      if (absl::Status status = ParseExpiry(*text, fields.object); !status.ok()) return status;
    }
    fields.mask.emplace_back("expire_time");
  }
  if (const auto text = arguments.Value("if-generation")) {
    int64_t generation = 0;
    if (!absl::SimpleAtoi(*text, &generation) || generation < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--if-generation needs a number, 0 if there must be no such object yet; \"",
                       *text, "\" is none. `stat` shows the generation."));
    }
    fields.preconditions.emplace().set_if_generation_match(generation);
  }
  return fields;
}

Command TouchRow() {
  return {.name = "touch",
          .synopsis = "NAME [DATA]",
          .arguments = {&kObjectWord, nullptr},
          .summary = "Make an object, or give one new content",
          .details =
              "With DATA: that becomes the content; what was there before stays among the\n"
              "versions (`history`). Without: an object that is there gets a new time and what\n"
              "the options say, and keeps its content; else an empty one is made.\n",
          .options =
              With(FieldOptions(), {{"id", 0, "ID", "its id (obj_…) instead of a generated one"}}),
          .examples = {"touch config.json '{\"port\": 8080}'",
                       "touch /config/app.json '{}' --meta type=config --type application/json",
                       "touch job.lock --expire 1h --if-generation 0"},
          .least = 1,
          .most = 2,
          .run = RunTouch};
}

}  // namespace grpc_os::shell
