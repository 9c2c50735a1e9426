// The keys of process.yml: the one table that the parser, the schema, the reference page and the
// example are made of.
#ifndef GRPC_OS_MANIFEST_PROCESS_KEYS_H_
#define GRPC_OS_MANIFEST_PROCESS_KEYS_H_

#include <string>
#include <vector>

#include "manifest/process_manifest.h"
#include "manifest/yaml.h"

namespace grpc_os::manifest {

// What a value may be.
struct Form {
  const char* words;   // "a number from 1 to 65535"
  const char* schema;  // JSON Schema; "$": of the keys below, see KeyText::below
};

struct KeyText {
  const char* name;
  const Form* form;
  const char* what;     // one or two sentences
  const char* example;  // the value, in YAML; of several lines if it begins with a newline
  const std::vector<KeyText>* below = nullptr;  // of a value that is a map with keys of its own
};

using Problems = std::vector<Problem>;

const std::vector<KeyText>& ProcessKeyTexts();

// Takes what `map` says, on top of what is there; keys that there are not are problems.
void ReadProcessKeys(const YamlNode& map, ProcessManifest& manifest, Problems& problems);

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_PROCESS_KEYS_H_
