#include "gateway/exposition.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>

namespace grpc_os::gateway {
namespace {

// Not strictly of the format, which allows more; ours are all so.
[[maybe_unused]] bool IsName(std::string_view name) {
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
         std::all_of(name.begin(), name.end(), [](char byte) {
           return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_';
         });
}

// A help leaves quotes as they are, a label's value does not.
void AppendEscaped(std::string_view value, bool quotes, std::string& out) {
  for (const char byte : value) {
    if (byte == '\\') {
      out.append("\\\\");
    } else if (byte == '\n') {
      out.append("\\n");
    } else if (byte == '"' && quotes) {
      out.append("\\\"");
    } else {
      out.push_back(byte);
    }
  }
}

void AppendLabel(std::string_view name, std::string_view value, std::string& out) {
  assert(IsName(name));
  if (out.back() != '{') out.push_back(',');
  out.append(name).append("=\"");
  AppendEscaped(value, /*quotes=*/true, out);
  out.push_back('"');
}

}  // namespace

std::string FormatNumber(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value);
  return {text, end.ptr};
}

void Exposition::Counter(std::string_view name, std::string_view help) {
  assert(name.ends_with("_total"));
  Begin(name, help, "counter");
}

void Exposition::Gauge(std::string_view name, std::string_view help) {
  assert(!name.ends_with("_total"));
  Begin(name, help, "gauge");
}

void Exposition::Histogram(std::string_view name, std::string_view help) {
  assert(!name.ends_with("_total"));
  Begin(name, help, "histogram");
}

void Exposition::Begin(std::string_view name, std::string_view help, std::string_view type) {
  assert(IsName(name));
  assert(std::find(names_.begin(), names_.end(), name) == names_.end());
  name_ = name;
  names_.emplace_back(name);
  text_.append("# HELP ").append(name).append(" ");
  AppendEscaped(help, /*quotes=*/false, text_);
  text_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Exposition::Add(const Labels& labels, double value) { Sample("", labels, value); }

void Exposition::AddHistogram(const Labels& labels, std::span<const double> bounds,
                              std::span<const int64_t> counts, double sum) {
  assert(counts.size() == bounds.size() + 1);
  int64_t below = 0;
  for (size_t i = 0; i < bounds.size(); ++i) {
    below += counts[i];
    Sample("_bucket", labels, static_cast<double>(below), FormatNumber(bounds[i]));
  }
  const auto all = static_cast<double>(below + counts.back());
  Sample("_bucket", labels, all, "+Inf");
  Sample("_sum", labels, sum);
  Sample("_count", labels, all);
}

std::string Exposition::Take() {
  names_.clear();
  return std::exchange(text_, "");
}

void Exposition::Sample(std::string_view suffix, const Labels& labels, double value,
                        std::string_view bound) {
  text_.append(name_).append(suffix);
  if (!labels.empty() || !bound.empty()) {
    text_.push_back('{');
    for (const auto& [label, content] : labels) AppendLabel(label, content, text_);
    if (!bound.empty()) AppendLabel("le", bound, text_);
    text_.push_back('}');
  }
  text_.append(" ").append(FormatNumber(value)).append("\n");
}

}  // namespace grpc_os::gateway
