#include "services/object_stream.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"

namespace grpc_os::services {
namespace {

class LengthChecksum final : public core::Checksum {
 public:
  uint32_t Extend(uint32_t crc, std::string_view data) const override {
    return crc + static_cast<uint32_t>(data.size());
  }
};

TEST(ReadFrom, CountsFromTheEndIfNegative) {
  EXPECT_EQ(*ReadFrom(0, 10), 0);
  EXPECT_EQ(*ReadFrom(10, 10), 10);
  EXPECT_EQ(*ReadFrom(-3, 10), 7);
  EXPECT_EQ(*ReadFrom(-10, 10), 0);
  EXPECT_EQ(*ReadFrom(-11, 10), 0);
  EXPECT_EQ(*ReadFrom(INT64_MIN, 10), 0);
  EXPECT_EQ(*ReadFrom(0, 0), 0);
  for (const int64_t offset : {int64_t{11}, INT64_MAX}) {
    const auto refused = ReadFrom(offset, 10);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(DetailOf(refused.status())->reason, core::reason::kOffsetOutOfRange);
  }
}

TEST(ReadInline, GivesThePartThatWasAskedForInPieces) {
  const LengthChecksum checksum;
  const auto whole = static_cast<size_t>(limits::kStreamChunkBytes * 2 + 5);
  std::string data(whole, 'x');
  data[3] = 'y';
  const auto read = [&](int64_t offset, int64_t limit) {
    const auto reader = ReadInline(data, offset, limit, checksum);
    std::string all;
    for (bool more = true; more;) {
      reader->Next([&](absl::StatusOr<core::BlobReader::Piece> piece) {
        ASSERT_TRUE(piece.ok());
        more = !piece->data.empty();
        EXPECT_LE(static_cast<int64_t>(piece->data.size()), limits::kStreamChunkBytes);
        EXPECT_EQ(piece->offset, offset + static_cast<int64_t>(all.size()));
        EXPECT_EQ(piece->crc32c, piece->data.size());
        all += piece->data;
      });
    }
    return all;
  };
  EXPECT_EQ(read(0, 0), data);
  EXPECT_EQ(read(3, 1), "y");
  EXPECT_EQ(read(3, INT64_MAX), data.substr(3));
  EXPECT_EQ(read(static_cast<int64_t>(whole), 0), "");
}

}  // namespace
}  // namespace grpc_os::services
