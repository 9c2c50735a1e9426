#include "protocol/log_format.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace grpc_os::protocol {
namespace {

// "2026-11-23T02:07:37.123456789Z"
constexpr size_t kTimeLength = 30;
constexpr std::string_view kTimeShape = "dddd-dd-ddTdd:dd:dd.dddddddddZ";
static_assert(kTimeShape.size() == kTimeLength);

void AppendDigits(int64_t value, int width, std::string& out) {
  char digits[20];
  for (int i = width - 1; i >= 0; --i) {
    digits[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out.append(digits, static_cast<size_t>(width));
}

int64_t Digits(std::string_view text) {
  int64_t value = 0;
  for (const char digit : text) value = value * 10 + (digit - '0');
  return value;
}

std::optional<int64_t> ParseTime(std::string_view text) {
  if (text.size() != kTimeLength) return std::nullopt;
  for (size_t i = 0; i < kTimeLength; ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (kTimeShape[i] == 'd' ? !is_digit : text[i] != kTimeShape[i]) return std::nullopt;
  }
  const std::chrono::year_month_day date{
      std::chrono::year(static_cast<int>(Digits(text.substr(0, 4)))),
      std::chrono::month(static_cast<unsigned>(Digits(text.substr(5, 2)))),
      std::chrono::day(static_cast<unsigned>(Digits(text.substr(8, 2))))};
  const int64_t hour = Digits(text.substr(11, 2));
  const int64_t minute = Digits(text.substr(14, 2));
  const int64_t second = Digits(text.substr(17, 2));
  // The years that fit into 64 bits of nanoseconds, whole ones only.
  if (!date.ok() || date.year() < std::chrono::year(1678) ||
      date.year() > std::chrono::year(2261) || hour > 23 || minute > 59 || second > 59) {
    return std::nullopt;
  }
  const int64_t day = std::chrono::sys_days(date).time_since_epoch().count();
  return ((day * 24 + hour) * 60 + minute) * 60 * 1'000'000'000 + second * 1'000'000'000 +
         Digits(text.substr(20, 9));
}

std::string_view StreamName(LogStream stream) {
  switch (stream) {
    case LogStream::kStdout:
      return "stdout";
    case LogStream::kStderr:
      return "stderr";
    case LogStream::kSystem:
      break;
  }
  return "system";
}

std::optional<LogStream> StreamFrom(std::string_view name) {
  for (const LogStream stream : {LogStream::kStdout, LogStream::kStderr, LogStream::kSystem}) {
    if (name == StreamName(stream)) return stream;
  }
  return std::nullopt;
}

// Decimal digits only, all of `text`.
template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void AppendLogTime(int64_t time_ns, std::string& out) {
  using std::chrono::days;
  const std::chrono::sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds(time_ns)};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<std::chrono::nanoseconds> clock(time - day);
  AppendDigits(static_cast<int>(date.year()), 4, out);
  out.push_back('-');
  AppendDigits(static_cast<unsigned>(date.month()), 2, out);
  out.push_back('-');
  AppendDigits(static_cast<unsigned>(date.day()), 2, out);
  out.push_back('T');
  AppendDigits(clock.hours().count(), 2, out);
  out.push_back(':');
  AppendDigits(clock.minutes().count(), 2, out);
  out.push_back(':');
  AppendDigits(clock.seconds().count(), 2, out);
  out.push_back('.');
  AppendDigits(clock.subseconds().count(), 9, out);
  out.push_back('Z');
}

void AppendLogLine(const LogLine& line, std::string& out) {
  AppendLogTime(line.time_ns, out);
  out.push_back(' ');
  out.append(StreamName(line.stream));
  out.append(line.partial ? " P " : " F ");
  out.append(line.text);
  out.push_back('\n');
}

std::optional<LogLine> ParseLogLine(std::string_view line) {
  constexpr size_t kStreamAt = kTimeLength + 1;
  constexpr size_t kFlagAt = kStreamAt + 7;  // every stream's name has six letters
  constexpr size_t kTextAt = kFlagAt + 2;
  if (line.size() < kTextAt || line[kStreamAt - 1] != ' ' || line[kFlagAt - 1] != ' ' ||
      line[kTextAt - 1] != ' ' || (line[kFlagAt] != 'F' && line[kFlagAt] != 'P')) {
    return std::nullopt;
  }
  const std::optional<int64_t> time_ns = ParseTime(line.substr(0, kTimeLength));
  const std::optional<LogStream> stream = StreamFrom(line.substr(kStreamAt, 6));
  if (!time_ns || !stream) return std::nullopt;
  return LogLine{*time_ns, *stream, line[kFlagAt] == 'P', line.substr(kTextAt)};
}

std::string SegmentName(uint64_t number) {
  char name[32];
  const int size =
      snprintf(name, sizeof name, "%08llu.log", static_cast<unsigned long long>(number));
  return std::string(name, static_cast<size_t>(size));
}

std::optional<uint64_t> SegmentNumber(std::string_view file_name) {
  constexpr std::string_view kSuffix = ".log";
  if (!file_name.ends_with(kSuffix)) return std::nullopt;
  file_name.remove_suffix(kSuffix.size());
  const std::optional<uint64_t> number = ParseNumber<uint64_t>(file_name);
  if (!number || *number == 0) return std::nullopt;
  // One number, one name.
  if (file_name.size() < 8 || (file_name.size() > 8 && file_name[0] == '0')) return std::nullopt;
  return number;
}

std::string FormatCursor(const LogCursor& cursor) {
  return std::to_string(cursor.segment) + ":" + std::to_string(cursor.offset);
}

std::optional<LogCursor> ParseCursor(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::optional<uint64_t> segment = ParseNumber<uint64_t>(text.substr(0, colon));
  const std::optional<int64_t> offset = ParseNumber<int64_t>(text.substr(colon + 1));
  if (!segment || *segment == 0 || !offset) return std::nullopt;
  return LogCursor{*segment, *offset};
}

}  // namespace grpc_os::protocol
