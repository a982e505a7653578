#!/usr/bin/env python3
"""Makes the files of tests/data/h5 and tests/data/npy, and golden_variables.txt.

    python make_files.py        needs h5py and numpy

golden_variables.txt has a line for every array in tests/golden's model files and in the files made here: file, path,
dtype, shape, and the FNV-1a hash of its little-endian row-major bytes.
"""
import io
import os
import zipfile

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")
DTYPES = {"b1": "bool", "i1": "i8", "i2": "i16", "i4": "i32", "i8": "i64", "u1": "u8", "u2": "u16", "u4": "u32",
          "u8": "u64", "f2": "f16", "f4": "f32", "f8": "f64", "V2": "bf16"}
VALUES = np.array([-2.5, 0, 1, 3.25, 100, 0.1], "f8").reshape(2, 3)


def arrays():
    """One array of every dtype, by Keratin's name for it."""
    for code, name in DTYPES.items():
        if code == "V2":
            yield name, (VALUES.astype("<f4").view("<u4") >> 16).astype("<u2").view("V2")
        else:
            yield name, (np.abs(VALUES) if code[0] == "u" else VALUES).astype(code)


def h5(name):
    return h5py.File(os.path.join(HERE, "h5", name + ".h5"), "w", libver=("earliest", "v110"))


def make_h5():
    with h5("dtypes") as f:
        for name, a in arrays():
            f[f"little/{name}"] = a
            if a.dtype.itemsize > 1 and a.dtype.kind != "V":
                f[f"big/{name}"] = a.astype(a.dtype.newbyteorder(">"))
        f["scalar"] = np.float32(7)
        f["empty"] = np.zeros((3, 0), "f4")
        f["text"] = "not a number"
        f["little/bf16"].attrs["dtype"] = "bfloat16"
    with h5("layouts") as f:
        a = np.arange(3000, dtype="f4").reshape(50, 60)
        f.create_dataset("contiguous", data=a)
        f.create_dataset("chunked", data=a, chunks=(7, 11))
        f.create_dataset("gzip", data=a, chunks=(20, 20), compression="gzip", shuffle=True, fletcher32=True)
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        h5py.h5d.create(f.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4,)), compact).write(
            h5py.h5s.ALL, h5py.h5s.ALL, a[0, :4].copy())
    with h5py.File(os.path.join(HERE, "h5", "latest.h5"), "w", libver="latest") as f:
        f["layers/dense/vars/0"] = np.arange(6, dtype="f4").reshape(2, 3)
        f["layers/dense/vars"].attrs["name"] = "dense"
    with h5("attributes") as f:
        g = f.create_group("model_weights")
        f.attrs["model_config"] = '{"class_name": "Sequential", "config": {"name": "s", "layers": []}}'
        f.attrs["keras_version"] = np.bytes_("2.1.0")
        g.attrs["layer_names0"] = np.array([b"conv", b"dense_long"], "S10")
        g.attrs["layer_names1"] = np.array([b"out"], "S10")
        g.create_group("conv").attrs["weight_names"] = np.array([], "f8")
        g.create_group("out").attrs["weight_names"] = np.array(["out/kernel", "out/büas"], h5py.string_dtype())
        g["out/out/kernel"] = np.ones((2, 2), "f4")
        g["out/out/büas"] = np.zeros(2, "f4")


def make_refused_h5():
    with h5("refused_soft_link") as f:
        f["a"] = np.ones(3, "f4")
        f["b"] = h5py.SoftLink("/a")
    with h5("refused_external_link") as f:
        f["a"] = h5py.ExternalLink("attributes.h5", "/model_weights")
    with h5("refused_external_storage") as f:
        f.create_dataset("a", (4,), "u1", external=[("/etc/hostname", 0, 4)])
    with h5("refused_virtual") as f:
        layout = h5py.VirtualLayout((3,), "f4")
        layout[:] = h5py.VirtualSource("latest.h5", "x", (3,))
        f.create_virtual_dataset("a", layout)
    with h5("refused_shape_bomb") as f:
        f.create_dataset("a", (1 << 40,), "f4")
    with h5("refused_chunk_bomb") as f:
        f.create_dataset("a", (1 << 28,), "f4", chunks=(1 << 20,), compression="gzip")[0] = 1
    with h5("refused_loop") as f:
        f.create_group("a")["again"] = f["/"]
    with h5("refused_many_paths") as f:
        group = f.create_group("g")
        group["data"] = np.ones(10000, "f4")
        for i in range(100):
            f[f"copy{i}"] = group["data"]
    with h5("refused_deep") as f:
        f.create_group("/".join("g" * 80))


def make_npy():
    out = os.path.join(HERE, "npy")
    everything = {}
    for name, a in arrays():
        everything[name] = a
        if a.dtype.itemsize > 1 and a.dtype.kind != "V":
            everything["big_" + name] = a.astype(a.dtype.newbyteorder(">"))
    everything["fortran"] = np.asfortranarray(np.arange(24, dtype="i4").reshape(2, 3, 4))
    everything["scalar"] = np.float64(2.5)
    everything["empty"] = np.zeros((0, 5), "f4")
    everything["één/naam"] = np.arange(3, dtype="i8")
    np.savez(os.path.join(out, "stored.npz"), **everything)
    np.savez_compressed(os.path.join(out, "deflated.npz"), **everything)
    np.save(os.path.join(out, "version1.npy"), np.arange(12, dtype="f4").reshape(3, 4))
    for version in (2, 3):
        with open(os.path.join(out, f"version{version}.npy"), "wb") as f:
            np.lib.format.write_array(f, np.arange(12, dtype="f4").reshape(3, 4), version=(version, 0))
    refused = {"objects": np.array([{}, 1], object), "strings": np.array(["a"]), "complex": np.ones(2, "c8"),
               "records": np.zeros(2, [("a", "f4")]), "dates": np.zeros(2, "M8[s]")}
    for name, a in refused.items():
        np.save(os.path.join(out, f"refused_{name}.npy"), a)
    with zipfile.ZipFile(os.path.join(out, "refused_twice.npz"), "w") as z:
        for _ in range(2):
            z.writestr("a.npy", open(os.path.join(out, "version1.npy"), "rb").read())
    with zipfile.ZipFile(os.path.join(out, "refused_bomb.npz"), "w", zipfile.ZIP_DEFLATED) as z:
        with z.open("a.npy", "w") as f:
            np.lib.format.write_array_header_1_0(f, {"descr": "|u1", "fortran_order": False, "shape": (100 << 20,)})
            for _ in range(100):
                f.write(bytes(1 << 20))


def fnv(data):
    h = 0xcbf29ce484222325
    for b in data:
        h = (h ^ b) * 0x100000001b3 & 0xffffffffffffffff
    return h


def line(file, path, a):
    a = np.asarray(a)
    if a.dtype.kind in "OS":
        return ""
    name = DTYPES[a.dtype.str[1:]]
    little = a if a.dtype.kind == "V" else a.astype(a.dtype.newbyteorder("<"))
    shape = ",".join(map(str, a.shape))
    return f"{file}\t{path}\t{name}\t[{shape}]\t{fnv(little.tobytes('C')):016x}\n"


def lines_of_h5(file, f):
    found = []
    f.visititems(lambda n, o: found.append(line(file, n, o[()])) if isinstance(o, h5py.Dataset) else None)
    return found


def digest(file):
    where = os.path.join(HERE, "..", file)
    if file.endswith(".keras"):
        with zipfile.ZipFile(where) as z:
            return lines_of_h5(file, h5py.File(io.BytesIO(z.read("model.weights.h5"))))
    if file.endswith(".h5"):
        return lines_of_h5(file, h5py.File(where))
    with np.load(where) as z:
        return [line(file, n, z[n]) for n in z.files]


def main():
    for folder in ("h5", "npy"):
        os.makedirs(os.path.join(HERE, folder), exist_ok=True)
    make_h5()
    make_refused_h5()
    make_npy()
    root = os.path.join(HERE, "..")
    files = []
    for part in ("golden", "data"):
        for folder, _, names in os.walk(os.path.join(root, part)):
            files += [os.path.relpath(os.path.join(folder, n), root) for n in names
                      if n.endswith((".keras", ".h5", ".npz")) and "refuse" not in n and "/reject_" not in folder]
    with open(os.path.join(HERE, "golden_variables.txt"), "w") as out:
        for file in sorted(files):
            out.writelines(digest(file))


if __name__ == "__main__":
    main()
