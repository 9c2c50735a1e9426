// A tagged encoding of structs, for what is stored or sent and must be read without protobuf.
//
// It begins with a format number. Then come the fields by ascending tag: the varint 2 * tag and an
// integer (zigzag varint), or the varint 2 * tag + 1, a length (varint) and that many bytes: a
// text, the fields of a struct, or a list, whose items have their length before them (of a map,
// names and values in turn). Equal structs have equal bytes. (Varint and zigzag:
// protobuf.dev/programming-guides/encoding.)
//
// A struct is described once, beside it, for both directions:
//
//   template <typename Fields>
//   void Describe(Fields& fields, Volume& volume) {
//     fields.Text(1, volume.path);
//     fields.Int(2, volume.size_bytes);
//     fields.Int(4, volume.copies, 3);  // came later: in older encodings it is 3
//   }
//
// Tags ascend from 1 on. One that was used is never used for anything else, and the value that a
// field has where it is absent (0, "", nothing, or the one given) never changes.
#ifndef GRPC_OS_CORE_TAGGED_H_
#define GRPC_OS_CORE_TAGGED_H_

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace grpc_os::core {

inline constexpr uint64_t kTaggedFormat = 1;
// Structs within structs. Only a type that contains itself could have more.
inline constexpr int kTaggedNesting = 16;

template <typename Integer>
concept TaggedInteger = std::signed_integral<Integer> || std::same_as<Integer, bool>;

// The Fields that encode.
class TaggedWriter {
 public:
  template <TaggedInteger Integer>
  void Int(int tag, Integer value, std::type_identity_t<Integer> absent = 0) {
    if (value != absent) PutInt(tag, value);
  }
  void Text(int tag, std::string_view value) {
    if (!value.empty()) PutBytes(tag, value);
  }
  // An enum, as its word: ToString(value). `from` is the reverse.
  template <typename Enum, typename From>
  void Word(int tag, Enum value, Enum absent, From /*from*/) {
    if (value != absent) PutBytes(tag, ToString(value));
  }
  // A vector or set of strings.
  template <typename Strings>
  void Texts(int tag, const Strings& values) {
    std::string items;
    for (const std::string& value : values) AppendItem(items, value);
    Text(tag, items);
  }
  void Pairs(int tag, const std::map<std::string, std::string>& values);
  template <typename T>
  void Struct(int tag, T& value) {
    TaggedWriter inner;
    Describe(inner, value);
    Text(tag, inner.encoded_);
  }
  template <typename T>
  void Structs(int tag, std::vector<T>& values) {
    std::string items;
    for (T& value : values) {
      TaggedWriter inner;
      Describe(inner, value);
      AppendItem(items, inner.encoded_);
    }
    Text(tag, items);
  }

  void PutFormat();
  std::string Take() && { return std::move(encoded_); }

 private:
  static void AppendItem(std::string& items, std::string_view item);
  void PutInt(int tag, int64_t value);
  void PutBytes(int tag, std::string_view value);

  std::string encoded_;
};

// The Fields that decode. After a failure nothing is read any more.
class TaggedReader {
 public:
  // `encoded` must outlive it.
  explicit TaggedReader(std::string_view encoded, int nesting = 0)
      : rest_(encoded), nesting_(nesting) {
    if (nesting > kTaggedNesting) Fail("more structs within structs than are read");
  }

  template <TaggedInteger Integer>
  void Int(int tag, Integer& value, std::type_identity_t<Integer> absent = 0) {
    value = absent;
    const std::optional<int64_t> read = TakeInt(tag);
    if (!read) return;
    value = static_cast<Integer>(*read);
    if (value != *read) FailField(tag, "is out of range");
    if (value == absent) FailField(tag, kNeedless);
  }
  void Text(int tag, std::string& value) { value = TakeBytes(tag); }
  template <typename Enum, typename From>
  void Word(int tag, Enum& value, Enum absent, From from) {
    value = absent;
    const std::string_view word = TakeBytes(tag);
    if (word.empty()) return;
    const std::optional<Enum> read = from(std::string(word));
    if (!read) return FailField(tag, "has a word that this program does not know");
    value = *read;
    if (value == absent) FailField(tag, kNeedless);
  }
  template <typename Strings>
  void Texts(int tag, Strings& values) {
    values.clear();
    for (std::string_view items = TakeBytes(tag); !items.empty();) {
      std::string item(TakeItem(tag, items));
      if constexpr (requires { values.push_back(item); }) {
        values.push_back(std::move(item));
      } else {
        if (!values.empty() && item <= *values.rbegin()) return FailField(tag, kNotAscending);
        values.insert(values.end(), std::move(item));
      }
    }
  }
  void Pairs(int tag, std::map<std::string, std::string>& values);
  template <typename T>
  void Struct(int tag, T& value) {
    Read(tag, TakeBytes(tag), value);
  }
  template <typename T>
  void Structs(int tag, std::vector<T>& values) {
    values.clear();
    for (std::string_view items = TakeBytes(tag); !items.empty();) {
      const std::string_view item = TakeItem(tag, items);
      if (status_.ok()) Read(tag, item, values.emplace_back());
    }
  }

  void TakeFormat();
  // DATA_LOSS: something of it could not be read, or is left over.
  absl::Status Finish();

 private:
  static constexpr char kNotAscending[] = "has items that are not in ascending order";
  static constexpr char kNeedless[] = "is there, though it is what it would be if it were absent";

  // The first failure stays; nothing more is found.
  void Fail(const std::string& what);
  void FailField(uint64_t tag, const std::string& what);
  void FailWithin(int tag, const absl::Status& status);
  // Whether the next field is `tag`, of this kind; its head is then taken. Fails if it is one that
  // should have been asked for before.
  bool TakeHead(uint64_t tag, uint64_t kind);
  uint64_t TakeVarint(std::string_view& from);
  std::optional<int64_t> TakeInt(int tag);
  std::string_view TakeBytes(int tag);
  std::string_view TakeItem(int tag, std::string_view& items);
  template <typename T>
  void Read(int tag, std::string_view encoded, T& value) {
    TaggedReader inner(encoded, nesting_ + 1);
    Describe(inner, value);
    if (auto status = inner.Finish(); !status.ok()) FailWithin(tag, status);
  }

  std::string_view rest_;
  const int nesting_;
  std::optional<uint64_t> head_;  // of the next field, taken from `rest_`
  uint64_t last_tag_ = 0;
  absl::Status status_;
};

template <typename T>
std::string EncodeTagged(const T& value) {
  TaggedWriter fields;
  fields.PutFormat();
  Describe(fields, const_cast<T&>(value));  // the writer takes values and changes none
  return std::move(fields).Take();
}

// DATA_LOSS: it is not what EncodeTagged gives for a T, or has a format number, field or word that
// this program does not know: nothing is left out in silence. Memory is taken only for bytes that
// are there.
template <typename T>
absl::StatusOr<T> DecodeTagged(std::string_view encoded) {
  T value;
  TaggedReader fields(encoded);
  fields.TakeFormat();
  Describe(fields, value);
  if (auto status = fields.Finish(); !status.ok()) return status;
  return value;
}

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_TAGGED_H_
