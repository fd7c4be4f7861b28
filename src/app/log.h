// The server's log on standard error: a line of text, or a JSON object, for each message.
//
// A message is always one line: names of files come from outside, and none of them may begin a line
// of its own or break the JSON.
#pragma once

#include <string>
#include <string_view>

#include "cli/serve_options.h"

namespace bitvault::app {

// Makes it the log of the process.
void set_up_log(const cli::ServeOptions& options);

// The message with each control character, and each byte that is no UTF-8, as \xNN.
[[nodiscard]] std::string one_line(std::string_view message);

}  // namespace bitvault::app
