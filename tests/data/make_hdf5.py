"""Writes tests/data/hdf5 with real h5py: the numbers 0 to 14 as x, of shape (5, 3), stored in all the ways that are read, and
files that are refused.

    make_hdf5.py
"""

import pathlib

import h5py
import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent / "hdf5"
X = np.arange(15, dtype="f4").reshape(5, 3)

READ = {
    "plain": ("earliest", X, {}),
    "big_endian": ("earliest", X.astype(">f8"), {}),
    "half": ("earliest", X.astype("f2"), {}),
    "integers": ("v108", X.astype("u8"), {}),
    "chunks": ("earliest", X, dict(chunks=(2, 2))),
    "gzip": ("earliest", X, dict(chunks=(2, 3), compression="gzip", shuffle=True, fletcher32=True)),
    "lzf": ("earliest", np.repeat(X, 20, axis=0), dict(chunks=(50, 3), compression="lzf")),
    "growing": ("earliest", X, dict(chunks=(2, 3), maxshape=(None, 3))),
    "v108": ("v108", X, dict(chunks=(3, 2), compression="gzip")),
    "one_chunk": ("latest", X, dict(chunks=(5, 3), compression="gzip")),
    "fixed_array": ("latest", X, dict(chunks=(2, 3))),
    "fixed_array_gzip": ("latest", X, dict(chunks=(2, 2), compression="gzip")),
    "fixed_array_pages": ("latest", np.arange(1100, dtype="u2").reshape(1100, 1), dict(chunks=(1, 1))),
}


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, (version, x, how) in READ.items():
        with h5py.File(FOLDER / f"{name}.h5", "w", libver=version) as file:
            file.create_dataset("x", data=x, **how)
    with h5py.File(FOLDER / "several.h5", "w") as file:
        file["x/left"] = X
        file["x/right"] = X[:, 0]
        file["y"] = X[:, 0] > 5
    with h5py.File(FOLDER / "filled.h5", "w") as file:
        file.create_dataset("x", (5, 3), "f4", chunks=(2, 3), fillvalue=7)[0] = X[0]
    with h5py.File(FOLDER / "strings.h5", "w") as file:
        file["x"] = np.array([b"one", b"three"])
    with h5py.File(FOLDER / "refused_extensible.h5", "w", libver="latest") as file:
        file.create_dataset("x", data=X, maxshape=(None, 3), chunks=(2, 3))
    with h5py.File(FOLDER / "refused_variable.h5", "w") as file:
        file["x"] = ["one", "three"]
    with h5py.File(FOLDER / "refused_records.h5", "w") as file:
        file["x"] = np.zeros(3, dtype=[("a", "f4"), ("b", "i4")])
    with h5py.File(FOLDER / "refused_link.h5", "w") as file:
        file["x"] = h5py.ExternalLink("/etc/passwd", "x")
    with h5py.File(FOLDER / "refused_names.h5", "w", libver="latest") as file:
        for i in range(12):
            file[f"x{i}"] = i


if __name__ == "__main__":
    main()
