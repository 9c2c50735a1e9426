#include "transport/h2_stream.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "transport/connection.h"
#include "transport/header_block.h"

namespace grpc_os::transport {
namespace {

constexpr char kGrpc[] = "application/grpc";
constexpr char kText[] = "text/plain";
constexpr char kOther[] = "This is a gRPC server: POST application/grpc over HTTP/2.\n";

absl::Status TooMuchWaits() {
  return absl::ResourceExhaustedError(
      "too much of your requests and answers waits in the server; send less at a time, or read the "
      "answers");
}

ssize_t ReadOut(nghttp2_session*, int32_t, uint8_t*, size_t size, uint32_t* flags,
                nghttp2_data_source* source, void*) {
  return static_cast<H2Stream*>(source->ptr)->Peek(size, flags);
}

nghttp2_data_provider Provider(H2Stream* stream) {
  nghttp2_data_provider provider{};
  provider.source.ptr = stream;
  provider.read_callback = ReadOut;
  return provider;
}

}  // namespace

H2Stream::H2Stream(IoThread& thread, Connection& connection, int32_t id)
    : thread_(thread),
      connection_(&connection),
      id_(id),
      head_(thread.shared().methods),
      born_ms_(EventLoop::NowMs()),
      moved_ms_(born_ms_) {
  peer_ = connection.peer();
  thread_.Count(1);
  thread_.shared().counters.streams_open.fetch_add(1, std::memory_order_relaxed);
}

H2Stream::~H2Stream() {
  thread_.Count(-1);
  thread_.shared().counters.streams_open.fetch_sub(1, std::memory_order_relaxed);
}

// ---- Of its user

void H2Stream::Read() {
  IoThread::Request request{IoThread::Request::Kind::kRead, this};
  thread_.IsCurrent() ? Do(std::move(request)) : thread_.Ask(std::move(request));
}

void H2Stream::Write(std::string message) {
  IoThread::Request request{IoThread::Request::Kind::kWrite, this, std::move(message)};
  thread_.IsCurrent() ? Do(std::move(request)) : thread_.Ask(std::move(request));
}

void H2Stream::Finish(EndStatus status, std::optional<std::string> answer) {
  IoThread::Request request{IoThread::Request::Kind::kFinish, this, std::move(answer),
                            std::move(status)};
  thread_.IsCurrent() ? Do(std::move(request)) : thread_.Ask(std::move(request));
}

void H2Stream::Do(IoThread::Request request) {
  switch (request.kind) {
    case IoThread::Request::Kind::kRead:
      reading_ = true;
      moved_ms_ = thread_.now_ms();
      if (IsOpen()) AskForWindow();
      return Tell();
    case IoThread::Request::Kind::kWrite:
      writing_ = true;
      if (!IsOpen() || cancelled_ || cancel_.has_value()) return Tell();
      if (!connection_->TakeOut(request.message->size())) return Cancel(TooMuchWaits());
      return Queue(*std::move(request.message));
    case IoThread::Request::Kind::kFinish:
      break;
  }
  end_ = std::move(request.status);
  refused_ = true;
  ForgetDeadline();
  if (!IsOpen()) return RetireIfDone();
  DropIn();
  if (request.message.has_value()) {
    if (connection_->TakeOut(request.message->size())) return Queue(*std::move(request.message));
    end_ = ToEnd(TooMuchWaits());
  }
  // An end that comes alone has no place for initial metadata: clients take all of it for trailers.
  if (!headers_sent_ && initial_.entries().empty()) return SubmitTrailersOnly();
  Continue();
}

// ---- What comes

bool H2Stream::OnHeader(bool trailer, std::string_view name, std::string_view value) {
  const Budgets& budgets = thread_.budgets();
  header_bytes_ += name.size() + value.size() + 32;
  if (header_bytes_ > budgets.header_bytes_fatal) return false;
  if (header_bytes_ > budgets.header_bytes) {
    header_error_ = absl::ResourceExhaustedError(
        absl::StrCat("the metadata is larger than ", budgets.header_bytes, " bytes; send less"));
    return true;
  }
  if (trailer) return true;  // gRPC has none in requests
  if (!IsReserved(name) || name == ":path") {
    const size_t taken = name.size() + value.size() + sizeof(Metadata::Entry);
    if (!connection_->TakeIn(taken)) {
      header_error_ = TooMuchWaits();
      return true;
    }
    header_counted_ += taken;
  }
  head_.Take(name, value, metadata_);
  return true;
}

bool H2Stream::TakesItsUser() {
  const UserOf& user_of = thread_.shared().user_of;
  const std::string user = user_of == nullptr ? "" : user_of(*this);
  return user.empty() || connection_->MoveTo(user);
}

void H2Stream::OnHeadersEnd() {
  headers_ended_ = true;
  if (!head_.is_grpc()) {
    other_ = true;
    return;
  }
  if (const auto timeout_ms = head_.timeout_ms(); timeout_ms.has_value()) {
    using std::chrono::system_clock;
    deadline_ms_ = std::chrono::duration_cast<std::chrono::milliseconds>(
                       system_clock::now().time_since_epoch())
                       .count() +
                   *timeout_ms;
    deadline_ = thread_.deadlines().emplace(EventLoop::NowMs() + *timeout_ms, this);
  }
  if (!header_error_.ok()) return Refuse(header_error_);
  if (!TakesItsUser())
    return Refuse(absl::ResourceExhaustedError("you have too many calls at a time"));
  if (absl::Status status = head_.Check(); !status.ok()) return Refuse(std::move(status));
  if (method().client_streams) connection_->Ready(id_);
}

// A request that is none of gRPC: when it ends, or may send no more.
void H2Stream::AnswerOther() {
  if (std::exchange(refused_, true)) return;
  ForgetDeadline();
  end_ = EndStatus{};
  headers_sent_ = true;
  other_ = true;
  out_ = kOther;
  HeaderBlock headers;
  headers.AddConstant(":status", head_.http_status());
  headers.AddConstant("content-type", kText);
  const nghttp2_data_provider provider = Provider(this);
  nghttp2_submit_response(connection_->session(), id_, headers.data(), headers.size(), &provider);
}

void H2Stream::OnData(std::string_view bytes) {
  if (refused_) return;
  if (other_) {
    if (nghttp2_session_get_stream_local_window_size(connection_->session(), id_) <= 0)
      AnswerOther();
    return;
  }
  if (!connection_->TakeIn(bytes.size())) return Refuse(TooMuchWaits());
  in_counted_ += bytes.size();
  in_.append(bytes);
  moved_ms_ = thread_.now_ms();
  ReadPrefixNow();
  if (refused_) return;
  AskForWindow();
  if (begun_ && reading_) connection_->Ready(id_);
}

void H2Stream::ReadPrefixNow() {
  if (prefix_.has_value()) return;
  auto prefix = ReadPrefix(Unread());
  if (!prefix.ok()) return Refuse(prefix.status());
  if (!prefix->has_value()) return;
  const size_t limit = thread_.budgets().message_bytes;
  if ((*prefix)->size > limit) {
    return Refuse(absl::ResourceExhaustedError(
        absl::StrCat("a message of ", (*prefix)->size, " bytes; at most ", limit,
                     " may be sent at once: send less at a time")));
  }
  if ((*prefix)->compressed && !head_.gzip()) {
    return Refuse(absl::InternalError("a message is compressed, and grpc-encoding is not gzip"));
  }
  prefix_ = **prefix;
}

void H2Stream::OnHalfClosed() {
  half_closed_ = true;
  if (other_) return AnswerOther();
  if (refused_ || head_.method() == nullptr) return;
  if (method().client_streams) {
    if (begun_) connection_->Ready(id_);
    return;
  }
  if (in_.empty())
    return Refuse(absl::UnimplementedError("the method takes one message, and none was sent"));
  if (!prefix_.has_value() || in_.size() < kPrefixBytes + prefix_->size)
    return Refuse(absl::InternalError("the message ends before its length"));
  if (in_.size() > kPrefixBytes + prefix_->size)
    return Refuse(absl::UnimplementedError("the method takes one message, and several were sent"));
  connection_->Ready(id_);
}

void H2Stream::AskForWindow() {
  if (!prefix_.has_value() || half_closed_ || refused_) return;
  if (head_.method() != nullptr && method().client_streams && !reading_)
    return;  // nobody wants it yet
  const size_t whole = kPrefixBytes + prefix_->size;
  const size_t have = Unread().size();
  if (have >= whole || wanted_) return;
  const int64_t need = static_cast<int64_t>(whole - have) - Window();
  if (need <= 0) return;
  wanted_ = true;
  connection_->Grant(*this, static_cast<size_t>(need));
}

// That the peer may send now; negative where our SETTINGS took it back.
int64_t H2Stream::Window() const {
  nghttp2_session* session = connection_->session();
  return int64_t{nghttp2_session_get_stream_effective_local_window_size(session, id_)} -
         nghttp2_session_get_stream_effective_recv_data_length(session, id_);
}

std::optional<std::string> H2Stream::TakeMessage() {
  if (!prefix_.has_value()) return std::nullopt;
  const size_t whole = kPrefixBytes + prefix_->size;
  if (Unread().size() < whole) return std::nullopt;
  const MessagePrefix prefix = *std::exchange(prefix_, std::nullopt);
  std::string message;
  if (in_from_ == 0 && in_.size() == whole) {
    message.swap(in_);
  } else {
    message = in_.substr(in_from_, whole);
    in_from_ += whole;
    if (in_from_ == in_.size() || in_from_ >= thread_.budgets().bytes_each_stream) {
      in_.erase(0, in_from_);
      in_from_ = 0;
      if (in_.empty()) std::string().swap(in_);
    }
  }
  in_counted_ -= whole;
  connection_->ReturnIn(whole);
  ReturnGrants();
  last_size_ = whole;
  if (prefix.compressed) {
    if (!connection_->MayInflate()) {
      Refuse(absl::ResourceExhaustedError(
          "your messages are much larger when they are inflated; send them uncompressed"));
      return std::nullopt;
    }
    const size_t limit = thread_.budgets().message_bytes;
    auto inflated = Gunzip(std::string_view(message).substr(kPrefixBytes), limit);
    connection_->Inflated(whole, inflated.ok() ? inflated->size() : limit);
    if (!inflated.ok()) {
      Refuse(inflated.status());
      return std::nullopt;
    }
    message.replace(kPrefixBytes, std::string::npos, *inflated);
  }
  ReadPrefixNow();
  return message;
}

// After a message of a stream was taken: the peer may send as much unasked as at first, and where
// messages are large, most of the next one.
void H2Stream::RestoreWindow() {
  if (half_closed_ || refused_) return;
  const Budgets& budgets = thread_.budgets();
  if (const size_t likely = std::min(last_size_, budgets.lookahead_bytes);
      likely > budgets.bytes_each_stream && lookahead_ == 0 && connection_->TakeLookahead(likely))
    lookahead_ = likely;
  const int64_t window = Window();
  const auto target = static_cast<int64_t>(budgets.bytes_each_stream + lookahead_) -
                      static_cast<int64_t>(Unread().size());
  if (target - window < static_cast<int64_t>(budgets.bytes_each_stream / 2)) return;
  nghttp2_submit_window_update(connection_->session(), NGHTTP2_FLAG_NONE, id_,
                               static_cast<int32_t>(target - window));
  connection_->MarkDirty();
}

void H2Stream::OnGranted(size_t bytes) {
  wanted_ = false;
  moved_ms_ = thread_.now_ms();
  granted_ += bytes;
}

void H2Stream::Advance() {
  if (refused_ || head_.method() == nullptr) return;
  if (!begun_) {
    std::optional<std::string> message;
    if (!method().client_streams) {
      message = TakeMessage();
      if (!message.has_value()) return;
      request_ = std::string_view(*message).substr(kPrefixBytes);
    }
    begun_ = true;
    user_ = method().begin(*this);
    request_ = {};
    return;
  }
  if (!reading_) return;
  if (std::optional<std::string> message = TakeMessage(); message.has_value()) {
    reading_ = false;
    if (!half_closed_) RestoreWindow();
    user_->OnMessage(std::string_view(*message).substr(kPrefixBytes));
  } else if (half_closed_ && !refused_) {
    if (!Unread().empty()) return Cancel(absl::InternalError("a message ends before its length"));
    reading_ = false;
    user_->OnHalfClosed();
  }
}

bool H2Stream::IsWaitingForBytes() const {
  if (half_closed_ || refused_ || wanted_ || head_.method() == nullptr) return false;
  if (!begun_ && !method().client_streams) return true;
  return !Unread().empty() && (!begun_ || reading_);
}

// ---- What goes

void H2Stream::Queue(std::string message) {
  out_ = std::move(message);
  out_from_ = 0;
  moved_ms_ = thread_.now_ms();
  out_counted_ = out_.size();
  Continue();
}

void H2Stream::Continue() {
  if (headers_sent_) {
    nghttp2_session_resume_data(connection_->session(), id_);
  } else {
    SubmitHeaders();
  }
  connection_->MarkDirty();
}

void H2Stream::SubmitHeaders() {
  headers_sent_ = true;
  HeaderBlock headers;
  headers.AddConstant(":status", "200");
  headers.AddConstant("content-type", kGrpc);
  headers.Add(initial_);
  const nghttp2_data_provider provider = Provider(this);
  nghttp2_submit_response(connection_->session(), id_, headers.data(), headers.size(), &provider);
}

void H2Stream::SubmitTrailersOnly() {
  headers_sent_ = true;
  trailers_submitted_ = true;
  HeaderBlock headers;
  headers.AddConstant(":status", "200");
  headers.AddConstant("content-type", kGrpc);
  if (head_.unknown_encoding()) headers.AddConstant("grpc-accept-encoding", kEncodings);
  headers.Add(*end_);
  headers.Add(trailers_);
  nghttp2_submit_response(connection_->session(), id_, headers.data(), headers.size(), nullptr);
  connection_->MarkDirty();
}

ssize_t H2Stream::Peek(size_t size, uint32_t* flags) {
  const size_t left = out_.size() - out_from_;
  if (left == 0 && !end_.has_value()) return NGHTTP2_ERR_DEFERRED;
  promised_ = left > 0;
  if (promised_) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (left <= size && end_.has_value()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!other_) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (!other_ && !std::exchange(trailers_submitted_, true)) {
      HeaderBlock headers;
      headers.Add(*end_);
      headers.Add(trailers_);
      nghttp2_submit_trailer(connection_->session(), id_, headers.data(), headers.size());
    }
  }
  return static_cast<ssize_t>(std::min(size, left));
}

bool H2Stream::Send(size_t size, std::string& out) {
  if (size > out_.size() - out_from_) return false;
  promised_ = false;
  out.append(out_, out_from_, size);
  out_from_ += size;
  moved_ms_ = thread_.now_ms();
  if (out_from_ < out_.size()) return true;
  DropOut();
  if (writing_) {
    written_ = true;
    Tell();
  }
  return true;
}

void H2Stream::OnEndSent() {
  // The peer need not send the rest of a request whose answer it has.
  if (!half_closed_)
    nghttp2_submit_rst_stream(connection_->session(), NGHTTP2_FLAG_NONE, id_, NGHTTP2_NO_ERROR);
}

bool H2Stream::HeadersTakeLongerThan(int64_t ms) const {
  return !headers_ended_ && thread_.now_ms() - born_ms_ >= ms;
}

// A peer that neither sends the rest of what it began nor takes an answer holds the server's memory
// for nothing. A stream of answers may be left unread, as long as there is room for all.
void H2Stream::Sweep() {
  if (thread_.now_ms() - moved_ms_ < thread_.budgets().stall_ms) return;
  if (IsWaitingForBytes()) {
    Refuse(absl::DeadlineExceededError("the rest of a message did not come"));
  } else if (!out_.empty() && end_.has_value()) {
    nghttp2_submit_rst_stream(connection_->session(), NGHTTP2_FLAG_NONE, id_, NGHTTP2_CANCEL);
    connection_->MarkDirty();
  } else if (!out_.empty() && thread_.shared().ledger.IsPressed()) {
    Cancel(absl::ResourceExhaustedError("the answers are not read"));
  }
}

// ---- Its end

void H2Stream::Refuse(absl::Status why) {
  if (end_.has_value() || !IsOpen()) return;
  refused_ = true;
  DropIn();
  thread_.shared().counters.streams_refused.fetch_add(1, std::memory_order_relaxed);
  if (begun_) return Cancel(std::move(why));
  end_ = ToEnd(why);
  ForgetDeadline();
  SubmitTrailersOnly();
}

void H2Stream::Cancel(absl::Status why) {
  if (end_.has_value() || cancelled_ || cancel_.has_value()) return;
  refused_ = true;
  // A message that was begun cannot be taken back, nor can anything follow what is cut.
  if (IsOpen() && (out_from_ > 0 || promised_)) {
    nghttp2_submit_rst_stream(connection_->session(), NGHTTP2_FLAG_NONE, id_, NGHTTP2_CANCEL);
    connection_->MarkDirty();
  }
  if (IsOpen()) {
    DropIn();
    DropOut();
  }
  cancel_ = std::move(why);
  Tell();
}

void H2Stream::OnDeadline() {
  ForgetDeadline();
  const absl::Status passed = absl::DeadlineExceededError("the call's deadline passed");
  begun_ ? Cancel(passed) : Refuse(passed);
}

void H2Stream::OnClosed() {
  ForgetDeadline();
  DropIn();
  DropOut();
  if (header_counted_ > 0) connection_->ReturnIn(header_counted_);
  connection_ = nullptr;
  if (user_ != nullptr && !end_.has_value()) {
    Cancel(absl::CancelledError("the client gave up"));
    Tell();
  }
  RetireIfDone();
}

void H2Stream::Tell() {
  if (!IsOpen() || cancelled_ || cancel_.has_value()) {
    if (!std::exchange(ending_, true)) thread_.Notify(*this, nullptr);
  } else if (!std::exchange(notified_, true)) {
    thread_.Notify(*this, connection_);
  }
}

void H2Stream::Report() {
  notified_ = false;
  TellUser();
}

void H2Stream::ReportEnd() {
  ending_ = false;
  TellUser();
}

void H2Stream::TellUser() {
  if (user_ == nullptr) return;
  if (cancel_.has_value() && !end_.has_value()) {
    cancelled_ = true;
    const absl::Status why = *std::exchange(cancel_, std::nullopt);
    user_->OnCancelled(why);
  }
  const bool over = !IsOpen() || cancelled_;
  if (writing_ && (written_ || over)) {
    writing_ = false;
    user_->OnWritten(std::exchange(written_, false));
  }
  if (!reading_ || end_.has_value()) return;
  if (over) {
    reading_ = false;
    user_->OnHalfClosed();
  } else {
    Advance();
  }
}

void H2Stream::Leave() {
  StreamUser* user = std::exchange(user_, nullptr);
  delete this;
  if (user != nullptr) user->OnGone();
}

void H2Stream::RetireIfDone() {
  if (IsOpen() || (user_ != nullptr && !end_.has_value()) || std::exchange(retired_, true)) return;
  thread_.Retire(*this);
}

void H2Stream::ForgetDeadline() {
  if (deadline_.has_value()) thread_.deadlines().erase(*std::exchange(deadline_, std::nullopt));
}

void H2Stream::DropIn() {
  if (in_counted_ > 0) connection_->ReturnIn(std::exchange(in_counted_, 0));
  ReturnGrants();
  std::string().swap(in_);
  in_from_ = 0;
  prefix_.reset();
}

void H2Stream::ReturnGrants() {
  wanted_ = false;
  connection_->ReturnGrants(std::exchange(granted_, 0), std::exchange(lookahead_, 0));
}

void H2Stream::DropOut() {
  if (out_counted_ > 0) connection_->ReturnOut(std::exchange(out_counted_, 0));
  std::string().swap(out_);
  out_from_ = 0;
}

}  // namespace grpc_os::transport
