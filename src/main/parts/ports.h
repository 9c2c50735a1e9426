// The TCP ports, before anything is launched or changed for a daemon that cannot have them.
#ifndef GRPC_OS_MAIN_PARTS_PORTS_H_
#define GRPC_OS_MAIN_PARTS_PORTS_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "gateway/http_server.h"
#include "main/parts/composition.h"
#include "main/parts/system_log.h"
#include "manifest/settings.h"
#include "server/grpc_server.h"
#include "transport/listener.h"
#include "transport/wire.h"

namespace grpc_os {

class Ports final : public Part {
 public:
  struct Wanted {
    const manifest::Settings& settings;  // used until Start has returned
    SystemLog::Say say;
  };
  explicit Ports(Wanted wanted) : wanted_(std::move(wanted)) {}

  absl::Status Start() override {
    auto grpc = server::GrpcServer::ListenOnLoopback(wanted_.settings.grpc_port);
    if (!grpc.ok()) return grpc.status();
    grpc_port_ = transport::PortOf(grpc->get());
    grpc_ = *std::move(grpc);
    // What is wrong with a certificate, perhaps since it was renewed, is no reason to have nothing.
    if (absl::Status status = StartTls(wanted_.settings); !status.ok()) {
      wanted_.say(
          absl::StrCat("warning: The API is not served by TLS: ", std::string(status.message())));
    }
    auto http = gateway::HttpServer::Listen(wanted_.settings.http_port);
    if (!http.ok()) return http.status();
    http_ = *std::move(http);
    return absl::OkStatus();
  }

  int grpc_port() const { return grpc_port_; }
  int tls_port() const { return tls_port_; }  // 0: no TLS
  UniqueFd TakeGrpcListener() { return std::move(grpc_); }
  UniqueFd TakeTlsListener() { return std::move(tls_listener_); }
  std::unique_ptr<transport::TlsContext> TakeTls() { return std::move(tls_); }
  UniqueFd TakeHttpListener() { return std::move(http_); }

 private:
  absl::Status StartTls(const manifest::Settings& settings) {
    if (settings.grpc_tls_certificate.empty()) return absl::OkStatus();
    auto tls = transport::TlsContext::Load(settings.grpc_tls_certificate, settings.grpc_tls_key);
    if (!tls.ok()) return tls.status();
    auto listener =
        server::GrpcServer::ListenTls(settings.grpc_tls_address, settings.grpc_tls_port);
    if (!listener.ok()) return listener.status();
    tls_ = *std::move(tls);
    tls_port_ = transport::PortOf(listener->get());
    tls_listener_ = *std::move(listener);
    wanted_.say(absl::StrCat("note: The API is served by TLS at ", settings.grpc_tls_address, ":",
                             tls_port_, ", too."));
    return absl::OkStatus();
  }

  const Wanted wanted_;
  int grpc_port_ = 0;
  int tls_port_ = 0;
  UniqueFd grpc_;
  UniqueFd tls_listener_;
  std::unique_ptr<transport::TlsContext> tls_;
  UniqueFd http_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_PORTS_H_
