// The keys of a domain: the one table that the parsers of domain.yml and domains.conf, the schema,
// the reference page and the example are made of.
#ifndef GRPC_OS_MANIFEST_DOMAIN_KEYS_H_
#define GRPC_OS_MANIFEST_DOMAIN_KEYS_H_

#include <vector>

#include "manifest/domain_manifest.h"
#include "manifest/keys.h"

namespace grpc_os::manifest {

const std::vector<KeyText>& DomainKeyTexts();

// The domain that `map` describes, with all that can be checked without the daemon.
DomainEntry ReadDomain(const YamlNode& map, Problems& problems);

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_DOMAIN_KEYS_H_
