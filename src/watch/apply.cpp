#include "watch/apply.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "watch/told.h"

namespace bitvault::watch {
namespace {

// How many bytes at the front of `text` are one character of valid UTF-8; 0 when none are.
std::size_t character_bytes(std::string_view text) {
  for (std::size_t bytes = 1; bytes <= std::min<std::size_t>(4, text.size()); ++bytes) {
    if (is_valid_utf8(text.substr(0, bytes))) {
      return bytes;
    }
  }
  return 0;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); }

// Whether something in it could have been written by escaped().
bool looks_escaped(std::string_view name) {
  for (std::size_t at = name.find('%'); at < name.size() - std::min<std::size_t>(2, name.size());
       at = name.find('%', at + 1)) {
    const std::string_view digits = name.substr(at + 1, 2);
    if (digits == "25" || (digits[0] >= '8' && is_hex(digits[0]) && is_hex(digits[1]))) {
      return true;
    }
  }
  return false;
}

std::string escaped(std::string_view name) {
  std::string shown;
  while (!name.empty()) {
    const std::size_t bytes = character_bytes(name);
    if (bytes == 0 || name.front() == '%') {
      shown += fmt::format("%{:02X}", static_cast<unsigned char>(name.front()));
      name.remove_prefix(1);
    } else {
      shown += name.substr(0, bytes);
      name.remove_prefix(bytes);
    }
  }
  return shown;
}

constexpr std::size_t kHashDigits = 16;

bool looks_cut(std::string_view shown) {
  constexpr std::size_t kCutFromCharacterMax = 3;
  return shown.size() + kCutFromCharacterMax >= kNameBytesMax &&
         shown[shown.size() - kHashDigits - 1] == '~';
}

std::string cut(std::string shown, std::string_view name) {
  const Digest digest = sha256(name);
  const std::string ending = "~" + hex(std::span(digest).first(kHashDigits / 2));
  std::size_t kept = std::min(shown.size(), kNameBytesMax - ending.size());
  while (!is_valid_utf8(std::string_view(shown).substr(0, kept))) {
    --kept;
  }
  shown.resize(kept);
  return shown + ending;
}

std::string display_path(const NodeTable& table, NodeRef ref) {
  std::vector<std::string> names;
  for (NodeRef step = ref; step != kRoot; step = table[step].parent) {
    names.push_back(display_name(table[step].name));
  }
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    path += '/';
    path += *name;
  }
  return path;
}

// A touch without a change of content is nothing to tell. Where the content is not known, the size
// and the time stand for it.
bool is_same_content(const FileState& a, const FileState& b) {
  if (a.checksum && b.checksum) {
    return a.checksum == b.checksum;
  }
  return a.checksum.has_value() == b.checksum.has_value() && a.size == b.size &&
         a.modified_ns == b.modified_ns;
}

Applied create(NodeTable& table, const Op& op, const Content* content, const NodeId& id,
               std::size_t path_bytes_max) {
  const NodeRef parent = op.folder->folder;
  const bool fits = path_bytes(table, parent) + path_bytes(op.seen->name) <= path_bytes_max;
  Node node{.id = id,
            .kind = op.seen->kind,
            .version = 1,
            .identity = op.seen->identity,
            .file = content != nullptr ? content->file : FileState{},
            .name = op.seen->name,
            .parent = parent,
            .told = fits && table[parent].told};
  Applied applied{.look_inside = node.kind == Kind::kFolder};
  applied.stored = table.insert(std::move(node));
  if (table[*applied.stored].told) {
    applied.change = Change{Change::Kind::kCreated, {}, view(table, *applied.stored)};
  }
  return applied;
}

Applied move(NodeTable& table, const Op& op) {
  Applied applied{.stored = op.node};
  std::optional<Place> place = place_after(table, op);
  if (!table[op.node].told) {
    table.move(op.node, place->parent, std::move(place->name));
    return applied;
  }
  Change change{Change::Kind::kMoved, view(table, op.node), {}};
  table.move(op.node, place->parent, std::move(place->name));
  table.set_version(op.node, table[op.node].version + 1);
  change.after = view(table, op.node);
  applied.change = std::move(change);
  return applied;
}

Applied update(NodeTable& table, const Op& op, const Content* content) {
  Applied applied{.stored = op.node};
  Change change{Change::Kind::kUpdated, view(table, op.node), {}};
  applied.look_inside =
      table[op.node].kind == Kind::kFolder && table[op.node].identity != op.seen->identity;
  table.set_identity(op.node, op.seen->identity);
  if (content != nullptr) {
    const bool same = is_same_content(table[op.node].file, content->file);
    table.set_file(op.node, content->file);
    if (!same && table[op.node].told) {
      table.set_version(op.node, table[op.node].version + 1);
      change.after = view(table, op.node);
      applied.change = std::move(change);
    }
  }
  return applied;
}

Applied remove(NodeTable& table, NodeRef ref) {
  Applied applied{.erased = table[ref].id};
  if (table[ref].told) {
    applied.change = Change{Change::Kind::kDeleted, view(table, ref), {}};
  }
  table.erase(ref);
  return applied;
}

}  // namespace

bool agrees(const Op& op, const Content& content) {
  return content.state == Content::State::kKnown && content.identity == op.seen->identity;
}

Applied apply(NodeTable& table, const Op& op, const Content* content, const NodeId& id,
              std::size_t path_bytes_max) {
  check(content == nullptr || agrees(op, *content), "what was read is what was seen");
  switch (op.kind) {
    case Op::Kind::kCreate:
      return create(table, op, content, id, path_bytes_max);
    case Op::Kind::kUpdate:
      return update(table, op, content);
    case Op::Kind::kMove:
    case Op::Kind::kStepAside:
      return move(table, op);
    case Op::Kind::kDelete:
      return remove(table, op.node);
  }
  return {};
}

std::optional<Place> place_after(const NodeTable& table, const Op& op) {
  if (op.kind == Op::Kind::kMove) {
    return Place{op.folder->folder, op.seen->name};
  }
  if (op.kind != Op::Kind::kStepAside) {
    return std::nullopt;
  }
  // Below the root, where nothing is in its way, for the moment until its own place is free.
  Place place{kRoot, ".moving-" + table[op.node].id.text()};
  while (!table.at(kRoot, place.name).empty()) {
    place.name += '~';
  }
  return place;
}

NodeView view(const NodeTable& table, NodeRef ref) {
  const Node& node = table[ref];
  NodeView shown{.id = node.id.text(),
                 .kind = node.kind,
                 .name = display_name(node.name),
                 .path = display_path(table, ref),
                 .parent_id = std::nullopt,
                 .file = node.file,
                 .version = node.version};
  if (node.parent != kRoot) {
    shown.parent_id = table[node.parent].id.text();
  }
  return shown;
}

std::string display_name(std::string_view name) {
  const bool plain = is_valid_utf8(name) && !looks_escaped(name);
  std::string shown = plain ? std::string(name) : escaped(name);
  const bool whole = shown.size() <= kNameBytesMax && !looks_cut(shown);
  return whole ? shown : cut(std::move(shown), name);
}

}  // namespace bitvault::watch
