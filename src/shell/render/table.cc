#include "shell/render/table.h"

#include <algorithm>
#include <utility>

#include "shell/escape.h"

namespace grpc_os::shell {
namespace {

constexpr char kReset[] = "\x1b[0m";
constexpr size_t kColumnAtLeast = 16;  // is not made narrower

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

// The pieces without the blanks at their end, cut to `columns` if that is not 0.
std::string Line(std::vector<Cell> pieces, bool color, size_t columns) {
  const auto is_blank = [](const Cell& piece) {
    return piece.text.find_first_not_of(' ') == std::string::npos;
  };
  while (!pieces.empty() && is_blank(pieces.back())) pieces.pop_back();
  size_t width = 0;
  for (const Cell& piece : pieces) width += DisplayWidth(piece.text);
  size_t left = columns == 0 || width <= columns ? std::string::npos : columns;
  std::string line;
  for (const Cell& piece : pieces) {
    const size_t own = DisplayWidth(piece.text);
    if (own < left) {
      line += Styled(piece.text, piece.style, color);
      left -= left == std::string::npos ? 0 : own;
      continue;
    }
    // The one with which the line is full: a blank more makes sure that it ends with the mark.
    line += Styled(CutToWidth(piece.text + " ", left), piece.style, color);
    break;
  }
  return line + "\n";
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

void Table::AddHeading(std::string text) { rows_.push_back({{std::move(text), Style::kTitle}}); }

std::string Table::Render(bool color, size_t columns) const {
  std::vector<size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size() && row.size() == columns_.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i].text));
    }
  }
  // One very long name must not push what stands behind it off every line.
  size_t all = 0;
  for (const size_t width : widths) all += width + 2;
  if (columns != 0 && all > columns + 2) {
    const size_t most = std::max(columns / 2, kColumnAtLeast);
    for (size_t i = 0; i + 1 < widths.size(); ++i) widths[i] = std::min(widths[i], most);
  }
  std::string out;
  for (const auto& row : rows_) {
    if (row.size() != columns_.size()) {  // a heading
      out += Line(row, color, columns);
      continue;
    }
    std::vector<Cell> pieces;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const Cell cell = {CutToWidth(row[i].text, widths[i]), row[i].style};
      const Cell padding = {std::string(widths[i] - DisplayWidth(cell.text), ' ')};
      const bool right = columns_[i].align == Align::kRight;
      if (right) pieces.push_back(padding);
      pieces.push_back(cell);
      if (!right) pieces.push_back(padding);
      pieces.push_back({"  "});
    }
    out += Line(std::move(pieces), color, columns);
  }
  return out;
}

}  // namespace grpc_os::shell
