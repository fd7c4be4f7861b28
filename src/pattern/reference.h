// The pattern language once more, slow and obvious: for tests, which compare it with the compiled
// form.
//
// Every way to meet the pattern is listed, and for each every choice of leaves is tried. Numbers
// are Boost.JSON's; letter case is that of ASCII and É.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <vector>

namespace bitvault::pattern::reference {

struct Leaf {
  std::string path;
  boost::json::value value;
  std::map<int, int> elements;  // array to index
};

[[nodiscard]] std::vector<Leaf> leaves_of(const boost::json::object& event);

// `pattern` is valid.
[[nodiscard]] bool matches(const boost::json::object& pattern, const boost::json::object& event);

}  // namespace bitvault::pattern::reference
