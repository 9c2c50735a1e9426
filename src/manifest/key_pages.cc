#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "manifest/keys.h"

namespace grpc_os::manifest {
namespace {

// As a JSON string.
std::string Quoted(const char* text) {
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

std::string SchemaOf(const KeyText& key, const std::string& indent) {
  std::string schema = key.form->schema;
  if (key.below != nullptr)
    schema = absl::StrReplaceAll(schema, {{"$", SchemaOf(*key.below, indent + "  ", false)}});
  const std::string what = absl::StrCat("{\"description\": ", Quoted(key.what), ", ");
  return what + schema.substr(1);
}

void AppendTable(const std::vector<KeyText>& keys, std::string& page) {
  absl::StrAppend(&page, "| key | value | meaning |\n|---|---|---|\n");
  for (const KeyText& key : keys) {
    absl::StrAppend(&page, "| `", key.name, "` | ", key.form->words, " | ",
                    absl::StrReplaceAll(key.what, {{"|", "\\|"}}), " |\n");
  }
}

}  // namespace

std::string SchemaOf(const std::vector<KeyText>& keys, const std::string& indent, bool top) {
  std::string text = "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {";
  const char* comma = "\n";
  for (const KeyText& key : keys) {
    if (!top && std::string_view(key.name) == "name") continue;  // the key of `processes` is it
    std::string schema = SchemaOf(key, indent + "  ");
    if (schema.find('#') != std::string::npos) {
      if (!top) continue;
      schema =
          absl::StrReplaceAll(schema, {{"#", "{\"anyOf\": [{\"type\": \"null\"}, " +
                                                 SchemaOf(keys, indent + "  ", false) + "]}"}});
    }
    absl::StrAppend(&text, comma, indent, "  \"", key.name, "\": ", schema);
    comma = ",\n";
  }
  return absl::StrCat(text, "\n", indent, "}}");
}

std::string ReferenceOf(const std::vector<KeyText>& keys) {
  std::string page;
  AppendTable(keys, page);
  for (const KeyText& key : keys) {
    if (key.below == nullptr) continue;
    absl::StrAppend(&page, "\nThe keys of `", key.name, "`:\n\n");
    AppendTable(*key.below, page);
  }
  return page;
}

std::string ExampleOf(const std::vector<KeyText>& keys) {
  std::string example;
  for (const KeyText& key : keys) {
    if (*key.example == 0) continue;
    absl::StrAppend(&example, "\n# ", key.what, "\n", key.name, ":",
                    *key.example == '\n' ? "" : " ", key.example, "\n");
  }
  return example;
}

}  // namespace grpc_os::manifest
