// Models: trained, judged, asked, saved, compiled to libraries.
//
//     Sequential model({Input({784}), Dense(32, {.activation = "relu"}), Dense(10, {.activation = "softmax"})});
//     model.compile({.optimizer = "adam", .loss = "categorical_crossentropy", .metrics = {"accuracy"}});
//     model.fit(x, y, {.batch_size = 32, .epochs = 5});
//     xt::xarray<float> scores = model.predict(x);
//
// Options are designated initializers, in the order of their declaration, which is Keras's. Mistakes throw std::exception; what() says
// where, what was wrong, and what would work.
#pragma once

#include <keratin/keras/array.h>
#include <keratin/keras/callbacks.h>
#include <keratin/keras/layer.h>
#include <keratin/keras/value.h>

#include <map>
#include <string>
#include <vector>

namespace keratin::keras {

/// What fit saw: one value per epoch by name, those of validation by "val_" and the name.
struct History {
  std::map<std::string, std::vector<double>> history;
  std::vector<int64_t> epoch;  ///< their numbers, from 0
};

struct CompileOptions {
  Value optimizer = "rmsprop";
  Value loss = {};          ///< one for all outputs, a list by their order, or a Dict by their names
  Value loss_weights = {};  ///< likewise
  Value metrics = {};       ///< a list; of several outputs a list of lists, or a Dict
  Value weighted_metrics = {};
  /// "temporal": sample weights are for steps, [N,T]; "samplewise": for samples. Each output then has weights of its own. Of Keras 2;
  /// Keras 3 learns it from the data.
  Value sample_weight_mode = {};
};

struct ValidationData {
  Arrays x, y;
  Arrays sample_weight = {};
};

struct FitOptions {
  int64_t batch_size = 32;
  int64_t epochs = 1;
  int verbose = 1;  ///< 0: silent, 1: Keras's bar, 2: a line per epoch
  std::vector<callbacks::CallbackPtr> callbacks = {};
  double validation_split = 0;          ///< of the samples, taken from the end before they are shuffled
  ValidationData validation_data = {};  ///< {x, y} or {x, y, sample_weight}; instead of the split
  bool shuffle = true;
  std::map<int64_t, double> class_weight = {};
  Arrays sample_weight = {};  ///< one number per sample, or what sample_weight_mode says
  int64_t initial_epoch = 0;
  int64_t steps_per_epoch = 0;        ///< 0: all batches; the next epoch goes on in the data
  int64_t validation_steps = 0;       ///< batches to judge by; 0: all
  int64_t validation_batch_size = 0;  ///< 0: batch_size
  int64_t validation_freq = 1;        ///< epochs from one validation to the next
};

struct EvaluateOptions {
  int64_t batch_size = 32;
  Arrays sample_weight = {};
};

struct PredictOptions {
  int64_t batch_size = 32;
};

struct LibraryOptions {
  std::string name = {};  ///< first part of all names in C; otherwise the file's name
  /// Or x86-64, x86-64-v2, -v3, -v4, a processor that LLVM knows, or several: "x86-64-v2,x86-64-v4".
  std::string cpu = "native";
};

struct ModelOptions {
  std::string name = {};
  bool trainable = true;
};

class Model : public Layer {
 public:
  /// The layers between `inputs` and `outputs`. Throws if an output needs something else.
  Model(const Tensors& inputs, const Tensors& outputs, const ModelOptions& options = {});

  /// Sets how it is trained. The optimizer starts afresh.
  void compile(const CompileOptions& options);

  /// Arrays have the samples as their first axis; there is one per input and one per output, by order or by name. For a loss with "sparse" in
  /// its name, `y` holds class numbers.
  History fit(const Arrays& x, const Arrays& y, const FitOptions& options = {});
  /// Loss and metrics.
  Logs evaluate(const Arrays& x, const Arrays& y, const EvaluateOptions& options = {}) const;
  /// An array per output, by name.
  Arrays predict(const Arrays& x, const PredictOptions& options = {}) const;

  /// Writes Keras's table to standard output.
  void summary() const;

  /// A `.keras` file, which Keras loads and goes on training: weights, and state of the optimizer.
  void save(const std::string& path) const;
  /// A shared object (.so), object (.o) or archive (.a) that predicts, and beside it a C header.
  void export_library(const std::string& path, const LibraryOptions& options = {}) const;

  std::vector<Layer> layers() const;
  /// Throws if there is none.
  Layer get_layer(const std::string& name) const;
  Layer get_layer(size_t index) const;
  Tensors inputs() const;
  Tensors outputs() const;

  explicit Model(std::shared_ptr<LayerNode> node) : Layer(std::move(node)) {}  // for load_model
};

/// One of the layers that a Sequential is made of, or its Input.
struct SequentialItem {
  SequentialItem(Layer l) : layer(std::move(l)) {}
  SequentialItem(const Tensor& input);
  Layer layer;
};

/// A chain of layers. Without an Input it takes the shape of the first data that it sees.
class Sequential : public Model {
 public:
  Sequential(const ModelOptions& options = {});
  Sequential(std::initializer_list<SequentialItem> layers, const ModelOptions& options = {});
  void add(const SequentialItem& layer);
  void pop();
};

struct LoadOptions {
  std::map<std::string, std::vector<int64_t>> shapes =
      {};  ///< of one sample, by input, where the file leaves them free
};

/// A `.keras` or `.h5` file, or an unpacked `.keras` folder; compiled as it was when saved.
Model load_model(const std::string& path, const LoadOptions& options = {});

/// How many threads compute, in models that are not compiled to code yet. 0, the default: as many as the process may use.
void set_num_threads(unsigned threads);

}  // namespace keratin::keras
