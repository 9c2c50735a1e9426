// What is made of the table of keys of process.yml for people and editors.
#include <string>

#include "absl/strings/str_cat.h"
#include "manifest/process_keys.h"
#include "manifest/process_manifest.h"

namespace grpc_os::manifest {

std::string ProcessSchema() {
  std::string schema = SchemaOf(ProcessKeyTexts(), "", true);
  schema.insert(1,
                "\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"title\": "
                "\"process.yml\", \"anyOf\": [{\"required\": [\"name\", \"command\"], \"not\": "
                "{\"required\": [\"processes\"]}}, {\"required\": [\"processes\"], \"not\": "
                "{\"required\": [\"name\"]}}],\n ");
  return schema + "\n";
}

std::string ProcessReference() { return ReferenceOf(ProcessKeyTexts()); }

std::string ProcessExample() {
  return absl::StrCat(
      "# An example that uses each key of process.yml; `name` and `command` suffice.\n"
      "# docs/PROCESS_YML.md says more; `grpc-os validate FILE` tells what is wrong with yours.\n",
      ExampleOf(ProcessKeyTexts()));
}

}  // namespace grpc_os::manifest
