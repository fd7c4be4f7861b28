#include "watch/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/text.h"

namespace bitvault::watch {
namespace {

constexpr std::size_t kFields = 11;

std::unexpected<Error> corrupt(std::string_view key) {
  return fail(Code::kInternal, fmt::format("the record of node {} is damaged", key));
}

std::string escape(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c > ' ' && c < 0x7f && c != '%') {
      text += c;
    } else {
      text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return text;
}

template <class T>
bool read_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

bool read_checksum(std::string_view text, std::optional<Digest>& checksum) {
  if (text == "-") {
    return true;
  }
  Digest digest{};
  if (text.size() != 2 * digest.size()) {
    return false;
  }
  for (std::size_t i = 0; i < digest.size(); ++i) {
    unsigned byte = 0;
    const char* const first = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(first, first + 2, byte, 16);
    if (error != std::errc{} || end != first + 2) {
      return false;
    }
    digest[i] = static_cast<std::byte>(byte);
  }
  checksum = digest;
  return true;
}

char letter(const Node& node) {
  const bool folder = node.kind == Kind::kFolder;
  return node.told ? (folder ? 'd' : 'f') : (folder ? 'D' : 'F');
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> fields;
  while (true) {
    const std::size_t blank = text.find(' ');
    fields.push_back(text.substr(0, blank));
    if (blank == std::string_view::npos) {
      return fields;
    }
    text.remove_prefix(blank + 1);
  }
}

}  // namespace

std::string node_value(const NodeTable& table, NodeRef ref) {
  const Node& node = table[ref];
  return fmt::format("1 {} {} {} {} {} {} {} {} {} {}", letter(node),
                     ref == kRoot ? "-" : table[node.parent].id.text(), node.version,
                     node.identity.device, node.identity.inode, node.identity.born_ns,
                     node.file.size, node.file.modified_ns,
                     node.file.checksum ? hex(*node.file.checksum) : "-", escape(node.name));
}

Status TableLoader::add(const Record& record) {
  const auto id = NodeId::parse(record.key);
  const auto fields = split(record.value);
  if (!id || fields.size() != kFields || fields[0] != "1" || fields[1].size() != 1 ||
      !std::string_view("dfDF").contains(fields[1][0])) {
    return corrupt(record.key);
  }
  const bool folder = fields[1] == "d" || fields[1] == "D";
  Loaded loaded{.node = {.id = *id,
                         .kind = folder ? Kind::kFolder : Kind::kFile,
                         .version = 1,
                         .identity = {},
                         .file = {},
                         .name = {},
                         .told = fields[1] == "d" || fields[1] == "f"},
                .parent = NodeId::parse(fields[2])};
  Node& node = loaded.node;
  auto name = percent_decode(fields[10]);
  const bool valid =
      (loaded.parent || fields[2] == "-") && name && read_number(fields[3], node.version) &&
      read_number(fields[4], node.identity.device) && read_number(fields[5], node.identity.inode) &&
      read_number(fields[6], node.identity.born_ns) && read_number(fields[7], node.file.size) &&
      read_number(fields[8], node.file.modified_ns) && read_checksum(fields[9], node.file.checksum);
  if (!valid) {
    return corrupt(record.key);
  }
  node.name = std::move(*name);
  loaded_.push_back(std::move(loaded));
  return {};
}

Result<std::unique_ptr<NodeTable>> TableLoader::finish() {
  if (loaded_.empty()) {
    return nullptr;
  }
  std::multimap<NodeId, Loaded*> by_parent;
  Loaded* root = nullptr;
  for (Loaded& loaded : loaded_) {
    if (loaded.parent) {
      by_parent.emplace(*loaded.parent, &loaded);
    } else if (root != nullptr) {
      return fail(Code::kInternal, "the node table has two roots");
    } else {
      root = &loaded;
    }
  }
  if (root == nullptr || root->node.kind != Kind::kFolder || !root->node.told) {
    return fail(Code::kInternal, "the node table has no root");
  }
  auto table = std::make_unique<NodeTable>(std::move(root->node));
  std::vector<NodeRef> folders{kRoot};
  while (!folders.empty()) {
    const NodeRef folder = folders.back();
    folders.pop_back();
    const auto [first, last] = by_parent.equal_range((*table)[folder].id);
    for (auto it = first; it != last; ++it) {
      Node& node = it->second->node;
      const bool is_folder = node.kind == Kind::kFolder;
      node.parent = folder;
      const NodeRef ref = table->insert(std::move(node));
      if (is_folder) {
        folders.push_back(ref);
      } else if (by_parent.contains((*table)[ref].id)) {
        return fail(Code::kInternal, "the node table has a file that holds nodes");
      }
    }
  }
  if (table->size() != loaded_.size()) {
    return fail(Code::kInternal, "the node table has nodes that hang in the air");
  }
  loaded_.clear();
  return table;
}

}  // namespace bitvault::watch
