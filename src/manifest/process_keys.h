// The keys of process.yml: the one table that the parser, the schema, the reference page and the
// example are made of.
#ifndef GRPC_OS_MANIFEST_PROCESS_KEYS_H_
#define GRPC_OS_MANIFEST_PROCESS_KEYS_H_

#include <vector>

#include "manifest/keys.h"
#include "manifest/process_manifest.h"
#include "manifest/yaml.h"

namespace grpc_os::manifest {

const std::vector<KeyText>& ProcessKeyTexts();

// Takes what `map` says, on top of what is there; keys that there are not are problems.
void ReadProcessKeys(const YamlNode& map, ProcessManifest& manifest, Problems& problems);

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_PROCESS_KEYS_H_
