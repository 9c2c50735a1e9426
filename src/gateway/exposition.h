// The text that Prometheus reads: the exposition format, version 0.0.4.
// https://prometheus.io/docs/instrumenting/exposition_formats/
#ifndef GRPC_OS_GATEWAY_EXPOSITION_H_
#define GRPC_OS_GATEWAY_EXPOSITION_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace grpc_os::gateway {

inline constexpr char kExpositionType[] = "text/plain; version=0.0.4; charset=utf-8";

// Writes families one after the other: Counter, Gauge or Histogram begins one, and what is added
// belongs to it until the next begins. Names are of [a-z0-9_], carry their unit (seconds, bytes),
// and end in _total for a counter and for nothing else; a name that breaks this, or comes twice,
// ends a debug build. Label values and helps may hold anything.
//
// No label takes a value that a user makes up (a name, an id, a path): it would grow without bound
// and be shown to whoever may read the page.
class Exposition {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  void Counter(std::string_view name, std::string_view help);
  void Gauge(std::string_view name, std::string_view help);
  void Histogram(std::string_view name, std::string_view help);

  void Add(double value) { Add({}, value); }
  void Add(const Labels& labels, double value);
  // `counts` holds how many values were at most bounds[i] (and more than bounds[i - 1]), and last
  // those above all bounds: one more than `bounds`. `sum` is that of all values.
  void AddHistogram(const Labels& labels, std::span<const double> bounds,
                    std::span<const int64_t> counts, double sum);

  // All that was written. The writer is empty afterwards.
  std::string Take();

 private:
  void Begin(std::string_view name, std::string_view help, std::string_view type);
  void Sample(std::string_view suffix, const Labels& labels, double value,
              std::string_view bound = "");

  std::string text_;
  std::string name_;
  std::vector<std::string> names_;
};

// As the format wants it: shortest that reads back the same; +Inf, -Inf, NaN.
std::string FormatNumber(double value);

}  // namespace grpc_os::gateway

#endif  // GRPC_OS_GATEWAY_EXPOSITION_H_
