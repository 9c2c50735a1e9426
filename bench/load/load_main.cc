// bench-load: runs one load and prints one line of JSON. The benchmarks in Python start it.
//   bench-load --address ADDR --method /package.Service/Method [--request HEX] [--in-flight N]
//              [--channels N] [--threads N] [--seconds S] [--warm-up S] [--cpu-of PID]
// HEX: the request's bytes; twelve `%` in a row, wherever they are, become the number of the call,
// in as many digits. Metadata as NAME=VALUE, one a line, from standard input: a token is never an
// argument.
#include <getopt.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "load/load_client.h"

namespace grpc_os::bench {
namespace {

constexpr option kOptions[] = {
    {"address", required_argument, nullptr, 'a'},  {"method", required_argument, nullptr, 'm'},
    {"request", required_argument, nullptr, 'r'},  {"in-flight", required_argument, nullptr, 'n'},
    {"channels", required_argument, nullptr, 'c'}, {"threads", required_argument, nullptr, 't'},
    {"seconds", required_argument, nullptr, 's'},  {"warm-up", required_argument, nullptr, 'w'},
    {"cpu-of", required_argument, nullptr, 'p'},   {nullptr, 0, nullptr, 0}};

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

constexpr std::string_view kNumber = "%%%%%%%%%%%%";

// Each of the places becomes the number.
std::string Numbered(std::string request, const std::vector<size_t>& places, int64_t number) {
  for (const size_t at : places) {
    int64_t rest = number;
    for (size_t i = kNumber.size(); i-- > 0; rest /= 10)
      request[at + i] = static_cast<char>('0' + rest % 10);
  }
  return request;
}

std::vector<size_t> PlacesIn(const std::string& request) {
  std::vector<size_t> places;
  for (size_t at = 0; (at = request.find(kNumber, at)) != std::string::npos; at += kNumber.size())
    places.push_back(at);
  return places;
}

double Percentile(const std::vector<float>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

int Main(int argc, char** argv) {
  LoadOptions options;
  std::string request;
  int cpu_of = 0;
  for (int choice = 0; (choice = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    const std::string value = optarg == nullptr ? "" : optarg;
    switch (choice) {
      case 'a':
        options.address = value;
        break;
      case 'm':
        options.method = value;
        break;
      case 'r':
        request = FromHex(value);
        break;
      case 'n':
        options.in_flight = std::stoi(value);
        break;
      case 'c':
        options.channels = std::stoi(value);
        break;
      case 't':
        options.threads = std::stoi(value);
        break;
      case 's':
        options.seconds = std::stod(value);
        break;
      case 'w':
        options.warm_up_s = std::stod(value);
        break;
      case 'p':
        cpu_of = std::stoi(value);
        break;
      default:
        return 2;
    }
  }
  for (std::string line; std::getline(std::cin, line);) {
    const size_t equals = line.find('=');
    if (equals != std::string::npos)
      options.metadata.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  const MakeRequest make = [&request, places = PlacesIn(request)](int64_t number) {
    return Numbered(request, places, number);
  };
  int64_t cpu_us = 0;
  const LoadResult result = RunLoad(
      options, make, [&] { cpu_us = cpu_of == 0 ? 0 : CpuMicroseconds(cpu_of); },
      [&] { cpu_us = cpu_of == 0 ? 0 : CpuMicroseconds(cpu_of) - cpu_us; });
  int64_t failed = 0;
  for (const auto& [code, count] : result.failed) failed += count;
  if (failed > 0) {
    fprintf(stderr, "bench-load: %lld calls failed, the first with: %s\n",
            static_cast<long long>(failed), result.first_error.c_str());
  }
  printf(
      "{\"calls\": %lld, \"failed\": %lld, \"seconds\": %.6f, \"server_cpu_us\": %lld, "
      "\"p50_us\": %.1f, \"p99_us\": %.1f}\n",
      static_cast<long long>(result.calls), static_cast<long long>(failed), result.seconds,
      static_cast<long long>(cpu_us), Percentile(result.latencies_us, 0.5),
      Percentile(result.latencies_us, 0.99));
  return result.calls > 0 && failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace grpc_os::bench

int main(int argc, char** argv) { return grpc_os::bench::Main(argc, argv); }
