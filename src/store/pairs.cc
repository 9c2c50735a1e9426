#include "store/pairs.h"

#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace grpc_os::store {
namespace {

// Removes one netstring from the front of `in`.
std::optional<std::string> TakeNetstring(std::string_view& in) {
  size_t size = 0;
  const auto [end, error] = std::from_chars(in.data(), in.data() + in.size(), size);
  if (error != std::errc()) return std::nullopt;
  in.remove_prefix(static_cast<size_t>(end - in.data()));
  if (in.empty() || in.front() != ':') return std::nullopt;
  in.remove_prefix(1);
  if (in.size() <= size || in[size] != ',') return std::nullopt;
  std::string text(in.substr(0, size));
  in.remove_prefix(size + 1);
  return text;
}

}  // namespace

std::string EncodePairs(const std::map<std::string, std::string>& pairs) {
  std::string encoded;
  for (const auto& [name, value] : pairs) {
    absl::StrAppend(&encoded, name.size(), ":", name, ",", value.size(), ":", value, ",");
  }
  return encoded;
}

absl::StatusOr<std::map<std::string, std::string>> DecodePairs(std::string_view encoded) {
  std::map<std::string, std::string> pairs;
  for (std::string_view in = encoded; !in.empty();) {
    const size_t offset = encoded.size() - in.size();
    std::optional<std::string> name = TakeNetstring(in);
    std::optional<std::string> value = name.has_value() ? TakeNetstring(in) : std::nullopt;
    if (!value.has_value()) {
      return absl::DataLossError(
          absl::StrCat("expected pairs of netstrings, found something else at byte ", offset,
                       " of ", encoded.size()));
    }
    if (!pairs.emplace(*std::move(name), *std::move(value)).second) {
      return absl::DataLossError(
          absl::StrCat("expected each name once, found one again at byte ", offset));
    }
  }
  return pairs;
}

std::string EncodeWords(const std::vector<std::string>& words) {
  std::string encoded;
  for (const std::string& word : words) absl::StrAppend(&encoded, word.size(), ":", word, ",");
  return encoded;
}

absl::StatusOr<std::vector<std::string>> DecodeWords(std::string_view encoded) {
  std::vector<std::string> words;
  for (std::string_view in = encoded; !in.empty();) {
    const size_t offset = encoded.size() - in.size();
    std::optional<std::string> word = TakeNetstring(in);
    if (!word.has_value()) {
      return absl::DataLossError(absl::StrCat("expected netstrings, found something else at byte ",
                                              offset, " of ", encoded.size()));
    }
    words.push_back(*std::move(word));
  }
  return words;
}

}  // namespace grpc_os::store
