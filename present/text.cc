#include "present/text.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/printable.h"
#include "present/numerals.h"
#include "present/width.h"

namespace strata {
namespace {

// From so many columns on there is room for a table's spare columns.
constexpr int kWide = 100;
constexpr std::string_view kBold = "\x1b[1m", kDim = "\x1b[2m", kPlain = "\x1b[0m";

std::string cut_to(const std::string& text, int columns) {
  if (width_of(text) <= columns) return text;
  return std::string(first_columns(text, std::max(columns - 1, 0))) + "…";
}

std::string_view last_columns(std::string_view text, int columns) {
  const int skipped = width_of(text) - columns;
  for (int more = 0;; ++more) {  // the first of them may be half of a wide character
    const std::string_view rest = text.substr(first_columns(text, skipped + more).size());
    if (width_of(rest) <= columns) return rest;
  }
}

/// Cut in the middle, since a file's name stands at the end.
std::string cut_middle(const std::string& text, int columns) {
  if (width_of(text) <= columns) return text;
  const int kept = std::max(columns - 1, 0);
  const std::string front(first_columns(text, kept / 2));
  return front + "…" + std::string(last_columns(text, kept - width_of(front)));
}

/// A path's last name says what it is and the second whose; so the first goes first, then what is
/// between those two, then a part of the second.
std::string cut_path(const Path& path, int columns) {
  constexpr int kTellsWhose = 8;
  std::vector<std::string> names;
  for (const std::string& name : path) names.push_back(printable(name));
  std::string text = fmt::format("{}", fmt::join(names, " / "));
  if (width_of(text) <= columns) return text;
  const std::size_t last = names.size() - 1;
  if (last > 0) names[0] = "…";
  for (std::size_t dropped = last; dropped > 1; --dropped) {  // from `dropped` up to the last
    const std::vector<std::string> front(names.begin(),
                                         names.begin() + static_cast<std::ptrdiff_t>(dropped));
    text = fmt::format("{} / {}{}", fmt::join(front, " / "), dropped < last ? "… / " : "",
                       names[last]);
    if (width_of(text) <= columns) return text;
    const int room = columns - (width_of(text) - width_of(names[1]));
    if (dropped == 2 && room >= kTellsWhose) {
      return fmt::format("… / {} / {}{}", cut_middle(names[1], room), dropped < last ? "… / " : "",
                         names[last]);
    }
  }
  const std::string lead = last > 0 ? "… / " : "";
  return lead + cut_middle(names[last], std::max(columns - width_of(lead), 1));
}

/// What the column's width follows. [vsyscall]'s address alone is wider than all others, and takes
/// its room from the padding beside it.
int width_in_column(const Cell& cell, const std::string& text) {
  const auto* const address = std::get_if<Address>(&cell);
  return address != nullptr && address->value >> 63 != 0 ? 0 : width_of(text);
}

struct ToText {
  std::string operator()(std::monostate) const { return "-"; }
  std::string operator()(Bytes b) const { return humanised(b); }
  std::string operator()(SignedBytes b) const {
    const auto bits = static_cast<std::uint64_t>(b.value);
    const Bytes size{b.value < 0 ? 0 - bits : bits};  // the least has no opposite that is signed
    return (b.value < 0 ? "-" : "+") + humanised(size);
  }
  std::string operator()(Percent p) const { return fmt::format("{:.1f} %", p.value); }
  std::string operator()(Milliseconds m) const { return fmt::format("{:.1f} ms", m.value); }
  std::string operator()(Address a) const { return hexadecimal(a.value); }
  std::string operator()(std::uint64_t n) const { return decimal(n); }
  std::string operator()(bool b) const { return b ? "yes" : "no"; }
  std::string operator()(const std::string& s) const { return printable(s); }
  std::string operator()(const Path& path) const { return joined(path); }
};

bool is_text(const Cell& cell) {
  return std::holds_alternative<std::string>(cell) || std::holds_alternative<Path>(cell);
}

class TextWriter {
 public:
  TextWriter(const TextStyle& style, const Sink& sink)
      : style_(style), writer_(sink), out_(writer_.text) {}

  Result<void> write(const Document& document) {
    for (const Block& block : document.blocks) {
      if (writer_.may_go_on()) write_block(block);
    }
    return writer_.finish();
  }

 private:
  std::string styled(std::string_view code, std::string_view text) const {
    if (!style_.colour || code.empty()) return std::string(text);
    return fmt::format("{}{}{}", code, text, kPlain);
  }

  void write_block(const Block& block) {
    const std::size_t before = writer_.position();
    std::string heading;
    if (!block.heading.empty()) heading = styled(kBold, block.heading) + "\n";
    if (before > 0 && !heading.empty()) out_ += "\n";
    out_ += heading;
    const std::size_t content = writer_.position();
    legends_.clear();
    std::visit([&](const auto& c) { write_content(c); }, block.content);
    if (writer_.position() == content) {
      out_.resize(out_.size() - (content - before));  // nothing to show: no heading either
      return;
    }
    const std::string footnote = block.footnote + legends_;
    if (!footnote.empty()) wrap(footnote, 2, 2, kDim);
  }

  void write_content(const Record& record) { write_lines(record, 0); }

  void write_content(const std::vector<Record>& records) {
    for (const Record& record : records) write_lines(record, 2);
  }

  void write_lines(const Record& record, int indent) {
    int first = indent;
    for (const std::string& line : record.lines) {
      wrap(line, first, indent + record.hang, "");
      if (record.form == Record::Form::kLed) first = indent + 2;
    }
  }

  /// Breaks at spaces; the first line is indented by `first`, the others by `rest`.
  void wrap(std::string_view text, int first, int rest, std::string_view code) {
    int indent = first;
    while (true) {
      const int room = std::max(style_.width - indent, 20);
      std::string_view line = first_columns(text, room);
      if (line.size() < text.size()) {
        const std::size_t space = line.rfind(' ');
        // A word longer than the line stays whole: it is a path or an address to be copied.
        if (space != std::string_view::npos && text[line.size()] != ' ') {
          line = line.substr(0, space);
        }
        if (space == std::string_view::npos) line = text.substr(0, text.find(' '));
      }
      out_ += std::string(static_cast<std::size_t>(indent), ' ') + styled(code, line) + "\n";
      text.remove_prefix(line.size());
      text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
      if (text.empty()) return;
      indent = rest;
    }
  }

  void write_content(const Table& table) {
    std::vector<std::size_t> shown;
    std::string left_out;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const Column& column = table.columns[i];
      if (column.heading.empty()) continue;
      if (column.need == Column::kSpare && style_.cut && style_.width < kWide) {
        left_out += (left_out.empty() ? "; wider adds " : ", ") + column.heading;
        continue;
      }
      shown.push_back(i);
      if (!column.legend.empty()) legends_ += "; " + column.legend;
    }
    legends_ += left_out;
    std::vector<std::vector<std::string>> cells;
    std::vector<int> widths;
    widths.reserve(shown.size());
    for (const std::size_t i : shown) widths.push_back(width_of(table.columns[i].heading));
    std::vector<bool> left(shown.size(), false);
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
      if (!table.rows[r].shown) continue;
      std::vector<std::string> line;
      for (std::size_t c = 0; c < shown.size(); ++c) {
        const Cell& cell = table.rows[r].cells[shown[c]];
        std::string text = std::visit(ToText{}, cell);
        if (table.is_tree && c + 1 == shown.size()) text.insert(0, branch(table, r));
        if (is_text(cell)) left[c] = true;
        widths[c] = std::max(widths[c], width_in_column(cell, text));
        line.push_back(std::move(text));
      }
      cells.push_back(std::move(line));
    }
    if (cells.empty()) return;
    if (style_.cut && !table.is_tree) cut_paths(table, shown.back(), widths, cells);
    std::vector<std::string> headings;
    headings.reserve(shown.size());
    for (const std::size_t i : shown) headings.push_back(table.columns[i].heading);
    write_row(headings, widths, left, kDim);
    for (const auto& line : cells) write_row(line, widths, left, "");
  }

  void write_content(const Stream& stream) {
    std::vector<Cell> row = stream.widest;
    if (!stream.next(row)) return;
    std::vector<std::size_t> shown;
    std::vector<std::string> line;
    std::vector<int> widths;
    std::vector<bool> left;
    for (std::size_t i = 0; i < stream.columns.size(); ++i) {
      const Column& column = stream.columns[i];
      if (column.heading.empty()) continue;
      shown.push_back(i);
      line.push_back(column.heading);
      widths.push_back(
          std::max(width_of(column.heading), width_of(std::visit(ToText{}, stream.widest[i]))));
      left.push_back(is_text(stream.widest[i]));
      if (!column.legend.empty()) legends_ += "; " + column.legend;
    }
    write_row(line, widths, left, kDim);
    do {
      for (std::size_t c = 0; c < shown.size(); ++c) {
        line[c] = std::visit(ToText{}, row[shown[c]]);
      }
      write_row(line, widths, left, "");
    } while (writer_.may_go_on() && stream.next(row));
  }

  /// Where the last column holds paths, those that are too wide.
  void cut_paths(const Table& table, std::size_t column, const std::vector<int>& widths,
                 std::vector<std::vector<std::string>>& cells) const {
    int used = 2;
    for (std::size_t c = 0; c + 1 < widths.size(); ++c) used += widths[c] + 2;
    auto line = cells.begin();
    for (const Table::Row& row : table.rows) {
      if (!row.shown) continue;
      if (const auto* const path = std::get_if<Path>(&row.cells[column]); path && !path->empty()) {
        line->back() = cut_path(*path, std::max(style_.width - used, 1));
      }
      ++line;
    }
  }

  void write_row(const std::vector<std::string>& cells, const std::vector<int>& widths,
                 const std::vector<bool>& left, std::string_view code) {
    std::string& line = line_;
    line = " ";
    int used = 1;
    int over = 0;  // by how much the cells so far are wider than their columns
    for (std::size_t c = 0; c < cells.size(); ++c) {
      line += ' ';
      ++used;
      const int pad = widths[c] - width_of(cells[c]) - over;
      over = std::max(-pad, 0);
      const auto padding = static_cast<std::size_t>(std::max(pad, 0));
      if (!left[c]) line.append(padding, ' ');
      if (c + 1 == cells.size() && style_.cut) {
        line += cut_to(cells[c], style_.width - used);
      } else {
        line += cells[c];
        if (left[c]) line.append(padding, ' ');
      }
      used += widths[c];
      if (c + 1 < cells.size()) {
        line += " ";
        ++used;
      }
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    out_ += styled(code, line);
    out_ += '\n';
  }

  /// "│ ├─ " before the name of row `r`, from where its elder relatives still have children to
  /// come.
  static std::string branch(const Table& table, std::size_t r) {
    const int depth = table.rows[r].depth;
    if (depth == 0) return "";
    std::string out;
    for (int level = 1; level <= depth; ++level) {
      bool more = false;
      for (std::size_t i = r + 1; i < table.rows.size() && table.rows[i].depth >= level; ++i) {
        if (table.rows[i].depth == level && table.rows[i].shown) {
          more = true;
          break;
        }
      }
      if (level < depth) {
        out += more ? "│ " : "  ";
      } else {
        out += more ? "├ " : "└ ";
      }
    }
    return out;
  }

  const TextStyle& style_;
  std::string legends_;  // of the table that was written last
  PieceWriter writer_;
  std::string& out_;
  std::string line_;  // the row that is written
};

}  // namespace

TextStyle style_of_stdout() {
  TextStyle style;
  const char* const no_colour = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  const bool on_terminal = isatty(STDOUT_FILENO) == 1;
  style.colour = on_terminal && (no_colour == nullptr || *no_colour == '\0') &&
                 (terminal == nullptr || std::string_view(terminal) != "dumb");
  winsize size{};
  if (on_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    style.width = std::max<int>(size.ws_col, 40);
    style.cut = true;
  }
  return style;
}

Result<void> write_text(const Document& document, const TextStyle& style, const Sink& sink) {
  return TextWriter(style, sink).write(document);
}

std::string to_text(const Document& document, const TextStyle& style) {
  std::string text;
  (void)write_text(document, style, [&](std::string_view piece) -> Result<void> {
    text += piece;
    return {};
  });
  return text;
}

}  // namespace strata
