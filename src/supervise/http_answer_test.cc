#include "supervise/http_answer.h"

#include <gtest/gtest.h>

namespace grpc_os::supervise {
namespace {

using State = HttpAnswer::State;

// Whatever pieces it comes in, it must be understood alike.
void Expect(const std::string& text, State after, State at_end, int status) {
  for (const size_t piece : {text.size() + 1, size_t{1}, size_t{7}}) {
    SCOPED_TRACE(text.substr(0, 80));
    HttpAnswer answer;
    State state = State::kMore;
    for (size_t at = 0; at < text.size() && state == State::kMore; at += piece) {
      state = answer.Take(std::string_view(text).substr(at, piece));
    }
    EXPECT_EQ(state, after);
    EXPECT_EQ(answer.End(), at_end);
    EXPECT_EQ(answer.status(), status);
    EXPECT_EQ(answer.error().empty(), at_end != State::kBad);
  }
}

TEST(HttpAnswerTest, EndsWithItsLength) {
  Expect("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", State::kDone, State::kDone, 200);
  Expect("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", State::kDone, State::kDone, 200);
  Expect("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nno", State::kMore,
         State::kBad, 503);
}

TEST(HttpAnswerTest, EndsWithTheConnection) {
  Expect("HTTP/1.0 302 Found\r\nLocation: /x\r\n\r\nhello", State::kMore, State::kDone, 302);
  Expect("HTTP/1.1 200\n\nhello", State::kMore, State::kDone, 200);
}

TEST(HttpAnswerTest, EndsWithTheLastChunk) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  Expect(head + "5\r\nhello\r\n0\r\n\r\n", State::kDone, State::kDone, 200);
  Expect(head + "5;x=y\r\nhello\r\nA \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", State::kDone,
         State::kDone, 200);
  Expect(head + "5\r\nhello\r\n", State::kMore, State::kBad, 200);
  Expect(head + "xyz\r\n", State::kBad, State::kBad, 200);
  Expect(head + "ffffffffffffffff\r\n", State::kBad, State::kBad, 200);
}

TEST(HttpAnswerTest, HasNoBodyWhereThereIsNone) {
  Expect("HTTP/1.1 204 No Content\r\n\r\n", State::kDone, State::kDone, 204);
  Expect("HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", State::kDone, State::kDone,
         304);
}

TEST(HttpAnswerTest, FollowsInterimAnswers) {
  Expect(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
      "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
      State::kDone, State::kDone, 500);
}

TEST(HttpAnswerTest, RefusesWhatIsNoHttp) {
  Expect("SSH-2.0-OpenSSH_9\r\n", State::kBad, State::kBad, 0);
  Expect("HTTP/2 200\r\n\r\n", State::kBad, State::kBad, 0);
  Expect("HTTP/1.1 abc\r\n\r\n", State::kBad, State::kBad, 0);
  Expect("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", State::kBad, State::kBad, 200);
  Expect("", State::kMore, State::kBad, 0);
}

TEST(HttpAnswerTest, IsBounded) {
  HttpAnswer head;
  State state = head.Take("HTTP/1.1 200 OK\r\n");
  size_t sent = 0;
  for (; state == State::kMore && sent < 1000; ++sent) state = head.Take(std::string(64, 'x'));
  EXPECT_EQ(state, State::kBad);
  EXPECT_LE(sent * 64, HttpAnswer::kHeadBytes + 64);
  HttpAnswer body;
  state = body.Take("HTTP/1.1 200 OK\r\n\r\n");
  for (sent = 0; state == State::kMore && sent < 1000; ++sent) {
    state = body.Take(std::string(64 << 10, 'x'));
  }
  EXPECT_EQ(state, State::kBad);
  EXPECT_LE(sent, 17u);
}

}  // namespace
}  // namespace grpc_os::supervise
