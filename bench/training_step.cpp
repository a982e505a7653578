// The step that a trainer executable runs, called from Python: `import keratin_training` with this library's folder on the path.
//
//     model = keratin_training.load("m.keras", batch, threads, loss, optimizer)   JSON as in a model file
//     loss = keratin_training.step(model, x, t)                                   arrays of what the step takes
//     loss = keratin_training.repeat(model, x, t, count)                          the last of so many
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000  // one library for all Pythons from 3.11 on
#include <Python.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "codegen/jit.h"
#include "codegen/native.h"
#include "frontend/load.h"
#include "ir/text.h"
#include "runtime/trainer/compiled.h"

namespace keratin {
namespace {

TrainableModule read(const std::string& path, int64_t batch, const std::string& loss,
                     const std::string& optimizer) {
  CompileConfig config;
  config.loss = Json::parse(loss, "loss");
  config.optimizer = Json::parse(optimizer, "optimizer");
  return load_trainable(path, config, {.extents = {}, .batch = batch});
}

std::vector<int64_t> classes_of(const TrainingSignature& signature) {
  std::vector<int64_t> classes;
  for (const TrainingTarget& target : signature.targets) classes.push_back(target.classes);
  return classes;
}

/// A model with one input and one target. What runs the code is gone before the code is.
struct Model {
  Model(const TrainableModule& source, int64_t batch, const Target& target, unsigned threads)
      : code({target, compile_kernels(source.module, target)}, {},
             trainer_spec(source.module, classes_of(source.signature), {})),
        trainable(trainer::make_compiled(code.trainer(), threads)),
        weights(static_cast<size_t>(batch), 1.0f) {}

  LoadedTrainer code;
  std::unique_ptr<trainer::Trainable> trainable;
  std::vector<float> weights;  // of the samples
};

constexpr char kModel[] = "keratin_training.model";

/// Errors of ours as Python's.
template <typename Work>
PyObject* guarded(const Work& work) try {
  return work();
} catch (const std::exception& error) {
  PyErr_SetString(PyExc_RuntimeError, error.what());
  return nullptr;
}

PyObject* load(PyObject*, PyObject* args) {
  const char *path = nullptr, *loss = nullptr, *optimizer = nullptr;
  long long batch = 0;
  unsigned threads = 0;
  if (PyArg_ParseTuple(args, "sLIss", &path, &batch, &threads, &loss, &optimizer) == 0) return nullptr;
  return guarded([&] {
    auto model = std::make_unique<Model>(read(path, batch, loss, optimizer), batch, host_target(), threads);
    return PyCapsule_New(model.release(), kModel, [](PyObject* capsule) {
      delete static_cast<Model*>(PyCapsule_GetPointer(capsule, kModel));
    });
  });
}

/// A Python array as it lies in memory.
class Buffer {
 public:
  Buffer(PyObject* object, const trainer::Signature& wanted, int64_t samples) {
    const int64_t bytes = *trainer::byte_count(wanted.dtype, wanted.shape) * wanted.row_count(samples);
    if (PyObject_GetBuffer(object, &view_, PyBUF_C_CONTIGUOUS) != 0)
      throw std::invalid_argument("an argument is no contiguous array");
    if (view_.len == bytes) return;
    const auto got = static_cast<int64_t>(view_.len);
    PyBuffer_Release(&view_);
    throw std::invalid_argument(
        cat(wanted.name, " has ", got, " bytes, expected ", bytes, " of ", trainer::to_text(wanted.dtype)));
  }
  Buffer(const Buffer&) = delete;
  ~Buffer() { PyBuffer_Release(&view_); }
  const void* data() const { return view_.buf; }

 private:
  Py_buffer view_ = {};
};

PyObject* steps(PyObject* args, long count) {
  return guarded([&]() -> PyObject* {
    auto* model = static_cast<Model*>(PyCapsule_GetPointer(PyTuple_GetItem(args, 0), kModel));
    if (model == nullptr) return nullptr;
    const trainer::TrainableInfo& info = model->trainable->info();
    const auto samples = static_cast<int64_t>(model->weights.size());
    const Buffer x(PyTuple_GetItem(args, 1), info.inputs.at(0), samples),
        t(PyTuple_GetItem(args, 2), info.targets.at(0), samples);
    const trainer::Batch batch{
        .n = samples, .inputs = {x.data()}, .targets = {t.data()}, .sample_weights = {model->weights.data()}};
    double loss = 0;
    for (long i = 0; i < count; ++i) loss = model->trainable->train_step(batch);
    return PyFloat_FromDouble(loss);
  });
}

PyObject* step(PyObject*, PyObject* args) {
  if (PyTuple_Size(args) == 3) return steps(args, 1);
  PyErr_SetString(PyExc_TypeError, "step(model, x, t)");
  return nullptr;
}

PyObject* repeat(PyObject*, PyObject* args) {
  if (PyTuple_Size(args) == 4) {
    const long count = PyLong_AsLong(PyTuple_GetItem(args, 3));
    return PyErr_Occurred() != nullptr ? nullptr : steps(args, count);
  }
  PyErr_SetString(PyExc_TypeError, "repeat(model, x, t, count)");
  return nullptr;
}

PyMethodDef methods[] = {{"load", load, METH_VARARGS, nullptr},
                         {"step", step, METH_VARARGS, nullptr},
                         {"repeat", repeat, METH_VARARGS, nullptr},
                         {nullptr, nullptr, 0, nullptr}};
PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "keratin_training", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr};

}  // namespace
}  // namespace keratin

PyMODINIT_FUNC PyInit_keratin_training() { return PyModule_Create(&keratin::definition); }
