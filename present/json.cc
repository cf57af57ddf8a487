#include "present/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "present/numerals.h"

namespace strata {
namespace {

using Json = nlohmann::ordered_json;

struct ToJson {
  Json operator()(std::monostate) const { return nullptr; }
  Json operator()(Bytes b) const { return b.value; }
  Json operator()(SignedBytes b) const { return b.value; }
  Json operator()(Percent p) const { return p.value; }
  Json operator()(Milliseconds m) const { return m.value; }
  // A string: a JSON number that large loses bits in many readers.
  Json operator()(Address a) const { return hexadecimal(a.value); }
  Json operator()(std::uint64_t n) const { return n; }
  Json operator()(bool b) const { return b; }
  Json operator()(const std::string& s) const { return printable(s); }
  Json operator()(const Path& path) const {
    Json names = Json::array();
    for (const std::string& name : path) names.push_back(printable(name));
    return names;
  }
};

Json object(const Record& record);

struct Content {
  Json operator()(const Record& record) const { return object(record); }
  Json operator()(const std::vector<Record>& records) const {
    Json out = Json::array();
    for (const Record& record : records) out.push_back(object(record));
    return out;
  }
  Json operator()(const Stream&) const { return Json::array(); }  // write_stream() fills it
  Json operator()(const Table& table) const {
    Json out = Json::array();
    for (const Table::Row& row : table.rows) {
      if (!row.leaf) continue;
      Json item = Json::object();
      for (std::size_t i = 0; i < table.columns.size() && i < row.cells.size(); ++i) {
        if (table.columns[i].key.empty()) continue;
        item[table.columns[i].key] = std::visit(ToJson{}, row.cells[i]);
      }
      out.push_back(std::move(item));
    }
    return out;
  }
};

Json object(const Record& record) {
  Json out = Json::object();
  for (const Field& field : record.fields) out[field.key] = std::visit(ToJson{}, field.value);
  for (const Block& block : record.inner) out[block.key] = std::visit(Content{}, block.content);
  return out;
}

/// As it stands in JSON; by hand what a stream has millions of.
std::string literal(const Cell& cell) {
  if (const auto* const number = std::get_if<std::uint64_t>(&cell)) return decimal(*number);
  if (const auto* const bytes = std::get_if<Bytes>(&cell)) return decimal(bytes->value);
  if (const auto* const at = std::get_if<Address>(&cell)) return '"' + hexadecimal(at->value) + '"';
  if (const auto* const text = std::get_if<std::string>(&cell)) {
    const bool is_plain = std::all_of(text->begin(), text->end(), [](char c) {
      return c >= ' ' && c <= '~' && c != '"' && c != '\\';
    });
    if (is_plain) return '"' + *text + '"';
  }
  return std::visit(ToJson{}, cell).dump();
}

void write_stream(const Stream& stream, PieceWriter& writer) {
  std::vector<std::pair<std::size_t, std::string>> keys;
  for (std::size_t i = 0; i < stream.columns.size(); ++i) {
    const std::string& key = stream.columns[i].key;
    if (key.empty()) continue;
    keys.emplace_back(i, (keys.empty() ? "{" : ", ") + Json(key).dump() + ": ");
  }
  writer.text += '[';
  const char* between = "\n    ";
  std::vector<Cell> row = stream.widest;
  while (writer.may_go_on() && stream.next(row)) {
    writer.text += between;
    for (const auto& [column, key] : keys) {
      writer.text += key;
      writer.text += literal(row[column]);
    }
    writer.text += '}';
    between = ",\n    ";
  }
  writer.text += between[0] == ',' ? "\n  ]" : "]";
}

}  // namespace

Result<void> write_json(const Document& document, const Sink& sink) {
  Json out = Json::object();
  for (const Block& block : document.blocks) {
    if (std::holds_alternative<Stream>(block.content)) continue;
    Json content = std::visit(Content{}, block.content);
    if (block.key.empty()) {
      if (content.is_object()) out.update(content);
    } else {
      out[block.key] = std::move(content);
    }
  }
  PieceWriter writer(sink);
  writer.text = out.dump(2);
  // Streams stand behind all else, in front of the brace.
  writer.text.resize(writer.text.rfind('}') - (out.empty() ? 0 : 1));
  bool is_first = out.empty();
  for (const Block& block : document.blocks) {
    const auto* const stream = std::get_if<Stream>(&block.content);
    if (stream == nullptr) continue;
    writer.text += (is_first ? "\n  " : ",\n  ") + Json(block.key).dump() + ": ";
    write_stream(*stream, writer);
    is_first = false;
  }
  writer.text += is_first ? "}\n" : "\n}\n";
  return writer.finish();
}

std::string to_json(const Document& document) {
  std::string text;
  (void)write_json(document, [&](std::string_view piece) -> Result<void> {
    text += piece;
    return {};
  });
  return text;
}

}  // namespace strata
