#include "present/json.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/printable.h"

namespace strata {
namespace {

using Json = nlohmann::ordered_json;

struct ToJson {
  Json operator()(std::monostate) const { return nullptr; }
  Json operator()(Bytes b) const { return b.value; }
  Json operator()(SignedBytes b) const { return b.value; }
  Json operator()(Percent p) const { return p.value; }
  Json operator()(Milliseconds m) const { return m.value; }
  Json operator()(Address a) const { return fmt_address(a); }
  Json operator()(std::uint64_t n) const { return n; }
  Json operator()(bool b) const { return b; }
  Json operator()(const std::string& s) const { return printable(s); }
  Json operator()(const Path& path) const {
    Json names = Json::array();
    for (const std::string& name : path) names.push_back(printable(name));
    return names;
  }

  // Addresses are strings: a JSON number that large loses bits in many readers.
  static std::string fmt_address(Address a) {
    char text[19];
    std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(a.value));
    return text;
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

}  // namespace

std::string to_json(const Document& document) {
  Json out = Json::object();
  for (const Block& block : document.blocks) {
    Json content = std::visit(Content{}, block.content);
    if (block.key.empty()) {
      if (content.is_object()) out.update(content);
    } else {
      out[block.key] = std::move(content);
    }
  }
  return out.dump(2) + "\n";
}

}  // namespace strata
