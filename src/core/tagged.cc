#include "core/tagged.h"

#include <limits>

#include "absl/strings/str_cat.h"

namespace grpc_os::core {
namespace {

constexpr uint64_t kInteger = 0;
constexpr uint64_t kBytes = 1;

void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

uint64_t Head(int tag, uint64_t kind) { return static_cast<uint64_t>(tag) * 2 + kind; }

}  // namespace

void TaggedWriter::PutFormat() { AppendVarint(encoded_, kTaggedFormat); }

void TaggedWriter::PutInt(int tag, int64_t value) {
  AppendVarint(encoded_, Head(tag, kInteger));
  AppendVarint(encoded_, static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
}

void TaggedWriter::PutBytes(int tag, std::string_view value) {
  AppendVarint(encoded_, Head(tag, kBytes));
  AppendItem(encoded_, value);
}

void TaggedWriter::AppendItem(std::string& items, std::string_view item) {
  AppendVarint(items, item.size());
  items.append(item);
}

void TaggedWriter::Pairs(int tag, const std::map<std::string, std::string>& values) {
  std::string items;
  for (const auto& [name, value] : values) {
    AppendItem(items, name);
    AppendItem(items, value);
  }
  Text(tag, items);
}

void TaggedReader::Fail(const std::string& what) {
  if (status_.ok()) status_ = absl::DataLossError(what);
  rest_ = {};
  head_.reset();
}

void TaggedReader::FailField(uint64_t tag, const std::string& what) {
  Fail(absl::StrCat("field ", tag, " ", what));
}

void TaggedReader::FailWithin(int tag, const absl::Status& status) {
  Fail(absl::StrCat("field ", tag, ": ", status.message()));
}

void TaggedReader::TakeFormat() {
  const uint64_t format = TakeVarint(rest_);
  if (format == kTaggedFormat) return;
  Fail(absl::StrCat("it has the format ", format, ", this program knows ", kTaggedFormat));
}

uint64_t TaggedReader::TakeVarint(std::string_view& from) {
  uint64_t value = 0;
  for (size_t i = 0; i < from.size() && i < 10; ++i) {
    const auto byte = static_cast<uint8_t>(from[i]);
    value |= uint64_t{byte & 0x7fU} << (7 * i);
    if (byte >= 0x80) continue;
    // The tenth byte has the last bit of 64; a last byte of 0 would say nothing.
    if ((i == 9 && byte > 1) || (i > 0 && byte == 0)) break;
    from.remove_prefix(i + 1);
    return value;
  }
  Fail(absl::StrCat("it is cut off, or no number, after field ", last_tag_));
  return 0;
}

bool TaggedReader::TakeHead(uint64_t tag, uint64_t kind) {
  if (!head_) {
    if (rest_.empty()) return false;
    head_ = TakeVarint(rest_);
    if (!status_.ok()) return false;
  }
  const uint64_t found = *head_ / 2;
  if (found > tag) return false;
  if (found <= last_tag_) {
    Fail(absl::StrCat("field ", found, " comes after field ", last_tag_));
  } else if (found < tag) {
    Fail(absl::StrCat("field ", found, " is none that this program knows"));
  } else if (*head_ % 2 != kind) {
    FailField(tag, "is of another type");
  } else {
    last_tag_ = found;
    head_.reset();
    return true;
  }
  return false;
}

std::optional<int64_t> TaggedReader::TakeInt(int tag) {
  if (!TakeHead(tag, kInteger)) return std::nullopt;
  const uint64_t value = TakeVarint(rest_);
  if (!status_.ok()) return std::nullopt;
  return static_cast<int64_t>(value >> 1 ^ (~(value & 1) + 1));
}

std::string_view TaggedReader::TakeBytes(int tag) {
  if (!TakeHead(tag, kBytes)) return {};
  const std::string_view bytes = TakeItem(tag, rest_);
  if (bytes.empty()) FailField(tag, kNeedless);
  return bytes;
}

std::string_view TaggedReader::TakeItem(int tag, std::string_view& items) {
  const uint64_t size = TakeVarint(items);
  if (status_.ok() && size > items.size()) FailField(tag, "is cut off");
  if (!status_.ok()) {
    items = {};
    return {};
  }
  const std::string_view item = items.substr(0, size);
  items.remove_prefix(size);
  return item;
}

void TaggedReader::Pairs(int tag, std::map<std::string, std::string>& values) {
  values.clear();
  for (std::string_view items = TakeBytes(tag); !items.empty();) {
    std::string name(TakeItem(tag, items));
    std::string value(TakeItem(tag, items));
    if (!status_.ok()) return;
    if (!values.empty() && name <= values.rbegin()->first) return FailField(tag, kNotAscending);
    values.emplace_hint(values.end(), std::move(name), std::move(value));
  }
}

absl::Status TaggedReader::Finish() {
  (void)TakeHead(std::numeric_limits<uint64_t>::max(), kBytes);  // refuses whatever is left
  return status_;
}

}  // namespace grpc_os::core
