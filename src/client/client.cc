#include "client/client.h"

#include <grpc/grpc.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "base/error_detail.h"
#include "client/calls.h"
#include "client/errors.h"
#include "client/tls_probe.h"

namespace grpc_os::client {
namespace {

using Millis = std::chrono::milliseconds;

// A dead daemon is back within a second or two: do not wait longer between attempts to reach it.
constexpr int kReconnectFirstMs = 100;
constexpr int kReconnectMaxMs = 1000;
constexpr int64_t kRetryFirstMs = 100;
constexpr int64_t kRetryMaxMs = 1000;
constexpr Millis kProbePatience{2000};
constexpr char kNoConnection[] = "no connection within ";

std::shared_ptr<grpc::Channel> MakeChannel(const Address& address) {
  // Never shut down: when the last user of gRPC goes, it waits for its threads, and one of them may
  // poll for up to 10 s on behalf of a large message that was once under way.
  grpc_init();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectFirstMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
  // A new channel is a new connection, not one shared with the channel before it.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  // $http_proxy is meant for the web, and would be handed the token.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A page of processes with large environments is larger than the default of 4 MiB.
  arguments.SetMaxReceiveMessageSize(-1);
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = address.authorities;
  const auto credentials =
      address.secure ? grpc::SslCredentials(tls) : grpc::InsecureChannelCredentials();
  return grpc::CreateCustomChannel(address.ToTarget(), credentials, arguments);
}

std::string Seconds(Millis time) {
  return time.count() % 1000 == 0 ? absl::StrCat(time.count() / 1000, " s")
                                  : absl::StrCat(time.count(), " ms");
}

}  // namespace

Client::Connection::Connection(const Address& address)
    : channel(MakeChannel(address)),
      auth(channel),
      processes(channel),
      events(channel),
      objects(channel),
      system(channel),
      volume(channel),
      deploys(channel),
      domains(channel) {}

Client::Client(Address address, ClientOptions options)
    : address_(std::move(address)),
      options_(std::move(options)),
      in_flight_(std::make_unique<InFlight>()) {}

Client::~Client() = default;

void Client::BeginCommand() {
  in_flight_->state.Lock()->cancelled = false;
  connection_.Lock()->reset();
}

void Client::Cancel() {
  auto state = in_flight_->state.Lock();
  state->cancelled = true;
  for (grpc::ClientContext* context : state->contexts) context->TryCancel();
}

std::shared_ptr<Client::Connection> Client::Connected() {
  auto access = connection_.Lock();
  std::shared_ptr<Connection>& connection = *access;
  // A channel that failed waits before it tries again; a new one tries at once.
  if (connection && connection->channel->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
    connection.reset();
  }
  if (!connection) connection = std::make_shared<Connection>(address_);
  return connection;
}

absl::Status Client::AwayOverTcp(const std::string& why) const {
  const std::string silent = absl::StrCat("gRPC OS does not answer at ", address_.ToString(), " (");
  if (absl::StrContains(why, "DNS resolution failed")) {
    return absl::UnavailableError(absl::StrCat(silent, "there is no host ", address_.DisplayHost(),
                                               " that can be found). Check the name, and that the "
                                               "network is there."));
  }
  if (absl::StrContains(why, "Connection refused")) {
    return absl::UnavailableError(
        absl::StrCat(silent,
                     "Connection refused: nothing listens on that port). Check the port, "
                     "or start it there with `grpc-os-init --data-dir DIR`; `--address` "
                     "names another place."));
  }
  using Kind = TlsFinding::Kind;
  // A connection that did not come about in time would not do so now.
  const bool late = absl::StrContains(why, kNoConnection);
  const TlsFinding found = late ? TlsFinding()
                                : ProbeTls(address_, std::min(options_.timeout, kProbePatience),
                                           [this] { return in_flight_->IsCancelled(); });
  if (in_flight_->IsCancelled()) return absl::CancelledError("Interrupted.");
  if (found.kind != Kind::kNoAnswer && found.kind != Kind::kPlain && !address_.secure) {
    return absl::UnavailableError(absl::StrCat(
        silent, "it speaks TLS there). Add --secure, or write https://", address_.host_port, "."));
  }
  const std::string of = absl::StrCat("The certificate of ", address_.ToString(), " ");
  const std::string host = address_.DisplayHost();
  switch (address_.secure ? found.kind : Kind::kNoAnswer) {
    case Kind::kPlain:
      return absl::UnavailableError(
          absl::StrCat(silent,
                       "what answers does not speak TLS). Check the port, or have it served by TLS "
                       "there: GRPC_TLS_CERTIFICATE, or `assign --api`. Without --secure and "
                       "https:// nothing would be encrypted: others on the way could read the "
                       "password."));
    case Kind::kFailed:
      return absl::UnavailableError(absl::StrCat(
          silent, "the TLS handshake failed: ", found.detail,
          "). Check the name and the port; the log of what serves TLS there may say more."));
    case Kind::kUntrusted:
      return absl::UnavailableError(
          absl::StrCat(of, "is not trusted: no authority of ",
                       address_.authorities.empty() ? "this system" : "the PEM file given",
                       " has signed it. `--ca FILE` (or GRPC_OS_CA) names a PEM file with the "
                       "authority's certificate."));
    case Kind::kWrongName:
      return absl::UnavailableError(absl::StrCat(of, "is not for ", host, ": ", found.detail,
                                                 ". Use a name that it is for."));
    case Kind::kExpired:
      return absl::UnavailableError(
          absl::StrCat(of, "has expired: ", found.detail, ". It has to be renewed there."));
    case Kind::kNotYetValid:
      return absl::UnavailableError(absl::StrCat(of, "is not valid yet: ", found.detail,
                                                 ". Check the clocks of both machines."));
    case Kind::kOther:
      return absl::UnavailableError(absl::StrCat(of, "is refused: ", found.detail, "."));
    case Kind::kGood:
    case Kind::kNoAnswer:
      break;
  }
  return absl::UnavailableError(absl::StrCat(silent, why,
                                             "). Check that it runs and that no "
                                             "firewall is between; `--address` names "
                                             "another place."));
}

absl::Status Client::Away(const std::string& why) const {
  if (address_.is_unix && ::access(address_.path.c_str(), W_OK) != 0 && errno == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat("This account may not use ", address_.path,
                     ". Run as the account that runs gRPC OS, or as root."));
  }
  if (!address_.is_unix) return AwayOverTcp(why);
  std::string cure = "Start it there with `grpc-os-init --data-dir DIR`";
  constexpr std::string_view kSocket = "/run/api.sock";
  if (address_.path.ends_with(kSocket) && address_.path.size() > kSocket.size()) {
    const std::string directory = address_.path.substr(0, address_.path.size() - kSocket.size());
    // It would make a new, empty one without a word.
    const bool none = ::access((directory + "/grpc-os.db").c_str(), F_OK) != 0 && errno == ENOENT;
    cure = absl::StrCat(none ? "There is none in it yet; make one with `grpc-os-init --data-dir "
                             : "Start it with `grpc-os-init --data-dir ",
                        directory, "`");
  }
  return absl::UnavailableError(absl::StrCat("gRPC OS does not answer at ", address_.ToString(),
                                             " (", why, "). ", cure,
                                             "; `--address` names another place."));
}

absl::Status Client::ErrorOf(Connection& connection, int code, const std::string& message,
                             const std::string& details, Timeout timeout) {
  if (in_flight_->IsCancelled()) return absl::CancelledError("Interrupted.");
  absl::Status error = StatusFromWire(code, message, details);
  if (IsDaemonAway(error)) return Away(message);
  if (absl::IsDeadlineExceeded(error) && ReasonOf(error).empty()) {
    if (connection.channel->GetState(false) != GRPC_CHANNEL_READY) {
      return Away(absl::StrCat(kNoConnection, Seconds(timeout)));
    }
    return absl::DeadlineExceededError(
        absl::StrCat("No answer within ", Seconds(timeout),
                     "; the work may still be done. `--timeout SECONDS` waits longer."));
  }
  return error;
}

bool Client::PauseBeforeRetry(const absl::Status& status) {
  const auto detail = DetailOf(status);
  const int64_t wished = detail ? detail->retry_after_ms : 0;
  if (wished > kRetryMaxMs) return false;  // not before it is time, nor as late as that
  const auto end = std::chrono::steady_clock::now() + Millis(std::max(wished, kRetryFirstMs));
  while (!in_flight_->IsCancelled()) {
    if (std::chrono::steady_clock::now() >= end) return true;
    ::poll(nullptr, 0, 10);
  }
  return false;
}

}  // namespace grpc_os::client
