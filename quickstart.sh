#!/bin/sh
# From a fresh checkout to a result: builds Keratin, compiles a Keras model to a shared object, links a C program with it
# and has it read 2,000 handwritten digits; then trains the model from scratch and reads them with what it learned. Everything is left in
# build/quickstart.
set -eu
cd "$(dirname "$0")"
cmake/setup.sh

echo "== building Keratin =="
mkdir -p build/quickstart
cmake --preset release >build/release-configure.txt 2>&1 || { cat build/release-configure.txt; exit 1; }
cmake --build --preset release --target keratin
here=$PWD
PATH=$here/build/release/bin:$PATH
cd build/quickstart

run() { echo "\$ $*" | sed "s|$here/||g"; "$@"; }
echo
echo "== compiling a model that Keras trained =="
run keratin compile "$here/models/digits_mlp.keras" -o digits_mlp.so
ls -lh digits_mlp.so digits_mlp.h | awk '{ print $9 ": " $5 "B" }'
echo
echo "The graph that it was made from, its first lines; --stage loops, llvm and asm show what became of it:"
echo "$ keratin dump models/digits_mlp.keras | head -12"
keratin dump "$here/models/digits_mlp.keras" | head -12
echo
echo "== reading handwritten digits, from C =="
run keratin run "$here/examples/digits/heldout.kir" --input "$here/data/mnist10k.npz" --output heldout.npz
run cc -std=gnu11 -O2 -I. "$here/examples/digits/classify.c" "$here/examples/digits/npz.c" ./digits_mlp.so -Wl,-rpath,. -o classify
run ./classify heldout.npz

echo
echo "== training the same model from scratch, and reading them again =="
for part in training testing; do
  run keratin run "$here/examples/digits/$part.kir" --input "$here/data/mnist10k.npz" --output $part.npz
done
run keratin compile "$here/models/digits_mlp.keras" --trainer -o digits-trainer
run ./digits-trainer fit --data training.npz --validation-data testing.npz --epochs 5 --batch-size 32 --reinitialize --seed 1 --save digits.safetensors
mkdir -p trained
run keratin compile "$here/models/digits_mlp.keras" --weights digits.safetensors -o trained/digits_mlp.so
run cc -std=gnu11 -O2 -Itrained "$here/examples/digits/classify.c" "$here/examples/digits/npz.c" trained/digits_mlp.so -Wl,-rpath,trained -o classify-trained
# The least accurate of ten runs of Keras had 0.9115.
./classify-trained heldout.npz 0.9115 >answers.txt
tail -n 1 answers.txt

cat <<EOF

== your own model ==
In Python:

  model.save("mine.keras")
  np.savez("x.npz", x=x.astype("float32")); np.savez("y.npz", y=model.predict(x))

Then:

  export PATH=$here/build/release/bin:\$PATH
  keratin summary mine.keras                               its layers
  keratin run mine.keras --input x.npz --expect y.npz      silent if it gives what Keras gave
  keratin compile mine.keras -o mine.so                    and mine.h, which says how to call it
  cc main.c ./mine.so -Wl,-rpath,. -o main                 your program: $here/examples/c/main.c is one
  keratin compile mine.keras --trainer -o mine-trainer     and ./mine-trainer --help: trains it further
EOF
