// One user's conversation with one daemon.
#ifndef GRPC_OS_SHELL_SESSION_H_
#define GRPC_OS_SHELL_SESSION_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/client.h"
#include "shell/command_table.h"
#include "shell/default_address.h"
#include "shell/exit_code.h"
#include "shell/render/resource_view.h"

namespace grpc_os::shell {

enum class Format { kTable, kWide, kJson, kJsonLines, kYaml, kName };

// "table", "wide", "json", "jsonl", "yaml", "name". INVALID_ARGUMENT otherwise.
absl::StatusOr<Format> ParseFormat(const std::string& word);

struct TerminalSize {
  size_t columns = 0;  // 0: not known, or no terminal
  size_t rows = 0;
};

// Where a session's words go and come from.
struct Console {
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool color = false;  // on `out`
  // Whether the commands are typed into the prompt of this program.
  bool interactive = false;
  // Whether `out` is a terminal on which text can be written over.
  bool can_redraw = false;
  // The same of `err`: then long transfers show there how far they are.
  bool shows_progress = false;
  // Whether standard input, output and error are a terminal that another program can be given.
  bool can_lend_terminal = false;
  // Of `out`, now; may be empty.
  std::function<TerminalSize()> size = {};
  // Asks a question that is answered by yes or no; empty if nobody is there to answer.
  std::function<bool(const std::string& question)> ask = {};
  // Asks for what must not be shown; nullopt if the user interrupts. Empty if nobody is there.
  std::function<std::optional<std::string>(const std::string& question)> ask_secret = {};
  // A line of standard input, where that is no terminal; nullopt at its end. May be empty.
  std::function<std::optional<std::string>()> read_line = {};
  // Whether standard input holds the commands themselves: then none of them may read it.
  bool input_is_script = false;
  // Whether the user has interrupted since the line of this command was typed; may be empty.
  std::function<bool()> interrupt_pending = {};
  // While the answer lives, a signal that ends the program interrupts the command first; may be
  // empty.
  std::function<std::shared_ptr<void>()> finish_first = {};
};

// Runs commands, one at a time, on one thread. Interrupt may be called from another.
class Session {
 public:
  struct Defaults {
    Format format = Format::kTable;
    std::chrono::milliseconds timeout{10'000};
    bool timeout_given = false;  // by the user, rather than the default
  };

  // Where this user's programs keep what they need for their next run, and what the user has set.
  struct Directories {
    std::string state;  // tokens are in `state`/tokens
    std::string config;
  };

  // That no target could be found is reported by the first command that needs one.
  Session(Console console, absl::StatusOr<Target> target, Directories directories,
          Defaults defaults, std::string token = {});

  // Runs a command and its arguments. Errors are printed.
  ExitCode Run(std::span<const std::string> words);
  // Splits a typed line first. A blank line or comment is kOk.
  ExitCode RunLine(const std::string& line);
  // Ends the command that runs. Thread-safe.
  void Interrupt();

  // For commands:
  client::Client& client() { return *client_; }
  const Console& console() const { return console_; }
  std::ostream& out() { return *out_; }
  std::ostream& err() { return *err_; }
  Format format() const { return format_; }
  // Whether the format is one of sentences and tables.
  bool for_people() const { return format_ == Format::kTable || format_ == Format::kWide; }
  // Whether it is JSON or YAML; what remains is kName.
  bool for_programs() const { return !for_people() && format_ != Format::kName; }
  // Whether it is one document, so that what comes piece by piece has to be collected for it.
  bool collects() const { return format_ == Format::kJson || format_ == Format::kYaml; }

  // What a command answers, as the format wants it: a command looks at the format itself only where
  // it does something else for another one. An error is reported.
  // One thing, all about it.
  template <typename T>
  ExitCode Show(const ResourceView<T>& view, const absl::StatusOr<T>& thing) {
    if (!thing.ok()) return Report(thing.status());
    if (for_people()) {
      out() << view.details(*thing).Render(console_.color);  // nothing of it is cut
    } else {
      Show(*thing, view.name(*thing), "");
    }
    return ExitCode::kOk;
  }
  // The things in the answer of a list call.
  template <typename T>
  void ShowList(const ResourceView<T>& view, const google::protobuf::Message& list) {
    if (collects()) return Print(list);
    const auto things = ItemsOf<T>(list);
    if (for_people()) return Print(view.TableOf(things, format_ == Format::kWide));
    for (const T& thing : things) ShowNext(thing, view.name(thing), "");
  }
  template <typename T, typename List>
  ExitCode ShowList(const ResourceView<T>& view, const absl::StatusOr<List>& list) {
    if (!list.ok()) return Report(list.status());
    ShowList(view, *list);
    return ExitCode::kOk;
  }
  // What was done to a thing, which `sentence` says of the answer.
  template <typename T>
  ExitCode ShowDone(const ResourceView<T>& view, const absl::StatusOr<T>& answer,
                    const std::function<std::string(const T&)>& sentence) {
    if (!answer.ok()) return Report(answer.status());
    Show(*answer, view.name(*answer), sentence(*answer));
    return ExitCode::kOk;
  }
  // The parts: the answer for programs; a name, or nothing, for scripts; a sentence, or nothing,
  // for people, of any origin: it is escaped.
  void Show(const google::protobuf::Message& message, const std::string& name,
            const std::string& sentence);
  // The next of a stream of messages: on a line, or as a YAML document of its own. `line` is ready
  // to be printed.
  void ShowNext(const google::protobuf::Message& message, const std::string& name,
                const std::string& line);
  // What else helps, for people at a terminal; `text` is ours, its commands as TypedIn takes them.
  // Whether it was shown.
  bool Hint(const std::string& text);
  // Cut to the terminal unless the format is kWide.
  void Print(const Table& table);
  // In the format for programs that is asked for; kJsonLines is one line.
  void Print(const google::protobuf::Message& message);
  // A name or id on a line of its own.
  void PrintName(const std::string& name);

  // Whether `--timeout` was given: then it bounds also what takes longer by nature.
  bool timeout_given() const { return timeout_given_; }
  bool interrupted() const { return interrupted_; }
  // Waits; false as soon as the user interrupts.
  bool Pause(std::chrono::milliseconds time);
  // Prints an error, escaped, with its fields and what helps, and gives its exit code.
  ExitCode Report(const absl::Status& status);
  // Whether a command may read lines of standard input. INVALID_ARGUMENT: they are the script that
  // runs, which ends here, because what follows may be meant as input. `cure` is the command as it
  // works by itself, as in "grpc-os put - NAME < FILE".
  absl::Status MayReadInput(const std::string& cure);
  // The same of all of it, which can be had once unless it is a terminal.
  absl::Status TakeInput(const std::string& cure);
  // As the user would have to type a command here: "logs web" or "grpc-os logs web".
  std::string Typed(const std::string& command) const;
  // `text` with each `command` in it as Typed gives it.
  std::string TypedIn(const std::string& text) const;

  // The folder of objects that relative names count from: "/" or "/a/b/".
  const std::string& directory() const { return directory_; }
  const std::string& previous_directory() const { return previous_directory_; }
  void ChangeDirectory(std::string directory) {
    previous_directory_ = std::exchange(directory_, std::move(directory));
  }
  const std::string& state_directory() const { return directories_.state; }
  Contexts contexts() const { return Contexts(directories_.config); }

  const Target& target() const { return target_; }
  // Why there is none.
  const absl::Status& target_error() const { return target_error_; }
  // Whoever runs the commands goes on in another session: in this context, or (empty) with what is
  // meant by itself.
  void GoOnIn(std::string context) { next_ = std::move(context); }
  const std::optional<std::string>& next() const { return next_; }

  // Who is logged in, for the prompt.
  const std::optional<std::string>& user() const { return user_; }
  void set_user(std::optional<std::string> user) { user_ = std::move(user); }
  bool wants_to_leave() const { return wants_to_leave_; }
  void Leave() { wants_to_leave_ = true; }

 private:
  ExitCode RunParsed(const Command& command, const Arguments& arguments);
  // Runs it again and again until the user interrupts or it fails for good.
  ExitCode RunWatched(const Command& command, const Arguments& arguments,
                      std::chrono::milliseconds interval);
  void ShowFrame(const std::string& frame);

  const Console console_;
  std::ostream* out_;  // those of the console, or what a watched command is collected in
  std::ostream* err_;
  const Defaults defaults_;
  const absl::Status target_error_;
  const Target target_;
  const Directories directories_;
  std::string directory_ = "/";
  std::string previous_directory_ = "/";
  const std::unique_ptr<client::Client> client_;
  Format format_;
  bool timeout_given_ = false;
  std::optional<std::string> user_;
  std::optional<std::string> next_;
  bool wants_to_leave_ = false;
  bool input_taken_ = false;
  std::atomic<bool> interrupted_{false};
  std::mutex pause_mutex_;
  std::condition_variable pause_ended_;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_SESSION_H_
