// The port to the edge as people ask about it.
#ifndef GRPC_OS_CORE_DOMAIN_EDGE_H_
#define GRPC_OS_CORE_DOMAIN_EDGE_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/domain/domains.h"
#include "core/domain/targets.h"
#include "core/domain/traffic_book.h"

namespace grpc_os::core {

// What Probe says of a port that somebody listens on.
inline constexpr char kAcceptsConnections[] = "accepts connections";

// On the core's thread; `done` comes on it too, once.
class Edge {
 public:
  virtual ~Edge() = default;

  // What keeps it from serving, in a sentence with its cure; empty: nothing.
  virtual std::string Problem() const = 0;
  // Why domains.conf is not what is served; empty: it is.
  virtual std::string FileProblem() const = 0;
  // Whether it answers requests at all.
  virtual bool Serves() const = 0;
  // "http://example.com:8880/"; empty: it is not known yet.
  virtual std::string UrlOf(const Domain& domain) const = 0;
  virtual std::vector<Targets::View> TargetsOf(const Domain& domain) const = 0;
  virtual TrafficRates RatesOf(const Domain& domain) const = 0;
  // Whether a port of this machine is one that gRPC OS listens on itself, and for what: "the edge".
  virtual std::string OwnerOf(int port) const = 0;
  // Connects to these ports of 127.0.0.1: in words, what came of it.
  virtual void Probe(std::vector<int> ports,
                     std::function<void(std::map<int, std::string>)> done) = 0;
  // `done` comes once what is committed now is served, or was refused, or cannot be served; after
  // 25 s in any case.
  virtual void WhenServed(std::function<void()> done) = 0;
  // Reads domains.conf.
  virtual void ReloadFile(bool only_compare,
                          std::function<void(absl::StatusOr<Domains::FileChanges>)> done) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DOMAIN_EDGE_H_
