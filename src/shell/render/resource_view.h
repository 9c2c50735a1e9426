// How the things of one type are shown: what they are called, and their columns and details for
// people. Programs get the message.
#ifndef GRPC_OS_SHELL_RENDER_RESOURCE_VIEW_H_
#define GRPC_OS_SHELL_RENDER_RESOURCE_VIEW_H_

#include <google/protobuf/message.h>
#include <google/protobuf/reflection.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "shell/command_table.h"
#include "shell/render/table.h"

namespace grpc_os::shell {

template <typename T>
struct ResourceView {
  enum class In { kAll, kWide };  // tables
  struct Column {
    std::string title;
    std::function<Cell(const T&)> cell;
    Table::Align align = Table::Align::kLeft;
    In in = In::kAll;
  };

  std::function<std::string(const T&)> name;
  std::function<std::string(const T&)> id = {};  // where there is one beside the name
  std::vector<Column> columns = {};
  // All about one, several lines. May be empty where nothing shows it.
  std::function<Table(const T&)> details = {};

  // A line each; `wide`: with all there is.
  template <typename Things>
  Table TableOf(const Things& things, bool wide) const {
    std::vector<Table::Column> titles;
    for (const Column& column : columns) {
      if (wide || column.in == In::kAll) titles.push_back({column.title, column.align});
    }
    Table table(std::move(titles));
    for (const T& thing : things) {
      std::vector<Cell> cells;
      for (const Column& column : columns) {
        if (wide || column.in == In::kAll) cells.push_back(column.cell(thing));
      }
      table.AddRow(std::move(cells));
    }
    return table;
  }
};

// The things in the answer of a list call: its one repeated field of the type, which there must be.
template <typename T>
google::protobuf::RepeatedFieldRef<T> ItemsOf(const google::protobuf::Message& list) {
  const auto* type = list.GetDescriptor();
  int index = 0;
  while (type->field(index)->message_type() != T::descriptor()) ++index;
  return list.GetReflection()->GetRepeatedFieldRef<T>(list, type->field(index));
}

// What completion offers of the answer of a list call.
template <typename T, typename List>
LiveWords WordsIn(const ResourceView<T>& view, const absl::StatusOr<List>& list) {
  LiveWords words;
  if (!list.ok()) return words;
  for (const T& thing : ItemsOf<T>(*list)) {
    words.names.push_back(view.name(thing));
    if (view.id) words.ids.push_back(view.id(thing));
  }
  return words;
}

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_RENDER_RESOURCE_VIEW_H_
