#include "transport/message.h"

#include <zlib.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace grpc_os::transport {

absl::StatusOr<std::optional<MessagePrefix>> ReadPrefix(std::string_view bytes) {
  if (!bytes.empty() && static_cast<unsigned char>(bytes[0]) > 1) {
    return absl::InternalError(
        absl::StrCat("a message begins with its flag, 0 or 1, and this one with ",
                     static_cast<int>(static_cast<unsigned char>(bytes[0]))));
  }
  if (bytes.size() < kPrefixBytes) return std::nullopt;
  const auto byte = [bytes](size_t at) { return uint32_t{static_cast<unsigned char>(bytes[at])}; };
  return MessagePrefix{.compressed = bytes[0] == 1,
                       .size = byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4)};
}

std::string NewMessage(size_t size) {
  std::string message(kPrefixBytes + size, '\0');
  for (size_t i = 0; i < 4; ++i) message[4 - i] = static_cast<char>(size >> (8 * i));
  return message;
}

absl::StatusOr<std::string> Gunzip(std::string_view bytes, size_t limit) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK)  // 16: gzip, and nothing else
    return absl::ResourceExhaustedError("there is no memory to inflate the message");
  struct End {
    z_stream* stream;
    ~End() { inflateEnd(stream); }
  } const end{&stream};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int result = Z_OK;
  while (result == Z_OK) {
    const size_t before = out.size();
    // One byte more than may be tells what is too long from what just fits.
    out.resize(std::min(limit + 1, std::max<size_t>(before * 2, 4096)));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(out.size() - before);
    result = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (out.size() > limit) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the message is larger than ", limit, " bytes when it is inflated; send less at a time"));
    }
  }
  if (result != Z_STREAM_END || stream.avail_in != 0)
    return absl::InternalError("the message is marked as compressed and is no whole gzip");
  return out;
}

}  // namespace grpc_os::transport
