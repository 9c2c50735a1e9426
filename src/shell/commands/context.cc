// Contexts. Nothing here calls a daemon.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "client/token_file.h"
#include "shell/commands/for_each.h"
#include "shell/commands/kinds.h"
#include "shell/contexts.h"
#include "shell/default_address.h"
#include "shell/parser.h"
#include "shell/render/text.h"

namespace grpc_os::shell {
namespace {

std::string ProductionText(const Context& context) { return context.production() ? "yes" : "-"; }

Table Details(const Context& context) {
  Table table({{""}, {""}});
  table.AddRow({{"name"}, {context.name(), Style::kTitle}});
  table.AddRow({{"address"}, {context.address()}});
  if (!context.ca().empty()) table.AddRow({{"authorities"}, {context.ca()}});
  table.AddRow({{"user"}, {OrDash(context.user())}});
  table.AddRow({{"production"},
                {ProductionText(context), context.production() ? Style::kBad : Style::kPlain}});
  table.AddRow({{"in use"}, {context.in_use() ? "yes" : "no"}});
  return table;
}

// A `*` marks the one in use.
ResourceView<Context> View() {
  return {.name = [](const auto& each) { return each.name(); },
          .columns = {{"NAME",
                       [](const auto& each) -> Cell {
                         return {each.name() + (each.in_use() ? "*" : ""),
                                 each.production() ? Style::kBad : Style::kPlain};
                       }},
                      {"ADDRESS", [](const auto& each) { return each.address(); }},
                      {"USER", [](const auto& each) { return OrDash(each.user()); }},
                      {"PRODUCTION", ProductionText},
                      {"AUTHORITIES", [](const auto& each) { return OrDash(each.ca()); },
                       Table::Align::kLeft, ResourceView<Context>::In::kWide}},
          .details = Details};
}

// What of the environment goes before the context in use, as sentences; empty: nothing does.
std::string WhatGoesFirst() {
  const auto is_set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
  };
  std::string text;
  for (const char* name : {"GRPC_OS_ADDRESS", "GRPC_OS_CONTEXT"}) {
    if (!is_set(name)) continue;
    absl::StrAppend(&text, " But ", name, " is set here and goes first whenever grpc-os starts; ",
                    "`unset ", name, "` ends that.");
  }
  if (is_set("GRPC_OS_TOKEN")) {
    absl::StrAppend(&text, " GRPC_OS_TOKEN is set here, so its token is sent to this system too, ",
                    "instead of a log-in; `unset GRPC_OS_TOKEN` ends that.");
  }
  return text;
}

absl::StatusOr<Context> ContextFrom(const Arguments& arguments) {
  Context context;
  context.set_name(arguments.positional()[0]);
  const auto address = arguments.Value("address");
  if (!address) {
    return absl::InvalidArgumentError(
        absl::StrCat("A context has an address: `context add ", context.name(),
                     " --address HOST:PORT`, with --secure if it is served by TLS there."));
  }
  if (const auto ca = arguments.Value("ca")) {
    std::error_code error;
    context.set_ca(std::filesystem::absolute(*ca, error).lexically_normal());
  }
  context.set_user(arguments.Value("user").value_or(""));
  context.set_production(arguments.Has("production"));
  // As it will be read from any folder.
  const auto parsed =
      client::ParseAddress(*address, {.secure = arguments.Has("secure"), .ca = context.ca()});
  if (!parsed.ok()) return parsed.status();
  context.set_address(parsed->ToString());
  if (absl::Status status = CheckContext(context); !status.ok()) return status;
  return context;
}

ExitCode RunAdd(Session& session, const Arguments& arguments) {
  const auto context = ContextFrom(arguments);
  if (!context.ok()) return session.Report(context.status());
  const absl::Status kept = session.contexts().Change([&](ContextList& list) {
    if (FindContext(list, context->name()) != nullptr) {
      return absl::AlreadyExistsError(absl::StrCat("There is a context ", context->name(),
                                                   " already; `context rm ", context->name(),
                                                   "` first, or take another name."));
    }
    *list.add_contexts() = *context;
    return absl::OkStatus();
  });
  if (!kept.ok()) return session.Report(kept);
  session.Show(*context, context->name(),
               absl::StrCat("added the context ", context->name(), " for ", context->address(),
                            ". `", session.Typed(absl::StrCat("context use ", context->name())),
                            "` makes it the one that is meant."));
  return ExitCode::kOk;
}

ExitCode RunList(Session& session, const Arguments&) {
  const auto list = session.contexts().Read();
  if (!list.ok()) return session.Report(list.status());
  session.ShowList(View(), *list);
  if (list->contexts().empty())
    session.Hint("No contexts. `context add NAME --address ADDRESS` makes one.");
  return ExitCode::kOk;
}

ExitCode RunShow(Session& session, const Arguments& arguments) {
  const auto list = session.contexts().Read();
  if (!list.ok()) return session.Report(list.status());
  // Without a name: the one that commands mean here.
  const std::string& name =
      arguments.positional().empty() ? session.target().context : arguments.positional()[0];
  if (name.empty()) {
    return session.Report(absl::NotFoundError(
        "No context is meant here. `context ls` lists them, `context use NAME` takes one."));
  }
  const Context* context = FindContext(*list, name);
  if (context == nullptr) return session.Report(NoContext(*list, name));
  return session.Show<Context>(View(), *context);
}

ExitCode RunUse(Session& session, const Arguments& arguments) {
  const bool none = arguments.Has("none");
  if (none == !arguments.positional().empty())
    return session.Report(absl::InvalidArgumentError("Give either a context's NAME or --none."));
  const std::string name = none ? "" : arguments.positional()[0];
  Context used;
  const absl::Status kept = session.contexts().Change([&](ContextList& list) {
    const Context* found = FindContext(list, name);
    if (!none && found == nullptr) return NoContext(list, name);
    if (found != nullptr) {
      // One whose address or authorities cannot be read is not switched to.
      if (const auto target = TargetOf(*found); !target.ok()) return target.status();
    }
    for (Context& context : *list.mutable_contexts()) context.set_in_use(context.name() == name);
    if (found != nullptr) used = *found;
    return absl::OkStatus();
  });
  if (!kept.ok()) return session.Report(kept);
  session.GoOnIn(name);
  session.Show(used, name,
               absl::StrCat(none ? "no context is in use now."
                                 : absl::StrCat("the context ", name,
                                                " is in use now: ", used.address(), "."),
                            WhatGoesFirst()));
  return ExitCode::kOk;
}

// Where the log-in of a context is kept; nullopt: its address is none, so there cannot be one.
std::optional<client::TokenFile> LogInOf(const Session& session, const Context& context) {
  const auto address = client::ParsePlace(context.address());
  if (!address.ok()) return std::nullopt;
  const client::ClientOptions options =
      OptionsFor({.address = *address, .context = context.name(), .user = context.user()},
                 session.state_directory(), "");
  return client::TokenFile(options.state_directory, options.kept_as);
}

ExitCode RunRemove(Session& session, const Arguments& arguments) {
  return ForEachWord(session, arguments.positional(), [&](const std::string& name) {
    Context removed;
    std::optional<client::TokenFile> log_in;
    absl::StatusOr<UniqueFd> lock;
    absl::Status status = session.contexts().Change([&](ContextList& list) {
      const Context* found = FindContext(list, name);
      if (found == nullptr) return NoContext(list, name);
      removed = *found;
      log_in = LogInOf(session, removed);
      if (log_in) lock = log_in->Lock(session.client().timeout());
      if (log_in && !lock.ok()) return lock.status();
      auto& all = *list.mutable_contexts();
      all.erase(std::find_if(all.begin(), all.end(),
                             [&](const Context& each) { return each.name() == name; }));
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    bool forgot = false;
    if (log_in) {
      const auto kept = log_in->Read();
      forgot = kept.ok() && !kept->token.empty();
      log_in->Remove();
    }
    const bool was_meant = session.target().context == name;
    if (was_meant) session.GoOnIn("");
    session.Show(
        removed, name,
        absl::StrCat("removed the context ", name,
                     forgot ? "; its log-in is forgotten here, its session ends by itself" : "",
                     removed.in_use() ? "; no context is in use now" : ""));
    return status;
  });
}

}  // namespace

const WordKind kContextWord = {.local = [] {
  std::vector<std::string> names;
  const auto list = Contexts(client::ConfigDirectory()).Read();
  if (!list.ok()) return names;
  for (const Context& context : list->contexts()) names.push_back(context.name());
  return names;
}};

std::vector<Command> ContextCommands() {
  return {
      {.name = "context ls",
       .aliases = {"context list"},
       .elsewhere = {"contexts"},
       .summary = "List the systems that you have given names to; a * marks the one in use",
       .examples = {"context ls", "context ls -o wide"},
       .most = 0,
       .needs_daemon = false,
       .run = RunList},
      {.name = "context show",
       .synopsis = "[NAME]",
       .arguments = {&kContextWord},
       .summary = "Show a context, or the one that is meant here",
       .examples = {"context show prod"},
       .most = 1,
       .needs_daemon = false,
       .run = RunShow},
      {.name = "context add",
       .aliases = {"context create"},
       .synopsis = "NAME --address ADDRESS",
       .arguments = {nullptr},
       .summary = "Give a system a name",
       .details =
           "NAME is a letter or digit, then up to 62 letters, digits, \".\", \"_\" or \"-\".\n"
           "ADDRESS is unix:PATH or HOST:PORT; without a port 50051, with --secure 50443.\n"
           "With --user, `login` is for that user, and nothing logs in as your account.\n"
           "Each context keeps a log-in of its own. Nothing is asked of the system.\n",
       .options = {{"address", 0, "ADDRESS", "where it is"},
                   {"secure", 0, "", "by TLS"},
                   {"ca", 0, "FILE", "by TLS: the authorities to trust (PEM)", false,
                    &kLocalFileWord},
                   {"user", 'u', "USER", "whose log-ins are meant"},
                   {"production", 0, "", "the prompt warns, in red"}},
       .examples = {"context add prod --address os.example.com --secure --user ada --production",
                    "context add box --address box.example.com --secure"},
       .least = 1,
       .most = 1,
       .needs_daemon = false,
       .run = RunAdd},
      {.name = "context use",
       .elsewhere = {"switch"},
       .synopsis = "[NAME]",
       .arguments = {&kContextWord},
       .summary = "Use a context for commands that name no system",
       .details = "The shell switches to it at once, as does the rest of a script.\n",
       .options = {{"none", 0, "", "no context: the system of this folder or machine"}},
       .examples = {"context use prod", "context use --none"},
       .most = 1,
       .needs_daemon = false,
       .run = RunUse},
      {.name = "context rm",
       .aliases = {"context delete"},
       .synopsis = "NAME…",
       .arguments = {&kContextWord},
       .summary = "Forget contexts, and the log-ins that are kept for them",
       .details = "`logout` in it first ends its session at once.\n",
       .examples = {"context rm box"},
       .least = 1,
       .needs_daemon = false,
       .run = RunRemove},
  };
}

}  // namespace grpc_os::shell
