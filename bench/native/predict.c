/* A compiled model as a Python module, as a program that embeds it would have one: predict(x, y) reads and writes the arrays'
 * own memory, with a workspace and a pool that start() made.
 *
 *     cc -O2 -shared -fPIC -DMODULE=digits -DMODEL=m -DHEADER='"m.h"' $(python3-config --includes) predict.c ./m.so
 *
 * for a model with one input and one output, both f32. repeat(x, y, count) calls it from C, count times. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>

#include HEADER

#define JOINED(a, b) a##b
#define NAME(a, b) JOINED(a, b)
#define MODEL_(function) NAME(MODEL, function)

static size_t samples;
static void* workspace;
static struct keratin_pool* pool;

/* start(samples, threads) */
static PyObject* start(PyObject* module, PyObject* args) {
  (void)module;
  unsigned threads;
  if (!PyArg_ParseTuple(args, "nI", &samples, &threads)) return NULL;
  if (threads > 1 && (pool = MODEL_(_pool_create)(threads)) == NULL) return PyErr_NoMemory();
  const size_t bytes = MODEL_(_workspace_size)(samples, threads);
  workspace = aligned_alloc(64, (bytes / 64 + 1) * 64);
  if (workspace == NULL) return PyErr_NoMemory();
  Py_RETURN_NONE;
}

static PyObject* call(PyObject* x, PyObject* y, long count) {
  Py_buffer in, out;
  if (PyObject_GetBuffer(x, &in, PyBUF_C_CONTIGUOUS) != 0) return NULL;
  if (PyObject_GetBuffer(y, &out, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) != 0) {
    PyBuffer_Release(&in);
    return NULL;
  }
  int status = KERATIN_OK;
  for (long i = 0; i < count && status == KERATIN_OK; ++i) {
    const void* inputs[] = {in.buf};
    void* outputs[] = {out.buf};
    status = MODEL_(_call)(inputs, outputs, NULL, samples, NULL, workspace, pool);
  }
  PyBuffer_Release(&in);
  PyBuffer_Release(&out);
  if (status != KERATIN_OK) return PyErr_SetString(PyExc_RuntimeError, MODEL_(_strerror)(status)), NULL;
  Py_RETURN_NONE;
}

static PyObject* predict(PyObject* module, PyObject* const* args, Py_ssize_t count) {
  (void)module;
  if (count != 2) return PyErr_SetString(PyExc_TypeError, "predict(x, y)"), NULL;
  return call(args[0], args[1], 1);
}

static PyObject* repeat(PyObject* module, PyObject* const* args, Py_ssize_t count) {
  (void)module;
  if (count != 3) return PyErr_SetString(PyExc_TypeError, "repeat(x, y, count)"), NULL;
  const long times = PyLong_AsLong(args[2]);
  return PyErr_Occurred() ? NULL : call(args[0], args[1], times);
}

static PyMethodDef methods[] = {{"start", start, METH_VARARGS, NULL},
                                {"predict", (PyCFunction)(void (*)(void))predict, METH_FASTCALL, NULL},
                                {"repeat", (PyCFunction)(void (*)(void))repeat, METH_FASTCALL, NULL},
                                {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "predict", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC NAME(PyInit_, MODULE)(void) { return PyModule_Create(&definition); }
