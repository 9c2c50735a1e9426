#include "core/domain/domain_errors.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error_detail.h"

namespace grpc_os::core {

using absl::StatusCode;
using absl::StrCat;

namespace {

absl::Status Taken(const std::string& domain, const std::string& what,
                   const std::vector<std::string>& owners, const std::string& cure) {
  ErrorDetail detail{.reason = reason::kDomainExists, .metadata = {{"domain", domain}}};
  if (!owners.empty()) detail.metadata["process"] = owners.front();
  const std::string who =
      owners.empty() ? "another process" : StrCat("'", absl::StrJoin(owners, "', '"), "'");
  return MakeError(StatusCode::kAlreadyExists,
                   StrCat("'", what, "' leads to ", who, " already; ", cure), detail);
}

}  // namespace

absl::Status DomainTaken(const std::string& domain, const std::string& path,
                         const std::vector<std::string>& owners) {
  return Taken(domain, path == "/" ? domain : StrCat(domain, path), owners,
               "take it with `assign --replace`, add a target with `assign --weight N`, or free it "
               "with `unassign`");
}

absl::Status DomainOfApi(const std::string& domain) {
  return MakeError(StatusCode::kAlreadyExists,
                   StrCat("'", domain,
                          "' leads to the API of gRPC OS already; take it with `assign --replace`, "
                          "or free it with `unassign ",
                          domain, "`"),
                   {.reason = reason::kDomainExists, .metadata = {{"domain", domain}}});
}

absl::Status DomainAssigned(const std::string& domain, const std::vector<std::string>& owners) {
  return Taken(domain, domain, owners,
               StrCat("that was assigned; free it first with `unassign ", domain, "`"));
}

absl::Status DomainNamed(const std::string& domain, const std::vector<std::string>& owners) {
  return Taken(domain, domain, owners,
               "take it out of `domains:` of that one's process.yml first, and deploy that");
}

absl::Status DomainManaged(const std::string& domain, const std::string& manager) {
  return MakeError(StatusCode::kFailedPrecondition,
                   StrCat("'", domain, "' belongs to ", manager,
                          manager.starts_with("process ")
                              ? "; change `domains:` of its process.yml and deploy it"
                              : "; change it there and run `reload`"),
                   {.reason = reason::kDomainManaged,
                    .metadata = {{"domain", domain}, {"managed_by", manager}}});
}

absl::Status NotLedThere(const std::string& domain, const std::string& process,
                         const std::string& path, const std::vector<std::string>& nameless) {
  const std::string where = path.empty() ? domain : StrCat(domain, path);
  const std::string by_id =
      nameless.empty() ? ""
                       : StrCat(
                             "; a process that is gone, or that you may not read, is named by its "
                             "id: ",
                             absl::StrJoin(nameless, ", "));
  return MakeError(StatusCode::kNotFound,
                   process.empty()
                       ? StrCat("'", domain, "' has no route '", path, "'; `domain-status ", domain,
                                "` shows what it has")
                       : StrCat("'", where, "' does not lead to '", process, "'; `domain-status ",
                                domain, "` shows where it leads", by_id),
                   {.reason = reason::kDomainNotFound, .metadata = {{"domain", domain}}});
}

absl::Status PortOfAnother(const std::string& process, int port, const std::string& owner) {
  ErrorDetail detail{.reason = reason::kPortTaken, .metadata = {{"port", StrCat(port)}}};
  if (!owner.empty()) detail.metadata["process"] = owner;
  return MakeError(
      StatusCode::kFailedPrecondition,
      StrCat("port ", port, " is that of ",
             owner.empty() ? "another process" : StrCat("'", owner, "'"),
             owner.empty() ? StrCat("; name one that '", process, "' listens on")
                           : StrCat("; lead to that one, as in `assign DOMAIN ", owner, "`")),
      detail);
}

absl::Status NoPort(const std::string& process) {
  return MakeError(
      StatusCode::kFailedPrecondition,
      StrCat("the process '", process,
             "' has no port; name the one that it listens on, as in `assign DOMAIN ", process,
             " 8080`, or give it one with `update ", process, " --port 8080`"),
      {.reason = reason::kNoPort, .metadata = {{"process", process}}});
}

absl::Status DomainsFileRefused(const std::string& file, const std::string& why) {
  return MakeError(StatusCode::kFailedPrecondition,
                   StrCat(file, " was not taken over, and nothing changed: ", why),
                   {.reason = reason::kDomainsFile, .metadata = {{"file", file}}});
}

}  // namespace grpc_os::core
