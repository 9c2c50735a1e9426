#include "shell/line_editor.h"

#include <fcntl.h>
#include <poll.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <stdio.h>  // readline's headers need FILE
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/unique_fd.h"
#include "shell/history.h"
#include "shell/words.h"

namespace grpc_os::shell {
namespace {

constexpr int kHistoryLines = 5000;
constexpr char kContinuation[] = "> ";

// What readline's callbacks, which take no context, find their work in.
struct Typing {
  bool done = false;
  std::optional<std::string> line;
};
Typing* typing = nullptr;

struct Completing {
  const LineEditor::Completer* completer = nullptr;
  std::string earlier;                  // the lines before this one that it goes on from
  std::vector<std::string> candidates;  // set by Complete, read by NextMatch
};
Completing& completing() {
  static auto* const one = new Completing();
  return *one;
}

void OnLine(char* text) {
  typing->done = true;
  if (text != nullptr) typing->line = text;
  std::free(text);
  rl_callback_handler_remove();
}

char* NextMatch(const char* /*text*/, int state) {
  static size_t next = 0;
  if (state == 0) next = 0;
  const auto& candidates = completing().candidates;
  return next < candidates.size() ? ::strdup(candidates[next++].c_str()) : nullptr;
}

// `text` is what readline takes for the word, perhaps with backslashes; ours is read from the line.
char** Complete(const char* text, int start, int end) {
  rl_attempted_completion_over = 1;  // never names of files
  // These two only make readline call the functions below that quote and unquote.
  rl_filename_completion_desired = 1;
  rl_filename_quoting_desired = 1;
  const Typed typed = SplitTyped(completing().earlier +
                                 std::string(rl_line_buffer).substr(0, static_cast<size_t>(end)));
  if (typed.in_comment || completing().completer == nullptr) return nullptr;
  // A word that readline sees otherwise than we do (quotes in its middle) is left alone.
  const auto inner = static_cast<int>(typed.start - completing().earlier.size());
  if (!typed.word.empty() && inner != start && inner + 1 != start) return nullptr;
  completing().candidates = (*completing().completer)(typed.before, typed.word);
  const auto& candidates = completing().candidates;
  // In a folder the word goes on.
  rl_completion_suppress_append = candidates.size() == 1 && candidates[0].ends_with('/') ? 1 : 0;
  return rl_completion_matches(text, NextMatch);
}

char* Quote(char* text, int /*match_type*/, char* quote) {
  const bool open = quote != nullptr && (*quote == '"' || *quote == '\'');
  std::string quoted;
  if (open) quoted.push_back(*quote);
  for (const char* c = text; *c != '\0'; ++c) {
    const bool special = open ? *quote == '"' && std::strchr("\"\\$`", *c) != nullptr
                              : std::strchr(" \t\"'\\|><&;#", *c) != nullptr;
    if (special) quoted.push_back('\\');
    quoted.push_back(*c);
  }
  return ::strdup(quoted.c_str());
}

char* Unquote(char* text, int quote) {
  std::string whole = quote == 0 ? "" : std::string(1, static_cast<char>(quote));
  return ::strdup(SplitTyped(whole + text).word.c_str());
}

int IsQuoted(char* line, int at) {
  int backslashes = 0;
  while (at - 1 - backslashes >= 0 && line[at - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2;
}

// readline asks the file system about what it completes; nothing of ours is a file.
int NoFile(char** name) {
  std::free(*name);
  *name = ::strdup("/nonexistent/grpc-os");
  return 1;
}

// Ctrl-C must not make the terminal drop what was typed before it: where poll has just said that
// there is something to read, the read would wait for the next key instead of for the interrupt.
void PrepareTerminal(int meta) {
  rl_prep_terminal(meta);
  struct termios modes = {};
  if (::tcgetattr(STDIN_FILENO, &modes) != 0) return;
  modes.c_lflag |= NOFLSH;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
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

LineEditor::LineEditor(std::string history_file, Interrupts& interrupts, Completer completer)
    : history_file_(std::move(history_file)),
      interrupts_(interrupts),
      completer_(std::move(completer)) {
  rl_readline_name = "grpc-os";  // for $if in .inputrc
  rl_catch_signals = 0;          // Interrupts takes Ctrl-C
  rl_prep_term_function = PrepareTerminal;
  completing().completer = &completer_;
  rl_attempted_completion_function = Complete;
  rl_completer_word_break_characters = " \t\n";
  rl_basic_word_break_characters = " \t\n";
  rl_completer_quote_characters = "\"'";
  rl_filename_quote_characters = " \t\n\"'\\|><&;#";
  rl_filename_quoting_function = Quote;
  rl_filename_dequoting_function = Unquote;
  rl_char_is_quoted_p = IsQuoted;
  rl_filename_stat_hook = NoFile;
  using_history();
  stifle_history(kHistoryLines);
  if (MakePrivate(history_file_)) read_history(history_file_.c_str());
}

LineEditor::~LineEditor() { completing().completer = nullptr; }

LineEditor::End LineEditor::ReadLine(const std::string& prompt, std::string& line) {
  Typing current;
  typing = &current;
  interrupts_.Drain();
  bool interrupted = false;
  rl_callback_handler_install(prompt.c_str(), OnLine);
  while (!current.done && !interrupted) {
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
      ::tcflush(STDIN_FILENO, TCIFLUSH);  // typed before it: not meant any more
      ::fputs("^C\n", rl_outstream);
      rl_free_line_state();
      rl_callback_sigcleanup();
      interrupted = true;
    } else if (poll_fds[0].revents != 0) {
      rl_callback_read_char();
    }
  }
  if (!current.done) rl_callback_handler_remove();
  typing = nullptr;
  if (interrupted) return End::kInterrupt;
  if (!current.line) return End::kInputEnds;
  line = *current.line;
  return End::kEnter;
}

std::optional<std::string> LineEditor::Read(const std::string& prompt) {
  std::string text;
  while (true) {
    std::string line;
    completing().earlier = text;
    switch (ReadLine(text.empty() ? prompt : kContinuation, line)) {
      case End::kInputEnds:
        // In the middle of something it gives up that only.
        if (text.empty()) return std::nullopt;
        ::fputs("\n", rl_outstream);
        text.clear();
        continue;
      case End::kInterrupt:
        text.clear();
        continue;
      case End::kEnter:
        break;
    }
    text += line;
    if (WhatIsUnfinished(text) == Unfinished::kNothing) return text;
    text += "\n";
  }
}

void LineEditor::Remember(const std::string& command) {
  const std::string kept = HistoryLine(command);
  if (kept.find_first_not_of(" \t\r\n") == std::string::npos) return;
  const HIST_ENTRY* last =
      history_length > 0 ? history_get(history_base + history_length - 1) : nullptr;
  if (last != nullptr && kept == last->line) return;
  add_history(kept.c_str());
  // The file has one entry per line.
  if (kept.find('\n') != std::string::npos) return;
  if (MakePrivate(history_file_)) append_history(1, history_file_.c_str());
}

}  // namespace grpc_os::shell
