// Whatever stands in the daemon's records: nothing of it makes a terminal do anything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "grpc_os/v1/auth_services.pb.h"
#include "grpc_os/v1/deploy_services.pb.h"
#include "grpc_os/v1/domain_services.pb.h"
#include "grpc_os/v1/event_services.pb.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/commands/typed_commands.h"
#include "shell/completion.h"
#include "shell/escape.h"

namespace grpc_os::shell {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// Each begins with "x", so that it could be meant by what is typed.
std::vector<std::string> HostileTexts() {
  std::vector<std::string> texts;
  // Every control character of C0 and C1, and each as a prefix of a sequence.
  for (int c = 0; c < 0x20; ++c) texts.push_back("x" + std::string(1, static_cast<char>(c)) + "y");
  texts.emplace_back("x\x7f");
  for (int c = 0x80; c < 0xA0; ++c) {
    texts.push_back("x\xc2" + std::string(1, static_cast<char>(c)) + "31m");
  }
  for (const char* sequence :
       {"[2J", "[31m", "]0;owned\a", "]52;c;aGk=\a", "]8;;http://x\x1b\\", "P1$r\x1b\\", "c", "[6n",
        "[5i", "_Gx\x1b\\", "^x\x1b\\", "[?1049h", "#8", "(0", "[201~", "[?2004l"}) {
    texts.push_back("x\x1b" + std::string(sequence));
  }
  // Bidirectional controls, separators, invisible characters, tags.
  for (const char* c :
       {"\xe2\x80\xaa",     "\xe2\x80\xab",    "\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae",
        "\xe2\x81\xa6",     "\xe2\x81\xa7",    "\xe2\x81\xa8", "\xe2\x81\xa9", "\xe2\x80\x8e",
        "\xe2\x80\x8f",     "\xd8\x9c",        "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\x8b",
        "\xe2\x80\x8c",     "\xe2\x80\x8d",    "\xef\xbb\xbf", "\xc2\xad",     "\xe2\x81\xa0",
        "\xf3\xa0\x80\x81", "\xf3\xa0\x81\xbf"}) {
    texts.push_back("x" + std::string(c) + "y");
    texts.push_back("x\r" + std::string(c));
  }
  for (int i = 0; i < 24; ++i) {
    texts.push_back("x\n" + std::string(static_cast<size_t>(i), '\b') + "admin@local grpc-os> ");
  }
  return texts;
}

// Bytes that only a log can carry: the strings of protobuf are UTF-8.
const std::vector<std::string> kNotUtf8 = {"x\x9b",         "x\xe2\x80", "x\xc0\x9b",
                                           "x\xed\xa0\x80", "x\xff\xfe", "x\xf4\x90\x80\x80"};

class HostileTest : public ::testing::Test, protected TypedCommands {
 protected:
  using TypedCommands::Run;

  HostileTest() {
    is_terminal_ = true;
    NewSession(daemon_.address());
  }

  void ExpectHarmless(const std::string& text, const std::string& what) {
    size_t begin = 0;
    while (begin < text.size()) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const std::string line = text.substr(begin, end - begin);
      EXPECT_EQ(EscapeForTerminal(line), line) << what;
      begin = end + 1;
    }
  }
  void ExpectHarmless(const std::string& command) {
    for (const char* format : {"table", "wide", "json", "jsonl", "yaml", "name"}) {
      const std::string whole = command + " -o " + format;
      (void)Run(whole);
      ExpectHarmless(out(), whole);
      ExpectHarmless(err(), whole);
    }
  }
};

TEST_F(HostileTest, ThereAreEnough) { EXPECT_GE(HostileTexts().size() + kNotUtf8.size(), 150U); }

TEST_F(HostileTest, InEveryColumn) {
  const std::vector<std::string> texts = HostileTexts();
  std::vector<std::string> names;  // that can be typed
  for (const std::string& text : texts) {
    v1::Process& process = daemon_.AddProcess(text, v1::Process::STATE_BACKOFF);
    process.mutable_spec()->set_command(text);
    process.mutable_spec()->set_account(text);
    process.mutable_spec()->set_version(text);
    process.mutable_spec()->set_release(text);
    process.mutable_spec()->set_bundle(text);
    process.mutable_spec()->add_domains(text);
    process.mutable_spec()->add_depends_on()->set_process(text);
    process.mutable_spec()->add_volumes()->set_path(text);
    (*process.mutable_spec()->mutable_labels())[text] = text;
    std::vector<v1::Revision>& revisions = daemon_.state.revisions["web"];
    v1::Revision& revision = revisions.emplace_back();
    revision.set_process(text);
    revision.set_process_id(text);
    revision.set_number(static_cast<int64_t>(revisions.size()));
    revision.set_owner(text);
    revision.set_message(text);
    *revision.mutable_spec() = process.spec();
    (*process.mutable_spec()->mutable_environment())[text] = text;
    process.mutable_status()->set_message(text);
    process.mutable_status()->mutable_last_exit()->set_reason(v1::ExitReport::REASON_SIGNALED);
    process.mutable_status()->mutable_last_exit()->set_signal(text);
    process.mutable_status()->mutable_last_exit()->set_message(text);
    daemon_.AddUser(text, "", {text}).set_etag(text);
    v1::Session& session = daemon_.state.sessions[text];
    session.set_id(text);
    session.set_user(text);
    session.set_login_method("token");
    session.set_source(text);
    session.set_label(text);
    session.add_roles(text);
    v1::AuditRecord& record = daemon_.state.audit.emplace_back();
    record.set_user(text);
    record.set_session_id(text);
    record.set_source(text);
    record.set_method(text);
    record.set_resource(text);
    record.set_result(text);
    record.set_reason(text);
    record.set_call_id(text);
    v1::WatchResponse& message = daemon_.state.events.emplace_back();
    message.set_revision(10);
    v1::Event& event = *message.add_events();
    event.set_revision(10);
    event.set_kind(text);
    event.set_name(text);
    event.set_action(text);
    (*event.mutable_attributes())[text] = text;
    v1::Object& object = daemon_.AddObject("/h/" + text, text);
    object.set_owner(text);
    object.set_content_type(text);
    (*object.mutable_metadata())[text] = text;
    daemon_.state.quotas[text].set_prefix(text);
    v1::Domain& domain = daemon_.state.domains[text];
    domain.set_name(text);
    domain.set_id(text);
    domain.set_owner(text);
    domain.mutable_spec()->add_routes()->set_path(text);
    v1::DomainStatus& domain_status = *domain.mutable_status();
    domain_status.set_message(text);
    domain_status.set_next_step(text);
    domain_status.set_managed_by(text);
    domain_status.set_url("http://" + text);
    v1::DomainTargetStatus& target = *domain_status.add_targets();
    target.set_path(text);
    target.set_process(text);
    target.set_probe(text);
    daemon_.state.edge_problem = text;
    daemon_.state.reloaded.add_created(text);
    daemon_.state.reloaded.set_file(text);
    if (text.find_first_of("\n\r") == std::string::npos && text.find('\'') == std::string::npos)
      names.push_back(text);
  }
  daemon_.state.events.emplace_back().set_synced(true);
  for (const std::string& name : names) {
    daemon_.state.domain_status = daemon_.state.domains[name].status();
    ExpectHarmless("domain-status '" + name + "'");
    for (const auto state : {v1::DomainStatus::STATE_PENDING, v1::DomainStatus::STATE_ACTIVE,
                             v1::DomainStatus::STATE_REJECTED}) {
      daemon_.state.domain_status.set_state(state);
      (void)Run("assign '" + name + "' web --replace");
      ExpectHarmless(out(), "assign");
      ExpectHarmless(err(), "assign");
    }
  }
  for (const char* command : {"domains", "reload", "ls -l /h", "find /h", "stat '/h/*'", "quota ls",
                              "ps", "ps -l", "user ls", "sessions", "token ls", "audit -n 1000",
                              "events -n 1000", "revisions web", "diff web 1 9"}) {
    ExpectHarmless(command);
  }
  for (const std::string& text : texts) {
    if (text.find('\t') != std::string::npos) continue;  // which stays as it is in a log
    for (const ExitCode end : {ExitCode::kConflict, ExitCode::kOk}) {
      daemon_.state.revisions.erase(text);
      daemon_.state.revisions["web"].resize(1);
      daemon_.state.revisions["web"][0].set_process(text);
      daemon_.state.deploy_steps = {v1::Revision::STEP_RELEASING};
      daemon_.state.deploy_fails = end == ExitCode::kOk ? "" : text;
      EXPECT_EQ(Run("rollback web 1"), end) << text << err();
      ExpectHarmless(out() + err(), "rollback");
    }
  }
}

TEST_F(HostileTest, InLogsAndErrors) {
  std::vector<std::string> texts = HostileTexts();
  texts.insert(texts.end(), kNotUtf8.begin(), kNotUtf8.end());
  std::string log;
  for (const std::string& text : texts) {
    if (text.find('\t') == std::string::npos)
      daemon_.state.log.push_back(LogMessage(text, log += "1"));
  }
  daemon_.AddProcess("web", v1::Process::STATE_STOPPED);
  EXPECT_EQ(Run("logs web"), ExitCode::kOk);
  ExpectHarmless(out(), "logs");
  // What is typed comes back in the error, whether ours or the daemon's.
  for (const std::string& text : HostileTexts()) {
    if (text.find_first_of("\n\r") != std::string::npos) continue;
    for (const char* command :
         {"ps '", "user show '", "sessions end '", "role grant admin '", "log-level '",
          "events --since '", "audit --since '", "'", "ps -o '", "user '", "help '"}) {
      EXPECT_NE(Run(command + text + "'"), ExitCode::kOk) << command << text;
      ExpectHarmless(out() + err(), command);
    }
  }
}

TEST_F(HostileTest, InCompletion) {
  const auto ask = [](const WordKind&, const std::string&) -> LiveWords {
    std::vector<std::string> texts = HostileTexts();
    texts.insert(texts.end(), kNotUtf8.begin(), kNotUtf8.end());
    return {.names = texts, .ids = texts};
  };
  const std::vector<std::string> before = {"kill"};
  EXPECT_THAT(Complete(before, "x", ask), IsEmpty());
  const auto one = [](const WordKind&, const std::string&) -> LiveWords {
    return {.names = {"x y", "x\x1b[2J"}};
  };
  EXPECT_THAT(Complete(before, "x", one), SizeIs(1));
}

}  // namespace
}  // namespace grpc_os::shell
