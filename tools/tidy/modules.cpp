// Who may include whom. A folder's CMakeLists.txt says bitvault_module(<name> DEPS <names> ...);
// the folder may include its own headers and those of the modules named, nothing else of ours.

#include <algorithm>
#include <map>
#include <set>

#include "tidy/rules.h"

namespace bitvault::tidy {
namespace {

using Names = std::set<std::string, std::less<>>;

using Graph = std::map<std::string, Names, std::less<>>;

struct Folder {
  Graph modules;  // made in this folder, each with its DEPS
  std::size_t line = 1;

  [[nodiscard]] Names deps() const {
    Names all;
    for (const auto& [name, deps] : modules) {
      all.insert(deps.begin(), deps.end());
    }
    return all;
  }
  [[nodiscard]] Names names() const {
    Names all;
    for (const auto& [name, deps] : modules) {
      all.insert(name);
    }
    return all;
  }
};

using Folders = std::map<std::string, Folder, std::less<>>;

std::vector<std::pair<std::size_t, std::string>> cmake_words(const Source& file) {
  std::vector<std::pair<std::size_t, std::string>> words;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    std::string word;
    for (const char c : file.lines[i] + " ") {
      if (c == '#') {
        break;
      }
      const bool paren = c == '(' || c == ')';
      if (!paren && c != ' ' && c != '\t' && c != '"') {
        word += c;
        continue;
      }
      if (!word.empty()) {
        words.emplace_back(i + 1, std::move(word));
        word.clear();
      }
      if (paren) {
        words.emplace_back(i + 1, std::string(1, c));
      }
    }
    if (!word.empty()) {
      words.emplace_back(i + 1, word);
    }
  }
  return words;
}

bool is_keyword(std::string_view word) {
  return std::ranges::all_of(word, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

Folder read_folder(const Source& cmake) {
  Folder folder;
  const auto words = cmake_words(cmake);
  for (std::size_t i = 0; i + 2 < words.size(); ++i) {
    if (words[i].second != "bitvault_module" || words[i + 1].second != "(") {
      continue;
    }
    folder.line = words[i].first;
    Names& deps = folder.modules[words[i + 2].second];
    std::string_view section;
    for (std::size_t k = i + 3; k < words.size() && words[k].second != ")"; ++k) {
      if (is_keyword(words[k].second)) {
        section = words[k].second;
      } else if (section == "DEPS") {
        deps.insert(words[k].second);
      }
    }
  }
  return folder;
}

Folders read_folders(const Tree& tree) {
  Folders folders;
  for (const auto& [path, source] : tree) {
    if (path.starts_with("src/") && name_of(path) == "CMakeLists.txt") {
      Folder folder = read_folder(source);
      if (!folder.modules.empty()) {
        folders.emplace(folder_of(path), std::move(folder));
      }
    }
  }
  return folders;
}

// The nearest folder at or above the file that makes a module.
Folders::const_iterator owner(const Folders& folders, std::string_view path) {
  for (std::string_view at = folder_of(path); !at.empty(); at = folder_of(at)) {
    if (const auto found = folders.find(at); found != folders.end()) {
      return found;
    }
  }
  return folders.end();
}

std::string join(const Names& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : " ") + name;
  }
  return text.empty() ? "(none)" : text;
}

void check_includes(const Tree& tree, const Folders& folders, Findings& out) {
  for (const auto& [path, source] : tree) {
    const auto mine = owner(folders, path);
    if (!source.is_cpp() || source.is_test_code() || mine == folders.end()) {
      continue;
    }
    for (const auto& include : source.includes) {
      const auto target = tree.find("src/" + include.path);
      if (target == tree.end()) {
        continue;  // generated, or the compiler will say so
      }
      const auto theirs = owner(folders, target->first);
      if (theirs == folders.end() || theirs == mine) {
        continue;
      }
      const Names theirs_names = theirs->second.names();
      const Names deps = mine->second.deps();
      if (std::ranges::none_of(theirs_names,
                               [&](const auto& name) { return deps.contains(name); })) {
        out.push_back({path, include.line, "deps",
                       "\"" + include.path + "\" belongs to " + join(theirs_names) + ", but " +
                           mine->first + " has DEPS " + join(deps) +
                           ": do without it, or, if the arrow points down (docs/architecture.md), "
                           "add it to DEPS in " +
                           mine->first + "/CMakeLists.txt"});
      }
    }
  }
}

// Depth-first search for a way from `name` back to `goal`.
bool reaches(const Graph& graph, const std::string& name, std::string_view goal, Names& seen) {
  const auto found = graph.find(name);
  if (found == graph.end() || !seen.insert(name).second) {
    return false;
  }
  return std::ranges::any_of(found->second, [&](const std::string& dep) {
    return dep == goal || reaches(graph, dep, goal, seen);
  });
}

void check_cycles(const Folders& folders, Findings& out) {
  Graph graph;
  for (const auto& [path, folder] : folders) {
    graph.insert(folder.modules.begin(), folder.modules.end());
  }
  for (const auto& [path, folder] : folders) {
    for (const auto& [name, deps] : folder.modules) {
      if (Names seen; reaches(graph, name, name, seen)) {
        out.push_back({path + "/CMakeLists.txt", folder.line, "cycle",
                       name + " depends on itself through its DEPS: arrows only point down, so "
                              "take the dependency out of the lower folder"});
      }
    }
  }
}

}  // namespace

void check_modules(const Tree& tree, Findings& out) {
  const Folders folders = read_folders(tree);
  check_includes(tree, folders, out);
  check_cycles(folders, out);
}

}  // namespace bitvault::tidy
