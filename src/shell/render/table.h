// Rows and columns of text.
#ifndef GRPC_OS_SHELL_RENDER_TABLE_H_
#define GRPC_OS_SHELL_RENDER_TABLE_H_

#include <string>
#include <utility>
#include <vector>

namespace grpc_os::shell {

enum class Style { kPlain, kGood, kWarning, kBad, kDim, kTitle };

// `text` in the colour of `style`; unchanged if not `color`.
std::string Styled(const std::string& text, Style style, bool color);

struct Cell {
  Cell(std::string text_of_it, Style style_of_it = Style::kPlain)  // NOLINT: a text is a cell
      : text(std::move(text_of_it)), style(style_of_it) {}

  std::string text;  // of any origin: it is escaped
  Style style;
};

// Columns are as wide as their widest cell and two blanks apart; the last one is not padded.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;  // all titles empty: no title line
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns);
  // As many cells as there are columns.
  void AddRow(std::vector<Cell> cells);
  // A line across all columns, of our own text: it is not escaped, and makes no column wider.
  void AddHeading(std::string text);
  // No line is wider than `columns`; 0: as wide as it comes.
  std::string Render(bool color, size_t columns = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_RENDER_TABLE_H_
