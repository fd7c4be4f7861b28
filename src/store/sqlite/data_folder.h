// The data folder of an installation, owned by one process at a time.
//
// The folder is made with mode 0700 when it is missing, its files with 0600. Ownership is a lock on
// `<folder>/lock` that the operating system takes back when the process ends, however it ends.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"

namespace bitvault {

class DataFolder {
 public:
  // Error: kUnavailable when another process owns the folder (it is named by its pid), or when the
  // folder cannot be made or written.
  [[nodiscard]] static Result<std::unique_ptr<DataFolder>> own(const std::string& path);
  ~DataFolder();
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  // Makes an empty file with mode 0600 unless there is one; its name is durable afterwards.
  [[nodiscard]] Status ensure_file(const std::string& name);

 private:
  DataFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_;  // a file descriptor
};

}  // namespace bitvault
