#include "edge/nginx_plane.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/disk_space.h"
#include "base/failpoint.h"
#include "edge/answers.h"

namespace grpc_os::edge {
namespace {

namespace fs = std::filesystem;

constexpr char kGeneration[] = "gen-";
constexpr char kSuffix[] = ".conf";
constexpr char kSecretSuffix[] = ".pem";

// 0: it is the directory of none.
int64_t GenerationOf(const std::string& name) {
  int64_t number = 0;
  if (!name.starts_with(kGeneration) ||
      !absl::SimpleAtoi(name.substr(sizeof kGeneration - 1), &number))
    return 0;
  return std::max<int64_t>(number, 0);
}

absl::Status Failed(const std::string& what, const std::string& path, int error) {
  if (IsDiskFull(error))
    return absl::ResourceExhaustedError(DescribeDiskFull(fs::path(path).parent_path(), error));
  return absl::UnavailableError(absl::StrCat("cannot ", what, " ", path, ": ", strerror(error)));
}

// Never in place: the file may have another name in a directory that nginx reads. There may be
// secrets in it: we and nginx alone may read it.
absl::Status WriteAnew(const std::string& path, const std::string& text,
                       const std::function<absl::Status(int)>& share) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Failed("write", path, errno);
  absl::Status shared = share(fd);
  int error = 0;
  for (size_t at = 0; at < text.size() && error == 0;) {
    const ssize_t wrote = write(fd, text.data() + at, text.size() - at);
    if (wrote >= 0) {
      at += static_cast<size_t>(wrote);
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (close(fd) != 0 && error == 0) error = errno;
  if (!shared.ok()) return shared;
  return error == 0 ? absl::OkStatus() : Failed("write", path, error);
}

std::optional<std::string> ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) return std::nullopt;
  return text;
}

// The file that nginx names in what it says: ".../d/<id>.conf:7".
std::string CulpritIn(const std::string& words) {
  const size_t end = words.rfind(absl::StrCat(kSuffix, ":"));
  const size_t begin = end == std::string::npos ? end : words.rfind("/d/", end);
  return begin == std::string::npos ? "" : words.substr(begin + 3, end - begin - 3);
}

// Of "nginx: [emerg] … in …/gen-7/d/x.conf:3" and other lines, what is wrong, without what only
// this machine knows.
std::string Shorten(std::string words, const std::string& directory) {
  words = std::string(absl::StripAsciiWhitespace(words));
  for (size_t at; (at = words.find(directory + "/")) != std::string::npos;)
    words.erase(at, directory.size() + 1);
  const size_t line = words.find("[emerg] ");
  if (line != std::string::npos) {
    words.erase(0, line + 8);
    words.resize(std::min(words.find('\n'), words.size()));
    // "PID#TID: " is another one each time.
    const size_t number = words.find_first_not_of("0123456789#");
    if (number != std::string::npos && number > 0 && words.compare(number, 2, ": ") == 0)
      words.erase(0, number + 2);
  }
  std::replace(words.begin(), words.end(), '\n', ' ');
  return words;
}

absl::StatusOr<Workers> ReadWorkers(const PrivateSocket& socket) {
  const auto answer = socket.Get("/status", NginxPlane::kAskMs);
  return answer.ok() ? ParseStatus(*answer) : answer.status();
}

}  // namespace

// The directory of the generation that is being checked, as it lies there.
struct NginxPlane::Written {
  std::string directory;  // of the edge
  std::function<absl::Status(int)> share;
  int64_t live = 0;  // the generation that conf/live leads to; 0: none
  core::PlaneFiles live_files;
  int64_t generation = 0;
  core::PlaneFiles files;
  bool unchanged = false;  // these are what is live

  std::string PathOf(int64_t number) const {
    return absl::StrCat(directory, "/conf/", kGeneration, number);
  }

  // Begins the directory of another generation with what is live.
  absl::Status Begin(int64_t number) {
    const std::string path = PathOf(number);
    std::error_code error;
    fs::remove_all(path, error);
    for (const std::string& made : {path, path + "/d"})
      if (mkdir(made.c_str(), 0755) != 0 || chmod(made.c_str(), 0755) != 0)
        return Failed("make", made, errno);
    generation = number;
    RemoveOthers();  // of checks that came to nothing
    files.clear();
    for (const auto& [id, file] : live_files) {
      const auto linked = [&](const char* suffix) {
        const std::string name = absl::StrCat("/d/", id, suffix);
        return link((PathOf(live) + name).c_str(), (path + name).c_str()) == 0;
      };
      if ((linked(kSecretSuffix) || errno == ENOENT) && linked(kSuffix)) files[id] = file;
    }
    return absl::OkStatus();
  }
  absl::Status Write(const core::PlaneFiles& wanted, const std::string& main_file) {
    const std::string path = PathOf(generation);
    for (auto it = files.begin(); it != files.end();) {
      if (wanted.contains(it->first)) {
        ++it;
        continue;
      }
      for (const char* suffix : {kSuffix, kSecretSuffix})
        unlink(absl::StrCat(path, "/d/", it->first, suffix).c_str());
      it = files.erase(it);
    }
    for (const auto& [id, file] : wanted) {
      const auto there = files.find(id);
      if (there != files.end() && there->second->text == file->text) continue;
      files.erase(id);
      for (const auto& [suffix, text] :
           {std::pair(kSuffix, &file->text), std::pair(kSecretSuffix, &file->secret)}) {
        const std::string name = absl::StrCat(path, "/d/", id, suffix);
        unlink(name.c_str());
        absl::Status wrote = text->empty() ? absl::OkStatus() : WriteAnew(name, *text, share);
        if (!wrote.ok()) return wrote;
      }
      files[id] = file;
    }
    return WriteAnew(path + "/nginx.conf", main_file, share);
  }
  // `main_file`: as it is to be in the generation that is live.
  bool IsLive(const std::string& main_file) const {
    return live != 0 && core::SameTexts(files, live_files) &&
           ReadText(PathOf(live) + "/nginx.conf") == main_file;
  }
  absl::Status Swap() {
    const std::string link = directory + "/conf/live";
    const std::string aside = link + ".new";
    unlink(aside.c_str());
    if (symlink(absl::StrCat(kGeneration, generation).c_str(), aside.c_str()) != 0)
      return Failed("make", aside, errno);
    Failpoint("osd.domain.rendered");
    if (rename(aside.c_str(), link.c_str()) != 0) return Failed("replace", link, errno);
    Failpoint("osd.domain.swapped");
    live = generation;
    live_files = files;
    return absl::OkStatus();
  }
  void RemoveOthers() const {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory + "/conf", error)) {
      const int64_t number = GenerationOf(entry.path().filename());
      std::error_code ignored;
      if (number != 0 && number != live && number != generation)
        fs::remove_all(entry.path(), ignored);
    }
  }
};

NginxPlane::NginxPlane(Parts parts) : parts_(std::move(parts)) {
  written_ = std::make_shared<Written>();
  written_->directory = parts_.directory;
  written_->share = parts_.share;
}

absl::StatusOr<core::PlaneFiles> NginxPlane::ReadLive() {
  const std::string conf = parts_.directory + "/conf";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(conf, error))
    generation_ = std::max(generation_, GenerationOf(entry.path().filename()));
  const fs::path target = fs::read_symlink(conf + "/live", error);
  if (error) return core::PlaneFiles();
  live_ = written_->live = GenerationOf(target);
  for (const auto& entry : fs::directory_iterator(conf + "/live/d", error)) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(kSuffix)) continue;
    auto text = ReadText(entry.path());
    if (!text) continue;
    written_->live_files[name.substr(0, name.size() - sizeof kSuffix + 1)] =
        std::make_shared<const core::PlaneFile>(core::PlaneFile{0, *std::move(text)});
  }
  return written_->live_files;
}

// ---- Check --------------------------------------------------------------------------------------

void NginxPlane::Check(const core::PlaneFiles& files, Checked done) {
  const auto answer = [this, done](absl::Status status) {
    parts_.scheduler.Post([done, status = std::move(status)] { done(status); });
  };
  if (absl::Status host = parts_.check_host(); !host.ok()) return answer(host);
  ++generation_;
  parts_.worker.Post([this, alive = std::weak_ptr<char>(alive_), written = written_, files,
                      main_file = parts_.main_file, live = live_, generation = generation_, done] {
    const auto text = main_file(generation);
    absl::Status status = text.ok() ? written->Begin(generation) : text.status();
    if (status.ok()) status = written->Write(files, *text);
    written->unchanged = status.ok() && written->IsLive(main_file(live).value_or(""));
    parts_.scheduler.Post([this, alive, status, generation, done] {
      if (alive.expired()) return;
      if (!status.ok()) return done(status);
      const std::string config = absl::StrCat("conf/", kGeneration, generation, "/nginx.conf");
      parts_.process.Test(
          config, [this, alive, generation, done](const absl::StatusOr<NginxProcess::Run>& run) {
            if (!alive.expired()) Judge(run, generation, done);
          });
    });
  });
}

void NginxPlane::Judge(const absl::StatusOr<NginxProcess::Run>& run, int64_t generation,
                       const Checked& done) const {
  if (!run.ok()) return done(run.status());
  if (run->exit_code == 0) return done(Verdict{});
  std::string words = Shorten(run->output, parts_.directory);
  Verdict verdict{.accepted = false, .culprit = CulpritIn(words)};
  // Of all generations the same words: the reconciler compares them.
  const std::string path = absl::StrCat("conf/", kGeneration, generation, "/");
  for (size_t at; (at = words.find(path)) != std::string::npos;) words.erase(at, path.size());
  verdict.words = absl::StrCat("nginx refuses it: ", words);
  done(verdict);
}

// ---- Apply --------------------------------------------------------------------------------------

void NginxPlane::Apply(std::function<void(absl::Status)> done) {
  parts_.prepare([this, alive = std::weak_ptr<char>(alive_), done = std::move(done)] {
    if (alive.expired()) return;
    if (parts_.process.Runs()) return Swap(done);
    AskPorts([this, done](const absl::Status& ports) {
      if (!ports.ok()) return done(ports);
      Swap(done);
    });
  });
}

void NginxPlane::AskPorts(std::function<void(absl::Status)> then) const {
  parts_.worker.Post([&scheduler = parts_.scheduler, alive = std::weak_ptr<char>(alive_),
                      check = parts_.check_ports, then = std::move(then)] {
    scheduler.Post([alive, then, ports = check()] {
      if (!alive.expired()) then(ports);
    });
  });
}

void NginxPlane::Swap(const Done& done) {
  parts_.worker.Post([this, alive = std::weak_ptr<char>(alive_), written = written_,
                      &socket = parts_.socket, done] {
    // A reload ends what takes long: it does not come for nothing, as at each start of grpc-osd.
    const auto workers = written->unchanged ? ReadWorkers(socket) : absl::NotFoundError("");
    const bool served = workers.ok() && workers->ServesOnly(written->live);
    const absl::Status status = served ? absl::OkStatus() : written->Swap();
    parts_.scheduler.Post([this, alive, status, served, live = written->live, done] {
      if (alive.expired()) return;
      if (!status.ok() || served) return done(status);
      live_ = live;
      Reload(done);
    });
  });
}

void NginxPlane::Reload(const Done& done) {
  const auto wait = [this, done](const absl::Status& status) {
    if (!status.ok()) return done(status);
    Failpoint("osd.domain.signalled");
    Acknowledge(parts_.scheduler.NowMs() + kAcknowledgeMs, done);
  };
  if (!parts_.process.Runs()) return parts_.process.Start(wait);
  parts_.process.Signal(SIGHUP, wait);
}

void NginxPlane::Acknowledge(int64_t deadline_ms, const Done& done) {
  parts_.worker.Post([this, alive = std::weak_ptr<char>(alive_), written = written_,
                      &socket = parts_.socket, deadline_ms, done] {
    const auto workers = ReadWorkers(socket);
    const bool reached = workers.ok() && workers->ServesOnly(written->live);
    if (reached) written->RemoveOthers();
    parts_.scheduler.Post([this, alive, workers, reached, deadline_ms, done] {
      if (alive.expired()) return;
      if (workers.ok()) draining_ = workers->DrainingGenerations();
      if (reached) return done(absl::OkStatus());
      if (parts_.scheduler.NowMs() >= deadline_ms) return NotAcknowledged(workers.status(), done);
      parts_.scheduler.After(kPollMs, [this, alive, deadline_ms, done] {
        if (!alive.expired()) Acknowledge(deadline_ms, done);
      });
    });
  });
}

void NginxPlane::NotAcknowledged(const absl::Status& last, const Done& done) const {
  if (!parts_.process.Runs()) {
    return AskPorts([this, done](const absl::Status& ports) {
      if (!ports.ok()) return done(ports);
      done(absl::UnavailableError(
          absl::StrCat("nginx does not run; `logs ", parts_.process.name(), "` has its words")));
    });
  }
  if (!last.ok()) return done(absl::UnavailableError(std::string(last.message())));
  done(absl::UnavailableError(absl::StrCat("nginx did not take over its new configuration within ",
                                           kAcknowledgeMs / 1000, " s; `logs ",
                                           parts_.process.name(), "` has its words")));
}

void NginxPlane::Look() {
  if (draining_ == 0) return;
  parts_.worker.Post([this, alive = std::weak_ptr<char>(alive_), &socket = parts_.socket] {
    const auto workers = ReadWorkers(socket);
    parts_.scheduler.Post([this, alive, workers] {
      if (!alive.expired()) draining_ = workers.ok() ? workers->DrainingGenerations() : 0;
    });
  });
}

}  // namespace grpc_os::edge
