// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <ptq/config/model_types.hpp>

#include <string>

#include <doctest/doctest.h>

namespace {

TEST_CASE("a family of models goes by its name in POT, and an unknown one is told the nearest") {
  for (const auto& [name, type] : ptq::config::model_types) {
    CHECK(ptq::config::choose_model_type(name, "model_type") == type);
  }
  CHECK(
      ptq::config::choose_model_type("transformer", "model_type") == ptq::model_type::transformer
  );
  CHECK(ptq::config::choose_model_type("none", "model_type") == ptq::model_type::none);
  std::string message;
  try {
    static_cast<void>(ptq::config::choose_model_type("transforner", "--model-type"));
  } catch (const ptq::error& problem) {
    message = problem.what();
  }
  CHECK(
      message == "`transforner` is none of none, transformer: did you mean `transformer`? (option "
                 "`--model-type`)"
  );
}

} // namespace
