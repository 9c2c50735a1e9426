// Renders an edge directory for tests/edge and bench/edge: edge-render DIRECTORY < lines of words
//   setting NAME VALUE          see NginxSettings; http, https, grpc and trusted_proxies may come
//   several times domain ID NAME [grpc] [FIELD=NUMBER …]    see core::DomainSpec route PATH [strip]
//   of the domain before it
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "edge/domain_file.h"
#include "edge/nginx_file.h"

namespace grpc_os::edge {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << "edge-render: " << what << "\n";
  std::exit(1);
}

void Write(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

void Set(NginxSettings& settings, const std::string& name, const std::string& value) {
  const std::map<std::string, std::vector<std::string>*> lists = {
      {"http", &settings.http},
      {"https", &settings.https},
      {"grpc", &settings.grpc},
      {"trusted_proxies", &settings.trusted_proxies}};
  const std::map<std::string, int64_t*> numbers = {
      {"generation", &settings.generation},
      {"workers", &settings.workers},
      {"connections", &settings.connections},
      {"shutdown_timeout_ms", &settings.shutdown_timeout_ms},
      {"silent_ms", &settings.silent_ms},
      {"waiting", &settings.waiting},
      {"waiting_bytes", &settings.waiting_bytes},
      {"waiting_of_domain", &settings.waiting_of_domain},
      {"waiting_bytes_of_domain", &settings.waiting_bytes_of_domain}};
  if (const auto list = lists.find(name); list != lists.end()) {
    list->second->push_back(value);
  } else if (const auto number = numbers.find(name); number != numbers.end()) {
    *number->second = std::stoll(value);
  } else {
    Fail("no setting " + name);
  }
}

core::Domain ReadDomain(std::istringstream& words) {
  core::Domain domain;
  words >> domain.id >> domain.name;
  const std::map<std::string, int64_t*> numbers = {
      {"hold_ms", &domain.spec.hold_ms},
      {"max_body_bytes", &domain.spec.max_body_bytes},
      {"read_timeout_ms", &domain.spec.read_timeout_ms}};
  for (std::string word; words >> word;) {
    const size_t equal = word.find('=');
    if (word == "grpc") {
      domain.spec.grpc = true;
    } else if (const auto number = numbers.find(word.substr(0, equal)); number != numbers.end()) {
      *number->second = std::stoll(word.substr(equal + 1));
    } else {
      Fail("no field " + word);
    }
  }
  return domain;
}

int Run(const std::filesystem::path& directory) {
  NginxSettings settings;
  settings.as_root = geteuid() == 0;
  std::vector<core::Domain> domains;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string what, name, value;
    words >> what;
    if (what == "setting" && words >> name >> value) {
      Set(settings, name, value);
    } else if (what == "domain") {
      domains.push_back(ReadDomain(words));
    } else if (what == "route" && !domains.empty() && words >> name) {
      words >> value;
      domains.back().spec.routes.push_back({name, value == "strip", {}});
    } else {
      Fail("cannot read: " + line);
    }
  }
  settings.domains = static_cast<int64_t>(domains.size());

  const std::string generation = "gen-" + std::to_string(settings.generation);
  const std::filesystem::path conf = directory / "conf" / generation;
  std::filesystem::create_directories(conf / "d");
  const absl::StatusOr<std::string> nginx = RenderNginx(kNginxTemplate, settings);
  if (!nginx.ok()) Fail(std::string(nginx.status().message()));
  Write(conf / "nginx.conf", *nginx);
  for (const core::Domain& domain : domains) {
    const auto file = RenderDomain(domain, {.http = settings.http, .grpc = settings.grpc}, "");
    if (!file.ok()) Fail(std::string(file.status().message()));
    Write(conf / "d" / (domain.id + ".conf"), file->text);
  }
  Write(directory / "lua/edge.lua", kEdgeLua);
  for (const char* name : {"run", "logs", "tmp"}) {
    std::filesystem::create_directories(directory / name);
  }
  chmod((directory / "run").c_str(), 0700);
  const std::filesystem::path next = directory / "conf/next";
  std::filesystem::remove(next);
  std::filesystem::create_symlink(generation, next);
  std::filesystem::rename(next, directory / "conf/live");
  return 0;
}

}  // namespace
}  // namespace grpc_os::edge

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: edge-render DIRECTORY\n";
    return 2;
  }
  return grpc_os::edge::Run(argv[1]);
}
