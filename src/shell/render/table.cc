#include "shell/render/table.h"

#include <algorithm>
#include <utility>

#include "shell/escape.h"

namespace grpc_os::shell {
namespace {

constexpr char kReset[] = "\x1b[0m";

const char* Start(Style style) {
  switch (style) {
    case Style::kGood:
      return "\x1b[32m";
    case Style::kWarning:
      return "\x1b[33m";
    case Style::kBad:
      return "\x1b[31m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kTitle:
      return "\x1b[1m";
    case Style::kPlain:
      break;
  }
  return "";
}

}  // namespace

std::string Styled(const std::string& text, Style style, bool color) {
  if (!color || style == Style::kPlain || text.empty()) return text;
  return Start(style) + text + kReset;
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  std::vector<Cell> titles;
  bool any = false;
  for (const Column& column : columns_) {
    titles.push_back({column.title, Style::kTitle});
    any = any || !column.title.empty();
  }
  if (any) rows_.push_back(std::move(titles));
}

void Table::AddRow(std::vector<Cell> cells) {
  for (Cell& cell : cells) cell.text = EscapeForTerminal(cell.text);
  rows_.push_back(std::move(cells));
}

std::string Table::Render(bool color) const {
  std::vector<size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i].text));
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      const bool last = i + 1 == columns_.size();
      const std::string padding(widths[i] - DisplayWidth(row[i].text), ' ');
      const std::string text = Styled(row[i].text, row[i].style, color);
      if (columns_[i].align == Align::kRight) {
        out += padding + text;
      } else {
        out += last ? text : text + padding;
      }
      out += last ? "\n" : "  ";
    }
  }
  return out;
}

}  // namespace grpc_os::shell
