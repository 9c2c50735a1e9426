// Words as the options and arguments of a command.
#ifndef GRPC_OS_SHELL_PARSER_H_
#define GRPC_OS_SHELL_PARSER_H_

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "shell/command_table.h"

namespace grpc_os::shell {

// What was given. Options by their long names.
class Arguments {
 public:
  const std::vector<std::string>& positional() const { return positional_; }
  bool Has(const std::string& option) const { return options_.count(option) != 0; }
  // The last value given.
  std::optional<std::string> Value(const std::string& option) const;
  // All values, in their order.
  std::vector<std::string> Values(const std::string& option) const;

  // How many of the positional ones came before `--`; nullopt: there was none.
  std::optional<size_t> before_dashes() const { return before_dashes_; }

  void EndOptions() { before_dashes_ = positional_.size(); }
  void AddPositional(std::string word) { positional_.push_back(std::move(word)); }
  void AddOption(const std::string& name, std::string value) {
    options_[name].push_back(std::move(value));
  }

 private:
  std::vector<std::string> positional_;
  std::optional<size_t> before_dashes_;
  std::map<std::string, std::vector<std::string>> options_;
};

// The words after the command's name. Options may stand anywhere: --name, --name VALUE,
// --name=VALUE, -x, -xVALUE, -x VALUE, -xy; `--` ends them. INVALID_ARGUMENT, naming the word and
// what was perhaps meant: an unknown option, a value missing, too much or given twice, too few or
// too many arguments.
absl::StatusOr<Arguments> ParseArguments(const Command& command,
                                         std::span<const std::string> words);

// The program's own options, up to the first word that is none; `rest` is set to that and all
// that follows.
absl::StatusOr<Arguments> ParseProgramOptions(std::span<const std::string> words,
                                              std::span<const std::string>& rest);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_PARSER_H_
