#include "shell/line_editor.h"

#include <fcntl.h>
#include <poll.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <stdio.h>  // readline's headers need FILE
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "shell/command_table.h"
#include "shell/suggest.h"

namespace grpc_os::shell {
namespace {

constexpr int kHistoryLines = 5000;

// What readline's callbacks, which take no context, find their work in.
struct Typing {
  bool done = false;
  std::optional<std::string> line;
};
Typing* typing = nullptr;

void OnLine(char* text) {
  typing->done = true;
  if (text != nullptr) typing->line = text;
  std::free(text);
  rl_callback_handler_remove();
}

// The words that may stand where the completion began; set by Complete, read by NextMatch.
std::vector<std::string>& Candidates() {
  static auto* const candidates = new std::vector<std::string>();
  return *candidates;
}

char* NextMatch(const char* text, int state) {
  static size_t next = 0;
  if (state == 0) next = 0;
  while (next < Candidates().size()) {
    const std::string& candidate = Candidates()[next++];
    if (candidate.starts_with(text)) return ::strdup(candidate.c_str());
  }
  return nullptr;
}

char** Complete(const char* text, int start, int /*end*/) {
  rl_attempted_completion_over = 1;  // never file names
  const std::string before = std::string(rl_line_buffer).substr(0, static_cast<size_t>(start));
  const size_t word = before.find_first_not_of(" \t");
  Candidates().clear();
  if (word == std::string::npos) {
    Candidates() = CommandNames();
  } else {
    const std::string name = before.substr(word, before.find_first_of(" \t", word) - word);
    const Command* command = FindCommand(name);
    if (command == nullptr) return nullptr;
    if (text[0] == '-') {
      for (const auto* options : {&command->options, &CommonOptions()}) {
        for (const Option& option : *options) Candidates().push_back("--" + option.name);
      }
    } else if (command->name == "help") {
      Candidates() = CommandNames();
    }
  }
  return rl_completion_matches(text, NextMatch);
}

// The file as 0600, made if it is not there; false if it cannot be had so.
bool MakePrivate(const std::string& path) {
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  std::filesystem::create_directories(directory.parent_path(), error);
  ::mkdir(directory.c_str(), 0700);
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  return fd && ::fchmod(fd.get(), 0600) == 0;
}

}  // namespace

std::string HistoryLine(const std::string& line) {
  // As the shell would read the first word: without quotes and backslashes.
  std::string word;
  size_t at = line.find_first_not_of(" \t");
  for (; at < line.size() && line[at] != ' ' && line[at] != '\t'; ++at) {
    if (std::string_view("'\"\\").find(line[at]) == std::string_view::npos)
      word.push_back(line[at]);
  }
  if (word == "login") return "login";
  if (FindCommand(word) != nullptr) return line;
  constexpr size_t kMisspelt = 2;
  if (word.starts_with("login") || EditDistance(word, "login") <= kMisspelt) return "";
  return line;
}

LineEditor::LineEditor(std::string history_file, Interrupts& interrupts)
    : history_file_(std::move(history_file)), interrupts_(interrupts) {
  rl_readline_name = "grpc-os";  // for $if in .inputrc
  rl_catch_signals = 0;          // Interrupts takes Ctrl-C
  rl_attempted_completion_function = Complete;
  rl_completer_quote_characters = "\"'";
  using_history();
  stifle_history(kHistoryLines);
  if (MakePrivate(history_file_)) read_history(history_file_.c_str());
}

std::optional<std::string> LineEditor::Read(const std::string& prompt) {
  Typing current;
  typing = &current;
  interrupts_.Drain();
  rl_callback_handler_install(prompt.c_str(), OnLine);
  while (!current.done) {
    struct pollfd poll_fds[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                                {.fd = interrupts_.fd(), .events = POLLIN, .revents = 0}};
    if (::poll(poll_fds, 2, -1) < 0) {
      if (errno != EINTR) break;
      // A window that changed its size.
      rl_resize_terminal();
      continue;
    }
    if (poll_fds[1].revents != 0) {
      interrupts_.Drain();
      ::fputs("^C\n", rl_outstream);
      rl_free_line_state();
      rl_callback_sigcleanup();
      rl_replace_line("", 1);
      rl_on_new_line();
      rl_redisplay();
      continue;
    }
    if (poll_fds[0].revents != 0) rl_callback_read_char();
  }
  if (!current.done) rl_callback_handler_remove();
  typing = nullptr;
  return current.line;
}

void LineEditor::Remember(const std::string& line) {
  const std::string kept = HistoryLine(line);
  if (kept.find_first_not_of(" \t") == std::string::npos) return;
  const HIST_ENTRY* last =
      history_length > 0 ? history_get(history_base + history_length - 1) : nullptr;
  if (last != nullptr && kept == last->line) return;
  add_history(kept.c_str());
  if (MakePrivate(history_file_)) append_history(1, history_file_.c_str());
}

}  // namespace grpc_os::shell
