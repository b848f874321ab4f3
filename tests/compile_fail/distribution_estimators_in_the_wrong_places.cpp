// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expect: a distribution estimator gives both ends, of all samples at once: write ptq::for_activations<ptq::both<...>>, without an aggregator
// expect: a range estimator sees one sample: put it into ptq::low<...> and ptq::high<...>, which aggregate
// expect: ptq::both<...> takes a distribution estimator alone: it sees all samples at once, and leaves nothing to aggregate
// expect: for_activations takes a ptq::low<...> and a ptq::high<...>, in this order, or a ptq::both<...> alone
// expect: ptq::choose<...> takes distribution estimators and ptq::sides<ptq::low<...>, ptq::high<...>>
#include <ptq/range/choose.hpp>
#include <ptq/range/mean_squared_error.hpp>
#include <ptq/range/octav.hpp>

#ifdef PTQ_EXPECT_ERROR
using low = ptq::low<ptq::mean_squared_error, ptq::aggregate::mean>;
using of_one_sample = ptq::both<ptq::min>;
using aggregated = ptq::both<ptq::octav, ptq::aggregate::mean>;
using activations = ptq::for_activations<ptq::octav>;
using choice = ptq::choose<ptq::octav, ptq::low<ptq::min>>;
#else
using low = ptq::low<ptq::min, ptq::aggregate::mean>;
using of_one_sample = ptq::both<ptq::mean_squared_error>;
using aggregated = ptq::both<ptq::octav>;
using activations = ptq::for_activations<ptq::both<ptq::octav>>;
using choice = ptq::choose<ptq::octav, ptq::sides<ptq::low<ptq::min>, ptq::high<ptq::max>>>;
#endif

low of_low;
of_one_sample of_one;
aggregated of_all;
activations of_activations;
choice of_choice;
