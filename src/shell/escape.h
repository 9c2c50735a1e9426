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

// Characters (code points) of UTF-8 text: its width in a table.
size_t DisplayWidth(std::string_view text);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_ESCAPE_H_
