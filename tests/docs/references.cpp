// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the documentation names is there: pages and headings that it links to, files and folders of
// the repository, options of quantize_onnx.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

namespace fs = std::filesystem;

const fs::path root = fs::path(PTQ_TESTS_DIR).parent_path();

auto text_of(const fs::path& file) -> std::string {
  std::ifstream stream(file);
  REQUIRE_MESSAGE(stream, "cannot be read: " << file.string());
  return {std::istreambuf_iterator<char>(stream), {}};
}

auto pages() -> std::vector<fs::path> {
  std::vector<fs::path> result{root / "README.md", root / "CHANGELOG.md", root / "CONTRIBUTING.md"};
  for (const auto& entry : fs::recursive_directory_iterator(root / "docs")) {
    if (entry.path().extension() == ".md") {
      result.push_back(entry.path());
    }
  }
  return result;
}

/// The first group of each match, or all of it.
auto found(const std::string& text, const char* pattern) -> std::set<std::string> {
  const std::regex expression(pattern);
  std::set<std::string> result;
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) {
    result.insert((*at)[at->size() > 1 ? 1 : 0].str());
  }
  return result;
}

auto without_code_blocks(const std::string& text) -> std::string {
  return std::regex_replace(text, std::regex("```[^`]*```"), "");
}

/// The anchors of a page's headings, as GitHub makes them.
auto anchors_of(const std::string& page) -> std::set<std::string> {
  std::set<std::string> result;
  for (const std::string& heading : found(without_code_blocks(page), "\n#+ ([^\n]+)")) {
    std::string anchor;
    for (const char c : heading) {
      const auto byte = static_cast<unsigned char>(c);
      if (std::isalnum(byte) != 0 || c == '-' || c == '_') {
        anchor += static_cast<char>(std::tolower(byte));
      } else if (c == ' ') {
        anchor += '-';
      }
    }
    result.insert(anchor);
  }
  return result;
}

TEST_CASE("links in the documentation lead somewhere") {
  std::size_t links = 0;
  for (const fs::path& page : pages()) {
    const std::string text = without_code_blocks(text_of(page));
    for (const std::string& link : found(text, "\\]\\(([^)\\s]+)\\)")) {
      if (link.find("://") != std::string::npos) {
        continue;
      }
      const std::size_t hash = link.find('#');
      const std::string path = link.substr(0, hash);
      const fs::path target = path.empty() ? page : page.parent_path() / path;
      CHECK_MESSAGE(fs::exists(target), page.string() << " links to " << link);
      if (hash != std::string::npos && fs::exists(target)) {
        CHECK_MESSAGE(
            anchors_of("\n" + text_of(target)).contains(link.substr(hash + 1)),
            page.string() << " links to " << link
        );
      }
      ++links;
    }
  }
  CHECK(links > 0);
}

TEST_CASE("files and folders that the documentation names are there") {
  std::size_t names = 0;
  const char* const below_the_root =
      "`((?:include|src|tests|examples|scripts|cmake|docs|benchmarks|\\.ci)/[A-Za-z0-9_./-]+)[` ]";
  for (const fs::path& page : pages()) {
    const std::string text = text_of(page);
    for (const std::string& name : found(text, below_the_root)) {
      CHECK_MESSAGE(fs::exists(root / name), page.string() << " names " << name);
      ++names;
    }
    for (const std::string& line : found(text, "\n(scripts/[A-Za-z0-9_./-]+)")) {
      CHECK_MESSAGE(fs::exists(root / line), page.string() << " names " << line);
      ++names;
    }
    for (const std::string& name : found(text, "[`<](ptq/[a-z0-9_/]+\\.hpp)[`>]")) {
      CHECK_MESSAGE(fs::exists(root / "include" / name), page.string() << " names " << name);
      ++names;
    }
  }
  CHECK(names > 0);
}

TEST_CASE("options that the documentation names are those of the programs") {
  std::set<std::string> options;
  for (const char* source : {"main.cpp", "accuracy_options.cpp"}) {
    options.merge(
        found(text_of(root / "examples/quantize_onnx" / source), "[\"!](--[a-z][a-z0-9-]*)")
    );
  }
  REQUIRE(options.size() > 10);
  std::set<std::string> known = options;
  known.insert(
      {"--help", "--build", "--install", "--target", "--prefix", "--list-presets", "--quick"}
  );
  for (const fs::path& page : pages()) {
    for (const std::string& option : found(text_of(page), "[ `\\[(](--[a-z][a-z0-9-]*)")) {
      CHECK_MESSAGE(known.contains(option), page.string() << " names " << option);
    }
  }
  const std::string manual = text_of(root / "docs/quantize_onnx.md");
  for (const std::string& option : options) {
    CHECK_MESSAGE(
        manual.find("`" + option) != std::string::npos,
        "docs/quantize_onnx.md leaves out " << option
    );
  }
}

} // namespace
