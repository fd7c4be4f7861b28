#include "cli/completion.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

namespace bitvault::cli {
namespace {

// The words after an option: "@file", "@dir", "@any", words to choose from, or "" for a flag.
struct OptionModel {
  std::vector<std::string> names;  // with their dashes
  std::string values;
  std::string description;
};

struct CommandModel {
  std::string path;                                           // "tenants put"; empty: the program
  std::vector<std::pair<std::string, std::string>> commands;  // name, description
  std::vector<OptionModel> options;
  std::string arguments;  // the values of those without an option
};

bool is_choice(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
}

std::string values_of(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) {
    return "";
  }
  const std::string type = option.get_type_name();
  if (type == "FILE") {
    return "@file";
  }
  if (type == "DIR") {
    return "@dir";
  }
  std::string words;
  for (const std::string& word : CLI::detail::split(type, '|')) {
    if (is_choice(word)) {
      words += (words.empty() ? "" : " ") + word;
    }
  }
  return type.find('|') != std::string::npos && !words.empty() ? words : "@any";
}

void collect(const CLI::App& app, const std::string& path, std::vector<CommandModel>& models) {
  CommandModel model{.path = path, .commands = {}, .options = {}, .arguments = ""};
  for (const CLI::Option* option : app.get_options([](const CLI::Option*) { return true; })) {
    OptionModel entry{
        .names = {}, .values = values_of(*option), .description = option->get_description()};
    for (const std::string& name : option->get_lnames()) {
      entry.names.push_back("--" + name);
    }
    for (const std::string& name : option->get_snames()) {
      entry.names.push_back("-" + name);
    }
    if (!entry.names.empty()) {
      model.options.push_back(std::move(entry));
    } else if (entry.values == "@file") {
      model.arguments = entry.values;
    }
  }
  const auto all = [](const CLI::App*) { return true; };
  for (const CLI::App* command : app.get_subcommands(all)) {
    model.commands.emplace_back(command->get_name(), command->get_description());
  }
  models.push_back(std::move(model));
  for (const CLI::App* command : app.get_subcommands(all)) {
    collect(*command, path.empty() ? command->get_name() : path + " " + command->get_name(),
            models);
  }
}

// The tree as three functions of the path, in the shell language that bash and zsh share.
std::string functions(const std::vector<CommandModel>& models) {
  std::string commands;
  std::string options;
  std::string values;
  for (const CommandModel& model : models) {
    std::string names;
    for (const auto& [name, description] : model.commands) {
      names += (names.empty() ? "" : " ") + name;
    }
    commands += fmt::format("    \"{}\") echo \"{}\" ;;\n", model.path, names);
    names.clear();
    for (const OptionModel& option : model.options) {
      for (const std::string& name : option.names) {
        names += (names.empty() ? "" : " ") + name;
        if (!option.values.empty()) {
          values += fmt::format("    \"{} {}\") echo \"{}\" ;;\n", model.path, name, option.values);
        }
      }
    }
    options += fmt::format("    \"{}\") echo \"{}\" ;;\n", model.path, names);
    if (!model.arguments.empty()) {
      values += fmt::format("    \"{} \") echo \"{}\" ;;\n", model.path, model.arguments);
    }
  }
  return fmt::format(
      "_bitvault_events_commands() {{\n  case \"$1\" in\n{}  esac\n}}\n"
      "_bitvault_events_options() {{\n  case \"$1\" in\n{}  esac\n}}\n"
      "_bitvault_events_values() {{\n  case \"$1 $2\" in\n{}  esac\n}}\n",
      commands, options, values);
}

constexpr std::string_view kBash = R"sh(
_bitvault_events() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
  local path="" skip="" word values i
  if [[ $cur == "=" ]]; then
    cur=""
  elif [[ $prev == "=" ]] && ((COMP_CWORD > 1)); then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ -n $skip ]]; then
      [[ $word == "=" ]] || skip=""
    elif [[ $word == -* ]]; then
      skip=$(_bitvault_events_values "$path" "$word")
    elif [[ " $(_bitvault_events_commands "$path") " == *" $word "* ]]; then
      path="${path:+$path }$word"
    fi
  done
  COMPREPLY=()
  values=""
  [[ $prev == -* ]] && values=$(_bitvault_events_values "$path" "$prev")
  [[ -n $values || $cur == -* ]] || values=$(_bitvault_events_values "$path" "")
  case "$values" in
    @any) return ;;
    @file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null ;;
    @dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames 2>/dev/null ;;
    "")
      if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_bitvault_events_options "$path")" -- "$cur")
      else
        mapfile -t COMPREPLY < <(compgen -W "$(_bitvault_events_commands "$path")" -- "$cur")
      fi ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur") ;;
  esac
}
complete -F _bitvault_events bitvault-events
)sh";

constexpr std::string_view kZsh = R"sh(
_bitvault_events() {
  local curcontext="$curcontext" path_="" skip="" values="" word i
  for ((i = 2; i < CURRENT; i++)); do
    word=${words[i]}
    if [[ -n $skip ]]; then
      skip=""
    elif [[ $word == -* ]]; then
      [[ $word == *=* ]] || skip=$(_bitvault_events_values "$path_" "$word")
    elif [[ " $(_bitvault_events_commands "$path_") " == *" $word "* ]]; then
      path_="${path_:+$path_ }$word"
    fi
  done
  [[ ${words[CURRENT-1]} == -* ]] && values=$(_bitvault_events_values "$path_" "${words[CURRENT-1]}")
  [[ -n $values || ${words[CURRENT]} == -* ]] || values=$(_bitvault_events_values "$path_" "")
  case "$values" in
    @any) return 1 ;;
    @file) _files ;;
    @dir) _files -/ ;;
    "")
      if [[ ${words[CURRENT]} == -* ]]; then
        compadd -- ${=$(_bitvault_events_options "$path_")}
      else
        compadd -- ${=$(_bitvault_events_commands "$path_")}
      fi ;;
    *) compadd -- ${=values} ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _bitvault_events "$@"
else
  compdef _bitvault_events bitvault-events
fi
)sh";

constexpr std::string_view kFish = R"sh(
# Whether the command line stands at the command given.
function __bitvault_events_at
    set -l at
    for word in (commandline -opc)[2..-1]
        set -l next (string trim -- "$at $word")
        contains -- "$next" $__bitvault_events_paths; and set at "$next"
    end
    test "$at" = "$argv[1]"
end
complete -c bitvault-events -f
)sh";

std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + "'";
}

std::string fish_option(const std::string& path, const OptionModel& option) {
  std::string line =
      fmt::format("complete -c bitvault-events -n '__bitvault_events_at \"{}\"'", path);
  for (const std::string& name : option.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (option.values == "@file" || option.values == "@dir") {
    line += " -r -F";
  } else if (option.values == "@any") {
    line += " -x";
  } else if (!option.values.empty()) {
    line += fmt::format(" -x -a '{}'", option.values);
  }
  return line + " -d " + fish_quoted(option.description) + "\n";
}

std::string fish_script(const std::vector<CommandModel>& models) {
  std::string script = "set -g __bitvault_events_paths";
  for (const CommandModel& model : models) {
    if (!model.path.empty()) {
      script += " '" + model.path + "'";
    }
  }
  script += kFish;
  for (const CommandModel& model : models) {
    for (const auto& [name, description] : model.commands) {
      script +=
          fmt::format("complete -c bitvault-events -n '__bitvault_events_at \"{}\"' -a {} -d {}\n",
                      model.path, name, fish_quoted(description));
    }
    for (const OptionModel& option : model.options) {
      script += fish_option(model.path, option);
    }
    if (!model.arguments.empty()) {
      script += fmt::format("complete -c bitvault-events -n '__bitvault_events_at \"{}\"' -F\n",
                            model.path);
    }
  }
  return script;
}

}  // namespace

std::string completion_script(const CLI::App& root, Shell shell) {
  std::vector<CommandModel> models;
  collect(root, "", models);
  switch (shell) {
    case Shell::kBash:
      return "# bash completion of bitvault-events\n" + functions(models) + std::string(kBash);
    case Shell::kZsh:
      return "#compdef bitvault-events\n" + functions(models) + std::string(kZsh);
    case Shell::kFish:
      return "# fish completion of bitvault-events\n" + fish_script(models);
  }
  return {};
}

}  // namespace bitvault::cli
