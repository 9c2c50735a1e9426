// For tests: commands as a user types them, against a daemon of records.
#ifndef GRPC_OS_SHELL_COMMANDS_TYPED_COMMANDS_H_
#define GRPC_OS_SHELL_COMMANDS_TYPED_COMMANDS_H_

#include <deque>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "base/utf8.h"
#include "client/fake_daemon.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/session.h"

namespace grpc_os::shell {

class TypedCommands {
 protected:
  TypedCommands() { NewSession(daemon_.address()); }

  void NewSession(const std::string& address, Session::Defaults defaults = {},
                  const std::string& token = "") {
    Console console = {.out = out_, .err = err_};
    console.interactive = !input_is_script_;
    console.input_is_script = input_is_script_;
    console.out_is_terminal = is_terminal_;
    console.size = [this] { return size_; };
    if (!no_answers_) {
      console.ask = [this](const std::string& question) {
        asked_ += question;
        return answer_;
      };
    }
    if (can_type_secrets_) {
      console.ask_secret = [this](const std::string& question) -> std::optional<std::string> {
        asked_ += question;
        if (secrets_.empty()) return std::nullopt;
        std::string secret = secrets_.front();
        secrets_.pop_front();
        return secret;
      };
    }
    if (!input_.empty() || input_is_script_) {
      console.read_line = [this]() -> std::optional<std::string> {
        if (input_.empty()) return std::nullopt;
        std::string line = input_.front();
        input_.pop_front();
        return line;
      };
    }
    console.interrupt_pending = [this] { return interrupt_pending_; };
    session_ = std::make_unique<Session>(console, TargetAt(address), directories_, defaults, token);
  }

  absl::StatusOr<Target> TargetAt(const std::string& address) const {
    auto parsed = client::ParseAddress(address);
    if (!parsed.ok()) return parsed.status();
    Target target = target_;
    target.address = *std::move(parsed);
    return target;
  }

  // Runs a line; then `out()` and `err()` are what it printed.
  ExitCode Run(const std::string& line) {
    out_.str("");
    err_.str("");
    return session_->RunLine(line);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  static v1::TailLogsResponse LogMessage(const std::string& text, const std::string& cursor) {
    v1::TailLogsResponse message;
    message.set_cursor(cursor);
    auto* line = message.add_lines();
    IsValidUtf8(text) ? line->set_text(text) : line->set_raw(text);
    line->set_stream(v1::LogLine::STREAM_STDOUT);
    return message;
  }

  client::TemporaryDirectory directory_;
  client::FakeDaemon daemon_{directory_.path()};
  const Session::Directories directories_{.state = directory_.path() + "/state",
                                          .config = directory_.path() + "/config"};
  std::stringstream out_;
  std::stringstream err_;
  bool is_terminal_ = false;
  TerminalSize size_;
  std::string asked_;
  bool answer_ = true;
  bool no_answers_ = false;  // nobody can be asked
  bool can_type_secrets_ = true;
  std::deque<std::string> secrets_;  // what is typed where nothing is shown
  std::deque<std::string> input_;    // lines of standard input
  Target target_;                    // but for its address
  bool input_is_script_ = false;     // which are the commands
  bool interrupt_pending_ = false;
  std::unique_ptr<Session> session_;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_TYPED_COMMANDS_H_
