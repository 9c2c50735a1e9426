// Objects in the command table.
#include "shell/commands/command_lists.h"
#include "shell/commands/commands.h"

namespace grpc_os::shell {
namespace {

constexpr char kNames[] =
    "NAME is an absolute name, one that counts from the current folder (`pwd`; \"/\" on the "
    "command\n"
    "line), or an id (obj_…). A pattern with * ? [ ] means every name that it fits, but no .hidden "
    "one\nunless it begins with a dot itself; a backslash before such a character means the "
    "character.\n";
constexpr char kVersions[] =
    "NAME@GENERATION is an older content, as `history` lists them; NAME@0 is the live one, where "
    "a\n"
    "name itself ends so.\n";
constexpr char kTransfer[] =
    "A lost connection and a restart of the daemon do not end it: it goes on where it was.\n";

// Of `touch` and `put`.
std::vector<Option> FieldOptions() {
  return {
      {"meta", 0, "K=V", "metadata; what is not named goes", true},
      {"type", 0, "TYPE", "content type (application/octet-stream)"},
      {"expire", 0, "TIME", "delete it in 90s, 5m, 1h, 2d, or at 2026-11-23T05:00:00Z; or never"},
      {"if-generation", 0, "N", "only if it has this generation; 0: only if there is none"},
  };
}

std::vector<Option> With(std::vector<Option> options, std::vector<Option> more) {
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

std::vector<Command> ReadingCommands() {
  return {
      {.name = "ls",
       .elsewhere = {"dir", "ll"},
       .synopsis = "[NAME…]",
       .arguments = {Kind::kObject},
       .summary = "List what lies in folders",
       .details = std::string(kNames) +
                  "Folders end with a slash. With --deleted patterns fit what was deleted.\n",
       .options = {{"long", 'l', "", "with type, owner, generation, expiry and id"},
                   {"deleted", 0, "", "what was deleted there and `undelete` can bring back"},
                   WatchOption()},
       .examples = {"ls /", "ls /config", "ls -l '/config/*.json'", "ls --deleted /config",
                    "ls -o json"},
       .run = RunList},
      {.name = "cd",
       .synopsis = "[FOLDER]",
       .arguments = {Kind::kFolder},
       .summary = "Change the folder that names count from; \"-\" is the one before",
       .details = "For this shell only: the API, and each `grpc-os COMMAND`, count from \"/\".\n",
       .examples = {"cd /config", "cd ..", "cd"},
       .most = 1,
       .run = RunChangeDirectory},
      {.name = "pwd",
       .summary = "Show the folder that names count from",
       .examples = {"pwd"},
       .most = 0,
       .needs_daemon = false,
       .run = RunPrintDirectory},
      {.name = "cat",
       .elsewhere = {"less", "more", "read", "head", "type"},
       .synopsis = "NAME[@GENERATION]…",
       .arguments = {Kind::kObject},
       .summary = "Show the content of objects",
       .details =
           std::string(kNames) + kVersions +
           "On a terminal, what it would act on is shown as \\x1b; in a pipe the bytes pass\n"
           "unchanged. -o json shows the object with its content, if that has at most 64 KiB.\n",
       .options = {{"raw", 0, "", "the bytes as they are on a terminal, too"}},
       .examples = {"cat /config/app.json", "cat obj_123", "cat app.json@42"},
       .least = 1,
       .run = RunCat},
      {.name = "stat",
       .synopsis = "NAME[@GENERATION]…",
       .arguments = {Kind::kObject},
       .summary = "Show all about objects but their content",
       .details = std::string(kNames) + kVersions,
       .examples = {"stat /config/app.json"},
       .least = 1,
       .run = RunStat},
      {.name = "history",
       .synopsis = "NAME",
       .arguments = {Kind::kObject},
       .summary = "List the contents that an object has had",
       .details = "The newest first, deleted ones too: they are kept for 7 days, at most 100 of a "
                  "name.\n",
       .examples = {"history /config/app.json"},
       .least = 1,
       .most = 1,
       .run = RunHistory},
      {.name = "find",
       .synopsis = "[PREFIX]",
       .arguments = {Kind::kObject},
       .summary = "List every object whose name begins with PREFIX, however deep",
       .details = "\"/config/\" is all in that folder, \"/con\" all that begins so.\n",
       .options = {{"name", 'n', "GLOB", "only those whose last part fits; -name works too", false,
                    Kind::kOther, false, true},
                   {"deleted", 0, "", "what was deleted and `undelete` can bring back"}},
       .examples = {"find", "find /config/ -name '*.json'", "find --deleted /config/"},
       .most = 1,
       .run = RunFind},
      {.name = "du",
       .synopsis = "[PREFIX…]",
       .arguments = {Kind::kObject},
       .summary = "Count the objects below prefixes, and their bytes",
       .details =
           "THEIR-SIZE is that of the kept versions: those of an object are freed by `rm --now`. "
           "Of\n"
           "all there is, also the other room: contents that nothing has and that are about to be\n"
           "removed, what open uploads have sent, the database with all contents up to 64 KiB.\n",
       .examples = {"du", "du /config/ /logs/"},
       .run = RunMeasure},
      {.name = "watch",
       .synopsis = "[PREFIX]",
       .arguments = {Kind::kObject},
       .summary = "Show what there is below a prefix, then every change as it happens",
       .details = "In order, without gaps, over a restart of the daemon too. Ctrl-C ends it.\n",
       .examples = {"watch /config/", "watch / -o jsonl"},
       .most = 1,
       .run = RunObjectWatch},
  };
}

std::vector<Command> WritingCommands() {
  return {
      {.name = "touch",
       .synopsis = "NAME [DATA]",
       .arguments = {Kind::kObject, Kind::kOther},
       .summary = "Make an object, or give one new content",
       .details =
           "With DATA: that becomes the content; what was there before stays among the\n"
           "versions (`history`). Without: an object that is there gets a new time and what\n"
           "the options say, and keeps its content; else an empty one is made.\n",
       .options =
           With(FieldOptions(), {{"id", 0, "ID", "its id (obj_…) instead of a generated one"}}),
       .examples = {"touch config.json '{\"port\": 8080}'",
                    "touch /config/app.json '{}' --meta type=config --type application/json",
                    "touch job.lock --expire 1h --if-generation 0"},
       .least = 1,
       .most = 2,
       .run = RunTouch},
      {.name = "mkdir",
       .synopsis = "FOLDER…",
       .arguments = {Kind::kFolder},
       .summary = "Make folders that are there while nothing lies in them, too",
       .details = "Folders above need not be made: they are there as long as something lies in "
                  "them.\n",
       .examples = {"mkdir /config/sites"},
       .least = 1,
       .run = RunMakeFolder},
      {.name = "rm",
       .elsewhere = {"del", "unlink", "rmdir"},
       .synopsis = "NAME…",
       .arguments = {Kind::kObject},
       .summary = "Delete objects; `undelete` brings them back for 7 days",
       .details = std::string(kNames) + "-r and --now ask first, on a terminal.\n",
       .options = {{"recursive", 'r', "", "folders with all that lies in them"},
                   {"now", 0, "", "for good, with all versions"},
                   {"yes", 'y', "", "do not ask"}},
       .examples = {"rm obj_123", "rm '/tmp/*'", "rm -r -y /tmp"},
       .least = 1,
       .run = RunRemove},
      {.name = "undelete",
       .synopsis = "NAME[@GENERATION]…",
       .arguments = {Kind::kDeletedObject},
       .summary = "Bring deleted objects back under their names and ids",
       .details =
           "NAME is an absolute name, one that counts from the current folder, or an id. A "
           "pattern\n"
           "with * ? [ ] means every deleted name that it fits, as `ls --deleted` shows them. "
           "With\n"
           "@GENERATION that version, else the one deleted last. What is refused (the name was\n"
           "taken again) is told, and the rest comes back.\n",
       .options = {{"recursive", 'r', "", "all that was deleted below folders"}},
       .examples = {"undelete /config/app.json", "undelete '/config/*.json'",
                    "undelete -r /config"},
       .least = 1,
       .run = RunUndelete},
      {.name = "mv",
       .elsewhere = {"rename", "ren", "move"},
       .synopsis = "NAME… TARGET",
       .arguments = {Kind::kObject},
       .summary = "Rename objects and folders, or move them into a folder",
       .details = std::string(kNames) +
                  "Each in one step; ids and versions stay. What is at TARGET "
                  "is not replaced.\n",
       .examples = {"mv app.json old.json", "mv '/tmp/*.log' /logs/", "mv /tmp /archive"},
       .least = 2,
       .run = RunMove},
      {.name = "cp",
       .elsewhere = {"copy"},
       .synopsis = "NAME[@GENERATION]… TARGET",
       .arguments = {Kind::kObject},
       .summary = "Copy objects, or older contents of them",
       .details = std::string(kNames) + kVersions,
       .options = {{"force", 'f', "", "replace what is at TARGET"}},
       .examples = {"cp app.json app.bak", "cp -f app.json@42 app.json"},
       .least = 2,
       .run = RunCopy},
      {.name = "put",
       .elsewhere = {"upload"},
       .synopsis = "FILE… NAME",
       .arguments = {Kind::kLocalFile, Kind::kObject},
       .summary = "Store files of this machine as objects",
       .details =
           std::string("NAME may be a folder. \"-\" is standard input, which a script on "
                       "standard input cannot\nuse. What has no size of its own (a pipe, a file of "
                       "/proc) is read to its end. ") +
           kTransfer +
           "Cut short itself, the same command goes on where it was, within 24 hours, if the file\n"
           "has not changed: which upload it is is kept in ~/.local/state/grpc-os/uploads, in a\n"
           "file that only you can read. Every byte is checked (CRC32C).\n",
       .options = FieldOptions(),
       .examples = {"put backup.tar /backups/", "put - /notes/today"},
       .least = 2,
       .run = RunPut},
      {.name = "get",
       .elsewhere = {"download", "fetch"},
       .synopsis = "NAME[@GENERATION]… [FILE]",
       .arguments = {Kind::kObject, Kind::kLocalFile},
       .summary = "Write objects to files of this machine",
       .details =
           std::string(kNames) + kVersions +
           "FILE may be a directory (.); \"-\" is standard output. A file that is there is "
           "replaced "
           "with\n--force only; on a terminal you are asked. It is replaced only once all has come "
           "and is on\ndisk: until then the content grows in .FILE.….part beside it, with which "
           "the "
           "same command\ngoes on when it was cut short. A symbolic link to a file is replaced "
           "like "
           "a file; a device\nor a pipe is written to.\n" +
           kTransfer,
       .options = {{"force", 'f', "", "replace files that are there"}},
       .examples = {"get /backups/backup.tar", "get /config/app.json app.json", "get obj_123 -"},
       .least = 1,
       .run = RunGet},
      {.name = "edit",
       .elsewhere = {"vi", "vim", "nano"},
       .synopsis = "NAME",
       .arguments = {Kind::kObject},
       .summary = "Edit an object with $VISUAL, $EDITOR or vi",
       .details = "Stored only if nobody else changed it meanwhile; else your text is kept in a "
                  "file.\n",
       .examples = {"edit /config/app.json"},
       .least = 1,
       .most = 1,
       .run = RunEdit},
  };
}

// For who keeps the whole in order.
std::vector<Command> KeepingCommands() {
  return {
      {.name = "quota ls",
       .aliases = {"quota list"},
       .summary = "List the quotas and what is used of them",
       .examples = {"quota ls"},
       .most = 0,
       .run = RunQuotaList},
      {.name = "quota set",
       .synopsis = "FOLDER",
       .arguments = {Kind::kFolder},
       .summary = "Bound what may lie in a folder, however deep; \"/\" is all",
       .details =
           "Counts live objects, not their versions. What is there already stays, and deleting is\n"
           "always allowed. It replaces the quota that the folder had: a bound that is left out "
           "is\n"
           "none.\n",
       .options = {{"objects", 0, "N", "at most so many objects"},
                   {"bytes", 0, "SIZE", "at most so many bytes: 500M, 2GiB"}},
       .examples = {"quota set /logs --bytes 1G", "quota set / --objects 100000 --bytes 50G"},
       .least = 1,
       .most = 1,
       .run = RunQuotaSet},
      {.name = "quota rm",
       .aliases = {"quota delete"},
       .synopsis = "FOLDER…",
       .arguments = {Kind::kFolder},
       .summary = "Remove the quotas of folders",
       .examples = {"quota rm /logs"},
       .least = 1,
       .run = RunQuotaDelete},
      {.name = "fsck",
       .synopsis = "[PREFIX]",
       .arguments = {Kind::kObject},
       .summary = "Read every content, old ones too, and name those that are damaged",
       .details = "Without PREFIX all there is. Ends with 1 if any is damaged.\n",
       .examples = {"fsck", "fsck /backups/"},
       .most = 1,
       .run = RunCheck},
  };
}

}  // namespace

std::vector<Command> ObjectCommands() {
  std::vector<Command> commands = ReadingCommands();
  for (Command& command : WritingCommands()) commands.push_back(std::move(command));
  for (Command& command : KeepingCommands()) commands.push_back(std::move(command));
  return commands;
}

}  // namespace grpc_os::shell
