#include "shell/program.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/version.h"
#include "client/errors.h"
#include "client/token_file.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "manifest/quantity.h"
#include "shell/command_table.h"
#include "shell/completion.h"
#include "shell/contexts.h"
#include "shell/default_address.h"
#include "shell/escape.h"
#include "shell/help.h"
#include "shell/history.h"
#include "shell/interrupts.h"
#include "shell/line_editor.h"
#include "shell/live_names.h"
#include "shell/object_path.h"
#include "shell/parser.h"
#include "shell/secret.h"
#include "shell/session.h"
#include "shell/words.h"

namespace grpc_os::shell {
namespace {

std::optional<std::string> FromEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

// Reference: no-color.org
bool WantsColor(bool is_terminal) {
  return is_terminal && !FromEnvironment("NO_COLOR") &&
         FromEnvironment("TERM").value_or("dumb") != "dumb";
}

// One line from standard input, however long it takes, and not a byte of what follows: that is for
// whoever reads next. nullopt: Ctrl-C, or the end of input.
std::optional<std::string> ReadLine(const Interrupts& interrupts) {
  std::string line;
  while (true) {
    struct pollfd poll_fds[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                                {.fd = interrupts.fd(), .events = POLLIN, .revents = 0}};
    if (::poll(poll_fds, 2, -1) < 0 && errno != EINTR) return std::nullopt;
    if (poll_fds[1].revents != 0) return std::nullopt;
    char c = 0;
    if (poll_fds[0].revents == 0) continue;
    if (::read(STDIN_FILENO, &c, 1) != 1) {
      return line.empty() ? std::nullopt : std::optional<std::string>(line);
    }
    if (c == '\n') return line;
    line.push_back(c);
  }
}

TerminalSize SizeOfTerminal() {
  struct winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return {.columns = size.ws_col, .rows = size.ws_row};
  }
  size_t columns = 0;
  if (!absl::SimpleAtoi(FromEnvironment("COLUMNS").value_or(""), &columns)) columns = 0;
  return {.columns = columns};
}

absl::StatusOr<Session::Defaults> ReadDefaults(const Arguments& options) {
  Session::Defaults defaults;
  if (const auto word = options.Value("output")) {
    const auto format = ParseFormat(*word);
    if (!format.ok()) return format.status();
    defaults.format = *format;
  }
  if (const auto text = options.Value("timeout")) {
    const auto ms = manifest::ParseDurationMs(*text);
    if (!ms.ok()) return ms.status();
    defaults.timeout = std::chrono::milliseconds(*ms);
    defaults.timeout_given = true;
  }
  return defaults;
}

// What stands before "grpc-os> ".
std::string PlaceOf(const Session& session) {
  const Target& target = session.target();
  const std::string at =
      EscapeForTerminal(target.name.empty() ? target.address.DisplayHost() : target.name);
  const std::string warning = target.production ? " (production)" : "";
  if (!session.user()) return target.context.empty() ? "" : at + warning;
  std::string where = session.directory();
  if (where.size() > 1) where.pop_back();  // the slash at its end
  return absl::StrCat(EscapeForTerminal(*session.user()), "@", at,
                      where == "/" ? "" : absl::StrCat(":", EscapeForTerminal(where)), warning);
}

// `colored`: with what readline needs around what takes no room.
std::string Prompt(const Session& session, bool colored) {
  std::string place = PlaceOf(session);
  if (place.empty()) return "grpc-os> ";
  if (colored && session.target().production)
    place = absl::StrCat("\001\x1b[1;31m\002", place, "\001\x1b[0m\002");
  return place + " grpc-os> ";
}

std::string Farewell(const Target& target) {
  std::string text = "gRPC OS goes on running.";
  constexpr std::string_view kSocket = "/run/api.sock";
  const std::string& path = target.address.path;
  const bool has_directory = target.address.is_unix && path.ends_with(kSocket);
  if (!target.is_of_make && !has_directory) return text;
  const std::string stop =
      target.is_of_make
          ? "make "
          : absl::StrCat("grpc-os-init --data-dir ",
                         QuoteWord(path.substr(0, path.size() - kSocket.size())), " --");
  return EscapeForTerminal(absl::StrCat(text, " `", stop,
                                        "stop` ends the control plane and leaves the processes, `",
                                        stop, "stop-all` ends everything."));
}

// Finds out who is logged in, for the prompt. Only a daemon that is away is an error.
ExitCode Recognize(Session& session) {
  if (!session.target_error().ok()) return session.Report(session.target_error());
  const auto who = session.client().WhoAmI();
  if (who.ok()) {
    session.set_user(who->identity().user());
    return ExitCode::kOk;
  }
  const ExitCode code = session.Report(who.status());
  return absl::IsUnauthenticated(who.status()) ? ExitCode::kOk : code;
}

// A token that is not a header's value would be refused by gRPC in words that help nobody.
absl::StatusOr<std::string> TokenOfEnvironment() {
  const std::string token = FromEnvironment("GRPC_OS_TOKEN").value_or("");
  for (const char c : token) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) {
      return absl::InvalidArgumentError(
          "GRPC_OS_TOKEN holds blanks or control characters, so it is no token. `token create` "
          "makes one; `unset GRPC_OS_TOKEN` does without.");
    }
  }
  return token;
}

// The session that runs the commands, and the one after it, where a command goes on in another
// context.
class Conversation {
 public:
  // Makes a session with what is named.
  using Open = std::function<std::unique_ptr<Session>(const Named& named)>;

  Conversation(Open open, const Named& named) : open_(std::move(open)), session_(open_(named)) {}

  Session& session() { return *session_; }
  // Ends what runs. Thread-safe.
  void Interrupt() {
    const std::lock_guard<std::mutex> lock(mutex_);
    session_->Interrupt();
  }
  // After a command. Whether there is another session now.
  bool Follow() {
    if (!session_->next()) return false;
    Named named;
    if (!session_->next()->empty()) named.context = *session_->next();
    std::unique_ptr<Session> next = open_(named);
    if (session_->wants_to_leave()) next->Leave();
    const std::lock_guard<std::mutex> lock(mutex_);
    session_ = std::move(next);
    return true;
  }

 private:
  const Open open_;
  std::mutex mutex_;
  std::unique_ptr<Session> session_;
};

// Names of the session's daemon, for completion.
using OpenNames = std::function<std::unique_ptr<LiveNames>(const Session& session)>;

ExitCode RunPrompt(Conversation& conversation, Interrupts& interrupts,
                   const std::string& state_directory, const OpenNames& open_names) {
  if (const ExitCode code = Recognize(conversation.session()); code != ExitCode::kOk) return code;
  conversation.session().out() << "gRPC OS " << kVersion
                               << ". `help` lists the commands, `exit` leaves.\n"
                               << std::flush;
  std::unique_ptr<LiveNames> names = open_names(conversation.session());
  LineEditor editor(
      state_directory + "/history", interrupts,
      [&](std::span<const std::string> before, const std::string& word) {
        return Complete(before, word, [&](const WordKind& kind, const std::string& begun) {
          return names->Of(kind, ResolveBegun(conversation.session().directory(), begun));
        });
      });
  while (!conversation.session().wants_to_leave()) {
    const bool colored = conversation.session().console().color;
    const auto text = editor.Read(Prompt(conversation.session(), colored));
    if (!text) {
      conversation.session().out() << "\n";
      break;
    }
    // Several commands were pasted: each is shown again with its answer.
    const std::vector<std::string> commands = SplitPasted(*text);
    for (const std::string& command : commands) {
      Session& session = conversation.session();
      if (commands.size() > 1) {
        session.out() << Prompt(session, false) << EscapeForTerminal(HistoryLine(command)) << "\n"
                      << std::flush;
      }
      editor.Remember(command);
      if (session.RunLine(command) == ExitCode::kInterrupted) {
        session.out() << "\n" << std::flush;
        break;
      }
      if (conversation.Follow()) {
        names = open_names(conversation.session());
        (void)Recognize(conversation.session());
      }
      if (conversation.session().wants_to_leave()) break;
    }
  }
  conversation.session().out() << Farewell(conversation.session().target()) << "\n" << std::flush;
  return ExitCode::kOk;
}

// As a shell script, but without an end at the first failure. The worst exit code.
ExitCode RunScript(Conversation& conversation) {
  ExitCode worst = ExitCode::kOk;
  std::string text;
  std::string line;
  while (!conversation.session().wants_to_leave() && std::getline(std::cin, line)) {
    text += line;
    // A quote that is open at the end of the input is refused as such.
    if (WhatIsUnfinished(text) != Unfinished::kNothing && std::cin.peek() != EOF) {
      text += "\n";
      continue;
    }
    const ExitCode code = conversation.session().RunLine(text);
    text.clear();
    worst = Worst(worst, code);
    if (code == ExitCode::kInterrupted) break;
    conversation.Follow();
  }
  return worst;
}

// As RunScript; nothing is run if the text as a whole is malformed.
ExitCode RunCommands(Conversation& conversation, const std::string& text) {
  const auto commands = SplitCommands(text);
  if (!commands.ok()) return conversation.session().Report(commands.status());
  ExitCode worst = ExitCode::kOk;
  for (const std::vector<std::string>& words : *commands) {
    const ExitCode code = conversation.session().Run(words);
    worst = Worst(worst, code);
    conversation.Follow();
    if (code == ExitCode::kInterrupted || conversation.session().wants_to_leave()) break;
  }
  return worst;
}

Named NamedBy(const Arguments& options) {
  return {.address = options.Value("address"),
          .context = options.Value("context"),
          .secure = options.Has("secure"),
          .ca = options.Value("ca")};
}

struct Invocation {
  Arguments options;
  std::span<const std::string> command;
};

ExitCode Run(const Invocation& invocation) {
  const auto commands = invocation.options.Value("commands");
  const bool given = commands.has_value() || !invocation.command.empty();
  const bool interactive = !given && ::isatty(STDIN_FILENO) == 1;
  const bool can_ask = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
  Interrupts interrupts(interactive ? Interrupts::Second::kIsLikeTheFirst
                                    : Interrupts::Second::kEndsProgram);
  Console console = {.out = std::cout, .err = std::cerr};
  console.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  console.err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  console.color = WantsColor(console.out_is_terminal);
  console.interactive = interactive;
  console.interrupt_pending = [&interrupts] { return interrupts.IsPending(); };
  console.finish_first = [&interrupts] { return interrupts.FinishFirst(); };
  console.can_redraw =
      console.out_is_terminal && FromEnvironment("TERM").value_or("dumb") != "dumb";
  console.shows_progress =
      console.err_is_terminal && FromEnvironment("TERM").value_or("dumb") != "dumb";
  console.can_lend_terminal = can_ask && console.out_is_terminal;
  console.size = SizeOfTerminal;
  console.input_is_script = !interactive && !given;
  if (::isatty(STDIN_FILENO) != 1) {
    console.read_line = [&interrupts] { return ReadLine(interrupts); };
  }
  if (can_ask) {
    console.ask = [&interrupts](const std::string& question) {
      std::cout << std::flush;
      std::cerr << question << " [y/N] " << std::flush;
      const std::string answer = absl::AsciiStrToLower(ReadLine(interrupts).value_or(""));
      return answer == "y" || answer == "yes";
    };
    console.ask_secret = [&interrupts](const std::string& question) {
      return ReadSecret(question, interrupts);
    };
  }
  const auto defaults = ReadDefaults(invocation.options);
  if (!defaults.ok()) {
    std::cerr << EscapeForTerminal(std::string(defaults.status().message())) << "\n";
    return ExitCode::kUsage;
  }
  const auto token = TokenOfEnvironment();
  if (!token.ok()) {
    std::cerr << token.status().message() << "\n";
    return ExitCode::kUsage;
  }
  const Session::Directories directories = {.state = client::StateDirectory(),
                                            .config = client::ConfigDirectory()};
  Conversation conversation(
      [&](const Named& named) {
        return std::make_unique<Session>(
            console, FindTarget(named, FromEnvironment, Contexts(directories.config)), directories,
            *defaults, *token);
      },
      NamedBy(invocation.options));
  interrupts.Start([&conversation] { conversation.Interrupt(); });
  // The session must not end while it is being interrupted.
  const absl::Cleanup stop = [&interrupts] { interrupts.Stop(); };
  if (commands) return RunCommands(conversation, *commands);
  if (!invocation.command.empty()) return conversation.session().Run(invocation.command);
  if (!interactive) return RunScript(conversation);
  return RunPrompt(conversation, interrupts, directories.state, [&](const Session& session) {
    return std::make_unique<LiveNames>(session.target().address,
                                       OptionsFor(session.target(), directories.state, *token));
  });
}

// `__complete WORDS…`, for bash. The words are any user's typing: no options of ours.
ExitCode RunComplete(std::span<const std::string> raw_words) {
  const BashWords words = ReadBashWords(raw_words);
  std::span<const std::string> rest;
  const auto options = ParseProgramOptions(words.before, rest);
  const auto token = TokenOfEnvironment();
  std::unique_ptr<LiveNames> names;
  const auto ask = [&](const WordKind& kind, const std::string& begun) -> LiveWords {
    const auto target = FindTarget(options.ok() ? NamedBy(*options) : Named(), FromEnvironment,
                                   Contexts(client::ConfigDirectory()));
    if (!target.ok() || !token.ok()) return {};
    names = std::make_unique<LiveNames>(target->address,
                                        OptionsFor(*target, client::StateDirectory(), *token));
    return names->Of(kind, ResolveBegun("/", begun));
  };
  for (const std::string& word : CompleteForBash(words, ask)) std::cout << word << "\n";
  std::cout << std::flush;
  // Whoever is still asked is not waited for.
  ::_exit(std::cout ? 0 : 1);
}

}  // namespace

ExitCode RunProgram(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments[0] == "__complete") {
    return RunComplete(std::span(arguments).subspan(1));
  }
  Invocation invocation;
  auto options = ParseProgramOptions(arguments, invocation.command);
  if (!options.ok()) {
    std::cerr << EscapeForTerminal(std::string(options.status().message())) << "\n";
    return ExitCode::kUsage;
  }
  invocation.options = *std::move(options);
  if (invocation.options.Has("commands") && !invocation.command.empty()) {
    std::cerr << "-c and a command exclude each other. `grpc-os --help` shows both.\n";
    return ExitCode::kUsage;
  }
  if (invocation.options.Has("version")) {
    std::cout << "grpc-os " << kVersion << "\n";
    return ExitCode::kOk;
  }
  if (invocation.options.Has("help")) {
    std::cout << HelpText();
    return ExitCode::kOk;
  }
  return Run(invocation);
}

}  // namespace grpc_os::shell
