#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "grpc_os/v1/process_services.pb.h"
#include "manifest/quantity.h"
#include "shell/escape.h"
#include "shell/exit_code.h"
#include "shell/quantity.h"
#include "shell/render/json.h"
#include "shell/render/process.h"
#include "shell/render/table.h"

namespace grpc_os::shell {
namespace {

std::string AsItIs(const std::string& text) { return text; }

std::string Row(const v1::Process& process, int64_t now_ms) {
  return ProcessView(now_ms, AsItIs).TableOf(std::vector{process}, false).Render(false);
}

std::string Details(const v1::Process& process, int64_t now_ms) {
  return ProcessView(now_ms, AsItIs).details(process).Render(false);
}

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(EscapeTest, ControlCharactersBecomeVisible) {
  EXPECT_EQ(EscapeForTerminal("a\x1b[31mb\n\r\tc\x7f"), "a\\x1b[31mb\\n\\r\\tc\\x7f");
  EXPECT_EQ(EscapeForTerminal(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(EscapeForTerminal("\xc2\x9b"
                              "31m"),
            "\\x9b31m");  // C1 CSI
  EXPECT_EQ(EscapeForTerminal("a\tb", Tabs::kKeep), "a\tb");
}

TEST(EscapeTest, BidirectionalAndInvisibleCharactersBecomeVisible) {
  EXPECT_EQ(EscapeForTerminal("\xe2\x80\xae"
                              "x"),
            "\\u202ex");
  EXPECT_EQ(EscapeForTerminal("\xe2\x81\xa6"), "\\u2066");
  EXPECT_EQ(EscapeForTerminal("\xe2\x80\x8b"), "\\u200b");
  EXPECT_EQ(EscapeForTerminal("\xe2\x80\xa8"), "\\u2028");
  EXPECT_EQ(EscapeForTerminal("\xf3\xa0\x80\x81"), "\\ue0001");
}

TEST(EscapeTest, TextStaysAsItIs) {
  const std::string text = "zażółć … 日本 \xf0\x9f\x90\xa7";
  EXPECT_EQ(EscapeForTerminal(text), text);
}

TEST(EscapeTest, WhatIsNotUtf8BecomesVisible) {
  EXPECT_EQ(EscapeForTerminal("\x9b"), "\\x9b");           // a bare C1 byte
  EXPECT_EQ(EscapeForTerminal("\xe2\x80"), "\\xe2\\x80");  // cut short
  EXPECT_EQ(EscapeForTerminal("\xc0\x9b"), "\\xc0\\x9b");  // overlong
  EXPECT_EQ(EscapeForTerminal("\xe0\x82\x9b"), "\\xe0\\x82\\x9b");
  EXPECT_EQ(EscapeForTerminal("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(EscapeForTerminal("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(TableTest, AlignsAndEscapes) {
  Table table({{"NAME"}, {"PID", Table::Align::kRight}, {"STATE"}});
  table.AddRow({{"web"}, {"7"}, {"running", Style::kGood}});
  table.AddRow({{"a\x1b[2J"}, {"12345"}, {"żółw"}});
  EXPECT_EQ(table.Render(false),
            "NAME        PID  STATE\n"
            "web           7  running\n"
            "a\\x1b[2J  12345  żółw\n");
  EXPECT_THAT(table.Render(true), HasSubstr("\x1b[32mrunning\x1b[0m\n"));
}

TEST(QuantityTest, Durations) {
  EXPECT_EQ(*manifest::ParseDurationMs("10"), 10'000);
  EXPECT_EQ(*manifest::ParseDurationMs("500ms"), 500);
  EXPECT_EQ(*manifest::ParseDurationMs("1.5m"), 90'000);
  EXPECT_EQ(*manifest::ParseDurationMs("0"), 0);
  for (const char* bad : {"", "s", "-1", "1x", "1 s", "1e9d", "nan", "1..2"}) {
    EXPECT_FALSE(manifest::ParseDurationMs(bad).ok()) << bad;
  }
  EXPECT_EQ(FormatDuration(2500), "2.5s");
  EXPECT_EQ(FormatDuration(42'000), "42s");
  EXPECT_EQ(FormatDuration(725'000), "12m5s");
  EXPECT_EQ(FormatDuration(3 * 86'400'000LL + 4 * 3'600'000LL), "3d4h");
  EXPECT_EQ(FormatDuration(-5), "0s");
}

TEST(QuantityTest, Sizes) {
  EXPECT_EQ(*manifest::ParseBytes("65536"), 65536);
  EXPECT_EQ(*manifest::ParseBytes("64K"), 65536);
  EXPECT_EQ(*manifest::ParseBytes("1.5GiB"), 1'610'612'736);
  EXPECT_EQ(*manifest::ParseBytes("10MB"), 10'000'000);
  for (const char* bad : {"", "M", "-1", "10X", "99999999999G"}) {
    EXPECT_FALSE(manifest::ParseBytes(bad).ok()) << bad;
  }
  EXPECT_EQ(FormatBytes(532), "532B");
  EXPECT_EQ(FormatBytes(12'897'485), "12.3MiB");
  EXPECT_EQ(FormatBytes(50 << 20), "50MiB");
}

TEST(QuantityTest, Times) {
  EXPECT_EQ(FormatTime(1795399657, 123'456'789, 3), "2026-11-23 02:07:37.123 +0000");
  EXPECT_EQ(FormatTime(0, 0, 0), "1970-01-01 00:00:00 +0000");
  for (const auto& [zone, text] :
       {std::pair{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-11-23 03:07:37 +0100"},
        std::pair{"<-0330>3:30", "2026-11-22 22:37:37 -0330"}}) {
    ::setenv("TZ", zone, 1);
    ::tzset();
    EXPECT_EQ(FormatTime(1795399657, 0, 0), text);
  }
  ::setenv("TZ", "UTC0", 1);
  ::tzset();
}

TEST(ProcessTest, WhatIsNotStoredYetIsMarkedAndSaid) {
  v1::Process process;
  process.set_name("web");
  process.mutable_status()->set_state(v1::Process::STATE_RUNNING);
  EXPECT_THAT(Row(process, 0), Not(HasSubstr("!")));
  EXPECT_THAT(Details(process, 0), Not(HasSubstr("not stored")));
  process.mutable_status()->set_unsaved(true);
  process.mutable_status()->mutable_unsaved_since()->set_seconds(1'795'399'657);
  EXPECT_THAT(Row(process, 0), HasSubstr("  running!  "));
  EXPECT_THAT(
      Details(process, 0),
      HasSubstr("not stored   since 2026-11-23 02:07:37 +0000: its supervisor reports this"));
}

TEST(ExitCodeTest, EachKindOfErrorHasItsOwn) {
  EXPECT_EQ(ExitCodeFor(absl::OkStatus()), ExitCode::kOk);
  EXPECT_EQ(ExitCodeFor(absl::InternalError("")), ExitCode::kFailure);
  EXPECT_EQ(ExitCodeFor(absl::InvalidArgumentError("")), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeFor(absl::NotFoundError("")), ExitCode::kNotFound);
  EXPECT_EQ(ExitCodeFor(absl::UnauthenticatedError("")), ExitCode::kDenied);
  EXPECT_EQ(ExitCodeFor(absl::PermissionDeniedError("")), ExitCode::kDenied);
  EXPECT_EQ(ExitCodeFor(absl::AlreadyExistsError("")), ExitCode::kConflict);
  EXPECT_EQ(ExitCodeFor(absl::FailedPreconditionError("")), ExitCode::kConflict);
  EXPECT_EQ(ExitCodeFor(absl::AbortedError("")), ExitCode::kConflict);
  EXPECT_EQ(ExitCodeFor(absl::UnavailableError("")), ExitCode::kUnavailable);
  EXPECT_EQ(ExitCodeFor(absl::DeadlineExceededError("")), ExitCode::kTimeout);
  EXPECT_EQ(ExitCodeFor(absl::CancelledError("")), ExitCode::kInterrupted);
  EXPECT_EQ(static_cast<int>(ExitCode::kInterrupted), 130);
  EXPECT_EQ(Worst(ExitCode::kNotFound, ExitCode::kOk), ExitCode::kNotFound);
}

v1::Process RunningProcess() {
  v1::Process process;
  process.set_id("proc_1");
  process.set_name("web");
  process.set_generation(1);
  process.mutable_spec()->set_command("sleep 9");
  (*process.mutable_spec()->mutable_environment())["TOKEN"] = "hush";
  (*process.mutable_spec()->mutable_environment())["PASSWORD"] = "";
  process.mutable_spec()->add_secret_environment("PASSWORD");
  (*process.mutable_spec()->mutable_environment())["PORT"] = "80";
  auto& status = *process.mutable_status();
  status.set_state(v1::Process::STATE_RUNNING);
  status.set_ready(true);
  status.set_pid(77);
  status.mutable_start_time()->set_seconds(1000);
  status.mutable_cpu_time()->set_seconds(5);
  status.set_memory_bytes(3 << 20);
  status.set_running_generation(1);
  return process;
}

TEST(ProcessRenderTest, ARowHasItAll) {
  const std::string table = Row(RunningProcess(), 1'100'000);
  EXPECT_EQ(table,
            "ID      NAME  STATE    READY  PID  UPTIME  RESTARTS  LAST-EXIT  MEMORY   CPU\n"
            "proc_1  web   running  yes     77   1m40s         0  -            3MiB  5.0%\n");
}

TEST(ProcessRenderTest, AStoppedOneShowsNoOldNumbers) {
  v1::Process process = RunningProcess();
  process.mutable_status()->set_state(v1::Process::STATE_STOPPED);
  process.mutable_status()->mutable_last_exit()->set_reason(v1::ExitReport::REASON_SIGNALED);
  process.mutable_status()->mutable_last_exit()->set_signal("TERM");
  const std::string table = Row(process, 1'100'000);
  EXPECT_THAT(table, AllOf(HasSubstr("stopped"), HasSubstr("signal TERM"), Not(HasSubstr("77")),
                           Not(HasSubstr("MiB"))));
}

TEST(ProcessRenderTest, DriftIsMarked) {
  v1::Process process = RunningProcess();
  process.set_generation(2);
  EXPECT_THAT(Row(process, 1'100'000), HasSubstr("running*"));
  EXPECT_THAT(Details(process, 1'100'000),
              AllOf(HasSubstr("restart pending"), HasSubstr("`restart web`")));
}

TEST(ProcessRenderTest, TheDescriptionHidesValues) {
  EXPECT_THAT(Details(RunningProcess(), 1'100'000),
              AllOf(HasSubstr("PASSWORD(secret) PORT TOKEN"), Not(HasSubstr("hush")),
                    HasSubstr("running, ready")));
}

TEST(ProcessRenderTest, ExitReportsAreToldAsTheyAre) {
  v1::ExitReport report;
  EXPECT_EQ(ExitWord(report), "-");
  report.set_reason(v1::ExitReport::REASON_EXITED);
  report.set_exit_code(3);
  report.mutable_start_time()->set_seconds(1000);
  report.mutable_exit_time()->set_seconds(1002);
  report.mutable_exit_time()->set_nanos(500'000'000);
  report.set_attempt(2);
  EXPECT_EQ(DescribeExit(report), "exit 3 at 1970-01-01 00:16:42 +0000 after 2.5s (attempt 2)");
  report.set_reason(v1::ExitReport::REASON_SUPERVISOR_LOST);
  EXPECT_EQ(ExitWord(report), "supervisor lost");
  report.set_reason(v1::ExitReport::REASON_NOT_LIVE);
  EXPECT_EQ(ExitWord(report), "not live");
}

TEST(JsonTest, CanonicalNamesWithDefaults) {
  const std::string json = ToJson(RunningProcess());
  EXPECT_THAT(json,
              AllOf(HasSubstr("\"startTime\""), HasSubstr("\"restartCount\": 0"),
                    HasSubstr("\"STATE_RUNNING\""), HasSubstr("\"memoryBytes\": \"3145728\"")));
  const std::string line = ToJson(RunningProcess(), JsonLayout::kOneLine);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(TableTest, NoLineIsWiderThanTheTerminal) {
  Table table({{"NAME"}, {"PID", Table::Align::kRight}, {"STATE"}});
  table.AddRow({{"日本語のなまえ"}, {"12345"}, {"running", Style::kGood}});
  table.AddRow({{"web"}, {"7"}, {""}});
  for (size_t columns = 1; columns < 40; ++columns) {
    const std::string text = table.Render(false, columns);
    size_t lines = 0;
    for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1, ++lines) {
      EXPECT_LE(DisplayWidth(text.substr(at, text.find('\n', at) - at)), columns) << text;
    }
    EXPECT_EQ(lines, 3U);
  }
  EXPECT_EQ(table.Render(false, 30), table.Render(false));
  EXPECT_THAT(table.Render(false, 29), HasSubstr("12345  runni…\n"));
  EXPECT_THAT(table.Render(false, 27), HasSubstr("12345  run…\n"));
  EXPECT_THAT(table.Render(true, 27), HasSubstr("\x1b[32mrun…\x1b[0m\n"));
}

TEST(TableTest, OneLongNameLeavesRoomForTheRest) {
  Table table({{"NAME"}, {"SIZE", Table::Align::kRight}, {"CHANGED"}});
  table.AddRow({{std::string(200, 'n')}, {"5B"}, {"2s"}});
  table.AddRow({{"web"}, {"7B"}, {"1m"}});
  EXPECT_EQ(table.Render(false, 40),
            "NAME                  SIZE  CHANGED\n"
            "nnnnnnnnnnnnnnnnnnn…    5B  2s\n"
            "web                     7B  1m\n");
  EXPECT_THAT(table.Render(false), HasSubstr(std::string(200, 'n') + "    5B  2s\n"));
}

TEST(WidthTest, ColumnsOfATerminal) {
  EXPECT_EQ(DisplayWidth("żółw"), 4U);
  EXPECT_EQ(DisplayWidth("日本"), 4U);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1U);         // a combining accent
  EXPECT_EQ(DisplayWidth("\xf0\x9f\x90\xa7"), 2U);  // a penguin
  EXPECT_EQ(CutToWidth("日本語", 6), "日本語");
  EXPECT_EQ(CutToWidth("日本語", 5), "日本…");
  EXPECT_EQ(CutToWidth("日本語", 4), "日…");
  EXPECT_EQ(CutToWidth("abc", 0), "");
}

TEST(JsonTest, NothingThatATerminalActsOn) {
  v1::Process process;
  process.set_name("a\x1b[2J\x7f\xc2\x9b\xe2\x81\xa6\xe2\x80\xae\xf3\xa0\x80\x81z");
  for (const std::string& text : {ToJson(process), ToYaml(process)}) {
    std::string line =
        text.substr(text.find("name"), text.find('\n', text.find("name")) - text.find("name"));
    EXPECT_EQ(EscapeForTerminal(line), line);
  }
  EXPECT_THAT(ToJson(process), HasSubstr("\\u2066\\u202e\\udb40\\udc01z"));
  EXPECT_THAT(ToYaml(process), HasSubstr("\\u2066\\u202e\\U000e0001z"));
}

TEST(YamlTest, BlocksAndQuotes) {
  EXPECT_EQ(
      JsonToYaml(
          R"({"a": {}, "b": [], "c": [1, "x y", {"d": "e", "f": [true]}], "g": {"h": null}})"),
      "a: {}\n"
      "b: []\n"
      "c:\n"
      "  - 1\n"
      "  - \"x y\"\n"
      "  - d: e\n"
      "    f:\n"
      "      - true\n"
      "g:\n"
      "  h: null\n");
  EXPECT_EQ(JsonToYaml(R"({"a": "no", "b": "12", "c": "a: b", "d": "", "e": "a\"b\\", "y": "ok"})"),
            "a: \"no\"\n"
            "b: \"12\"\n"
            "c: \"a: b\"\n"
            "d: \"\"\n"
            "e: \"a\\\"b\\\\\"\n"
            "\"y\": ok\n");
}

}  // namespace
}  // namespace grpc_os::shell
