// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/core/op.hpp>
#include <ptq/core/samples.hpp>
#include <ptq/core/tensor_ref.hpp>
#include <ptq/core/tensor_view.hpp>
#include <ptq/evaluator/metric.hpp>
#include <ptq/evaluator/show.hpp>
#include <ptq/graph/concept.hpp>
#include <ptq/plan/plan.hpp>

#include <array>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

/// Types that model exactly one concept, everything else deleted: what the library uses beyond the
/// concept does not compile with them.
namespace ptq::test {

/// Regular and totally ordered, and nothing else: no `<=>`, no arithmetic, no hash.
class id_archetype {
public:
  id_archetype() = default;

  explicit id_archetype(int number) : number_(number) {}

  auto number() const -> int { return number_; }

  friend auto operator==(id_archetype a, id_archetype b) -> bool { return a.number_ == b.number_; }

  friend auto operator<(id_archetype a, id_archetype b) -> bool { return a.number_ < b.number_; }

  friend auto operator>(id_archetype a, id_archetype b) -> bool { return b < a; }

  friend auto operator<=(id_archetype a, id_archetype b) -> bool { return !(b < a); }

  friend auto operator>=(id_archetype a, id_archetype b) -> bool { return !(a < b); }

private:
  int number_ = 0;
};

/// Converts to a `To` and does nothing else.
template <class To>
class convertible_archetype {
public:
  explicit convertible_archetype(To value) : value_(std::move(value)) {}

  convertible_archetype(convertible_archetype&&) = default;

  operator To() const { return value_; } // NOLINT: that is what it is for

  void operator&() const = delete;

private:
  To value_;
};

/// The numbers `0 .. count - 1`, each made into a `Value`, as a range of exactly one category.
template <class Value, class Category, auto Make>
class counting_range {
public:
  class iterator {
  public:
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = Category;

    iterator() = default;

    explicit iterator(int at) : at_(at) {}

    auto operator*() const -> Value { return Make(at_); }

    auto operator++() -> iterator& {
      ++at_;
      return *this;
    }

    auto operator++(int) -> iterator { return iterator(at_++); }

    friend auto operator==(const iterator&, const iterator&) -> bool = default;

    void operator&() const = delete;

  private:
    int at_ = 0;
  };

  explicit counting_range(int first, int last) : first_(first), last_(last) {}

  auto begin() const { return iterator(first_); }

  auto end() const { return iterator(last_); }

private:
  int first_;
  int last_;
};

inline auto make_archetype_id(int number) -> id_archetype {
  return id_archetype(number);
}

inline auto make_archetype_input(int number) -> convertible_archetype<tensor_ref<id_archetype>> {
  return convertible_archetype(tensor_ref(id_archetype(number)));
}

/// x (input) -> matmul (x, w) with w a constant.
class graph_archetype {
public:
  using ptq_graph = void;
  using node_id = id_archetype;

  graph_archetype() = default;
  graph_archetype(const graph_archetype&) = delete;
  void operator&() const = delete;

  auto nodes() const {
    return counting_range<node_id, std::forward_iterator_tag, make_archetype_id>(0, 3);
  }

  auto op(node_id node) const -> ptq::op {
    constexpr std::array kinds{ptq::op::input, ptq::op::constant, ptq::op::matmul};
    return kinds.at(static_cast<std::size_t>(node.number()));
  }

  auto name(node_id node) const -> convertible_archetype<std::string_view> {
    constexpr std::array<std::string_view, 3> names{"x", "w", "sum"};
    return convertible_archetype(names.at(static_cast<std::size_t>(node.number())));
  }

  auto inputs(node_id node) const {
    using range = counting_range<
        convertible_archetype<tensor_ref<node_id>>,
        std::input_iterator_tag,
        make_archetype_input>;
    return node.number() == 2 ? range(0, 2) : range(0, 0);
  }

  auto constant(node_id node) const -> convertible_archetype<std::optional<constant_view>> {
    static constexpr std::array<float, 2> values{1.0F, 2.0F};
    std::optional<constant_view> value;
    if (node.number() == 1) {
      value = constant_view(values, {1, 2});
    }
    return convertible_archetype(value);
  }
};

class graph_with_attributes_archetype : public graph_archetype {
public:
  auto attributes(node_id /*node*/) const -> convertible_archetype<op_attributes> {
    return convertible_archetype(op_attributes{});
  }
};

class graph_with_tensor_names_archetype : public graph_archetype {
public:
  auto tensor_name(tensor_ref<node_id> tensor) const -> convertible_archetype<std::string_view> {
    constexpr std::array<std::string_view, 3> names{"tx", "tw", "tsum"};
    return convertible_archetype(names.at(static_cast<std::size_t>(tensor.node.number())));
  }
};

/// Runs the graph above on samples `{s, s + 1}` in its own way.
template <class G>
class evaluator_archetype {
public:
  using ptq_evaluator = void;

  evaluator_archetype() = default;
  evaluator_archetype(const evaluator_archetype&) = delete;
  void operator&() const = delete;

  auto sample_count() const -> convertible_archetype<std::size_t> {
    return convertible_archetype(std::size_t{2});
  }

  void observe(
      const G& /*graph*/,
      std::span<const tap<G>> taps,
      const samples& range,
      show_ref<typename G::node_id> show
  ) {
    run(plan{}, taps, range, show);
  }

protected:
  void
  run(const plan& under,
      std::span<const tap<G>> taps,
      const samples& range,
      show_ref<typename G::node_id> show) {
    for (const std::size_t s : range) {
      const auto f = static_cast<float>(s);
      std::array<float, 2> x{f, f + 1.0F};
      std::array<float, 2> sum{};
      const quantizer* on = under.input("sum", 0);
      const std::string w_name = tensor_names<G> ? "tw" : "w";
      const tensor_data* w = under.constant(w_name);
      for (std::size_t i = 0; i != 2; ++i) {
        const float seen = on != nullptr ? on->format.grids.front().in_low : x[i];
        sum[i] = seen + (w != nullptr ? w->values[i] : static_cast<float>(i + 1));
      }
      for (const tap<G>& wanted : taps) {
        show(s, wanted, tensor_view(wanted.node.number() == 0 ? x : sum, {1, 2}));
      }
    }
  }

private:
  template <class Graph>
  static constexpr bool tensor_names = graph_with_tensor_names<Graph>;
};

template <class G>
class plan_evaluator_archetype {
public:
  using ptq_evaluator = void;

  plan_evaluator_archetype() = default;
  plan_evaluator_archetype(const plan_evaluator_archetype&) = delete;
  void operator&() const = delete;

  auto sample_count() const -> convertible_archetype<std::size_t> {
    return convertible_archetype(std::size_t{2});
  }

  void observe(
      const G& /*graph*/,
      const plan& under,
      std::span<const tap<G>> taps,
      const samples& range,
      show_ref<typename G::node_id> show
  ) {
    engine_.run(under, taps, range, show);
  }

private:
  struct engine : evaluator_archetype<G> {
    using evaluator_archetype<G>::run;
  };

  engine engine_;
};

template <class G>
class evaluator_of_parts_archetype : public plan_evaluator_archetype<G> {
public:
  void run_part(
      const G& /*graph*/,
      const plan& under,
      typename G::node_id node,
      std::span<const tensor_view> inputs,
      show_ref<typename G::node_id> show
  ) {
    const quantizer* on = under.input("sum", 0);
    const tensor_data* w = under.constant("w");
    std::array<float, 2> sum{};
    for (std::size_t i = 0; i != 2; ++i) {
      const float x = inputs[0].data_as<float>()[i];
      const float seen = on != nullptr ? on->format.grids.front().in_low : x;
      sum[i] = seen + (w != nullptr ? w->values[i] : static_cast<float>(i + 1));
    }
    show(0, node, tensor_view(sum, {1, 2}));
  }
};

template <class G>
class measuring_evaluator_archetype : public plan_evaluator_archetype<G> {
public:
  auto measure(const G& /*graph*/, const plan& /*under*/, const samples& range)
      -> convertible_archetype<measurement> {
    metric found{.name = "share"};
    found.per_sample.assign(range.size(), 0.5);
    return convertible_archetype(measurement{found});
  }
};

} // namespace ptq::test
