// Text of unknown origin, made safe to show.
#ifndef GRPC_OS_SHELL_ESCAPE_H_
#define GRPC_OS_SHELL_ESCAPE_H_

#include <string>
#include <string_view>

namespace grpc_os::shell {

enum class Tabs { kEscape, kKeep };

// `text` without anything that a terminal acts on or that reorders what is read: control
// characters (C0, DEL, C1), bytes that are not UTF-8, and the bidirectional, line-separating and
// invisible characters of Unicode come out as \n, \x1b or \u202e. All else is unchanged.
// Reference: Unicode Standard Annex 9 and "Trojan Source" (CVE-2021-42574) for the latter.
std::string EscapeForTerminal(std::string_view text, Tabs tabs = Tabs::kEscape);

// JSON with the same characters (but newlines, which JSON has between its tokens) as \u202e, which
// means the same to whoever reads it.
std::string EscapeJson(std::string_view json);

// The columns that UTF-8 text without control characters takes on a terminal: combining characters
// none, those of East Asia and pictures two. Reference: Unicode Standard Annex 11.
size_t DisplayWidth(std::string_view text);

// `text` cut to `columns`, ending with … if anything was cut off.
std::string CutToWidth(std::string_view text, size_t columns);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_ESCAPE_H_
