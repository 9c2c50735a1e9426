#include "main/parts/domains_file.h"

#include <sys/stat.h>

#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/domain/domain_errors.h"
#include "core/domain/domain_name.h"
#include "core/domain/domain_rules.h"
#include "host/public_suffix.h"
#include "manifest/domains_file.h"
#include "manifest/read_text.h"

namespace grpc_os {
namespace {

// In the core's words. The names are looked at: they are no public suffixes.
core::Domain DomainOf(const manifest::DomainEntry& entry) {
  core::Domain domain;
  domain.name = entry.name;
  core::DomainSpec& spec = domain.spec;
  spec.manager = core::kManagedByFile;
  spec.line = entry.line;
  for (const manifest::DomainRoute& route : entry.routes) {
    core::DomainRoute& to = spec.routes.emplace_back();
    to.path = route.path;
    to.strip = route.strip;
    for (const manifest::DomainTarget& target : route.targets)
      to.targets.push_back({target.process, target.port, target.weight});
  }
  spec.grpc = entry.grpc.value_or(false);
  spec.hold_ms = entry.hold_ms.value_or(spec.hold_ms);
  spec.drain_ms = entry.drain_ms.value_or(spec.drain_ms);
  spec.max_body_bytes = entry.max_body_bytes.value_or(0);
  spec.read_timeout_ms = entry.read_timeout_ms.value_or(0);
  return domain;
}

}  // namespace

absl::StatusOr<std::vector<core::Domain>> ReadDomainsFile(
    const std::string& path, const std::function<std::string(int)>& owner_of) {
  const auto refused = [&path](std::string_view why) {
    return core::DomainsFileRefused(path, std::string(why));
  };
  struct stat file {};
  if (stat(path.c_str(), &file) == 0) {
    // A pipe would be read as if it were empty.
    if (!S_ISREG(file.st_mode)) return refused("it is not a file; put one in its place");
    if (file.st_size > static_cast<off_t>(manifest::kDomainsFileBytes))
      return refused("it has more than 1 MiB; make it smaller");
  }
  auto text = manifest::ReadText(path, "the domains file", manifest::kDomainsFileBytes);
  if (absl::IsNotFound(text.status())) text = "";
  if (absl::IsPermissionDenied(text.status()))
    return refused("grpc-osd may not read it; `chmod 644` it");
  if (!text.ok()) return refused(std::string(text.status().message()));
  std::vector<manifest::Problem> problems;
  const auto entries = manifest::ParseDomainsFile(*text, problems);
  std::vector<std::string> lines;
  for (const manifest::Problem& problem : problems)
    lines.push_back(
        absl::StrCat("line ", problem.line, ", column ", problem.column, ": ", problem.message));
  std::vector<core::Domain> wanted;
  for (const manifest::DomainEntry& entry :
       entries.value_or(std::vector<manifest::DomainEntry>())) {
    core::Violations violations;
    core::CheckDomainName(entry.name, "", host::IsPublicSuffix, violations);
    core::Domain domain = DomainOf(entry);
    core::CheckDomainSpec(domain.spec, "spec", owner_of, violations);
    if (const absl::Status status = violations.ToStatus(); !status.ok())
      lines.push_back(absl::StrCat("line ", entry.line, ": ", status.message()));
    wanted.push_back(std::move(domain));
  }
  if (!lines.empty()) return core::DomainsFileRefused(path, absl::StrJoin(lines, "; "));
  return wanted;
}

}  // namespace grpc_os
