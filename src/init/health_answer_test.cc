#include "init/health_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "init/health_harness.h"

namespace grpc_os::init {
namespace {

using State = HealthAnswer::State;
using ::testing::HasSubstr;

constexpr char kServing = 1;
constexpr char kNotServing = 2;

// What comes of these bytes in one piece; of those one by one it is the same.
State Read(const std::string& bytes, std::string* why = nullptr) {
  HealthAnswer whole;
  const State state = whole.Take(bytes);
  HealthAnswer slow;
  State last = State::kIncomplete;
  for (const char byte : bytes) last = slow.Take(std::string_view(&byte, 1));
  EXPECT_EQ(last, state);
  EXPECT_EQ(slow.why(), whole.why());
  if (why != nullptr) *why = whole.why();
  return state;
}

TEST(HealthAnswerTest, ADaemonServesOrSaysThatItDoesNot) {
  EXPECT_EQ(Read(WholeAnswer(kServing)), State::kServes);
  std::string why;
  EXPECT_EQ(Read(WholeAnswer(kNotServing), &why), State::kFailed);
  EXPECT_EQ(why, "it says that it does not serve (osd.jsonl says why)");
}

TEST(HealthAnswerTest, TheMessageMayComeInPaddedAndEmptyFrames) {
  const std::string message = HealthMessage(kServing);
  std::string bytes = kServerSettings + kServerHeaders + ServerFrame(0, 0, 1, "");
  bytes += ServerFrame(0, 8, 1, std::string(1, 3) + message.substr(0, 4) + "pad");
  EXPECT_EQ(Read(bytes), State::kIncomplete);
  EXPECT_EQ(Read(bytes + ServerFrame(0, 0, 1, message.substr(4))), State::kServes);
}

TEST(HealthAnswerTest, WhatIsOfAnotherStreamOrKindIsNoAnswer) {
  std::string bytes = kServerSettings;
  bytes += ServerFrame(0, 0, 3, HealthMessage(kServing));   // another stream
  bytes += ServerFrame(99, 0, 1, HealthMessage(kServing));  // a kind to come
  bytes += ServerFrame(7, 0, 0, std::string(8, 0));         // GOAWAY
  bytes += ServerFrame(3, 0, 3, std::string(4, 0));         // RST_STREAM of another
  EXPECT_EQ(Read(bytes), State::kIncomplete);
  EXPECT_EQ(Read(bytes + WholeAnswer(kServing)), State::kServes);
}

TEST(HealthAnswerTest, OtherAnswersAreNone) {
  const std::string begin = kServerSettings + kServerHeaders;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/2"},
      {ServerFrame(6, 0, 0, "01234567"), "HTTP/2"},  // the first is SETTINGS
      {kServerSettings + kServerTrailers, "refused"},
      {kServerSettings + ServerFrame(3, 0, 1, std::string(4, 0)), "refused"},
      {begin + ServerFrame(0, 1, 1, ""), "refused"},
      {begin + ServerFrame(0, 0, 1, HealthMessage(3)), "not one of"},  // SERVICE_UNKNOWN
      {begin + ServerFrame(0, 0, 1, std::string("\x01\0\0\0\x02\x08\x01", 7)), "not one of"},
      {begin + ServerFrame(0, 0, 1, std::string("\0\0\0\0\0", 5)), "not one of"},
      {begin + ServerFrame(0, 0, 1, HealthMessage(kServing) + "x"), "not one of"},
      {begin + ServerFrame(0, 8, 1, std::string(1, 9) + "short"), "padding"},
      {begin + ServerFrame(0, 8, 1, ""), "padding"},
  };
  for (const auto& [bytes, expected] : cases) {
    std::string why;
    EXPECT_EQ(Read(bytes, &why), State::kFailed) << expected;
    EXPECT_THAT(why, HasSubstr(expected));
  }
}

TEST(HealthAnswerTest, AFrameThatIsTooLargeIsRefusedByItsHeader) {
  HealthAnswer answer;
  EXPECT_EQ(answer.Take(kServerSettings), State::kIncomplete);
  EXPECT_EQ(answer.Take(std::string("\xff\xff\xff\0\0\0\0\0\x01", 9)), State::kFailed);
  EXPECT_THAT(answer.why(), HasSubstr("16777215 bytes"));
}

TEST(HealthAnswerTest, AnEndlessAnswerIsCut) {
  HealthAnswer answer;
  answer.Take(kServerSettings);
  const std::string frame = ServerFrame(99, 0, 1, std::string(16 << 10, 'x'));
  size_t taken = kServerSettings.size();
  while (answer.Take(frame) == State::kIncomplete)
    ASSERT_LE(taken += frame.size(), HealthAnswer::kBytes);
  EXPECT_THAT(answer.why(), HasSubstr("65536 bytes"));
}

TEST(HealthAnswerTest, TheEndOfTheConnectionIsNoAnswer) {
  HealthAnswer answer;
  answer.Take(kServerSettings + kServerHeaders);
  EXPECT_EQ(answer.Take(""), State::kFailed);
  EXPECT_THAT(answer.why(), HasSubstr("closed"));
}

}  // namespace
}  // namespace grpc_os::init
