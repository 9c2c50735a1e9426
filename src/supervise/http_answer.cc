#include "supervise/http_answer.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "absl/strings/ascii.h"

namespace grpc_os::supervise {
namespace {

constexpr size_t kChunkLineBytes = 1024;
constexpr char kNotHttp[] = "the answer is not HTTP";

// All of `text` as a number.
bool ReadNumber(std::string_view text, int base, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size();
}

std::string_view WithoutReturn(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Takes a line off `text`, without its end.
std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return WithoutReturn(line);
}

bool IsBlank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r'; }

std::string_view Stripped(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// Where what follows the empty line begins; npos: it has not come.
size_t EndOfHead(std::string_view text) {
  for (size_t end = text.find('\n'); end != std::string_view::npos;
       end = text.find('\n', end + 1)) {
    const std::string_view rest = text.substr(end + 1);
    if (rest.starts_with("\n")) return end + 2;
    if (rest.starts_with("\r\n")) return end + 3;
  }
  return std::string_view::npos;
}

}  // namespace

HttpAnswer::State HttpAnswer::Fail(const char* error) {
  error_ = error;
  return state_ = State::kBad;
}

HttpAnswer::State HttpAnswer::Take(std::string_view bytes) {
  if (state_ != State::kMore) return state_;
  size_ += bytes.size();
  if (size_ > kBytes) return Fail("the answer does not end within 1 MiB");
  if (in_body_) return TakeBody(bytes);
  line_.append(bytes);
  return TakeHead();
}

HttpAnswer::State HttpAnswer::TakeHead() {
  for (;;) {
    constexpr std::string_view kBegin = "HTTP/1.";
    const size_t come = std::min(line_.size(), kBegin.size());
    if (line_.compare(0, come, kBegin, 0, come) != 0) return Fail(kNotHttp);
    const size_t end = EndOfHead(line_);
    if (end == std::string::npos) {
      return line_.size() > kHeadBytes ? Fail("the head of the answer is longer than 16 KiB")
                                       : state_;
    }
    if (!ReadHead(std::string_view(line_).substr(0, end))) return Fail(kNotHttp);
    line_.erase(0, end);
    if (status_ < 200 && status_ != 101) continue;  // an interim answer: the answer follows
    in_body_ = true;
    const std::string rest = std::move(line_);
    line_.clear();
    return TakeBody(rest);
  }
}

bool HttpAnswer::ReadHead(std::string_view head) {
  const std::string_view first = TakeLine(head);
  uint64_t status = 0;
  if (first.size() < 12 || first[8] != ' ' || !ReadNumber(first.substr(9, 3), 10, status) ||
      status < 100) {
    return false;
  }
  status_ = static_cast<int>(status);
  body_ = Body::kUntilEnd;
  while (!head.empty()) {
    const std::string_view line = TakeLine(head);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name = absl::AsciiStrToLower(std::string(line.substr(0, colon)));
    const std::string value = absl::AsciiStrToLower(std::string(Stripped(line.substr(colon + 1))));
    if (name == "content-length" && body_ != Body::kChunks) {
      if (!ReadNumber(value, 10, left_)) return false;
      body_ = Body::kLength;
    } else if (name == "transfer-encoding") {
      body_ = value.ends_with("chunked") ? Body::kChunks : Body::kUntilEnd;
    }
  }
  if (body_ == Body::kChunks) left_ = 0;
  if (status_ == 101 || status_ == 204 || status_ == 304) body_ = Body::kNone;
  return true;
}

HttpAnswer::State HttpAnswer::TakeBody(std::string_view bytes) {
  switch (body_) {
    case Body::kNone:
      return state_ = State::kDone;
    case Body::kLength:
      left_ -= std::min<uint64_t>(left_, bytes.size());
      return state_ = left_ == 0 ? State::kDone : State::kMore;
    case Body::kChunks:
      return TakeChunks(bytes);
    case Body::kUntilEnd:
      break;
  }
  return state_;
}

HttpAnswer::State HttpAnswer::TakeChunks(std::string_view bytes) {
  while (!bytes.empty()) {
    if (left_ > 0) {
      const auto taken = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
      left_ -= taken;
      bytes.remove_prefix(taken);
      continue;
    }
    const size_t end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    if (line_.size() > kChunkLineBytes) return Fail("a chunk of the answer is malformed");
    if (end == std::string_view::npos) return state_;
    bytes.remove_prefix(end + 1);
    const std::string_view line = WithoutReturn(line_);
    if (in_trailer_) {
      if (line.empty()) return state_ = State::kDone;
    } else {
      const std::string_view digits = Stripped(line.substr(0, line.find(';')));
      uint64_t chunk = 0;
      if (!ReadNumber(digits, 16, chunk) || chunk > kBytes) {
        return Fail("a chunk of the answer is malformed");
      }
      in_trailer_ = chunk == 0;
      if (chunk > 0) left_ = chunk + 2;
    }
    line_.clear();
  }
  return state_;
}

HttpAnswer::State HttpAnswer::End() {
  if (state_ != State::kMore) return state_;
  if (in_body_ && body_ == Body::kUntilEnd) return state_ = State::kDone;
  return Fail(size_ == 0 ? "the connection was closed without an answer"
                         : "the connection was closed in the middle of the answer");
}

}  // namespace grpc_os::supervise
