// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: for_activations takes a ptq::low<...> and a ptq::high<...>, in this order
// expect: ranges<...> takes for_weights<...> and for_activations<...>, in this order
#include <ptq/range/ranges.hpp>

using weights = ptq::for_weights<ptq::abs_max>;
#ifdef PTQ_EXPECT_ERROR
using activations = ptq::for_activations<ptq::high<ptq::max>, ptq::low<ptq::min>>;
using ranges = ptq::ranges<ptq::for_activations<ptq::low<ptq::min>, ptq::high<ptq::max>>, weights>;
#else
using activations = ptq::for_activations<ptq::low<ptq::min>, ptq::high<ptq::max>>;
using ranges = ptq::ranges<weights, activations>;
#endif

activations of_activations;
ranges of_all;
