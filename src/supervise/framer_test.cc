#include "supervise/framer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/limits.h"

namespace grpc_os::supervise {
namespace {

constexpr size_t kMax = limits::kLogLineBytes;

struct Got {
  std::string text;
  bool partial;
  int source_bytes;
  bool operator==(const Got&) const = default;
};

class FramerTest : public ::testing::Test {
 protected:
  Framer::Sink sink_ = [this](const Piece& piece) {
    got_.push_back({std::string(piece.text), piece.partial, piece.source_bytes});
  };
  // The stream as it can be told from the pieces.
  std::string Rebuilt() const {
    std::string stream;
    for (const Got& piece : got_) stream += piece.text + (piece.partial ? "" : "\n");
    return stream;
  }
  int SourceBytes() const {
    int sum = 0;
    for (const Got& piece : got_) sum += piece.source_bytes;
    return sum;
  }

  Framer framer_;
  std::vector<Got> got_;
};

TEST_F(FramerTest, GivesEachLineOnce) {
  framer_.Feed("one\ntwo\n\nfour\n", sink_);
  EXPECT_EQ(got_, (std::vector<Got>{
                      {"one", false, 4}, {"two", false, 4}, {"", false, 1}, {"four", false, 5}}));
  EXPECT_FALSE(framer_.holds());
}

TEST_F(FramerTest, JoinsALineThatCameInPieces) {
  framer_.Feed("he", sink_);
  framer_.Feed("ll", sink_);
  EXPECT_TRUE(framer_.holds());
  EXPECT_TRUE(got_.empty());
  framer_.Feed("o\nx", sink_);
  EXPECT_EQ(got_, (std::vector<Got>{{"hello", false, 6}}));
}

TEST_F(FramerTest, SplitsALongLineAtTheLimit) {
  framer_.Feed(std::string(kMax + 3, 'a') + "\n", sink_);
  EXPECT_EQ(got_, (std::vector<Got>{{std::string(kMax, 'a'), true, static_cast<int>(kMax)},
                                    {"aaa", false, 4}}));
}

TEST_F(FramerTest, ALineOfExactlyTheLimitIsWhole) {
  framer_.Feed(std::string(kMax, 'a') + "\n", sink_);
  EXPECT_EQ(got_, (std::vector<Got>{{std::string(kMax, 'a'), false, static_cast<int>(kMax) + 1}}));
}

TEST_F(FramerTest, ALineOfExactlyTheLimitIsWholeHoweverItComes) {
  framer_.Feed(std::string(kMax, 'a'), sink_);
  framer_.Feed("\n", sink_);
  EXPECT_EQ(got_, (std::vector<Got>{{std::string(kMax, 'a'), false, static_cast<int>(kMax) + 1}}));
}

TEST_F(FramerTest, FlushShowsALineThatWaitsForItsEnd) {
  framer_.Feed("password: ", sink_);
  framer_.Flush(false, sink_);
  framer_.Feed("\n", sink_);
  EXPECT_EQ(got_, (std::vector<Got>{{"password: ", true, 10}, {"", false, 1}}));
}

TEST_F(FramerTest, TheEndOfTheStreamEndsItsLastLine) {
  framer_.Feed("bye", sink_);
  framer_.Flush(true, sink_);
  framer_.Flush(true, sink_);
  EXPECT_EQ(got_, (std::vector<Got>{{"bye", false, 3}}));
}

TEST_F(FramerTest, TheEndOfTheStreamEndsALineThatWasShownInParts) {
  framer_.Feed("bye", sink_);
  framer_.Flush(false, sink_);
  framer_.Flush(true, sink_);
  framer_.Flush(true, sink_);
  framer_.Feed(std::string(kMax + 1, 'a'), sink_);
  framer_.Flush(false, sink_);
  framer_.Flush(true, sink_);
  EXPECT_EQ(got_, (std::vector<Got>{{"bye", true, 3},
                                    {"", false, 0},
                                    {std::string(kMax, 'a'), true, static_cast<int>(kMax)},
                                    {"a", true, 1},
                                    {"", false, 0}}));
}

TEST_F(FramerTest, KeepsEveryByteWhateverTheChunks) {
  std::string stream;
  uint32_t state = 12345;
  for (int i = 0; i < 300'000; ++i) {
    state = state * 1664525 + 1013904223;
    const bool long_lines = (i / 50'000) % 2 == 1;
    stream.push_back(
        (state >> 16) % (long_lines ? 40'000 : 30) == 0 ? '\n' : static_cast<char>(state >> 24));
  }
  stream.push_back('\n');
  for (const size_t chunk : {size_t{1}, size_t{7}, size_t{4096}, kMax, kMax + 1, size_t{65536}}) {
    got_.clear();
    for (size_t at = 0; at < stream.size(); at += chunk) {
      framer_.Feed(std::string_view(stream).substr(at, chunk), sink_);
    }
    EXPECT_EQ(Rebuilt(), stream) << chunk;
    EXPECT_EQ(SourceBytes(), static_cast<int>(stream.size())) << chunk;
    for (const Got& piece : got_) EXPECT_LE(piece.text.size(), kMax);
  }
}

}  // namespace
}  // namespace grpc_os::supervise
