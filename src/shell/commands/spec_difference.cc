#include "shell/commands/spec_difference.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/util/time_util.h>

#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "shell/escape.h"
#include "shell/render/process.h"
#include "shell/render/table.h"

namespace grpc_os::shell {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
// By number and name, as {12, "ready.timeout"}: the value as text.
using Fields = std::map<std::pair<int, std::string>, std::string>;

// Exact, where FormatDuration is not.
std::string Text(const google::protobuf::Duration& time) {
  return google::protobuf::util::TimeUtil::ToString(time);
}

// RESTART_POLICY_ON_FAILURE: "on-failure".
std::string Word(const google::protobuf::EnumValueDescriptor& value) {
  absl::string_view prefix = value.type()->FindValueByNumber(0)->name();
  prefix.remove_suffix(absl::string_view("UNSPECIFIED").size());
  return absl::AsciiStrToLower(
      absl::StrReplaceAll(absl::StripPrefix(value.name(), prefix), {{"_", "-"}}));
}

// Of a field that is set, if it is no message.
std::string Text(const Message& message, const FieldDescriptor* field) {
  const auto* reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(reflection->GetInt32(message, field));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(reflection->GetInt64(message, field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->GetBool(message, field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return Word(*reflection->GetEnum(message, field));
    default:
      return reflection->GetString(message, field);
  }
}

// Of a field of which there are several, and which is no map: one text of all of them.
std::string ListText(const v1::ProcessSpec& spec, const std::string& field) {
  if (field == "volumes") return VolumesText(spec);
  if (field == "depends_on") return DependenciesText(spec);
  return absl::StrJoin(spec.domains(), ", ");
}

// Of a probe, or what is in it; `number` is that of the field of the spec.
void AddFields(const Message& message, int number, const std::string& name, Fields& fields) {
  if (message.GetDescriptor() == google::protobuf::Duration::descriptor()) {
    fields[{number, name}] = Text(static_cast<const google::protobuf::Duration&>(message));
    return;
  }
  std::vector<const FieldDescriptor*> set;
  message.GetReflection()->ListFields(message, &set);
  // An empty one says something too: that it is there.
  if (set.empty()) fields[{number, name}] = "yes";
  for (const FieldDescriptor* field : set) {
    const std::string below = absl::StrCat(name, ".", field->name());
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      AddFields(message.GetReflection()->GetMessage(message, field), number, below, fields);
    } else {
      fields[{number, below}] = Text(message, field);
    }
  }
}

Fields FieldsOf(const v1::ProcessSpec& spec) {
  Fields fields;
  std::vector<const FieldDescriptor*> set;
  spec.GetReflection()->ListFields(spec, &set);
  for (const FieldDescriptor* field : set) {
    const std::string& name = field->name();
    const int number = field->number();
    if (name == "secret_environment") continue;
    if (field->is_map()) {
      for (const auto& [key, value] : name == "labels" ? spec.labels() : spec.environment())
        fields[{number, absl::StrCat(name, ".", key)}] = value;
    } else if (field->is_repeated()) {
      fields[{number, name}] = ListText(spec, name);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      AddFields(spec.GetReflection()->GetMessage(spec, field), number, name, fields);
    } else {
      fields[{number, name}] = Text(spec, field);
    }
  }
  for (const std::string& secret : spec.secret_environment())
    fields[{v1::ProcessSpec::kEnvironmentFieldNumber, "environment." + secret}] = "(secret)";
  return fields;
}

}  // namespace

std::vector<Difference> DifferencesOf(const v1::ProcessSpec& before, const v1::ProcessSpec& after) {
  const Fields were = FieldsOf(before);
  const Fields are = FieldsOf(after);
  Fields all = were;
  all.insert(are.begin(), are.end());
  std::vector<Difference> differences;
  for (const auto& [key, value] : all) {
    const auto was = were.find(key);
    const auto is = are.find(key);
    Difference one{.field = key.second, .before = {}, .after = {}};
    if (was != were.end()) one.before = was->second;
    if (is != are.end()) one.after = is->second;
    if (one.before != one.after) differences.push_back(std::move(one));
  }
  return differences;
}

void PrintDifferences(Session& session, const std::vector<Difference>& differences) {
  const bool color = session.console().color;
  const auto print = [&](const char* sign, Style style, const Difference& one,
                         const std::string& value) {
    const std::string shown = one.field == "bundle" ? ShortDigest(value) : value;
    session.out() << Styled(absl::StrCat(sign, " ", EscapeForTerminal(one.field), ": ",
                                         EscapeForTerminal(shown)),
                            style, color)
                  << "\n";
  };
  for (const Difference& one : differences) {
    if (one.before) print("-", Style::kBad, one, *one.before);
    if (one.after) print("+", Style::kGood, one, *one.after);
  }
}

google::protobuf::Struct ToStruct(const std::vector<Difference>& differences) {
  google::protobuf::Struct all;
  auto* const list = (*all.mutable_fields())["differences"].mutable_list_value();
  for (const Difference& one : differences) {
    auto& fields = *list->add_values()->mutable_struct_value()->mutable_fields();
    fields["field"].set_string_value(one.field);
    if (one.before) fields["before"].set_string_value(*one.before);
    if (one.after) fields["after"].set_string_value(*one.after);
  }
  return all;
}

}  // namespace grpc_os::shell
