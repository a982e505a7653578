// Model files as people and programs damage them: the C++ API refuses them by an exception, or has a model that can be taken apart.
#include <gtest/gtest.h>
#include <keratin/keras.h>

#include "frontend/archive.h"
#include "frontend/keras/node.h"
#include "tests/frontend/files.h"
#include "tests/mutation.h"

namespace keratin::keras {
namespace {

using testing::Mutator;

/// Every tensor, as a model of its own.
void take_apart(const Model& model) {
  for (const Layer& layer : model.layers()) {
    try {
      serialized(*Model(model.inputs(), layer.output()).node());
      serialized(*Model(layer.output(), model.outputs()).node());
      layer.count_params();
    } catch (const std::exception&) {  // what is not called once, or not between the two
    }
  }
}

TEST(DamagedModels, AreRefusedOrTakenApart) {
  const TempFolder folder;
  constexpr int kMutants = 200;
  int accepted = 0;
  for (const char* name : {"layers/dict_io", "layers/shared_layers", "layers/sequential_nested"}) {
    const std::string good = read_file(golden(cat(name, "/model.keras")));
    const Archive archive = Archive::from_zip(good, name);
    std::vector<std::pair<std::string, std::string>> members;
    for (const std::string& member : archive.names())
      members.emplace_back(member, archive.read(member, 1 << 24));
    for (int i = 0; i < kMutants; ++i) {
      Mutator mutator(static_cast<uint64_t>(i));
      auto changed = members;
      for (auto& [member, bytes] : changed)
        if (member == "config.json") bytes = mutator.text(bytes);
      const std::string path = folder / "mutant.keras";
      write_file(path, make_zip(changed));
      try {
        take_apart(load_model(path));
        ++accepted;
      } catch (const std::exception& error) {
        EXPECT_EQ(std::string(error.what()).rfind(path, 0), 0u)
            << name << ", mutant " << i << ": " << error.what();
      }
    }
  }
  EXPECT_GT(accepted, kMutants / 10);
}

}  // namespace
}  // namespace keratin::keras
