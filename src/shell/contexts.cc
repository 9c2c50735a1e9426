#include "shell/contexts.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/utf8.h"
#include "client/private_file.h"
#include "manifest/keys.h"
#include "manifest/suggest.h"
#include "manifest/yaml.h"

namespace grpc_os::shell {
namespace {

using manifest::Form;
using manifest::Key;
using manifest::Problems;
using manifest::YamlNode;

constexpr std::chrono::seconds kPatience{5};
constexpr Form kText = {"a text of one line", ""};
constexpr Form kFlag = {"true or false", ""};
constexpr Form kContext = {"keys such as `address: unix:/srv/data/run/api.sock`", ""};

bool IsLine(const std::string& text) {
  return IsValidUtf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_iscntrl(static_cast<unsigned char>(c));
         });
}

void ReadLine(const YamlNode& value, std::string& into, Problems& problems) {
  if (!manifest::IsText(value) || value.text.empty() || !IsLine(value.text))
    return AddExpected(problems, value, kText);
  into = value.text;
}

void ReadFlag(const YamlNode& value, Context& context, Problems& problems) {
  if (value.text != "true" && value.text != "false") return AddExpected(problems, value, kFlag);
  context.set_production(value.text == "true");
}

const std::vector<Key<Context>>& Keys() {
  static const auto* const keys = new std::vector<Key<Context>>{
      {{"address", &kText, "", ""},
       [](const YamlNode& value, Context& context, Problems& problems) {
         ReadLine(value, *context.mutable_address(), problems);
       }},
      {{"ca", &kText, "", ""},
       [](const YamlNode& value, Context& context, Problems& problems) {
         ReadLine(value, *context.mutable_ca(), problems);
       }},
      {{"user", &kText, "", ""},
       [](const YamlNode& value, Context& context, Problems& problems) {
         ReadLine(value, *context.mutable_user(), problems);
       }},
      {{"production", &kFlag, "", ""}, ReadFlag},
  };
  return *keys;
}

void ReadContexts(const YamlNode& map, ContextList& list, Problems& problems) {
  if (map.kind != YamlNode::Kind::kMap) return AddExpected(problems, map, "the contexts by name");
  for (const auto& [name, value] : map.entries) {
    if (!manifest::IsName(name.text)) AddExpected(problems, name, "a context's name");
    Context& context = *list.add_contexts();
    context.set_name(name.text);
    if (value.kind != YamlNode::Kind::kMap) {
      AddExpected(problems, value, kContext);
      continue;
    }
    const size_t before = problems.size();
    ReadKeys(Keys(), value, context, problems);
    if (problems.size() == before && FindKey(value, "address") == nullptr)
      Add(problems, name, absl::StrCat("the context ", name.text, " lacks its address"));
  }
  std::sort(list.mutable_contexts()->begin(), list.mutable_contexts()->end(),
            [](const Context& a, const Context& b) { return a.name() < b.name(); });
}

void ReadCurrent(const YamlNode& value, ContextList& list, Problems& problems) {
  for (Context& context : *list.mutable_contexts()) {
    if (context.name() != value.text) continue;
    context.set_in_use(true);
    return;
  }
  AddExpected(problems, value, "the name of one of the contexts");
}

void Parse(const std::string& text, ContextList& list, Problems& problems) {
  const auto root = manifest::ParseYaml(text, problems);
  if (!root.has_value()) return;
  if (root->kind != YamlNode::Kind::kMap) {
    return AddExpected(problems, *root, "the keys `current` and `contexts`");
  }
  for (const auto& [name, value] : root->entries) {
    if (name.text != "current" && name.text != "contexts")
      AddUnknownKey(problems, name, {"current", "contexts"});
  }
  if (const YamlNode* contexts = FindKey(*root, "contexts"))
    ReadContexts(*contexts, list, problems);
  if (const YamlNode* current = FindKey(*root, "current")) ReadCurrent(*current, list, problems);
  manifest::SortProblems(problems, 0);
}

std::string Quoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "''"}}), "'");
}

// What to do about a file that is not trusted: `why` of ReadPrivateFile.
std::string CureOf(std::string_view why, const std::string& path) {
  if (why == client::kIsLink)
    return absl::StrCat("Put the file itself there: `install -m 600 \"$(readlink -f ", path, ")\" ",
                        path, "`.");
  if (why == client::kIsOfAnother)
    return absl::StrCat("As root, `chown ", ::geteuid(), " ", path, "` makes it yours.");
  if (why == client::kIsReadable)
    return absl::StrCat("`chmod 600 ", path, "` makes it yours alone.");
  return "Remove it, and make its contexts with `context add`.";
}

absl::StatusOr<ContextList> ReadFile(const std::string& path) {
  const auto text = client::ReadPrivateFile(path, manifest::kYamlBytes);
  if (absl::IsFailedPrecondition(text.status())) {
    const std::string why(text.status().message());
    return absl::FailedPreconditionError(
        absl::StrCat("The context file ", path, " ", why,
                     ", so it is not used: it says where your commands go. ", CureOf(why, path),
                     " A command with --address does without it."));
  }
  if (!text.ok()) return text.status();
  ContextList list;
  if (!text->has_value()) return list;
  Problems problems;
  Parse(**text, list, problems);
  if (problems.empty()) return list;
  const size_t more = problems.size() - 1;
  return absl::InvalidArgumentError(
      absl::StrCat("The context file is damaged: ", manifest::Describe(problems[0], path),
                   more == 0 ? "" : absl::StrCat(" (and ", more, " more)"),
                   ". Correct it, or remove it and make its contexts with `context add`. A command "
                   "with --address "
                   "does without it."));
}

}  // namespace

absl::StatusOr<ContextList> Contexts::Read() const { return ReadFile(path_); }

absl::Status Contexts::Change(const std::function<absl::Status(ContextList& list)>& change) const {
  const auto lock = client::LockPrivateFile(
      path_, kPatience,
      absl::StrCat("Another grpc-os of yours is changing the contexts (it holds ", path_,
                   ".lock). Try again when it is done."));
  if (!lock.ok()) return lock.status();
  auto list = ReadFile(path_);
  if (!list.ok()) return list.status();
  if (absl::Status status = change(*list); !status.ok()) return status;
  const std::string text = WriteContexts(*list);
  if (text.size() > manifest::kYamlBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("The contexts would take more than ",
                                                     manifest::kYamlBytes / 1024, " KiB in ", path_,
                                                     "; `context rm NAME` removes one."));
  }
  return client::WritePrivateFile(path_, text);
}

const Context* FindContext(const ContextList& list, const std::string& name) {
  for (const Context& context : list.contexts()) {
    if (context.name() == name) return &context;
  }
  return nullptr;
}

const Context* ContextInUse(const ContextList& list) {
  for (const Context& context : list.contexts()) {
    if (context.in_use()) return &context;
  }
  return nullptr;
}

absl::Status NoContext(const ContextList& list, const std::string& name) {
  std::vector<std::string> names;
  for (const Context& context : list.contexts()) names.push_back(context.name());
  const std::string nearest = manifest::Nearest(name, names);
  return absl::NotFoundError(
      absl::StrCat("There is no context ", name, ".",
                   nearest.empty() ? "" : absl::StrCat(" Did you mean ", nearest, "?"),
                   " `context ls` lists them, `context add NAME --address ADDRESS` makes one."));
}

absl::Status CheckContext(const Context& context) {
  if (!manifest::IsName(context.name())) {
    return absl::InvalidArgumentError(
        absl::StrCat("A context cannot be called \"", context.name(),
                     "\": its name is a letter or digit, then up to 62 letters, digits, \".\", "
                     "\"_\" or \"-\"."));
  }
  for (const auto& [what, text] :
       {std::pair("address", context.address()), std::pair("--ca", context.ca()),
        std::pair("--user", context.user())}) {
    if (!IsLine(text)) {
      return absl::InvalidArgumentError(
          absl::StrCat("The value of ", what, " is no text of one line of UTF-8."));
    }
  }
  return absl::OkStatus();
}

std::string WriteContexts(const ContextList& list) {
  std::string text = "# The systems that `grpc-os context` gives names to; it writes this file.\n";
  if (const Context* current = ContextInUse(list))
    absl::StrAppend(&text, "current: ", Quoted(current->name()), "\n");
  absl::StrAppend(&text, "contexts:", list.contexts().empty() ? " {}" : "", "\n");
  for (const Context& context : list.contexts()) {
    absl::StrAppend(&text, "  ", Quoted(context.name()),
                    ":\n    address: ", Quoted(context.address()), "\n");
    if (!context.ca().empty()) absl::StrAppend(&text, "    ca: ", Quoted(context.ca()), "\n");
    if (!context.user().empty()) absl::StrAppend(&text, "    user: ", Quoted(context.user()), "\n");
    if (context.production()) absl::StrAppend(&text, "    production: true\n");
  }
  return text;
}

}  // namespace grpc_os::shell
