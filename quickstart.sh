#!/bin/sh
# From a fresh checkout to a result: builds Keratin, compiles a Keras model to a shared object, links a C program with it
# and has it read 2,000 handwritten digits. Everything is left in build/quickstart.
set -eu
cd "$(dirname "$0")"
cmake/setup.sh

echo "== building Keratin =="
mkdir -p build/quickstart
cmake --preset release >build/release-configure.txt 2>&1 || { cat build/release-configure.txt; exit 1; }
cmake --build --preset release --target keratin
keratin=$PWD/build/release/bin/keratin
here=$PWD
cd build/quickstart

run() { echo "\$ $*" | sed "s|$here/build/release/bin/||g; s|$here/||g"; "$@"; }
echo
echo "== reading handwritten digits =="
run "$keratin" compile "$here/models/digits_mlp.keras" -o digits_mlp.so
run "$keratin" run "$here/examples/digits/heldout.kir" --input "$here/data/mnist10k.npz" --output heldout.npz
run cc -std=gnu11 -O2 -I. "$here/examples/digits/classify.c" "$here/examples/digits/npz.c" ./digits_mlp.so -Wl,-rpath,. -o classify
run ./classify heldout.npz
