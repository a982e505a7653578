#!/bin/sh
# The peers' Python environments, some gigabytes: bench/environments.sh FOLDER
set -eu
mkdir -p "$1" && cd "$1"

# environment NAME PACKAGES…
environment() {
  python3 -m venv "$1"
  name=$1 && shift
  "$name/bin/pip" install --quiet "$@"
}

environment keras keras tensorflow-cpu jax
environment ort onnxruntime openvino onnx numpy
environment misc ai-edge-litert onnx numpy
environment kernels numpy scipy-openblas64 onednn-devel-cpu-gomp
environment torch torch numpy keras onnx onnxscript
environment prep keras tensorflow-cpu jax
prep/bin/pip install --quiet --no-deps tf2onnx onnx   # they ask for an older protobuf than TensorFlow does
prep/bin/pip install --quiet requests flatbuffers
