// For tests: a file system in memory that behaves like a real one where the watcher looks: inodes
// that are used again, times of birth, hard links, renames over other files.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "watch/tree.h"

namespace bitvault::watch {

class FakeTree final : public Tree {
 public:
  FakeTree() : root_(make(Kind::kFolder)) {}

  // Paths are "a/b"; the folder they lie in exists.
  void folder(const std::string& path) {
    place(path) = make(Kind::kFolder);
    tell(path);
  }
  // Makes or overwrites a file in place.
  void write(const std::string& path, std::string content) {
    auto& file = place(path);
    if (file == nullptr) {
      file = make(Kind::kFile);
    }
    file->content = std::move(content);
    file->modified_ns = ++clock_;
    tell_of_content(*root_, *file);
  }
  void touch(const std::string& path) {
    place(path)->modified_ns = ++clock_;
    tell_of_content(*root_, *place(path));
  }
  void link(const std::string& from, const std::string& to) {
    auto file = place(from);
    ++file->links;
    remove_if_there(to);
    place(to) = file;
    tell(to);
  }
  void rename(const std::string& from, const std::string& to) {
    auto moved = std::move(place(from));
    erase(from);
    remove_if_there(to);
    place(to) = std::move(moved);
    tell(from);
    tell(to);
  }
  void exchange(const std::string& a, const std::string& b) {
    std::swap(place(a), place(b));
    tell(a);
    tell(b);
  }
  void remove(const std::string& path) {
    auto gone = std::move(place(path));
    erase(path);
    release(*gone);
    tell(path);
  }
  // The next file or folder gets the inode that was freed last.
  void reuse_inodes() { reuse_ = true; }

  // While it is unmounted nothing else is done to the tree.
  void unmount() { unmounted_ = std::move(root_); }
  void mount() { root_ = std::move(unmounted_); }
  void forbid(const std::string& path) { forbidden_.insert(path); }
  void allow(const std::string& path) { forbidden_.erase(path); }
  // There are no means to look at anything.
  void starve(bool on) { starved_ = on; }
  // The next `times` readings of this file find it being written to.
  void keep_changing(const std::string& path, int times) { changing_[path] = times; }

  // Every file rests.
  void settle() { changing_.clear(); }

  // Hears of each folder in which something changed; unlike Linux, also of each one where a file
  // that was written to has another name.
  std::function<void(const Identity&)> on_change = [](const Identity&) {};
  // Called before each look: the tree may change between two.
  std::function<void()> before_look = [] {};
  [[nodiscard]] std::optional<Identity> identity(const std::string& path) const {
    const Inode* const found = find(path);
    return found == nullptr ? std::nullopt : std::optional(found->identity);
  }

  std::expected<Identity, LookError> root() override {
    if (starved_ || root_ == nullptr) {
      return std::unexpected(starved_ ? LookError::kNoDescriptors : LookError::kGone);
    }
    return root_->identity;
  }

  std::expected<Listing, LookError> list(const std::string& path) override {
    before_look();
    if (starved_) {
      return std::unexpected(LookError::kNoDescriptors);
    }
    if (forbidden_.contains(path)) {
      return std::unexpected(LookError::kUnreadable);
    }
    const Inode* const found = find(path);
    if (found == nullptr || found->kind != Kind::kFolder) {
      return std::unexpected(LookError::kGone);
    }
    Listing listing{found->identity, {}};
    for (const auto& [name, inode] : found->entries) {
      listing.entries.push_back({.name = name,
                                 .kind = inode->kind,
                                 .identity = inode->identity,
                                 .size = inode->content.size(),
                                 .modified_ns = inode->modified_ns,
                                 .links = inode->links});
    }
    return listing;
  }

  Content read(const std::string& path, std::uint64_t bytes_max) override {
    before_look();
    if (starved_) {
      Content none;
      none.lack = LookError::kNoDescriptors;
      return none;
    }
    const Inode* const found = find(path);
    if (found == nullptr || found->kind != Kind::kFile) {
      return {};
    }
    Content content{.state = Content::State::kKnown,
                    .identity = found->identity,
                    .file = {found->content.size(), found->modified_ns, std::nullopt}};
    if (changing_[path] > 0) {
      --changing_[path];
      content.state = Content::State::kChanging;
    } else if (found->content.size() <= bytes_max) {
      content.file.checksum = sha256(found->content);
    }
    return content;
  }

  // Every path with its content; a folder's path ends in "/".
  [[nodiscard]] std::map<std::string, std::string> all() const {
    std::map<std::string, std::string> paths;
    if (root_ != nullptr) {
      collect(*root_, "", paths);
    }
    return paths;
  }

 private:
  // Shared by the names of a file: that is what a hard link is.
  struct Inode {
    Kind kind;
    Identity identity;
    std::string content = {};
    std::int64_t modified_ns = 0;
    std::uint32_t links = 1;
    std::map<std::string, std::shared_ptr<Inode>> entries = {};
  };

  std::shared_ptr<Inode> make(Kind kind) {
    Identity identity{1, next_inode_, ++clock_};
    if (reuse_ && !freed_.empty()) {
      identity.inode = freed_.back();
      freed_.pop_back();
    } else {
      ++next_inode_;
    }
    return std::make_shared<Inode>(
        Inode{.kind = kind, .identity = identity, .modified_ns = clock_});
  }
  [[nodiscard]] Inode* find(const std::string& path) const {
    Inode* at = root_.get();
    for (std::size_t from = 0; at != nullptr && from < path.size();) {
      const std::size_t slash = std::min(path.find('/', from), path.size());
      const auto found = at->entries.find(path.substr(from, slash - from));
      at = found == at->entries.end() ? nullptr : found->second.get();
      from = slash + 1;
    }
    return at;
  }
  [[nodiscard]] static std::pair<std::string, std::string> split(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::pair{std::string(), path}
                                      : std::pair{path.substr(0, slash), path.substr(slash + 1)};
  }
  std::shared_ptr<Inode>& place(const std::string& path) {
    const auto [parent, name] = split(path);
    Inode* const folder = find(parent);
    check(folder != nullptr, "the test made the folder");
    return folder->entries[name];
  }
  void tell(const std::string& path) { on_change(find(split(path).first)->identity); }
  void tell_of_content(const Inode& folder, const Inode& file) const {
    for (const auto& [name, inode] : folder.entries) {
      if (inode.get() == &file) {
        on_change(folder.identity);
      } else if (inode->kind == Kind::kFolder) {
        tell_of_content(*inode, file);
      }
    }
  }
  void erase(const std::string& path) {
    const auto [parent, name] = split(path);
    find(parent)->entries.erase(name);
  }
  void remove_if_there(const std::string& path) {
    if (find(path) != nullptr) {
      remove(path);
    }
  }
  void release(Inode& inode) {
    if (--inode.links == 0) {
      freed_.push_back(inode.identity.inode);
    }
    for (const auto& [name, entry] : inode.entries) {
      release(*entry);
    }
  }
  static void collect(const Inode& folder, const std::string& path,
                      std::map<std::string, std::string>& into) {
    for (const auto& [name, inode] : folder.entries) {
      if (inode->kind == Kind::kFolder) {
        into.emplace(path + name + "/", "");
        collect(*inode, path + name + "/", into);
      } else {
        into.emplace(path + name, inode->content);
      }
    }
  }

  std::int64_t clock_ = 0;
  std::uint64_t next_inode_ = 10;
  bool reuse_ = false;
  std::vector<std::uint64_t> freed_;
  std::shared_ptr<Inode> root_;
  std::shared_ptr<Inode> unmounted_;
  bool starved_ = false;
  std::set<std::string> forbidden_;
  std::map<std::string, int> changing_;
};

}  // namespace bitvault::watch
