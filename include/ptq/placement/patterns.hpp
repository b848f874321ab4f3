// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ptq/placement/pattern.hpp>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <vector>

namespace ptq {

namespace detail {

/// The patterns are put together once, when they are first asked for.
class known_pattern_list {
public:
  static auto all() -> const std::vector<pattern>& {
    static const known_pattern_list list;
    return list.patterns_;
  }

private:
  using nodes = std::vector<pattern_node>;

  static constexpr pattern_node layer =
      operation(op::convolution, op::depthwise_convolution, op::matmul);
  static constexpr pattern_node any_layer = operation(
      op::convolution,
      op::depthwise_convolution,
      op::transposed_convolution,
      op::grouped_transposed_convolution,
      op::matmul
  );
  static constexpr pattern_node add_c = operation(op::add).with_constant();
  static constexpr pattern_node multiply_c = operation(op::multiply).with_constant();
  static constexpr pattern_node multiply = operation(op::multiply);
  static constexpr pattern_node clamp = operation(op::clamp);
  static constexpr pattern_node reshape_c = operation(op::reshape, op::flatten).with_constant();
  static constexpr pattern_node transpose = operation(op::transpose);
  static constexpr pattern_node activation = operation(op::relu, op::prelu, op::sigmoid);
  static constexpr std::initializer_list<device_family> most_families{
      device_family::cpu, device_family::cpu_spr, device_family::gpu
  };

  known_pattern_list() {
    squeeze_and_excitation();
    affine();
    normalised_input();
    attention();
    swish();
    detection();
    fused();
  }

  void put(const pattern& added) { patterns_.push_back(added); }

  static auto chain_of(std::string_view name, const nodes& list) -> pattern {
    pattern result(name);
    for (std::size_t n = 0; n != list.size(); ++n) {
      result = result.node(list[n]);
      if (n != 0) {
        result = result.edge(n - 1, n);
      }
    }
    return result;
  }

  void squeeze_and_excitation() {
    for (const pattern_node& inner : {operation(op::relu, op::prelu), operation(op::swish)}) {
      put(pattern("squeeze and excitation")
              .chain(
                  {operation(op::reduce_mean).as_context(),
                   layer,
                   add_c,
                   inner,
                   layer,
                   add_c,
                   operation(op::sigmoid),
                   multiply.as_context()}
              ));
    }
  }

  void affine() {
    put(pattern("swish behind a layer").chain({layer.as_context(), add_c, operation(op::swish)}));
    put(pattern("bias").chain({any_layer.as_context(), add_c}));
    put(pattern("scale and shift").chain({multiply.as_context(), add_c}));
    put(pattern("scale and shift of a result")
            .chain({operation(op::add).as_context(), multiply_c, add_c, operation(op::output)}));
    put(pattern("normalisation, scale and shift")
            .chain({operation(op::mean_variance_normalization).as_context(), multiply_c, add_c}));
    put(pattern("l2 normalisation and scale")
            .chain({operation(op::normalize_l2).as_context(), multiply}));
    put(pattern("unsqueezed scale and shift")
            .chain(
                {operation(op::unsqueeze).with_constant(),
                 multiply_c,
                 add_c,
                 operation(op::squeeze).with_constant()}
            ));
  }

  void normalised_input() {
    const pattern_node input = operation(op::input).as_context();
    const pattern_node split_c = operation(op::split).with_constant();
    const pattern_node concat = operation(op::concat);
    for (const nodes& before :
         {nodes{}, nodes{transpose}, nodes{operation(op::convert), transpose}}) {
      for (const nodes& behind :
           {nodes{multiply_c, add_c},
            nodes{add_c},
            nodes{multiply},
            nodes{split_c, concat, multiply_c, add_c},
            nodes{split_c, concat, add_c}}) {
        nodes all{input};
        all.insert(all.end(), before.begin(), before.end());
        all.insert(all.end(), behind.begin(), behind.end());
        put(chain_of("normalisation of the input", all));
      }
    }
    put(pattern("normalisation of the input").chain({input, operation(op::subtract)}));
  }

  void attention() {
    const pattern_node sum_c = operation(op::reduce_sum).with_constant();
    put(pattern("softmax")
            .chain({operation(op::exp), sum_c, operation(op::power).with_constant(), multiply})
            .edge(0, 3));
    put(pattern("softmax").chain({operation(op::exp), sum_c, operation(op::divide)}).edge(0, 2));
    const pattern_node softmax = operation(op::softmax);
    const pattern_node matmul = operation(op::matmul);
    const pattern_node add = operation(op::add);
    put(pattern("attention")
            .chain({softmax, reshape_c, matmul})
            .chain({add, reshape_c, transpose})
            .edge(5, 2));
    put(pattern("attention").chain({softmax, matmul}).chain({add, reshape_c, transpose}).edge(4, 1)
    );
    const pattern_node reshape = operation(op::reshape, op::flatten);
    put(pattern("attention")
            .chain({softmax, matmul})
            .chain({reshape, transpose, reshape})
            .edge(4, 1));
    put(pattern("attention")
            .chain({softmax, matmul})
            .chain({add, reshape_c, transpose, operation(op::gather)})
            .edge(5, 1)
            .on({device_family::cpu, device_family::gpu, device_family::npu, device_family::gna}));
  }

  void swish() {
    const pattern hard = pattern("hard swish behind a layer")
                             .chain({layer.as_context(), add_c, add_c, clamp, multiply})
                             .edge(1, 4);
    put(hard);
    put(hard.node(multiply_c).edge(4, 5));
    put(pattern("hard swish")
            .chain(
                {operation(op::add, op::multiply, op::reduce_mean, op::squeeze).as_context(),
                 add_c,
                 clamp,
                 multiply_c,
                 multiply}
            )
            .edge(0, 4));
  }

  void detection() {
    const pattern_node add = operation(op::add);
    put(pattern("anchors").chain(
        {operation(op::subtract),
         multiply,
         multiply_c,
         add,
         operation(op::unsqueeze),
         operation(op::concat),
         operation(op::concat).with_constant(),
         operation(op::reshape),
         operation(op::convolution)}
    ));
    put(pattern("detections")
            .chain({operation(op::detection_output, op::roi_feature_extractor), add_c}));
    put(pattern("not equal").chain({operation(op::equal), operation(op::logical_not)}));
    put(pattern("state")
            .chain({operation(op::assign).as_context(), operation(op::output)})
            .on({device_family::gna}));
  }

  /// What runtimes fuse into the layer in front of it.
  void fused() {
    const pattern_node elementwise = operation(
                                         op::add,
                                         op::multiply,
                                         op::subtract,
                                         op::divide,
                                         op::less,
                                         op::less_equal,
                                         op::greater,
                                         op::greater_equal,
                                         op::equal,
                                         op::not_equal,
                                         op::floor_mod,
                                         op::logical_or,
                                         op::logical_xor,
                                         op::logical_and,
                                         op::maximum,
                                         op::minimum
    )
                                         .with_constant();
    for (const nodes& bias : {nodes{}, nodes{add_c}}) {
      for (const nodes& function : {nodes{}, nodes{activation}}) {
        for (const nodes& behind : {nodes{multiply_c, add_c}, nodes{elementwise}}) {
          nodes all{layer.as_context()};
          all.insert(all.end(), bias.begin(), bias.end());
          all.insert(all.end(), function.begin(), function.end());
          all.insert(all.end(), behind.begin(), behind.end());
          put(chain_of("fused into the layer", all).without_branches().on(most_families));
        }
      }
    }
    put(pattern("clamp and scale")
            .chain({clamp, multiply_c})
            .on({device_family::cpu, device_family::cpu_spr, device_family::gpu, device_family::npu}
            ));
  }

  std::vector<pattern> patterns_;
};

} // namespace detail

/// The operations that POT keeps in floating point, since runtimes fuse them into others or since
/// they decide about quality.
/// @see POT, ignored patterns
[[nodiscard]] inline auto known_patterns() -> const std::vector<pattern>& {
  return detail::known_pattern_list::all();
}

} // namespace ptq
