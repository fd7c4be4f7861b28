// The ChangeSource of a real directory: Linux' inotify.
#pragma once

#include <memory>
#include <string>

#include "watch/change_source.h"

namespace bitvault::watch {

// `executor` is one of an Asio context that waits on descriptors; next() runs on it. Where the
// system gives no inotify instance, the source can watch nothing and says so at each watch().
[[nodiscard]] std::unique_ptr<ChangeSource> make_inotify_source(const Executor& executor,
                                                                std::string directory);

}  // namespace bitvault::watch
