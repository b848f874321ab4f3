// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs the searches on the table of all plans, without an engine, and writes
// docs/accuracy-aware-truth.md with its plot.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/table_searches.hpp"

namespace {

using namespace ptq::test;

constexpr std::string_view usage =
    "ptq_all_plans_page [--check] DOCS_FOLDER\n"
    "Writes accuracy-aware-truth.md and accuracy-aware-truth.svg, or checks that they are as they "
    "would be written.\n";

/// One way to search, at each of `drop_limits`.
struct line {
  way by{};
  std::vector<table_outcome> at{};
};

auto text_of(double value) -> std::string {
  std::ostringstream text;
  text << value;
  return text.str();
}

auto fixed(double value, int digits) -> std::string {
  std::ostringstream text;
  text.setf(std::ios::fixed);
  text.precision(digits);
  text << value;
  return text.str();
}

auto all_lines(const plan_table& table) -> std::vector<line> {
  std::vector<line> result;
  for (const way& by : ways()) {
    line made{.by = by};
    for (const double limit : drop_limits) {
      made.at.push_back(searched(table, by, limit));
    }
    result.push_back(std::move(made));
  }
  return result;
}

/// A table with a column for each limit and a row for each way to search.
template <class Cell>
auto rows(const std::vector<line>& lines, Cell cell) -> std::string {
  std::string result;
  for (const line& each : lines) {
    result += "| " + each.by.name() + " |";
    for (std::size_t i = 0; i != each.at.size(); ++i) {
      result += ' ' + cell(each.at[i], i) + " |";
    }
    result += '\n';
  }
  return result;
}

auto header() -> std::string {
  std::string result = "| limit |";
  std::string rule = "|---|";
  for (const double limit : drop_limits) {
    result += ' ' + text_of(limit) + " |";
    rule += "---|";
  }
  return result + '\n' + rule + '\n';
}

auto page(const plan_table& table, const std::vector<line>& lines) -> std::string {
  const std::size_t everything = table.everything();
  std::ostringstream text;
  text << "# Searches against all plans\n\n"
          "fashion_ds with 4-bit weights and activations has "
       << table.groups.size() << " groups of one operation each, so that there are "
       << table.plans() << " plans. All of them were measured on the first " << table.samples
       << " test images of Fashion-MNIST, which tells the fewest operations that any search could "
          "revert. Top-1 of the float model is "
       << fixed(100.0 * table.top1(everything), 2) << " %, with everything quantized "
       << fixed(100.0 * table.top1(0), 2) << " %.\n\n"
       << "![Operations reverted and images run, by limit](accuracy-aware-truth.svg)\n\n"
          "The default is `bisection, by_joint_nmse`. No search measures a plan twice on an image; "
          "the "
          "plan that is returned was measured on all of them.\n\n"
          "## Operations reverted\n\n"
       << header() << "| the fewest of all plans |";
  for (const double limit : drop_limits) {
    text << ' ' << table.fewest(limit) << " |";
  }
  text << '\n'
       << rows(
              lines,
              [](const table_outcome& at, std::size_t) {
                return std::to_string(at.found.operations_reverted);
              }
          )
       << "\n## Candidates measured\n\nOn all images or a part of them.\n\n"
       << header()
       << rows(
              lines,
              [](const table_outcome& at, std::size_t) {
                return std::to_string(at.found.evaluations);
              }
          )
       << "\n## Inferences\n\nIn thousands, with the " << table.samples
       << " of the float model, those of the ranking, and those of the plan that is returned.\n\n"
       << header()
       << rows(
              lines,
              [](const table_outcome& at, std::size_t) {
                return fixed(static_cast<double>(at.inferences) / 1000.0, 1);
              }
          )
       << "\n## How it was made\n\n"
          "This page and its plot, in seconds and without an engine:\n\n"
          "```\n"
          "cmake --build build/release --target ptq_all_plans_page\n"
          "build/release/tests/golden/ptq_all_plans_page docs\n"
          "```\n\n"
          "The table of all plans, `tests/golden/accuracy_aware/fashion_ds.w4a4.plans`, in about "
          "ten minutes. Its format is in `tests/support/plan_table.hpp`.\n\n"
          "```\n"
          "cmake --build build/release --target ptq_all_plans\n"
          "ctest --preset release -R golden.images\n"
          "build/release/tests/golden/ptq_all_plans "
          "tests/golden/accuracy_aware/fashion_ds.w4a4.plans\n"
          "```\n";
  return text.str();
}

/// A panel of the plot: steps over the limits, which are evenly spaced.
class panel {
public:
  panel(std::ostringstream& to, double top, double most, std::string title)
      : to_(&to), top_(top), most_(most) {
    *to_ << "<text x='" << left << "' y='" << fixed(top - 10, 0) << "' class='title'>" << title
         << "</text>\n";
    constexpr int marks = 5;
    for (int i = 0; i <= marks; ++i) {
      const double value = most * i / marks;
      *to_ << "<path class='grid' d='M" << left << ' ' << fixed(y(value), 1) << "H" << left + width
           << "'/><text class='left' x='" << left - 8 << "' y='" << fixed(y(value) + 4, 1) << "'>"
           << text_of(value) << "</text>\n";
    }
    for (std::size_t i = 0; i != drop_limits.size(); ++i) {
      *to_ << "<text class='below' x='" << fixed(x(i), 1) << "' y='" << fixed(top + height + 18, 1)
           << "'>" << text_of(drop_limits[i]) << "</text>\n";
    }
  }

  void draw(const std::vector<double>& values, const std::string& style, double shift) {
    std::string path;
    std::string dots;
    for (std::size_t i = 0; i != values.size(); ++i) {
      const std::string at = fixed(x(i), 1) + ' ' + fixed(y(values[i]) + shift, 1);
      path += (i == 0 ? 'M' : 'L') + at;
      dots += "<circle class='" + style + "' cx='" + fixed(x(i), 1) + "' cy='" +
              fixed(y(values[i]) + shift, 1) + "' r='3'/>";
    }
    *to_ << "<path class='line " << style << "' d='" << path << "'/>" << dots << '\n';
  }

  static constexpr int left = 60;
  static constexpr int width = 600;
  static constexpr int height = 220;

private:
  static auto x(std::size_t i) -> double {
    return left + 20 +
           (width - 40.0) * static_cast<double>(i) / static_cast<double>(drop_limits.size() - 1);
  }

  auto y(double value) const -> double { return top_ + height * (1.0 - value / most_); }

  std::ostringstream* to_;
  double top_;
  double most_;
};

auto plot(const plan_table& table, const std::vector<line>& lines) -> std::string {
  const std::vector<std::pair<std::string, std::string>> drawn{
      {"bisection, by_joint_nmse", "a"},
      {"bisection, by_nmse", "b"},
      {"bisection, by_metric", "c"},
      {"greedy_pot, replay_pot", "d"}
  };
  std::ostringstream to;
  to << "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 680 640' font-family='sans-serif' "
        "font-size='12'>\n<style>\n"
        "rect{fill:#fff}.title{font-size:14px;font-weight:bold}.left{text-anchor:end}"
        ".below{text-anchor:middle}.grid{stroke:#ddd}.line{fill:none;stroke-width:2}\n"
        ".o{stroke:#999;fill:#999;stroke-width:6}.a{stroke:#06c;fill:#06c}.b{stroke:#080;fill:#080}"
        ".c{stroke:#c60;fill:#c60}.d{stroke:#b0b;fill:#b0b}.line{fill:none}\n</style>\n"
        "<rect width='680' height='640'/>\n";
  std::size_t most_run = 0;
  std::size_t most_reverted = 0;
  for (const line& each : lines) {
    if (std::ranges::find(drawn, each.by.name(), &std::pair<std::string, std::string>::first) !=
        drawn.end()) {
      for (const table_outcome& at : each.at) {
        most_run = std::max(most_run, at.inferences);
        most_reverted = std::max(most_reverted, at.found.operations_reverted);
      }
    }
  }
  panel reverted(
      to, 75, 5.0 * std::ceil(static_cast<double>(most_reverted) / 5.0), "Operations reverted"
  );
  panel run(
      to,
      365,
      50.0 * std::ceil(static_cast<double>(most_run) / 50'000.0),
      "Images run, in thousands"
  );
  std::vector<double> fewest;
  for (const double limit : drop_limits) {
    fewest.push_back(static_cast<double>(table.fewest(limit)));
  }
  reverted.draw(fewest, "o", 0.0);
  double shift = -3.0; // lines that lie on each other stay apart
  std::string legend = "<text x='60' y='18' fill='#777'>the fewest of all plans</text>";
  int place = 1; // in three columns
  for (const auto& [name, style] : drawn) {
    for (const line& each : lines) {
      if (each.by.name() == name) {
        std::vector<double> operations;
        std::vector<double> inferences;
        for (const table_outcome& one : each.at) {
          operations.push_back(static_cast<double>(one.found.operations_reverted));
          inferences.push_back(static_cast<double>(one.inferences) / 1000.0);
        }
        reverted.draw(operations, style, shift);
        run.draw(inferences, style, 0.0);
      }
    }
    shift += 2.0;
    legend += "<text class='" + style + "' stroke-width='0' x='" +
              std::to_string(60 + 200 * (place % 3)) + "' y='" +
              std::to_string(18 + 17 * (place / 3)) + "'>" + name + "</text>";
    ++place;
  }
  to << legend
     << "\n<text class='below' x='360' y='625'>limit on the drop of top-1</text>\n</svg>\n";
  return to.str();
}

auto content_of(const std::string& path) -> std::string {
  std::ifstream from(path, std::ios::binary);
  std::ostringstream text;
  text << from.rdbuf();
  return text.str();
}

/// @return whether the file is as it should be.
auto put(const std::string& path, const std::string& content, bool check) -> bool {
  if (check) {
    const bool same = content_of(path) == content;
    std::cout << (same ? "" : path + " is not what the searches make of the table now\n");
    return same;
  }
  std::ofstream to(path, std::ios::binary);
  if (!(to << content).flush()) {
    throw std::runtime_error(path + " cannot be written");
  }
  return true;
}

} // namespace

auto main(int count, char** given) -> int {
  const std::vector<std::string> words(given + 1, given + count);
  const bool check = words.size() == 2 && words[0] == "--check";
  if (!check && words.size() != 1) {
    std::cerr << usage;
    return 2;
  }
  try {
    const plan_table& table = fashion_ds_plans();
    const std::vector<line> lines = all_lines(table);
    const bool first = put(words.back() + "/accuracy-aware-truth.md", page(table, lines), check);
    const bool second = put(words.back() + "/accuracy-aware-truth.svg", plot(table, lines), check);
    return first && second ? 0 : 1;
  } catch (const std::exception& problem) {
    std::cerr << "ptq_all_plans_page: " << problem.what() << '\n';
    return 1;
  }
}
