// A stream as its connection has it.
#ifndef GRPC_OS_TRANSPORT_H2_STREAM_H_
#define GRPC_OS_TRANSPORT_H2_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/io_thread.h"
#include "transport/message.h"
#include "transport/request_head.h"
#include "transport/stream.h"

namespace grpc_os::transport {

// Lives on the I/O thread; its user may call Read, Write and Finish from others. It goes when both
// its stream of HTTP/2 has closed and its user, if it has one, has finished
// (docs/decisions/0024-transport.md draws it).
class H2Stream final : public Stream {
 public:
  H2Stream(IoThread& thread, Connection& connection, int32_t id);
  ~H2Stream();

  // ---- Of its user
  void Read() override;
  void Write(std::string message) override;
  void Finish(EndStatus status, std::optional<std::string> answer) override;

  // ---- Of its connection
  int32_t id() const { return id_; }
  bool begun() const { return begun_; }
  bool wants_grant() const { return wanted_; }
  // One header of the request. False: the connection is to be closed.
  [[nodiscard]] bool OnHeader(bool trailer, std::string_view name, std::string_view value);
  void OnHeadersEnd();
  void OnData(std::string_view bytes);
  void OnHalfClosed();
  // HTTP/2 has done with it; no call of its connection's follows.
  void OnClosed();
  // Begins it, or hands its next message on, if that can be.
  void Advance();
  // How many bytes there are to be sent, or what nghttp2 is to know instead.
  ssize_t Peek(size_t size, uint32_t* flags);
  // Appends so many of them to `out`. False: they are not there any more.
  [[nodiscard]] bool Send(size_t size, std::string& out);
  // The end has been sent.
  void OnEndSent();
  // What is due by time.
  void Sweep();
  // Whether its headers have been coming for so long.
  bool HeadersTakeLongerThan(int64_t ms) const;
  // So many bytes of the connection's pool are its, until its next message is taken.
  void OnGranted(size_t bytes);
  // Answers it with an error, by its user if it has one.
  void Refuse(absl::Status why);

  // ---- Of its thread
  void Do(IoThread::Request request);
  // Tells its user what has happened; of the two lists of its thread.
  void Report();
  void ReportEnd();
  bool is_notified() const { return notified_ || ending_; }  // it is in one of them
  void OnDeadline();
  void Leave();  // its user; then it is deleted

  // Links of its connection's list.
  H2Stream* next = nullptr;
  H2Stream** link = nullptr;

 private:
  const Method& method() const { return *head_.method(); }
  bool IsOpen() const { return connection_ != nullptr; }
  std::string_view Unread() const { return std::string_view(in_).substr(in_from_); }
  bool TakesItsUser();  // whose budgets it takes; false: they have too many connections
  void AnswerOther();
  void ReadPrefixNow();
  void AskForWindow();
  int64_t Window() const;
  void RestoreWindow();
  // The next one, with its prefix, if it is whole. What is wrong with it refuses the stream.
  std::optional<std::string> TakeMessage();
  void Queue(std::string message);
  void SubmitHeaders();
  void Continue();  // to send what there is
  void SubmitTrailersOnly();
  void DropIn();
  void ReturnGrants();
  void DropOut();
  void Cancel(absl::Status why);
  void Tell();
  void TellUser();
  bool IsWaitingForBytes() const;
  void ForgetDeadline();
  void RetireIfDone();

  IoThread& thread_;
  Connection* connection_;  // null once the stream has closed
  const int32_t id_;
  StreamUser* user_ = nullptr;
  bool begun_ = false;
  bool retired_ = false;
  bool notified_ = false;
  bool ending_ = false;

  // Headers.
  RequestHead head_;
  size_t header_bytes_ = 0;
  size_t header_counted_ = 0;  // in the ledger
  bool headers_ended_ = false;
  absl::Status header_error_;  // there is too much of them

  // What comes.
  std::string in_;  // received, from `in_from_` on not handed on
  size_t in_from_ = 0;
  size_t in_counted_ = 0;                // in the ledger
  std::optional<MessagePrefix> prefix_;  // of the next message
  size_t last_size_ = 0;                 // of the last message
  size_t granted_ = 0;                   // of the connection's pool, for this message
  size_t lookahead_ = 0;                 // likewise, before it was known how long it is
  bool wanted_ = false;                  // it waits for a grant
  bool half_closed_ = false;
  bool refused_ = false;  // what still comes is not looked at
  bool reading_ = false;  // its user waits for a message

  // What goes.
  std::string out_;
  size_t out_from_ = 0;
  bool promised_ = false;  // nghttp2 has begun a frame of it
  size_t out_counted_ = 0;
  bool headers_sent_ = false;
  bool writing_ = false;  // its user waits for OnWritten
  bool written_ = false;  // to be reported
  bool trailers_submitted_ = false;
  bool other_ = false;  // what goes is no message of gRPC
  std::optional<EndStatus> end_;

  const int64_t born_ms_;
  int64_t moved_ms_;                    // the last bytes of a message that came, or went
  std::optional<absl::Status> cancel_;  // to be reported
  bool cancelled_ = false;
  std::optional<IoThread::Deadlines::iterator> deadline_;
};

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_H2_STREAM_H_
