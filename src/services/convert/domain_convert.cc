#include "services/convert/domain_convert.h"

#include <algorithm>
#include <cmath>

#include "services/convert/time_convert.h"

namespace grpc_os::services {
namespace {

// What no time may be is still none.
int64_t MsOf(const google::protobuf::Duration& given) {
  constexpr int64_t kMostSeconds = 1'000'000;
  if (given.seconds() < 0 || given.nanos() < 0) return -1;
  return given.seconds() > kMostSeconds ? kMostSeconds * 1'000 : DurationMs(given);
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

core::GivenCertificate FromProto(const v1::DomainCertificate& given) {
  return {.chain = given.chain(), .key = given.private_key()};
}

core::DomainSpec FromProto(const v1::DomainSpec& given) {
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
  if (given.has_hold()) spec.hold_ms = MsOf(given.hold());
  if (given.has_drain()) spec.drain_ms = MsOf(given.drain());
  spec.max_body_bytes = given.max_body_bytes();
  if (given.has_read_timeout())
    spec.read_timeout_ms = std::max<int64_t>(MsOf(given.read_timeout()), 1);
  spec.api = given.api();
  spec.certificate = FromProto(given.certificate());
  return spec;
}

v1::DomainSpec ToProto(const core::DomainSpec& spec) {
  v1::DomainSpec out;
  if (spec.api) {
    out.set_api(true);
    out.mutable_certificate()->set_chain(spec.certificate.chain);
    SetTimeMs(spec.certificate.expire_time_ms, out.mutable_certificate()->mutable_expire_time());
    return out;
  }
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
