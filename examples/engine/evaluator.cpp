// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "evaluator.hpp"

#include <ptq/kernel/fake_quantize.hpp>
#include <ptq/plan/resolve.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "detail/batches.hpp"

namespace engine {
namespace {

auto filter_of(const ptq::quantizer& by) -> input_filter {
  return {&by, [&by](const view& from, float* to) {
            const std::span<float> target(to, from.size());
            if (by.format.axis) {
              ptq::fake_quantize(
                  shown(from), target, {.axis = *by.format.axis, .grids = by.format.grids}
              );
            } else {
              ptq::fake_quantize(
                  std::span<const float>(from.data, from.size()), target, by.format.grids.front()
              );
            }
          }};
}

/// How far the score of a class is from the best of the others.
auto lead(const float* scores, std::size_t classes, std::size_t of) -> double {
  float best = -std::numeric_limits<float>::infinity();
  for (std::size_t c = 0; c != classes; ++c) {
    best = c == of ? best : std::max(best, scores[c]);
  }
  return of < classes && classes > 1 ? std::abs(static_cast<double>(scores[of] - best)) : 0.0;
}

} // namespace

auto shown(const view& of) -> ptq::tensor_view {
  if (of.channels_last) {
    const shape& e = of.extents;
    return ptq::tensor_view(of.data, {e[0], e[2], e[3], e[1]}).permuted({0, 3, 1, 2});
  }
  return {of.data, of.extents};
}

auto shown_sample(const view& of) -> ptq::tensor_view {
  if (!of.extents.empty() && of.extents[0] == 1) {
    return shown(of);
  }
  const shape& e = of.extents;
  if (of.channels_last) {
    return ptq::tensor_view(of.data, {std::size_t{1}, e[0], e[2], e[3], e[1]})
        .permuted({0, 1, 4, 2, 3});
  }
  shape extents_of{1};
  extents_of.insert(extents_of.end(), e.begin(), e.end());
  return {of.data, extents_of};
}

auto changes_of(const graph& of, const ptq::plan& under) -> changes {
  changes result;
  const auto resolved = ptq::resolve(of, under);
  for (const node_id node : of.nodes()) {
    if (const auto* value = resolved.constant(node)) {
      auto replaced = tensor::from_shape(shape_of(*constant_of(of.source(), node)));
      std::ranges::copy(value->values, replaced.data());
      result.constants.emplace(node, std::move(replaced));
    }
    for (std::uint32_t i = 0; i != of.inputs(node).size(); ++i) {
      if (const auto* by = resolved.input(node, i)) {
        result.filters.emplace(port{node, i}, filter_of(*by));
      }
    }
  }
  return result;
}

evaluator::evaluator(const model& of, tensor samples, std::vector<std::int64_t> labels)
    : samples_(std::make_shared<const tensor>(std::move(samples))), labels_(std::move(labels)) {
  detail::check_samples(of, *samples_);
  count_ = samples_->shape()[0];
  sample_size_ = extents(of.input_shape);
  if (!labels_.empty() && labels_.size() != count_) {
    throw error(
        std::to_string(labels_.size()) + " labels for " + std::to_string(count_) + " samples"
    );
  }
}

auto evaluator::fork() const -> evaluator {
  evaluator result;
  result.count_ = count_;
  result.sample_size_ = sample_size_;
  result.samples_ = samples_;
  result.labels_ = labels_;
  return result;
}

void evaluator::take(const graph& of, const ptq::plan& under) {
  if (!last_ || *last_ != under) {
    programs_.clear();
    parts_.clear();
    last_.reset();
    changes_ = changes_of(of, under);
    last_ = under; // Shares its entries with `under`: the changes point into it as well.
  }
}

auto evaluator::prepared(const graph& of, const ptq::plan& under, std::size_t batch) -> program& {
  take(of, under);
  auto& place = programs_[batch];
  if (!place) {
    place = std::make_unique<program>(of.source(), batch, changes_);
  }
  return *place;
}

void evaluator::observe(
    const graph& of,
    std::span<const ptq::tap<graph>> taps,
    const ptq::samples& range,
    ptq::show_ref<node_id> show
) {
  observe(of, ptq::plan{}, taps, range, show);
}

void evaluator::observe(
    const graph& of,
    const ptq::plan& under,
    std::span<const ptq::tap<graph>> taps,
    const ptq::samples& range,
    ptq::show_ref<node_id> show
) {
  program& ready = prepared(of, under, 1);
  std::set<source> wanted;
  for (const auto tap : taps) {
    wanted.insert({tap.node, tap.output});
  }
  for (const std::size_t sample : range) {
    bool more = true;
    ready.run(at(sample), [&](source from) {
      if (wanted.contains(from)) {
        more = show(sample, {from.node, from.output}, shown_sample(ready.value(from))) == ptq::more;
      }
      return more;
    });
    if (!more) {
      return;
    }
  }
}

void evaluator::run_part(
    const graph& of,
    const ptq::plan& under,
    node_id node,
    std::span<const ptq::tensor_view> inputs,
    ptq::show_ref<node_id> show
) {
  take(of, under);
  auto& place = parts_[node];
  if (!place) {
    place = std::make_unique<program>(of.source(), program::only{node}, changes_);
  }
  place->run_alone(inputs);
  for (std::uint32_t i = 0; i != of.source().nodes[node].outputs.size(); ++i) {
    if (show(0, {node, i}, shown_sample(place->value({node, i}))) != ptq::more) {
      return;
    }
  }
}

auto evaluator::outputs(
    const graph& of, const ptq::plan& under, const ptq::samples& range, std::size_t batch
) -> tensor {
  shape wanted = of.source().input_shape;
  wanted[0] = range.size();
  auto gathered = tensor::from_shape(wanted);
  float* into = gathered.data();
  for (const std::size_t sample : range) {
    into = std::copy_n(at(sample), sample_size_, into);
  }
  return detail::run_in_batches(of.source(), gathered, batch, [&](std::size_t size) -> program& {
    return prepared(of, under, size);
  });
}

auto evaluator::at(std::size_t sample) const -> const float* {
  if (sample >= count_) {
    throw error(
        "sample " + std::to_string(sample) + " is asked for; there are " + std::to_string(count_)
    );
  }
  return samples_->data() + sample * sample_size_;
}

auto evaluator::measure(const graph& of, const ptq::plan& under, const ptq::samples& range)
    -> ptq::measurement {
  if (labels_.empty()) {
    throw error("accuracy is asked for, and there are no labels");
  }
  ptq::metric accuracy{.name = "top1", .least = 0, .most = 1};
  const tensor scores = outputs(of, under, range);
  const auto classes = top1(scores);
  const std::size_t width = range.empty() ? 0 : scores.size() / range.size();
  std::size_t at = 0;
  for (const std::size_t sample : range) {
    const float* const row = scores.data() + at * width;
    accuracy.per_sample.push_back(classes[at++] == labels_[sample] ? 1 : 0);
    accuracy.margin.push_back(lead(row, width, static_cast<std::size_t>(labels_[sample])));
  }
  return {accuracy};
}

auto top1(const tensor& outputs) -> std::vector<std::int64_t> {
  std::vector<std::int64_t> result;
  const std::size_t rows = outputs.dimension() == 0 ? 0 : outputs.shape()[0];
  const std::size_t width = rows == 0 ? 0 : outputs.size() / rows;
  for (std::size_t row = 0; row != rows; ++row) {
    const float* first = outputs.data() + row * width;
    result.push_back(std::max_element(first, first + width) - first);
  }
  return result;
}

} // namespace engine
