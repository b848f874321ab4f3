// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>

#include "running.hpp"

using onnx_bytes::dims;
using ints = std::vector<std::int64_t>;

namespace {

auto refusal(const std::string& bytes) -> std::string {
  try {
    static_cast<void>(engine::parse(bytes, "bad.onnx"));
  } catch (const engine::error& problem) {
    return problem.what();
  }
  return "it was accepted";
}

/// A small network, with something done to it.
auto refusal(const std::function<void(onnx_bytes::model&)>& change) -> std::string {
  onnx_bytes::model made;
  made.input("x", {-1, 2, 4, 4});
  made.constant("w", {3, 2, 3, 3}, noise(54, 1)).constant("b", {3}, noise(3, 2));
  change(made);
  return refusal(made.bytes());
}

void check_refused(
    const std::string& sentence, const std::function<void(onnx_bytes::model&)>& change
) {
  const std::string said = refusal(change);
  CHECK_MESSAGE(said.find(sentence) != std::string::npos, said);
  CHECK(said.starts_with("bad.onnx: "));
  CHECK(said.find('\n') == std::string::npos);
}

auto model_file(const char* name) -> std::string {
  std::ifstream stream(std::string(PTQ_MODELS_DIR) + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

} // namespace

TEST_CASE("the model that this repository ships is read as it was written") {
  const engine::model of = engine::load(std::string(PTQ_MODELS_DIR) + "/fashion_ds.onnx");
  CHECK(of.name == "fashion_ds");
  CHECK(of.nodes.size() == 60);
  CHECK(of.input_shape == engine::shape{1, 1, 28, 28});
  CHECK_FALSE(of.fixed_batch);
  REQUIRE(of.outputs.size() == 1);
  CHECK(of.value_name(of.outputs[0]) == "y");
  CHECK(engine::infer_shapes(of, 7)[of.outputs[0].node][0] == engine::shape{7, 10});
}

TEST_CASE("a node without a name is called by its operator and its first output") {
  onnx_bytes::model made;
  made.input("x", {-1, 4}).node("Relu", {"x"}, {"r"}).node("Relu", {"r"}, {"y"}, {}, "named");
  made.output("y");
  const engine::model of = parse(made);
  CHECK(of.nodes[1].name == "Relu:r");
  CHECK(of.nodes[2].name == "named");
}

TEST_CASE("nodes in any order are put into one that runs") {
  onnx_bytes::model made;
  made.input("x", {-1, 4}).node("Relu", {"r"}, {"y"}).node("Relu", {"x"}, {"r"}).output("y");
  const engine::model of = parse(made);
  CHECK(of.nodes[1].outputs[0] == "r");
  CHECK(of.nodes[2].outputs[0] == "y");
}

TEST_CASE("what cannot be a network is refused in one line that names what is wrong") {
  const onnx_bytes::attributes none;
  check_refused("node 'Relu:a': it lies on or behind a cycle", [](onnx_bytes::model& m) {
    m.node("Relu", {"d"}, {"a"}).node("Relu", {"a"}, {"d"}).output("d");
  });
  check_refused("it reads 'nowhere', which nothing produces", [](onnx_bytes::model& m) {
    m.node("Relu", {"nowhere"}, {"y"}).output("y");
  });
  check_refused("model output 'z': nothing produces it", [](onnx_bytes::model& m) {
    m.node("Relu", {"x"}, {"y"}).output("z");
  });
  check_refused("the model has no output", [](onnx_bytes::model& m) {
    m.node("Relu", {"x"}, {"y"});
  });
  check_refused("unknown operator", [](onnx_bytes::model& m) {
    m.node("Frobnicate", {"x"}, {"y"}).output("y");
  });
  check_refused("of domain 'com.example'", [](onnx_bytes::model& m) {
    m.node("Relu", {"x"}, {"y"}, {}, "", "com.example").output("y");
  });
  check_refused("two nodes are called 'twin'", [](onnx_bytes::model& m) {
    m.node("Relu", {"x"}, {"a"}, {}, "twin").node("Relu", {"a"}, {"y"}, {}, "twin").output("y");
  });
  check_refused("its output 'y' is produced twice", [](onnx_bytes::model& m) {
    m.node("Relu", {"x"}, {"y"}, {}, "one").node("Relu", {"x"}, {"y"}, {}, "two").output("y");
  });
  check_refused("value 'w' is produced twice", [](onnx_bytes::model& m) {
    m.constant("w", {1}, {0}).node("Relu", {"x"}, {"y"}).output("y");
  });
  check_refused("the model has 2 inputs", [](onnx_bytes::model& m) {
    m.input("x2", {-1, 1}).node("Relu", {"x"}, {"y"}).output("y");
  });
  check_refused("there is no graph in it", [](onnx_bytes::model&) {});
  check_refused("node 'a?b' (Frob?nicate): unknown operator", [](onnx_bytes::model& m) {
    m.node("Frob\nnicate", {"x"}, {"y"}, {}, "a\tb").output("y");
  });
  check_refused("operator set 99", [](onnx_bytes::model& m) {
    m.opset(99).node("Relu", {"x"}, {"y"}).output("y");
  });
}

TEST_CASE("tensors that do not hold what their shape says are refused before they are allocated") {
  const auto with = [](const onnx_bytes::message& value) {
    return [value](onnx_bytes::model& m) {
      m.initializer(value).node("Relu", {"x"}, {"y"}).output("y");
    };
  };
  using onnx_bytes::tensor;
  check_refused(
      "initializer 'v': shape [4] needs 16 bytes, raw_data has 12",
      with(tensor("v", {4}, onnx_bytes::float32, std::string(12, '\0')))
  );
  check_refused(
      "an extent of -3", with(tensor("v", {-3}, onnx_bytes::float32, std::string(12, '\0')))
  );
  constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  check_refused("an extent of", with(tensor("v", {huge}, onnx_bytes::float32, "")));
  constexpr std::int64_t large = std::int64_t{1} << 20U;
  check_refused(
      "too large for a model file",
      with(tensor("v", {large, large, large}, onnx_bytes::float32, ""))
  );
  check_refused(
      "needs 1048576 values, the file has 0",
      with(onnx_bytes::message{}
               .number(1, std::uint64_t{1} << 20U)
               .number(2, std::uint64_t{1})
               .text(8, "v"))
  );
  check_refused("element type INT8", with(tensor("v", {2}, onnx_bytes::int8, "ab")));
  check_refused(
      "element type 77", with(tensor("v", {2}, static_cast<onnx_bytes::element>(77), "ab"))
  );
  check_refused("9 axes", with(tensor("v", dims(9, 1), onnx_bytes::float32, "abcd")));
}

TEST_CASE("attributes and inputs that an operator cannot have are refused by name") {
  const auto conv = [](const onnx_bytes::attributes& with) {
    return [with](onnx_bytes::model& m) {
      m.node("Conv", {"x", "w", "b"}, {"y"}, with, "conv").output("y");
    };
  };
  check_refused("auto_pad 'SAME_UPPER' is not supported", conv({{"auto_pad", "SAME_UPPER"}}));
  check_refused("attribute 'strides' holds 0", conv({{"strides", ints{0, 1}}}));
  check_refused("attribute 'pads' holds -1", conv({{"pads", ints{-1, 0, 0, 0}}}));
  check_refused("attribute 'pads' has 3 numbers", conv({{"pads", ints{0, 0, 0}}}));
  check_refused("attribute 'strides' has the wrong type", conv({{"strides", 1.0F}}));
  check_refused("attribute 'group' is 0", conv({{"group", std::int64_t{0}}}));
  check_refused("do not divide into 2 groups", conv({{"group", std::int64_t{2}}}));
  check_refused("kernel_shape differs", conv({{"kernel_shape", ints{5, 5}}}));
  check_refused("the window is larger than its input", conv({{"dilations", ints{9, 9}}}));
  check_refused("attribute 'surprise' is not supported", conv({{"surprise", 1.0F}}));
  check_refused("the model is too large to run", conv({{"pads", ints{1 << 20, 1 << 20, 0, 0}}}));
  check_refused("the weights must be a constant", [](onnx_bytes::model& m) {
    m.node("Conv", {"x", "x"}, {"y"}).output("y");
  });
  check_refused("1 inputs, 2 to 3 are needed", [](onnx_bytes::model& m) {
    m.node("Conv", {"x"}, {"y"}).output("y");
  });
  check_refused("a bias of shape [1, 3]", [](onnx_bytes::model& m) {
    m.constant("c", {1, 3}, {1, 2, 3}).node("Conv", {"x", "w", "c"}, {"y"}).output("y");
  });
  check_refused("attribute 'axis' is missing", [](onnx_bytes::model& m) {
    m.node("Concat", {"x", "x"}, {"y"}).output("y");
  });
  check_refused("axis 9 of an input of shape [1, 2, 4, 4]", [](onnx_bytes::model& m) {
    m.node("Flatten", {"x"}, {"y"}, {{"axis", std::int64_t{9}}}).output("y");
  });
  check_refused("attribute 'kernel_shape' is missing", [](onnx_bytes::model& m) {
    m.node("MaxPool", {"x"}, {"y"}).output("y");
  });
  check_refused("does not fill the target shape", [](onnx_bytes::model& m) {
    m.constant("to", {5, 5}).node("Reshape", {"x", "to"}, {"y"}).output("y");
  });
  check_refused("is int64 where float32 is needed", [](onnx_bytes::model& m) {
    m.constant("i", {1, 2}).node("Add", {"x", "i"}, {"y"}).output("y");
  });
  check_refused("the lower bound is not below the upper one", [](onnx_bytes::model& m) {
    m.constant("low", {}, {std::nanf("")}).node("Clip", {"x", "low"}, {"y"}).output("y");
  });
  check_refused("do not fit", [](onnx_bytes::model& m) {
    m.constant("v", {7}, noise(7, 1)).node("Add", {"x", "v"}, {"y"}).output("y");
  });
  check_refused("its declared shape is not the shape [1, 2, 4, 4]", [](onnx_bytes::model& m) {
    m.node("Relu", {"x"}, {"y"}).output("y", {-1, 3, 4, 4});
  });
}

TEST_CASE("a model whose input is not float32, or not of a fixed shape, is refused") {
  const auto with_input = [](const dims& extents, std::uint64_t type) {
    onnx_bytes::model made;
    made.input("x", extents, type).node("Relu", {"x"}, {"y"}).output("y");
    return refusal(made.bytes());
  };
  CHECK(with_input({-1, 3}, onnx_bytes::int64).find("not float32") != std::string::npos);
  CHECK(with_input({-1, -1}, onnx_bytes::float32).find("axis 1 is not fixed") != std::string::npos);
  CHECK(with_input({8, 3}, onnx_bytes::float32).find("batch is fixed") != std::string::npos);
  CHECK(with_input({}, onnx_bytes::float32).find("not declared") != std::string::npos);
}

TEST_CASE("a model that mixes samples runs on one at a time only") {
  onnx_bytes::model made;
  made.input("x", {-1, 4}).node("Flatten", {"x"}, {"y"}, {{"axis", std::int64_t{0}}}).output("y");
  const engine::model of = parse(made);
  CHECK(of.fixed_batch);
  CHECK(run(of, noise(4, 1)).size() == 4);
  CHECK_THROWS_AS(run(of, noise(8, 1), 2), engine::error);
}

TEST_CASE("a file that is missing or a folder is an error") {
  CHECK_THROWS_AS(static_cast<void>(engine::load("no such file.onnx")), engine::error);
  CHECK_THROWS_AS(static_cast<void>(engine::load(PTQ_MODELS_DIR)), engine::error);
}

TEST_CASE("what the attributes of movements and means cannot say is refused") {
  const auto with = [](const char* type, const onnx_bytes::attributes& attributes) {
    return
        [=](onnx_bytes::model& m) { m.opset(11).node(type, {"x"}, {"y"}, attributes).output("y"); };
  };
  check_refused("its perm does not fit", with("Transpose", {{"perm", ints{0, 1, 1, 2}}}));
  check_refused("its perm does not fit", with("Transpose", {{"perm", ints{0, 1}}}));
  check_refused("its axes do not fit", with("ReduceMean", {{"axes", ints{4}}}));
  check_refused("its axes do not fit", with("ReduceMean", {{"axes", ints{1, -3}}}));
  check_refused("do not fit", with("Squeeze", {{"axes", ints{1}}}));
  check_refused("its axes do not fit", with("Unsqueeze", {{"axes", ints{7}}}));
  check_refused("the axes are missing", with("Unsqueeze", {}));
  check_refused("an output of shape", with("Unsqueeze", {{"axes", ints{0, 1, 2, 3, 4}}}));
  check_refused("axis -5", with("Softmax", {{"axis", std::int64_t{-5}}}));
  check_refused("3 extents for 1 outputs", with("Split", {{"split", ints{1, 1, 1}}}));
  check_refused("does not divide as it says", [](onnx_bytes::model& m) {
    m.opset(11).node(
        "Split", {"x"}, {"y", "z"}, {{"axis", std::int64_t{1}}, {"split", ints{2, 1}}}
    );
    m.output("y");
  });
  check_refused("does not divide as it says", [](onnx_bytes::model& m) {
    m.node("Split", {"x"}, {"y", "z", "v"}, {{"axis", std::int64_t{1}}}).output("y");
  });
  check_refused("a step of 0", [](onnx_bytes::model& m) {
    m.constant("i", {1}).constant("o", {0});
    m.node("Slice", {"x", "o", "i", "i", "o"}, {"y"}).output("y");
  });
  check_refused("an output of shape [1, 0, 4, 4]", [](onnx_bytes::model& m) {
    m.constant("i", {1}).node("Slice", {"x", "i", "i", "i"}, {"y"}).output("y");
  });
  check_refused("index 2 in an input of shape [1, 2, 4, 4]", [](onnx_bytes::model& m) {
    m.constant("i", {2}).node("Gather", {"x", "i"}, {"y"}, {{"axis", std::int64_t{1}}}).output("y");
  });
  check_refused("the list of indices must be a constant", [](onnx_bytes::model& m) {
    m.node("Gather", {"x", "x"}, {"y"}).output("y");
  });
  check_refused("only its first output is supported", [](onnx_bytes::model& m) {
    m.node("MaxPool", {"x"}, {"y", "i"}, {{"kernel_shape", ints{1, 1}}}).output("y");
  });
}

TEST_CASE("integers that cannot be worked out are refused") {
  const auto with = [](const auto& write) {
    return [=](onnx_bytes::model& m) {
      m.constant("i", {1, 2, 3}).constant("o", {0}).constant("z", {0, 0, 0});
      write(m);
      m.node("Reshape", {"x", "to"}, {"y"}).output("y");
    };
  };
  check_refused("it divides by 0", with([](auto& m) { m.node("Div", {"i", "z"}, {"to"}); }));
  check_refused("index 3 in a list of 3", with([](auto& m) {
                  m.node("Gather", {"i", "i"}, {"to"});
                }));
  check_refused("a Cast to element type 9", with([](auto& m) {
                  m.node("Cast", {"i"}, {"to"}, {{"to", std::int64_t{9}}});
                }));
  check_refused("a number that no integer can hold", with([](auto& m) {
                  m.constant("f", {1}, {std::nanf("")});
                  m.node("Cast", {"f"}, {"to"}, {{"to", std::int64_t{7}}});
                }));
  check_refused("does not fill the target shape", with([](auto& m) {
                  m.node("Sub", {"i", "i"}, {"to"});
                }));
}

TEST_CASE("a model cut short anywhere is refused") {
  for (const char* name : {"fashion_ds.onnx", "fashion_mix.onnx", "fashion_vit.onnx"}) {
    const std::string whole = model_file(name);
    REQUIRE(whole.size() > 70'000);
    for (std::size_t size = 0; size < whole.size(); size += 1'000) {
      CHECK_THROWS_AS(
          static_cast<void>(engine::parse(std::span(whole).first(size), "cut.onnx")), engine::error
      );
    }
  }
}

TEST_CASE("a model with bytes changed is refused, or runs") {
  const engine::limits small{.values_per_sample = 1'000'000, .multiplications_per_sample = 1e8};
  const std::vector<float> image = noise(784, 5);
  std::uint32_t state = 7;
  const auto random = [&state](std::size_t below) {
    state = state * 1664525U + 1013904223U;
    return static_cast<std::size_t>(std::uint64_t{state} * below >> 32U);
  };

  struct damaged_model {
    const char* name;
    int rounds;
    std::size_t reach; ///< The weights lie at the end; most of what can go wrong lies before them.
  };

  for (const damaged_model& each : std::initializer_list<damaged_model>{
           {"fashion_ds.onnx", 400, 9'000},
           {"fashion_mix.onnx", 150, 12'000},
           {"fashion_vit.onnx", 250, 19'000}
       }) {
    const std::string whole = model_file(each.name);
    std::size_t refused = 0;
    std::size_t ran = 0;
    for (int round = 0; round != each.rounds; ++round) {
      std::string damaged = whole;
      const std::size_t reach = round % 4 == 0 ? whole.size() : each.reach;
      for (std::size_t changes = 1 + random(4); changes != 0; --changes) {
        damaged[random(reach)] = static_cast<char>(random(256));
      }
      try {
        const engine::model of = engine::parse(damaged, "damaged.onnx", small);
        if (engine::extents(of.input_shape) == image.size()) {
          static_cast<void>(run(of, image));
        }
        ++ran;
      } catch (const engine::error&) {
        ++refused;
      }
    }
    CHECK(refused > 0);
    CHECK(ran > 0);
  }
}
