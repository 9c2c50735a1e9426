// Metadata of calls, and how gRPC writes values into HTTP/2 headers (PROTOCOL-HTTP2 of gRPC).
#ifndef GRPC_OS_TRANSPORT_METADATA_H_
#define GRPC_OS_TRANSPORT_METADATA_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace grpc_os::transport {

// In the order of the wire; a name may come several times. Names are lower case. The values of
// names that end in "-bin" are bytes, all others printable ASCII.
class Metadata {
 public:
  using Entry = std::pair<std::string, std::string>;

  void Add(std::string_view name, std::string_view value) {
    if (entries_.empty()) entries_.reserve(kUsual);
    entries_.emplace_back(name, value);
  }
  // The one value of this name; empty: none, or several, which two readers could take for different
  // ones.
  std::string_view Only(std::string_view name) const;
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  static constexpr size_t kUsual = 4;

  std::vector<Entry> entries_;
};

inline bool IsBinary(std::string_view name) { return name.ends_with("-bin"); }

// Whether a header is gRPC's or HTTP's own, and no metadata: ":path", "te", "grpc-timeout", …
bool IsReserved(std::string_view name);

// The bytes of a "-bin" header, which may be several, joined by commas, padded or not. Nothing: it
// is none.
std::optional<std::vector<std::string>> DecodeBinary(std::string_view value);
std::string EncodeBinary(std::string_view bytes);

// "grpc-timeout": 1 to 8 digits and a unit, in nanoseconds (at most about 290 years). Nothing: it
// is none.
std::optional<int64_t> ParseTimeout(std::string_view value);

// "grpc-message": all but printable ASCII and "%" as %XX.
std::string PercentEncode(std::string_view text);

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_METADATA_H_
