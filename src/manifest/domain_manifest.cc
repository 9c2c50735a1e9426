#include "manifest/domain_manifest.h"

#include "absl/strings/str_cat.h"
#include "manifest/domain_keys.h"

namespace grpc_os::manifest {

bool IsDomainManifest(std::string_view text) {
  Problems problems;
  const auto root = ParseYaml(text, problems);
  return root.has_value() && FindKey(*root, "domain") != nullptr;
}

std::optional<DomainEntry> ParseDomain(std::string_view text, Problems& problems) {
  const size_t before = problems.size();
  const auto root = ParseYaml(text, problems);
  if (!root.has_value()) return std::nullopt;
  if (root->kind != YamlNode::Kind::kMap) {
    Add(problems, *root, "expected: keys such as `domain: example.com`");
    return std::nullopt;
  }
  DomainEntry entry = ReadDomain(*root, problems);
  SortProblems(problems, before);
  if (problems.size() > before) return std::nullopt;
  return entry;
}

std::string DomainSchema() {
  std::string schema = SchemaOf(DomainKeyTexts(), "", true);
  schema.insert(1,
                "\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"title\": "
                "\"domain.yml\", \"required\": [\"domain\"], \"anyOf\": [{\"required\": "
                "[\"process\"]}, {\"required\": [\"targets\"]}, {\"required\": [\"paths\"]}],\n ");
  return schema + "\n";
}

std::string DomainReference() { return ReferenceOf(DomainKeyTexts()); }

std::string DomainExample() {
  return absl::StrCat(
      "# An example that uses each key of domain.yml; `domain` and `process` suffice.\n"
      "# docs/DOMAIN_YML.md says more; `grpc-os apply -f FILE` makes the domain.\n",
      ExampleOf(DomainKeyTexts()));
}

}  // namespace grpc_os::manifest
