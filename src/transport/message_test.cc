#include "transport/message.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

namespace grpc_os::transport {
namespace {

using std::string_literals::operator""s;

std::string Gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(compressBound(text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(Prefix, NeedsFiveBytes) {
  EXPECT_EQ(*ReadPrefix(""), std::nullopt);
  EXPECT_EQ(*ReadPrefix("\0\0\0\1"s), std::nullopt);
  const auto prefix = ReadPrefix("\1\x01\x02\x03\x04rest"s);
  ASSERT_TRUE(prefix.ok());
  EXPECT_TRUE((*prefix)->compressed);
  EXPECT_EQ((*prefix)->size, 0x01020304u);
}

TEST(Prefix, AFlagThatIsNoneIsRefusedAtOnce) {
  EXPECT_EQ(ReadPrefix("\2").status().code(), absl::StatusCode::kInternal);
}

TEST(NewMessage, HasThePrefixThatIsRead) {
  for (const size_t size : {size_t{0}, size_t{300}, size_t{70'000}, size_t{4} << 20}) {
    const std::string message = NewMessage(size);
    EXPECT_EQ(message.size(), kPrefixBytes + size);
    EXPECT_EQ((*ReadPrefix(message))->size, size);
    EXPECT_FALSE((*ReadPrefix(message))->compressed);
  }
}

TEST(Gunzip, GivesWhatWasCompressed) {
  const std::string text(100'000, 'x');
  EXPECT_EQ(*Gunzip(Gzip(text), text.size()), text) << "just as much as may be";
  EXPECT_EQ(*Gunzip(Gzip(""), 10), "");
}

TEST(Gunzip, StopsAtTheLimit) {
  const std::string bomb = Gzip(std::string(10'000'000, '\0'));
  EXPECT_LT(bomb.size(), 20'000u);
  EXPECT_EQ(Gunzip(bomb, 1'000'000).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Gunzip(Gzip("12345"), 4).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(Gunzip, RefusesWhatIsNoGzip) {
  const std::string whole = Gzip("some text");
  for (const std::string& wrong :
       {std::string("no gzip"), std::string(), whole.substr(0, whole.size() - 1), whole + "more"})
    EXPECT_EQ(Gunzip(wrong, 1000).status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace grpc_os::transport
