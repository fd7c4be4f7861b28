// Which nodes the events tell of: those whose paths they have room for. Pure.
//
// A node that is not told of is in the table all the same, marked so: nobody outside has heard of
// it. Between two changes a node is told of if and only if its path fits, and so what it lies in is
// told of too.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/attribute.h"
#include "watch/apply.h"

namespace bitvault::watch {

// As the events' subjects show it, where a control character takes three bytes.
inline constexpr std::size_t kPathBytesMax = kSubjectBytesMax;

// What a name adds to a path, its slash included.
[[nodiscard]] std::size_t path_bytes(std::string_view name);
[[nodiscard]] std::size_t path_bytes(const NodeTable& table, NodeRef ref);

// The told nodes whose paths would not fit after `op`, deepest first: to be withdrawn before it.
[[nodiscard]] std::vector<NodeRef> outgrowing(const NodeTable& table, const Op& op,
                                              std::size_t path_bytes_max);

// The nodes from `top` on downwards that are not told of although their paths fit, parents first:
// to be announced.
[[nodiscard]] std::vector<NodeRef> now_fitting(const NodeTable& table, NodeRef top,
                                               std::size_t path_bytes_max);

// Tells that the node is gone, and keeps it.
[[nodiscard]] Applied withdraw(NodeTable& table, NodeRef ref);
// Tells that the node was created.
[[nodiscard]] Applied announce(NodeTable& table, NodeRef ref);

}  // namespace bitvault::watch
