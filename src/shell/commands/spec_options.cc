#include "shell/commands/spec_options.h"

#include <google/protobuf/util/time_util.h>

#include <filesystem>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "manifest/quantity.h"
#include "manifest/suggest.h"
#include "shell/commands/kinds.h"
#include "shell/commands/probe_options.h"
#include "shell/commands/process_rows.h"
#include "shell/current_directory.h"

namespace grpc_os::shell {
namespace {

// The number of "on-failure" among RESTART_POLICY_UNSPECIFIED, RESTART_POLICY_ON_FAILURE….
absl::StatusOr<int> ParseEnum(const google::protobuf::FieldDescriptor& field,
                              const std::string& word) {
  const google::protobuf::EnumDescriptor& type = *field.enum_type();
  const size_t prefix = type.value(0)->name().size() - std::string_view("UNSPECIFIED").size();
  std::vector<std::string> words;
  for (int i = 1; i < type.value_count(); ++i) {
    words.push_back(absl::StrReplaceAll(absl::AsciiStrToLower(type.value(i)->name().substr(prefix)),
                                        {{"_", "-"}}));
    if (words.back() == word) return type.value(i)->number();
  }
  const std::string nearest = manifest::Nearest(word, words);
  const std::string last = words.back();
  words.pop_back();
  return absl::InvalidArgumentError(
      absl::StrCat("There is no ", absl::StrReplaceAll(field.name(), {{"_", " "}}), " ", word,
                   "; expected: ", absl::StrJoin(words, ", "), " or ", last, ".",
                   nearest.empty() ? "" : absl::StrCat(" Did you mean ", nearest, "?")));
}

// A relative directory counts from the current one.
std::string WholeDirectory(const std::string& text) {
  const std::filesystem::path here = CurrentDirectory();
  std::string path =
      here.empty() || text.empty() ? text : (here / text).lexically_normal().string();
  if (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

constexpr WordKind kPolicyWord = {.words = "always on-failure never"};
constexpr WordKind kScopeWord = {.words = "main group all"};

// An option and the field of ProcessSpec that it sets: text, a size, a duration or a word, by the
// field's type.
struct SpecField {
  Option option;
  const char* field;
};

const std::vector<SpecField>& SpecFields() {
  static const auto* const fields = new std::vector<SpecField>{
      {CommandOption(), "command"},
      {{"dir", 0, "DIR", "working directory"}, "working_directory"},
      {{"user", 0, "ACCOUNT", "account of the machine that it runs as"}, "account"},
      {{"restart", 0, "POLICY", "always (the default), on-failure or never", false, &kPolicyWord},
       "restart_policy"},
      {{"stop-timeout", 0, "TIME", "from the stop signal to SIGKILL (10s)"}, "stop_timeout"},
      {{"stop-signal", 0, "SIGNAL", "how it is asked to end (TERM)", false, &kSignalWord},
       "stop_signal"},
      {{"stop-scope", 0, "SCOPE",
        "who gets it: main (the main process, the default), group (its process group) or all",
        false, &kScopeWord},
       "stop_scope"},
      {{"log-max", 0, "SIZE", "for all of its log files together (50M)"}, "log_max_bytes"},
  };
  return *fields;
}

absl::Status SetField(const std::string& name, const std::string& text, v1::ProcessSpec& spec) {
  using Field = google::protobuf::FieldDescriptor;
  using google::protobuf::util::TimeUtil;
  const Field* field = v1::ProcessSpec::descriptor()->FindFieldByName(name);
  const auto* reflection = v1::ProcessSpec::GetReflection();
  switch (field->cpp_type()) {
    case Field::CPPTYPE_ENUM: {
      const auto number = ParseEnum(*field, text);
      if (number.ok()) reflection->SetEnumValue(&spec, field, *number);
      return number.status();
    }
    case Field::CPPTYPE_INT64: {
      const auto bytes = manifest::ParseBytes(text);
      if (bytes.ok()) reflection->SetInt64(&spec, field, *bytes);
      return bytes.status();
    }
    case Field::CPPTYPE_MESSAGE: {
      const auto ms = manifest::ParseDurationMs(text);
      if (ms.ok()) {
        reflection->MutableMessage(&spec, field)->CopyFrom(TimeUtil::MillisecondsToDuration(*ms));
      }
      return ms.status();
    }
    default:
      reflection->SetString(&spec, field, text);
      return absl::OkStatus();
  }
}

// "data", "data:/app/data", "data:shared", "data:/app/data:shared".
absl::Status AddVolume(const std::string& word, v1::ProcessSpec& spec) {
  const std::vector<std::string> parts = absl::StrSplit(word, ':');
  auto& use = *spec.add_volumes();
  use.set_name(parts[0]);
  size_t at = 1;
  if (at < parts.size() && parts[at].starts_with('/')) use.set_path(parts[at++]);
  if (at < parts.size() && parts[at] == "shared") {
    use.set_shared(true);
    ++at;
  }
  if (!parts[0].empty() && at == parts.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--volume ", word, " is none; expected: NAME[:/PATH][:shared]."));
}

// "db", "db:started".
absl::Status AddDependency(const std::string& word, v1::ProcessSpec& spec) {
  const size_t colon = word.find(':');
  const std::string name = word.substr(0, colon);
  const std::string condition = colon == std::string::npos ? "ready" : word.substr(colon + 1);
  auto& dependency = *spec.add_depends_on();
  dependency.set_process(name);
  using Dependency = v1::ProcessSpec::Dependency;
  Dependency::Condition parsed = Dependency::CONDITION_UNSPECIFIED;
  if (!name.empty() &&
      Dependency::Condition_Parse("CONDITION_" + absl::AsciiStrToUpper(condition), &parsed) &&
      parsed != Dependency::CONDITION_UNSPECIFIED) {
    dependency.set_condition(parsed);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--depends-on ", word, " is none; expected: NAME, or NAME:started, :ready or :completed."));
}

}  // namespace

std::optional<std::pair<std::string, std::string>> ParseAssignment(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0 ||
      absl::ascii_isdigit(static_cast<unsigned char>(word[0]))) {
    return std::nullopt;
  }
  for (const char c : word.substr(0, equals)) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_') return std::nullopt;
  }
  return std::make_pair(word.substr(0, equals), word.substr(equals + 1));
}

Option CommandOption() { return {"command", 0, "COMMAND", "what it runs"}; }

std::vector<Option> SpecOptions() {
  std::vector<Option> options;
  for (const SpecField& field : SpecFields()) {
    if (field.option.name != CommandOption().name) options.push_back(field.option);
  }
  for (const Option& option : ProbeOptions()) options.push_back(option);
  options.push_back({"volume", 0, "NAME[:PATH][:shared]",
                     "a directory that outlives it, made if there is none of this name", true,
                     &kVolumeWord});
  options.push_back({"depends-on", 0, "NAME[:started|ready|completed]",
                     "begin it once that process has come so far", true, &kProcessWord});
  options.push_back({"secret", 0, "K[=V]", "a variable whose value is never shown again", true});
  return options;
}

absl::Status ApplySpecOptions(const Arguments& arguments, v1::ProcessSpec& spec,
                              std::vector<std::string>& paths) {
  for (const SpecField& field : SpecFields()) {
    auto text = arguments.Value(field.option.name);
    if (!text) continue;
    if (field.option.name == "dir") text = WholeDirectory(*text);
    if (absl::Status status = SetField(field.field, *text, spec); !status.ok()) return status;
    paths.push_back(absl::StrCat("spec.", field.field));
  }
  if (arguments.Has("volume")) spec.clear_volumes();
  for (const std::string& word : arguments.Values("volume")) {
    // `--volume ""`: none any more.
    if (word.empty() && arguments.Values("volume").size() == 1) continue;
    if (absl::Status status = AddVolume(word, spec); !status.ok()) return status;
  }
  if (arguments.Has("volume")) paths.emplace_back("spec.volumes");
  if (arguments.Has("depends-on")) {
    spec.clear_depends_on();
    paths.emplace_back("spec.depends_on");
  }
  for (const std::string& word : arguments.Values("depends-on")) {
    if (word.empty() && arguments.Values("depends-on").size() == 1) continue;
    if (absl::Status status = AddDependency(word, spec); !status.ok()) return status;
  }
  return ApplyProbeOptions(arguments, spec, paths);
}

}  // namespace grpc_os::shell
