#include "edge/nginx_endpoints.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "edge/answers.h"

namespace grpc_os::edge {
namespace {

constexpr size_t kBodyBytes = 8 << 20;

}  // namespace

NginxEndpoints::NginxEndpoints(Parts parts) : parts_(std::move(parts)) {
  sent_->directory = parts_.directory;
}

// By another file that takes its place. Not synced: after a power cut it is written anew.
absl::Status NginxEndpoints::Sent::WriteFile(const Texts& all) const {
  const std::string path = directory + "/endpoints";
  const std::string aside = path + ".new";
  FILE* file = fopen(aside.c_str(), "we");
  bool written =
      file != nullptr && fchmod(fileno(file), 0644) == 0;  // nginx may be another account
  if (file != nullptr) {
    for (const auto& [name, text] : all)
      written = fprintf(file, "%s %s\n", name.c_str(), text.c_str()) > 0 && written;
    written = fclose(file) == 0 && written;
  }
  if (written && rename(aside.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write ", path, ": ", strerror(errno)));
}

absl::Status NginxEndpoints::Sent::Send(const PrivateSocket& socket, const Texts& all) {
  std::string body = known ? "" : "all\n";
  for (const auto& [name, text] : all) {
    const auto it = texts.find(name);
    if (!known || it == texts.end() || it->second != text)
      absl::StrAppend(&body, name, " ", text, "\n");
  }
  if (known) {
    for (const auto& [name, text] : texts)
      if (!all.contains(name)) absl::StrAppend(&body, name, " -\n");
  }
  if (body.empty()) return absl::OkStatus();
  known = false;  // whatever becomes of it
  if (body.size() > kBodyBytes)
    return absl::ResourceExhaustedError("the endpoints of all domains are too many for nginx");
  Failpoint("osd.domain.posting");
  const auto answer = socket.Post("/endpoints", body, kAskMs);
  if (!answer.ok()) return answer.status();
  known = true;
  texts = all;
  return absl::OkStatus();
}

void NginxEndpoints::Set(const std::map<std::string, core::Endpoints>& all,
                         std::function<void(absl::Status)> done) {
  Texts texts;
  for (const auto& [name, endpoints] : all) texts.emplace(name, EndpointsText(endpoints));
  parts_.worker.Post([this, alive = std::weak_ptr<char>(alive_), sent = sent_,
                      &socket = parts_.socket, runs = parts_.runs(), texts = std::move(texts),
                      done = std::move(done)] {
    // The file first: an nginx that starts in between reads it.
    absl::Status status = sent->WriteFile(texts);
    if (runs) {
      absl::Status answer = sent->Send(socket, texts);
      if (status.ok() || !answer.ok()) status = answer;
    } else {
      sent->known = false;
    }
    parts_.scheduler.Post([alive, status, done] {
      if (!alive.expired()) done(status);
    });
  });
}

void NginxEndpoints::Forget() {
  parts_.worker.Post([sent = sent_] { sent->known = false; });
}

void NginxEndpoints::ReadTraffic(std::function<void(absl::StatusOr<core::EdgeTraffic>)> done) {
  parts_.worker.Post(
      [this, alive = std::weak_ptr<char>(alive_), &socket = parts_.socket, done = std::move(done)] {
        const auto counts = socket.Get("/traffic", kAskMs);
        auto traffic = counts.ok() ? ParseTraffic(*counts) : counts.status();
        const auto status = traffic.ok() ? socket.Get("/status", kAskMs) : traffic.status();
        const auto waiting = status.ok() ? ParseWaiting(*status) : status.status();
        if (waiting.ok()) {
          for (const auto& [id, count] : *waiting) traffic->domains[id].waiting = count;
        }
        parts_.scheduler.Post([alive, traffic = std::move(traffic), done] {
          if (!alive.expired()) done(traffic);
        });
      });
}

}  // namespace grpc_os::edge
