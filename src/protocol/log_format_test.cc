#include "protocol/log_format.h"

#include <gtest/gtest.h>

#include <limits>

namespace grpc_os::protocol {
namespace {

TEST(LogLineTest, IsWrittenAsDocumented) {
  std::string out = "before\n";
  AppendLogLine({1'795'399'657'123'456'789, LogStream::kStderr, false, "text of it"}, out);
  EXPECT_EQ(out, "before\n2026-11-23T02:07:37.123456789Z stderr F text of it\n");
}

TEST(LogLineTest, IsReadBackAsItWasWritten) {
  for (const int64_t time_ns : {int64_t{0}, int64_t{1}, int64_t{951'782'400'000'000'000},
                                int64_t{1'795'399'657'999'999'999}, int64_t{-1}}) {
    for (const LogStream stream : {LogStream::kStdout, LogStream::kStderr, LogStream::kSystem}) {
      for (const bool partial : {false, true}) {
        for (const std::string_view text : {"", " ", "a b", "\x01\xff"}) {
          std::string out;
          AppendLogLine({time_ns, stream, partial, text}, out);
          ASSERT_EQ(out.back(), '\n');
          out.pop_back();
          const auto line = ParseLogLine(out);
          ASSERT_TRUE(line) << out;
          EXPECT_EQ(line->time_ns, time_ns);
          EXPECT_EQ(line->stream, stream);
          EXPECT_EQ(line->partial, partial);
          EXPECT_EQ(line->text, text);
        }
      }
    }
  }
}

TEST(LogLineTest, RefusesWhatIsNotOfTheFormat) {
  ASSERT_TRUE(ParseLogLine("2026-11-23T02:07:37.123456789Z stdout F x"));
  for (const char* line :
       {"", "x", "2026-11-23T02:07:37.123456789Z stdout F", "2026-11-23T02:07:37.123456789Z stdout",
        "2026-11-23T02:07:37.12345678Z stdout F x", "2026-11-23T02:07:37.123456789Z stdxxx F x",
        "2026-11-23T02:07:37.123456789Z stdout X x", "2026-11-23T02:07:37.123456789Z stdout Fx ",
        "2026-11-23 02:07:37.123456789Z stdout F x", "2026-13-23T02:07:37.123456789Z stdout F x",
        "2026-02-30T02:07:37.123456789Z stdout F x", "2026-11-23T24:07:37.123456789Z stdout F x",
        "2026-11-23T02:60:37.123456789Z stdout F x", "9026-11-23T02:07:37.123456789Z stdout F x",
        "2026-11-23T02:07:3x.123456789Z stdout F x"}) {
    EXPECT_FALSE(ParseLogLine(line)) << line;
  }
}

TEST(SegmentTest, NamesAndNumbersAreEachOthersReverse) {
  EXPECT_EQ(SegmentName(1), "00000001.log");
  EXPECT_EQ(SegmentName(123'456'789), "123456789.log");
  for (const uint64_t number : {uint64_t{1}, uint64_t{99'999'999}, uint64_t{100'000'000},
                                std::numeric_limits<uint64_t>::max()}) {
    EXPECT_EQ(SegmentNumber(SegmentName(number)), number);
  }
}

TEST(SegmentTest, OtherFileNamesAreNoSegments) {
  for (const char* name :
       {"", ".log", "1.log", "00000000.log", "00000001.txt", "000000001.log", "0000000x.log",
        "-0000001.log", "00000001.log.gz", "99999999999999999999.log"}) {
    EXPECT_FALSE(SegmentNumber(name)) << name;
  }
}

TEST(CursorTest, IsReadBackAsItWasWritten) {
  EXPECT_EQ(FormatCursor({}), "1:0");
  const auto cursor = ParseCursor(FormatCursor({17, 4096}));
  ASSERT_TRUE(cursor);
  EXPECT_EQ(cursor->segment, 17u);
  EXPECT_EQ(cursor->offset, 4096);
}

TEST(CursorTest, RefusesOtherText) {
  for (const char* text : {"", "1", ":", "1:", ":1", "0:1", "1:-1", "-1:1", "1:1x", "x1:1", "1:1:1",
                           "1: 1", "99999999999999999999:0", "1:9223372036854775808"}) {
    EXPECT_FALSE(ParseCursor(text)) << text;
  }
}

}  // namespace
}  // namespace grpc_os::protocol
