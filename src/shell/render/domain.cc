#include "shell/render/domain.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "shell/quantity.h"
#include "shell/render/text.h"

namespace grpc_os::shell {
namespace {

using State = v1::DomainStatus;
using Target = v1::DomainTargetStatus;
using google::protobuf::util::TimeUtil;

std::string PathOf(const std::string& path) { return path.empty() ? "/" : path; }

std::string StateWord(v1::DomainStatus::State state) {
  switch (state) {
    case State::STATE_PENDING:
      return "pending";
    case State::STATE_ACTIVE:
      return "active";
    case State::STATE_REJECTED:
      return "rejected";
    default:
      return "unknown";
  }
}

Style StyleOf(v1::DomainStatus::State state) {
  return state == State::STATE_ACTIVE     ? Style::kGood
         : state == State::STATE_REJECTED ? Style::kBad
                                          : Style::kWarning;
}

// "" of one that is not known.
std::string TargetWord(Target::State state) {
  switch (state) {
    case Target::STATE_UP:
      return "up";
    case Target::STATE_AWAY:
      return "away";
    case Target::STATE_STOPPED:
      return "stopped";
    case Target::STATE_DRAINING:
      return "draining";
    case Target::STATE_MISSING:
      return "missing";
    default:
      return "";
  }
}

Style StyleOf(Target::State state) {
  return state == Target::STATE_UP                                        ? Style::kGood
         : state == Target::STATE_AWAY || state == Target::STATE_DRAINING ? Style::kWarning
         : state == Target::STATE_UNSPECIFIED                             ? Style::kPlain
                                                                          : Style::kBad;
}

// With its share where its route has others, and its state where it is not up.
std::string Described(const Target& target, bool alone) {
  const std::string word = target.state() == Target::STATE_UP ? "" : TargetWord(target.state());
  return absl::StrCat(TargetText(target), alone ? "" : absl::StrCat(" x", target.weight()),
                      word.empty() ? "" : absl::StrCat(" (", word, ")"));
}

// By path.
std::map<std::string, std::vector<Target>> RoutesOf(const v1::Domain& domain) {
  std::map<std::string, std::vector<Target>> routes;
  for (Target& target : TargetsOf(domain)) {
    std::vector<Target>& route = routes[PathOf(target.path())];
    route.push_back(std::move(target));
  }
  return routes;
}

std::string TargetsText(const std::vector<Target>& targets) {
  return absl::StrJoin(targets, ", ", [&](std::string* out, const Target& target) {
    out->append(Described(target, targets.size() == 1));
  });
}

// All of them, each once.
std::string TargetsText(const v1::Domain& domain) {
  if (domain.spec().api()) return "the API";
  std::vector<std::string> texts;
  for (const auto& [path, targets] : RoutesOf(domain)) {
    for (const Target& target : targets) {
      std::string text = Described(target, targets.size() == 1);
      if (std::find(texts.begin(), texts.end(), text) == texts.end())
        texts.push_back(std::move(text));
    }
  }
  return Joined(texts);
}

bool IsStripped(const v1::Domain& domain, const std::string& path) {
  for (const v1::DomainRoute& route : domain.spec().routes())
    if (PathOf(route.path()) == path) return route.strip();
  return false;
}

std::string RoutesText(const v1::Domain& domain) {
  return absl::StrJoin(RoutesOf(domain), "; ", [&](std::string* out, const auto& route) {
    absl::StrAppend(out, route.first, IsStripped(domain, route.first) ? " (stripped)" : "", " → ",
                    TargetsText(route.second));
  });
}

std::string GenerationText(const v1::Domain& domain) {
  const int64_t active = domain.status().active_generation();
  if (active == domain.generation()) return absl::StrCat(active);
  return absl::StrCat(domain.generation(),
                      " (served: ", active == 0 ? std::string("none") : absl::StrCat(active), ")");
}

std::string RateText(double per_second) {
  if (per_second <= 0) return "0";
  if (per_second < 1) return absl::StrFormat("%.2f", per_second);
  return absl::StrFormat(per_second < 100 ? "%.1f" : "%.0f", per_second);
}

std::string LatencyText(const v1::DomainTraffic& traffic) {
  if (!traffic.has_latency_p95() || traffic.requests_per_second() <= 0) return "-";
  const int64_t ms = TimeUtil::DurationToMilliseconds(traffic.latency_p95());
  return ms < 1000 ? absl::StrCat(ms, "ms") : FormatDuration(ms);
}

std::string DurationText(const google::protobuf::Duration& time) {
  return FormatDuration(TimeUtil::DurationToMilliseconds(time));
}

// What the spec says beside its routes.
std::string LimitsText(const v1::DomainSpec& spec) {
  std::vector<std::string> texts;
  if (spec.has_hold()) texts.push_back(absl::StrCat("hold ", DurationText(spec.hold())));
  if (spec.has_drain()) texts.push_back(absl::StrCat("drain ", DurationText(spec.drain())));
  if (spec.max_body_bytes() > 0)
    texts.push_back(absl::StrCat("max body ", FormatBytes(spec.max_body_bytes())));
  if (spec.has_read_timeout())
    texts.push_back(absl::StrCat("read timeout ", DurationText(spec.read_timeout())));
  return absl::StrJoin(texts, ", ");
}

// "up since 2026-11-30T10:00:00Z, accepts connections, 3 requests in flight".
std::string TargetDetails(const Target& target) {
  std::string text = OrDash(TargetWord(target.state()));
  if (target.has_since()) absl::StrAppend(&text, " since ", TimeText(target.since()));
  if (!target.probe().empty()) absl::StrAppend(&text, ", ", target.probe());
  if (target.in_flight() > 0) absl::StrAppend(&text, ", ", target.in_flight(), " in flight");
  return text;
}

Table Details(const v1::Domain& domain, const std::string& host, const Typing& typed) {
  const v1::DomainStatus& status = domain.status();
  const v1::DomainTraffic& traffic = status.traffic();
  Table table({{""}, {""}});
  const auto add = [&](const std::string& name, const std::string& text,
                       Style style = Style::kPlain) {
    if (!text.empty()) table.AddRow({{name}, {text, style}});
  };
  add("name", domain.name(), Style::kTitle);
  add("id", domain.id());
  add("state", StateWord(status.state()), StyleOf(status.state()));
  add("generation", GenerationText(domain));
  add("message", status.message(), StyleOf(status.state()));
  add("url", status.url());
  const v1::DomainSpec& spec = domain.spec();
  add("protocol", spec.api() ? "gRPC over TLS" : spec.grpc() ? "gRPC" : "HTTP");
  if (spec.api()) {
    add("leads to", "the API");
    add("certificate", absl::StrCat("until ", TimeText(spec.certificate().expire_time())));
  }
  add("limits", LimitsText(domain.spec()));
  add("managed by", status.managed_by().empty() ? "users" : status.managed_by());
  add("owner", domain.owner());
  add("updated", TimeText(domain.update_time()));
  for (const auto& [path, targets] : RoutesOf(domain)) {
    add("route", absl::StrCat(path, IsStripped(domain, path) ? " (stripped)" : ""), Style::kTitle);
    for (const Target& target : targets) {
      const std::string share = targets.size() > 1 ? absl::StrCat(" x", target.weight()) : "";
      add("  target", absl::StrCat(TargetText(target), share, ": ", TargetDetails(target)),
          StyleOf(target.state()));
    }
  }
  add("traffic", absl::StrCat(RateText(traffic.requests_per_second()), " requests/s, ",
                              RateText(traffic.errors_per_second()), " errors/s, p95 ",
                              LatencyText(traffic), ", ", traffic.waiting(), " waiting"));
  add("since nginx runs",
      absl::StrCat(traffic.requests(), " requests, ", traffic.errors(), " errors"));
  std::string next = typed(status.next_step());
  if (next.empty() && status.active_generation() > 0) {
    const auto routes = RoutesOf(domain);
    next = RequestCommand(domain, host, routes.empty() ? "/" : routes.begin()->first);
  }
  add("next", next);
  return table;
}

}  // namespace

std::vector<Target> TargetsOf(const v1::Domain& domain) {
  std::vector<Target> targets(domain.status().targets().begin(), domain.status().targets().end());
  if (!targets.empty()) return targets;
  for (const v1::DomainRoute& route : domain.spec().routes()) {
    for (const v1::DomainTarget& wanted : route.targets()) {
      Target& target = targets.emplace_back();
      target.set_path(route.path());
      target.set_process(wanted.process());
      target.set_port(wanted.port());
      target.set_weight(wanted.weight());
    }
  }
  return targets;
}

std::string TargetText(const Target& target) {
  return absl::StrCat(target.process().empty() ? target.process_id() : target.process(),
                      target.port() > 0 ? absl::StrCat(":", target.port()) : "");
}

std::string RequestCommand(const v1::Domain& domain, const std::string& host,
                           const std::string& path) {
  const std::string& url = domain.status().url();
  const size_t scheme = url.find("://");
  if (scheme == std::string::npos) return "";
  const size_t begin = scheme + 3;
  const std::string authority = url.substr(begin, url.find('/', begin) - begin);
  const size_t colon = authority.rfind(':');
  const std::string port = colon == std::string::npos ? "" : authority.substr(colon);
  // Any name of those that it covers.
  std::string name = domain.name();
  if (name.starts_with("*.")) name.replace(0, 1, "www");
  if (domain.spec().api()) {
    return absl::StrCat("grpc-os --address https://", name, port.empty() ? ":443" : port,
                        " login USER");
  }
  if (domain.spec().grpc()) {
    return absl::StrCat("grpcurl -plaintext -authority ", name, " ", host,
                        port.empty() ? ":80" : port, " list");
  }
  return absl::StrCat("curl -H 'Host: ", name, "' ", url.substr(0, begin), host, port,
                      PathOf(path));
}

std::string ProblemOf(const v1::Domain& domain) {
  const v1::DomainStatus& status = domain.status();
  std::string text = status.state() == State::STATE_ACTIVE ? "" : status.message();
  if (!text.empty() && !status.next_step().empty()) text += text.ends_with('.') ? " " : "; ";
  return text + status.next_step();
}

ResourceView<v1::Domain> DomainView(const std::string& host, const Typing& typed) {
  using View = ResourceView<v1::Domain>;
  return {
      .name = [](const auto& domain) { return domain.name(); },
      .id = [](const auto& domain) { return domain.id(); },
      .columns = {{"DOMAIN", [](const auto& domain) { return domain.name(); }},
                  {"TARGET", [](const auto& domain) { return TargetsText(domain); }},
                  {"STATE",
                   [](const auto& domain) {
                     return Cell(StateWord(domain.status().state()),
                                 StyleOf(domain.status().state()));
                   }},
                  {"REQ/S",
                   [](const auto& domain) {
                     return RateText(domain.status().traffic().requests_per_second());
                   },
                   Table::Align::kRight},
                  {"ERRORS",
                   [](const auto& domain) {
                     return RateText(domain.status().traffic().errors_per_second());
                   },
                   Table::Align::kRight},
                  {"P95", [](const auto& domain) { return LatencyText(domain.status().traffic()); },
                   Table::Align::kRight},
                  {"GENERATION", [](const auto& domain) { return GenerationText(domain); },
                   Table::Align::kLeft, View::In::kWide},
                  {"MANAGED BY",
                   [](const auto& domain) { return OrDash(domain.status().managed_by()); },
                   Table::Align::kLeft, View::In::kWide},
                  {"ROUTES", [](const auto& domain) { return OrDash(RoutesText(domain)); },
                   Table::Align::kLeft, View::In::kWide}},
      .details = [host, typed](const auto& domain) { return Details(domain, host, typed); }};
}

}  // namespace grpc_os::shell
