// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Code in the documentation stands behind a line like `<!-- examples/describe_your_graph.cpp
// [graph] -->` and is what lies between the two lines `//! [graph]` of that file, or the whole file
// where no name is given. With PTQ_UPDATE_DOCS in the environment the pages are brought up to date
// instead.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

namespace fs = std::filesystem;

const fs::path root = fs::path(PTQ_TESTS_DIR).parent_path();

auto lines_of(const fs::path& file) -> std::vector<std::string> {
  std::ifstream stream(file);
  REQUIRE_MESSAGE(stream, "cannot be read: " << file.string());
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

auto is_marker(const std::string& line) -> bool {
  return line.find("//! [") != std::string::npos;
}

/// The lines between two markers, without the indentation that they share.
auto region(const fs::path& file, const std::string& name) -> std::vector<std::string> {
  std::vector<std::string> lines = lines_of(file);
  if (!name.empty()) {
    const auto marks = [&](const std::string& line) {
      return line.ends_with("//! [" + name + "]");
    };
    const auto first = std::ranges::find_if(lines, marks);
    REQUIRE_MESSAGE(first != lines.end(), file.string() << " has no [" << name << "]");
    const auto last = std::find_if(first + 1, lines.end(), marks);
    REQUIRE_MESSAGE(last != lines.end(), file.string() << " does not close [" << name << "]");
    lines = std::vector<std::string>(first + 1, last);
  }
  std::erase_if(lines, is_marker);
  while (!lines.empty() && lines.back().empty()) {
    lines.pop_back();
  }
  std::size_t shared = std::numeric_limits<std::size_t>::max();
  for (const std::string& line : lines) {
    shared = std::min(shared, std::min(line.find_first_not_of(' '), shared));
  }
  for (std::string& line : lines) {
    line.erase(0, std::min(shared, line.size()));
  }
  return lines;
}

auto joined(const std::vector<std::string>& lines) -> std::string {
  std::string text;
  for (const std::string& line : lines) {
    text += line + "\n";
  }
  return text;
}

/// The page with every quotation as the source has it now; counts them.
auto quoted_afresh(const fs::path& page, std::size_t& quotations) -> std::string {
  const std::vector<std::string> lines = lines_of(page);
  std::vector<std::string> result;
  for (std::size_t at = 0; at != lines.size(); ++at) {
    result.push_back(lines[at]);
    const bool begins = lines[at].starts_with("<!-- ") && lines[at].ends_with(" -->") &&
                        at + 1 < lines.size() && lines[at + 1].starts_with("```");
    if (!begins) {
      continue;
    }
    std::istringstream words(lines[at].substr(5, lines[at].size() - 9));
    std::string file;
    std::string name;
    words >> file >> name;
    if (!name.empty()) {
      name = name.substr(1, name.size() - 2);
    }
    result.push_back(lines[++at]);
    std::ranges::copy(region(root / file, name), std::back_inserter(result));
    while (++at != lines.size() && lines[at] != "```") {
    }
    REQUIRE_MESSAGE(at != lines.size(), page.string() << " does not close a quotation");
    result.push_back(lines[at]);
    ++quotations;
  }
  return joined(result);
}

TEST_CASE("code in the documentation is the code of the examples") {
  std::vector<fs::path> pages{root / "README.md"};
  for (const auto& entry : fs::recursive_directory_iterator(root / "docs")) {
    pages.push_back(entry.path());
  }
  std::size_t quotations = 0;
  for (const fs::path& page : pages) {
    if (page.extension() != ".md" || !fs::exists(page)) {
      continue;
    }
    const std::string afresh = quoted_afresh(page, quotations);
    if (std::getenv("PTQ_UPDATE_DOCS") != nullptr) {
      std::ofstream(page) << afresh;
    }
    const bool up_to_date = joined(lines_of(page)) == afresh;
    CHECK_MESSAGE(
        up_to_date,
        page.string() << " quotes code that has changed: run this test with PTQ_UPDATE_DOCS=1"
    );
  }
  CHECK(quotations > 0);
}

} // namespace
