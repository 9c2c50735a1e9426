// Cuts a stream of bytes into lines.
#ifndef GRPC_OS_SUPERVISE_FRAMER_H_
#define GRPC_OS_SUPERVISE_FRAMER_H_

#include <functional>
#include <string>
#include <string_view>

namespace grpc_os::supervise {

// One piece of a stream.
struct Piece {
  std::string_view text;  // without the newline
  bool partial = false;   // the line goes on in the next piece
  int source_bytes =
      0;  // bytes of the stream that it stands for: its text, and the newline if one came
};

// Holds at most one line of limits::kLogLineBytes that has not ended yet. Every byte that was fed
// is in exactly one piece. Not thread-safe.
class Framer {
 public:
  using Sink = std::function<void(const Piece&)>;

  // Gives the pieces that `bytes` completes: whole lines, and full-length parts of long ones. Their
  // text is valid during the call of `sink` only.
  void Feed(std::string_view bytes, const Sink& sink);
  // Gives what is held, if any: as a partial piece while the stream goes on (`ended` false), else
  // as the end of a line. A line of which all was given as partial pieces is ended by an empty one.
  void Flush(bool ended, const Sink& sink);
  bool holds() const { return !held_.empty(); }

 private:
  std::string held_;
  bool unfinished_ = false;  // the last piece was a partial one
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_FRAMER_H_
