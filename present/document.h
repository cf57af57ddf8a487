// present/document.h - what a command has to say, before it is text, JSON or anything else.
// A command builds one Document; every renderer shows the same facts from it. Cells carry values
// (Bytes, counts), never text that was formatted before, so JSON gets bytes where text gets MiB.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/units.h"

namespace strata {

struct Percent {
  double value = 0;
};
struct SignedBytes {
  std::int64_t value = 0;
};
struct Milliseconds {
  double value = 0;
};
/// A list of names, outermost first; an array in JSON, joined by " / " in text.
using Path = std::vector<std::string>;

/// monostate is "not known": null in JSON, "-" in text. Strings are raw and escaped when shown.
using Cell = std::variant<std::monostate, Bytes, SignedBytes, Percent, Milliseconds, Address,
                          std::uint64_t, bool, std::string, Path>;

struct Field {
  std::string key;  ///< in JSON
  Cell value;
};

struct Block;

/// An object in JSON; in text, `lines` as they stand.
struct Record {
  std::vector<Field> fields;
  std::vector<std::string> lines;
  enum class Form {
    kLed,    ///< the first line leads, the others are indented below it
    kLevel,  ///< all stand alike: a label and what it is, a dump
  } form = Form::kLed;
  int hang = 4;              ///< by how much more the rest of a wrapped line is indented
  std::vector<Block> inner;  ///< in JSON alone: what stands below the fields, by its key
};

struct Column {
  enum Need { kNeeded, kSpare };
  std::string key;      ///< in JSON; empty: shown in text alone
  std::string heading;  ///< in text; empty: in JSON alone
  Need need = kNeeded;  ///< a spare one is left out on a narrow terminal
  std::string legend;  ///< what the heading does not say; under the table where the column is shown
};

/// Rows of cells. With depths it is a tree whose rows come parents first, and the last column is
/// the name that is indented; JSON then holds the leaves alone.
struct Table {
  std::vector<Column> columns;
  struct Row {
    std::vector<Cell> cells;
    int depth = 0;
    bool leaf = true;
    bool shown = true;  ///< in text; JSON has every leaf
  };
  std::vector<Row> rows;
  bool is_tree = false;
};

/// A table that is too long to be held: its rows are made while they are written. It is written
/// once; JSON has it behind all else.
struct Stream {
  std::vector<Column> columns;
  /// A row made up for its looks: no other is wider, and where it has text the column stands left.
  std::vector<Cell> widest;
  /// Fills in the next row, whose cells still hold the last one; false behind the end.
  std::function<bool(std::vector<Cell>& row)> next;
};

struct Block {
  std::string key;      ///< in JSON; empty: its fields stand at the top level
  std::string heading;  ///< in text; empty: none
  std::variant<Record, std::vector<Record>, Table, Stream> content;
  std::string footnote;  ///< in text: how it is sorted, what was cut
};

struct Document {
  std::vector<Block> blocks;
};

}  // namespace strata
