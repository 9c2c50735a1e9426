#include "core/domain/domain_folder.h"

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace grpc_os::core {
namespace {

// What nginx says may have lines.
std::string OneLine(const std::string& text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\n", "\\n"}});
}

std::string TextOf(const Domain& domain) {
  const DomainSpec& spec = domain.spec;
  std::string text = absl::StrCat(
      "id: ", domain.id, "\nname: ", domain.name, "\nstate: ", ToString(domain.status.state),
      "\ngeneration: ", domain.generation, "\nactive_generation: ", domain.status.active_generation,
      "\nmessage: ", OneLine(domain.status.message), "\ngrpc: ", spec.grpc ? "yes" : "no",
      "\napi: ", spec.api ? "yes" : "no", "\nhold_ms: ", spec.hold_ms,
      "\ndrain_ms: ", spec.drain_ms, "\nmanager: ", spec.manager, "\n");
  for (const DomainRoute& route : spec.routes)
    for (const DomainTarget& target : route.targets)
      absl::StrAppend(&text, "target: ", route.path, route.strip ? " strip" : "", " ",
                      target.process, " port ", target.port, " weight ", target.weight, "\n");
  return text;
}

}  // namespace

void DomainFolder::Find(const std::string& path, std::function<void(Found)> done) {
  const auto domain = domains_.Find(path);
  if (absl::IsNotFound(domain.status()) || (domain.ok() && domain->name != path))
    return done(std::nullopt);
  if (!domain.ok()) return done(domain.status());
  done(std::optional<Object>(SystemObject(path, TextOf(*domain), clock_.NowMs())));
}

void DomainFolder::List(const Range& range, std::function<void(Listed)> done) {
  std::vector<Object> objects;
  // There is nothing below a domain.
  const bool inside = range.path.empty() || range.recursive;
  for (const Domain& domain : inside ? domains_.List(range.after, std::numeric_limits<int>::max())
                                     : std::vector<Domain>()) {
    if (!domain.name.starts_with(range.path)) continue;
    if (static_cast<int>(objects.size()) >= range.limit) break;
    objects.push_back(SystemObject(domain.name, "", clock_.NowMs()));
  }
  done(std::move(objects));
}

}  // namespace grpc_os::core
