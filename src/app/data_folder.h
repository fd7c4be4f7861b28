// The keys that lie in the data folder beside the journal.
//
// The master key is made on the first start and never again: every other key derives from it or is
// stored wrapped under it, so a server whose master key is not the one its store was made with
// refuses to start. The operator's key is made on the first start unless its file is there already;
// the file wins over the store, so replacing it replaces the key.
//
// Files are of mode 0600. One that is made is there whole or not at all, whenever the process dies,
// and its name is on disk before the store relies on it. Servers that make the same one at the same
// time agree on it.
#pragma once

#include <filesystem>
#include <string>

#include "access/keys.h"
#include "base/crypto.h"
#include "base/error.h"
#include "store/store.h"
#include "world/world.h"

namespace bitvault::app {

// `file`: where the key lies, <data>/master.key unless configured otherwise.
[[nodiscard]] Task<Result<SecretKey>> open_master_key(std::filesystem::path file, World& world,
                                                      Store& store);

struct OperatorKeyFile {
  std::filesystem::path path;
  bool made = false;  // on this start
};
[[nodiscard]] Task<Result<OperatorKeyFile>> open_operator_key(std::filesystem::path file,
                                                              Keys& keys);

}  // namespace bitvault::app
