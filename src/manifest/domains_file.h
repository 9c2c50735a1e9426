// domains.conf: the domains of a machine in one file.
#ifndef GRPC_OS_MANIFEST_DOMAINS_FILE_H_
#define GRPC_OS_MANIFEST_DOMAINS_FILE_H_

#include <optional>
#include <string_view>
#include <vector>

#include "manifest/domain_manifest.h"
#include "manifest/problem.h"

namespace grpc_os::manifest {

inline constexpr size_t kDomainsFileBytes = 1 << 20;

// Its domains, in the order of the file; none is fine. nullopt: `problems` has all that is wrong
// (of a file that is none of these, the first hundred), in the order of the file.
//
//   file   = { "domain" word "{" { key ":" word | path | target } "}" }
//   path   = "path" word "{" { key ":" word | target } "}"
//   target = "target" "{" { key ":" word } "}"
//
// The keys are those of domain.yml; `path` blocks are its `paths`, `target` blocks its `targets`,
// and `process` may be written `process_id`. A word is on the line of what it belongs to: bare, up
// to a blank or one of { } " ', or between quotes: "…" knows \" and \\, '…' nothing. # begins a
// comment, but not within a word.
std::optional<std::vector<DomainEntry>> ParseDomainsFile(std::string_view text,
                                                         std::vector<Problem>& problems);

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_DOMAINS_FILE_H_
