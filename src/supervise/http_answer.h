// The answer to one GET, as it comes in.
#ifndef GRPC_OS_SUPERVISE_HTTP_ANSWER_H_
#define GRPC_OS_SUPERVISE_HTTP_ANSWER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace grpc_os::supervise {

// Reads an answer of HTTP/1.0 or 1.1 to its end, within bounds, and keeps nothing but its status.
class HttpAnswer {
 public:
  enum class State { kMore, kDone, kBad };
  static constexpr size_t kHeadBytes = size_t{16} << 10;
  static constexpr size_t kBytes = size_t{1} << 20;  // of all of it

  State Take(std::string_view bytes);
  State End();  // the connection ended

  int status() const { return status_; }  // 0: not known yet
  // Of kBad: "the answer is not HTTP".
  const std::string& error() const { return error_; }

 private:
  enum class Body { kNone, kLength, kChunks, kUntilEnd };

  State Fail(const char* error);
  State TakeHead();
  bool ReadHead(std::string_view head);
  State TakeBody(std::string_view bytes);
  State TakeChunks(std::string_view bytes);

  State state_ = State::kMore;
  int status_ = 0;
  std::string error_;
  size_t size_ = 0;
  bool in_body_ = false;
  std::string line_;  // the head, or a line of the chunks, as far as it came
  Body body_ = Body::kUntilEnd;
  uint64_t left_ = 0;        // of the body, or of the present chunk with its line end
  bool in_trailer_ = false;  // after the last chunk
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_HTTP_ANSWER_H_
