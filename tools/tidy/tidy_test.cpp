#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tidy/files.h"
#include "tidy/rules.h"

namespace bitvault::tidy {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

// The rules that a few files break, in order of place.
std::vector<std::string> rules_of(void (*check)(const Tree&, Findings&), const Files& files) {
  Findings findings;
  check(make_tree(files), findings);
  std::vector<std::string> rules;
  for (const Finding& finding : findings) {
    rules.push_back(finding.rule);
  }
  return rules;
}

std::vector<std::string> words_in(std::string path, std::string text) {
  return rules_of(check_words, {{std::move(path), std::move(text)}});
}

std::vector<std::string> shape_of(std::string path, std::string text) {
  return rules_of(check_shape, {{std::move(path), std::move(text)}});
}

using Rules = std::vector<std::string>;

std::string lines(std::size_t count) {
  std::string text = "// What it is.\n#pragma once\n";
  for (std::size_t i = 2; i < count; ++i) {
    text += "int a;\n";
  }
  return text;
}

// ---- files.h

TEST(TidyFiles, ReadsTextAndNothingElse) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "tidy_files" / std::to_string(::getpid());
  std::filesystem::create_directories(folder / "modules");
  std::ofstream(folder / "text") << "a\n";
  std::ofstream(folder / "bytes") << std::string(2, '\0');
  std::filesystem::create_symlink("text", folder / "link");
  std::filesystem::create_symlink("modules", folder / "linked_modules");
  std::filesystem::create_symlink("nothing", folder / "broken");
  const auto text = [&](const char* name) { return read_text(folder / name).value_or("none"); };
  EXPECT_EQ(text("text"), "a\n");
  EXPECT_EQ(text("link"), "a\n");
  for (const char* name : {"bytes", "modules", "linked_modules", "broken", "gone"}) {
    EXPECT_EQ(text(name), "none") << name;
  }
  std::filesystem::remove_all(folder);
}

// ---- source.h

TEST(TidySource, CommentsAndLiteralsAreNotCode) {
  const Source source = make_source("a.cpp",
                                    "int a = 1'000;  // b\n"
                                    "/* c\n"
                                    "d */ char e = '\"'; f(\"g\\\"h\");\n"
                                    "auto i = R\"x(j \" k\n"
                                    "l)x\"; m();\n");
  ASSERT_EQ(source.code.size(), 5u);
  EXPECT_EQ(source.code[0], "int a = 1'000;      ");
  EXPECT_EQ(source.code[1], "    ");
  EXPECT_EQ(source.code[2], "     char e =    ; f(      );");
  EXPECT_EQ(source.code[3], "auto i =          ");
  EXPECT_EQ(source.code[4], "    ; m();");
  EXPECT_EQ(source.in_raw_string, (std::vector<bool>{false, false, false, true, true}));
}

TEST(TidySource, AnUnfinishedLiteralEndsWithTheFile) {
  EXPECT_EQ(make_source("a.cpp", "f(\"\\").code[0], "f(  ");
  EXPECT_EQ(make_source("a.cpp", "f(R\"(x").code[0], "f(    ");
  EXPECT_EQ(make_source("a.cpp", "f(R\"x").code.size(), 1u);
  EXPECT_EQ(make_source("a.cpp", "/*").code[0], "  ");
}

TEST(TidySource, IncludesInCommentsDoNotCount) {
  const Source source = make_source("a.cpp",
                                    "#include \"base/a.h\"\n"
                                    "// #include \"base/b.h\"\n"
                                    "#include <c.h>\n");
  ASSERT_EQ(source.includes.size(), 1u);
  EXPECT_EQ(source.includes[0].path, "base/a.h");
  EXPECT_EQ(source.includes[0].line, 1u);
}

TEST(TidyWords, AWordStandsAlone) {
  EXPECT_EQ(find_word("x getenv(y)", "getenv"), 2u);
  EXPECT_EQ(find_word("my_getenv getenv2", "getenv"), std::string::npos);
  EXPECT_EQ(find_word("static_assert(x) assert(y)", "assert("), 17u);
  EXPECT_EQ(find_word("std::normal_distribution<>", "*_distribution<"), 11u);
}

// ---- modules.cpp

Files two_modules(std::string deps, std::string file, std::string include) {
  return {{"src/low/CMakeLists.txt", "bitvault_module(low SOURCES low.cpp)\n"},
          {"src/low/low.h", ""},
          {"src/high/CMakeLists.txt", "bitvault_module(high\n  DEPS " + deps + "\n  TESTS x)\n"},
          {std::move(file), "#include <a>\n#include \"" + include + "\"\n"}};
}

TEST(TidyModules, AnIncludeNeedsItsDep) {
  const auto files = two_modules("base", "src/high/high.cpp", "low/low.h");
  Findings findings;
  check_modules(make_tree(files), findings);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].rule, "deps");
  EXPECT_EQ(findings[0].path, "src/high/high.cpp");
  EXPECT_EQ(findings[0].line, 2u);
  EXPECT_EQ(rules_of(check_modules, two_modules("low", "src/high/high.cpp", "low/low.h")), Rules{});
}

TEST(TidyModules, TestsGeneratedHeadersAndOutsidersAreFree) {
  EXPECT_EQ(rules_of(check_modules, two_modules("base", "src/high/a_test.cpp", "low/low.h")),
            Rules{});
  EXPECT_EQ(rules_of(check_modules, two_modules("base", "src/high/high.cpp", "low/x.pb.h")),
            Rules{});
  EXPECT_EQ(rules_of(check_modules, two_modules("base", "tests/sim/a.cpp", "low/low.h")), Rules{});
}

TEST(TidyModules, AHeaderThatOnlyTestsIncludeIsFree) {
  const auto files = [](std::string includer) {
    return Files{{"src/low/CMakeLists.txt", "bitvault_module(low)"},
                 {"src/low/low.h", ""},
                 {"src/high/CMakeLists.txt", "bitvault_module(high)"},
                 {"src/high/fixture.h", "#include \"low/low.h\"\n"},
                 {"src/high/fixture.cpp", "#include \"high/fixture.h\"\n"},
                 {"src/high/more.h", "#include \"high/fixture.h\"\n"},
                 {std::move(includer), "#include \"high/more.h\"\n"}};
  };
  EXPECT_EQ(rules_of(check_modules, files("src/high/a_test.cpp")), Rules{});
  EXPECT_EQ(rules_of(check_modules, files("src/high/a.cpp")), Rules{"deps"});
  EXPECT_EQ(rules_of(check_modules, files("docs/nobody.md")), Rules{"deps"});
  Files with_source = files("src/high/a_test.cpp");
  with_source[4].second += "#include \"low/low.h\"\n";
  EXPECT_EQ(rules_of(check_modules, with_source), Rules{});
}

TEST(TidyModules, DepsAreNotTransitive) {
  const Files files = {{"src/a/CMakeLists.txt", "bitvault_module(a)"},
                       {"src/a/a.h", ""},
                       {"src/b/CMakeLists.txt", "bitvault_module(b DEPS a)"},
                       {"src/c/CMakeLists.txt", "bitvault_module(c DEPS b)"},
                       {"src/c/c.cpp", "#include \"a/a.h\"\n"}};
  EXPECT_EQ(rules_of(check_modules, files), Rules{"deps"});
}

TEST(TidyModules, ANestedFolderIsTheModuleThatItsCMakeListsNames) {
  const Files files = {
      {"src/store/CMakeLists.txt", "bitvault_module(store)"},
      {"src/store/store.h", ""},
      {"src/store/sqlite/CMakeLists.txt", "bitvault_module(store_sqlite DEPS store)"},
      {"src/store/sqlite/db.h", "#include \"store/store.h\"\n#include \"store/sqlite/row.h\"\n"},
      {"src/store/sqlite/row.h", ""},
      {"src/store/plain/text.h", "#include \"store/store.h\"\n"},  // a part of store itself
      {"src/api/CMakeLists.txt", "bitvault_module(api DEPS store)"},
      {"src/api/api.cpp", "#include \"store/store.h\"\n#include \"store/sqlite/db.h\"\n"}};
  Findings findings;
  check_modules(make_tree(files), findings);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].path, "src/api/api.cpp");
  EXPECT_EQ(findings[0].line, 2u);
}

TEST(TidyModules, ACycleIsFound) {
  const Files files = {{"src/a/CMakeLists.txt", "# x (\nbitvault_module(a DEPS b)"},
                       {"src/b/CMakeLists.txt", "bitvault_module(b DEPS c)"},
                       {"src/c/CMakeLists.txt", "bitvault_module(c DEPS a LIBS d)"},
                       {"src/d/CMakeLists.txt", "bitvault_module(d DEPS a)"}};
  EXPECT_EQ(rules_of(check_modules, files), (Rules{"cycle", "cycle", "cycle"}));
}

// ---- words.cpp

TEST(TidyWords, TheOutsideWorldIsBannedWhereItIsNotAtHome) {
  const std::pair<const char*, const char*> cases[] = {
      {"clock", "auto t = std::chrono::system_clock::now();"},
      {"clock", "auto t = Steady::steady_clock::now();"},
      {"timer", "boost::asio::steady_timer timer(executor);"},
      {"random", "std::random_device device;"},
      {"random", "std::mt19937 engine;"},
      {"distribution", "std::uniform_int_distribution<int> die(1, 6);"},
      {"environment", "const char* x = std::getenv(name);"},
      {"thread", "std::thread t(f);"},
      {"thread", "std::jthread t(f);"},
      {"sleep", "std::this_thread::sleep_for(1s);"},
      {"detached", "co_spawn_it(f(), boost::asio::detached);"},
      {"co_spawn", "boost::asio::co_spawn(executor, f(), done);"},
      {"assert", "assert(x > 0);"},
      {"assert", "std::abort();"},
      {"print", "std::cout << x;"},
      {"print", "fmt::print(x);"},
  };
  for (const auto& [rule, line] : cases) {
    EXPECT_EQ(words_in("src/feed/feed.cpp", line), Rules{rule}) << line;
    EXPECT_EQ(words_in("src/feed/feed.cpp", "// " + std::string(line)), Rules{}) << line;
  }
}

TEST(TidyWords, TheOutsideWorldIsAllowedInItsFolders) {
  EXPECT_EQ(words_in("src/net/real_world.cpp", "steady_timer t; system_clock::now();"), Rules{});
  EXPECT_EQ(words_in("src/app/main.cpp", "std::getenv(a); std::jthread t;"), Rules{});
  EXPECT_EQ(words_in("src/cli/tail.cpp", "std::cout << a;"), Rules{});
  EXPECT_EQ(words_in("bench/ingest.cpp", "steady_clock::now();"), Rules{});
  EXPECT_EQ(words_in("src/store/sqlite/writer.cpp", "std::jthread t;"), Rules{});
}

TEST(TidyWords, SomeThingsAreAllowedNowhere) {
  EXPECT_EQ(words_in("tests/sim/a_test.cpp", "std::this_thread::sleep_for(1s);"), Rules{"sleep"});
  EXPECT_EQ(words_in("src/app/main.cpp", "co_await(f(), detached);"), Rules{"detached"});
  for (const std::string word : {"TODO", "FIXME", "XXX"}) {
    EXPECT_EQ(words_in("tests/sim/a.cpp", "int a;  // " + word + ": b"), Rules{"unfinished"});
  }
}

TEST(TidyWords, ThirdPartyHeadersStayInTheFolderThatAdaptsThem) {
  EXPECT_EQ(words_in("src/feed/a.cpp", "#include <sqlite3.h>"), Rules{"third-party"});
  EXPECT_EQ(words_in("src/store/sqlite/a.cpp", "#include <sqlite3.h>"), Rules{});
  EXPECT_EQ(words_in("src/api/a.cpp", "#include <boost/beast/core.hpp>"), Rules{"third-party"});
  EXPECT_EQ(words_in("src/api/a.cpp", "#include <google/protobuf/message.h>"),
            Rules{"third-party"});
  EXPECT_EQ(words_in("src/api/a.cpp", "#include <curl/curl.h>"), Rules{"third-party"});
}

TEST(TidyWords, SharedStateIsAWarning) {
  Findings findings;
  check_words(make_tree({{"src/feed/a.h", "std::shared_ptr<const A> a;\nstd::shared_ptr<B> b;\n"}}),
              findings);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].line, 2u);
  EXPECT_TRUE(findings[0].warning);
}

TEST(TidyWords, NoMachineAndNoRegistryIsNamed) {
  EXPECT_EQ(words_in("docs/a.md", "see /work/main/a"), Rules{"this-machine"});
  EXPECT_EQ(words_in("docs/a.md", "see net/work/main or ./work/x"), Rules{});
  EXPECT_EQ(words_in("a.json", "\"https://registry.npmjs.org/x\""), Rules{"registry-host"});
}

TEST(TidyAwaits, ACoAwaitIsAWholeStatementOrInitializer) {
  for (const char* good :
       {"f();\n  co_await g();", "auto x = co_await g();", "auto x =\n co_await g();",
        "co_return co_await g();", "{ co_await g(); }", "if (x) {\n co_await g();",
        "case 1:\n co_await g();", "// if (co_await g())"}) {
    EXPECT_EQ(rules_of(check_awaits, {{"src/a/a.cpp", good}}), Rules{}) << good;
  }
  for (const char* bad : {"if (co_await g()) {", "f(co_await g());", "x = a ? co_await g() : b;",
                          "auto x = !co_await g();", "auto x = a +\n co_await g();",
                          "return a == co_await g();", "auto x = (co_await g()).value();"}) {
    EXPECT_EQ(rules_of(check_awaits, {{"src/a/a.cpp", bad}}), Rules{"co_await"}) << bad;
  }
}

// ---- shape.cpp

TEST(TidyShape, FilesHaveASize) {
  EXPECT_EQ(shape_of("tests/a.cpp", lines(600)), Rules{});
  EXPECT_EQ(shape_of("tests/a.cpp", lines(601)), Rules{"file-size"});
  EXPECT_EQ(shape_of("tests/a.h", lines(250)), Rules{});
  EXPECT_EQ(shape_of("tests/a.h", lines(251)), Rules{"file-size"});
}

TEST(TidyShape, LinesHaveAWidthInCharacters) {
  EXPECT_EQ(shape_of("tests/a.cpp", std::string(100, 'a')), Rules{});
  EXPECT_EQ(shape_of("tests/a.cpp", std::string(101, 'a')), Rules{"columns"});
  std::string umlauts;
  for (int i = 0; i < 100; ++i) {
    umlauts += "ä";
  }
  EXPECT_EQ(shape_of("tests/a.cpp", umlauts), Rules{});
  EXPECT_EQ(shape_of("tests/a.cpp", "auto a = R\"(" + std::string(200, 'a') + ")\";"), Rules{});
}

std::string function(const std::string& head, std::size_t size) {
  std::string text = head + " {\n";
  for (std::size_t i = 2; i < size; ++i) {
    text += i % 2 == 0 ? "  if (a) { b = {1, 2}; }\n" : "  c();\n";
  }
  return text + "}\n";
}

TEST(TidyShape, FunctionsHaveASize) {
  for (const char* head : {"void f()", "Task<int> A::f(int a) const noexcept", "TEST(A, B)",
                           "template <class T>\nvoid f(T a)"}) {
    const std::size_t extra = std::string_view(head).find('\n') != std::string_view::npos ? 1 : 0;
    EXPECT_EQ(shape_of("tests/a.cpp", function(head, 70 - extra)), Rules{}) << head;
    EXPECT_EQ(shape_of("tests/a.cpp", function(head, 71 - extra)), Rules{"function-size"}) << head;
  }
}

TEST(TidyShape, ScopesAndTablesAreNotFunctions) {
  for (const char* head :
       {"namespace a", "class A", "struct A : B", "enum class A",
        "constexpr int kTable[] =", "extern \"C\"", "template <class T>\nclass A"}) {
    EXPECT_EQ(shape_of("tests/a.cpp", function(head, 80)), Rules{}) << head;
  }
}

TEST(TidyShape, FunctionsWithinScopesAreMeasured) {
  const std::string text = "namespace a {\nclass B {\n" + function("int f()", 71) + "};\n}\n";
  Findings findings;
  check_shape(make_tree({{"tests/a.cpp", text}}), findings);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].line, 3u);
}

TEST(TidyShape, HeadersBeginWithWhatTheyAre) {
  EXPECT_EQ(shape_of("tests/a.h", "#pragma once\n"), Rules{"header-comment"});
  EXPECT_EQ(shape_of("tests/a.h", "// What.\n"), Rules{"pragma-once"});
}

TEST(TidyShape, ASourceIncludesItsOwnHeaderFirst) {
  const auto check = [](std::string text) {
    return rules_of(check_shape, {{"src/a/a.h", "// What.\n#pragma once\n"},
                                  {"src/a/README.md", "a"},
                                  {"src/a/a.cpp", std::move(text)}});
  };
  EXPECT_EQ(check("#include \"a/a.h\"\n#include \"a/b.h\"\n"), Rules{});
  EXPECT_EQ(check("#include \"a/b.h\"\n#include \"a/a.h\"\n"), Rules{"own-header"});
  EXPECT_EQ(check("int a;\n"), Rules{"own-header"});
}

TEST(TidyShape, NamesSaySomething) {
  for (const char* path : {"tests/utils/a.md", "tests/helpers.cpp", "docs/common/b.md"}) {
    EXPECT_EQ(shape_of(path, ""), Rules{"name"}) << path;
  }
  EXPECT_EQ(shape_of("docs/commonly.md", ""), Rules{});
}

TEST(TidyShape, ATestThatIsNotBuiltDoesNotExist) {
  const auto check = [](std::string cmake_path, std::string cmake) {
    return rules_of(check_shape,
                    {{std::move(cmake_path), std::move(cmake)}, {"tests/sim/a_test.cpp", ""}});
  };
  EXPECT_EQ(check("tests/sim/CMakeLists.txt", "f(TESTS a_test.cpp)\n"), Rules{});
  EXPECT_EQ(check("tests/CMakeLists.txt", "f(TESTS sim/a_test.cpp)\n"), Rules{});
  EXPECT_EQ(check("tests/CMakeLists.txt", "f(TESTS a_test.cpp)\n"), Rules{"not-built"});
  EXPECT_EQ(check("tests/sim/CMakeLists.txt", "# a_test.cpp\n"), Rules{"not-built"});
  EXPECT_EQ(check("tests/sim/CMakeLists.txt", "f(b/a_test.cpp aa_test.cpp)\n"), Rules{"not-built"});
}

TEST(TidyShape, ASourceFolderHasAReadme) {
  const std::pair<std::string, std::string> header = {"src/a/a.h", "// What.\n#pragma once\n"};
  EXPECT_EQ(rules_of(check_shape, {header}), Rules{"readme"});
  EXPECT_EQ(rules_of(check_shape, {header, {"src/a/README.md", "What.\n"}}), Rules{});
  EXPECT_EQ(rules_of(check_shape, {header, {"src/a/README.md", std::string(61, '\n')}}),
            Rules{"readme"});
}

// ---- all together

TEST(Tidy, FindingsAreSortedAndReadLikeACompilers) {
  const Findings findings = check_all(
      make_tree({{"tests/b.cpp", "int a;\nassert (b);\nstd::this_thread::sleep_for(c);\n"},
                 {"tests/a.h", "#pragma once\n"}}));
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].path, "tests/a.h");
  EXPECT_EQ(
      render(findings[1]),
      "tests/b.cpp:3: sleep: sleep_for: await the condition; with a deadline, World::sleep()");
  EXPECT_EQ(render({"a.h", 2, "b", "c", true}), "a.h:2: warning: b: c");
}

}  // namespace
}  // namespace bitvault::tidy
