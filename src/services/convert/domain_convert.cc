#include "services/convert/domain_convert.h"

#include <cmath>

#include "services/convert/time_convert.h"

namespace grpc_os::services {
namespace {

int64_t MsOf(const google::protobuf::Duration& given, const std::string& field,
             core::Violations& violations) {
  constexpr int64_t kMostSeconds = 1'000'000;
  if (given.seconds() < 0 || given.nanos() < 0 || given.seconds() > kMostSeconds) {
    violations.Add(field, "give a time that is not negative, and not longer than is allowed");
    return 0;
  }
  return DurationMs(given);
}

v1::DomainTargetStatus::State ToProto(core::TargetState state) {
  switch (state) {
    case core::TargetState::kUp:
      return v1::DomainTargetStatus::STATE_UP;
    case core::TargetState::kAway:
      return v1::DomainTargetStatus::STATE_AWAY;
    case core::TargetState::kStopped:
      return v1::DomainTargetStatus::STATE_STOPPED;
    case core::TargetState::kDraining:
      return v1::DomainTargetStatus::STATE_DRAINING;
    case core::TargetState::kMissing:
      break;
  }
  return v1::DomainTargetStatus::STATE_MISSING;
}

}  // namespace

core::DomainSpec FromProto(const v1::DomainSpec& given, const std::string& field,
                           core::Violations& violations) {
  core::DomainSpec spec;
  for (const v1::DomainRoute& route : given.routes()) {
    core::DomainRoute& to = spec.routes.emplace_back();
    to.path = route.path().empty() ? "/" : route.path();
    to.strip = route.strip();
    for (const v1::DomainTarget& target : route.targets())
      to.targets.push_back(
          {target.process(), target.port(), target.weight() == 0 ? 1 : target.weight()});
  }
  spec.grpc = given.grpc();
  if (given.has_hold()) spec.hold_ms = MsOf(given.hold(), field + ".hold", violations);
  if (given.has_drain()) spec.drain_ms = MsOf(given.drain(), field + ".drain", violations);
  spec.max_body_bytes = given.max_body_bytes();
  if (given.has_read_timeout())
    spec.read_timeout_ms = MsOf(given.read_timeout(), field + ".read_timeout", violations);
  return spec;
}

v1::DomainSpec ToProto(const core::DomainSpec& spec) {
  v1::DomainSpec out;
  for (const core::DomainRoute& route : spec.routes) {
    v1::DomainRoute& to = *out.add_routes();
    to.set_path(route.path);
    to.set_strip(route.strip);
    for (const core::DomainTarget& target : route.targets) {
      v1::DomainTarget& one = *to.add_targets();
      one.set_process(target.process);
      one.set_port(target.port);
      one.set_weight(target.weight);
    }
  }
  out.set_grpc(spec.grpc);
  SetDurationMs(spec.hold_ms, out.mutable_hold());
  SetDurationMs(spec.drain_ms, out.mutable_drain());
  out.set_max_body_bytes(spec.max_body_bytes);
  if (spec.read_timeout_ms != 0) SetDurationMs(spec.read_timeout_ms, out.mutable_read_timeout());
  return out;
}

void ToProto(const core::Targets::View& target, v1::DomainTargetStatus& out) {
  out.set_path(target.path);
  out.set_process(target.process);
  out.set_process_id(target.process_id);
  out.set_port(target.port);
  out.set_weight(target.weight);
  out.set_state(ToProto(target.state));
  if (target.since_ms != 0) SetTimeMs(target.since_ms, out.mutable_since());
  out.set_in_flight(target.in_flight);
}

void ToProto(const core::TrafficRates& rates, v1::DomainTraffic& out) {
  out.set_requests_per_second(rates.requests_per_second);
  out.set_errors_per_second(rates.errors_per_second);
  SetDurationMs(static_cast<int64_t>(std::ceil(rates.latency_p95_ms)), out.mutable_latency_p95());
  out.set_requests(rates.requests);
  out.set_errors(rates.errors);
  out.set_waiting(rates.waiting);
}

}  // namespace grpc_os::services
