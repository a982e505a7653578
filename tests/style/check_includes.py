#!/usr/bin/env python3
"""Checks who includes whom: the folders of the tree may see only the folders below them.

    check_includes.py ROOT        exit status 1 and one line per offence

Also: LLVM's and LLD's headers stay in codegen's .cpp files and the headers that only those share, xtensor's behind
ir/array.h, and no header is included by a path relative to itself.
"""
import pathlib
import re
import sys

MAY_SEE = {
    "ir": {"ir"},
    "frontend": {"frontend", "ir"},
    "frontend/keras": {"frontend", "codegen", "ir", "runtime"},   # the C++ API stands above all
    "passes": {"passes", "ir"},
    "codegen": {"codegen", "passes", "ir"},
    "runtime": {"runtime"},
    "tools": {"tools", "codegen", "frontend", "passes", "ir", "runtime"},
}
# The only files that the compiler shares with what it compiles for: calls, tables of strings, characters, arrays in files, tolerances.
ALSO = {"codegen": {"runtime/abi.h", "runtime/strings.h", "runtime/training.h", "runtime/trainer/tolerance.h"},
        "frontend": {"runtime/strings.h", "runtime/trainer/error.h", "runtime/trainer/npy.h"}}
# What the files that write LLVM IR share; no other file may include it.
EMISSION = {"codegen/emission.h", "codegen/emit_data.h", "codegen/index_emitter.h", "codegen/debug_info.h", "codegen/kernel_emitter.h",
            "codegen/emit_thunks.h", "codegen/emit_trainer_data.h", "codegen/emit_training.h"}
WRITES_LLVM = re.compile(r"codegen/(emit_\w+|object|jit|emission|index_emitter|kernel_emitter|debug_info)\.(cpp|h)")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def offences(root):
    for top_folder in sorted({folder.split("/")[0] for folder in MAY_SEE}):
        for path in sorted((root / top_folder).rglob("*")):
            if path.suffix not in {".h", ".c", ".cpp", ".def"}:
                continue
            name = path.relative_to(root)
            folder = max((each for each in MAY_SEE if str(name).startswith(each + "/")), key=len)
            allowed = MAY_SEE[folder]
            for kind, target in INCLUDE.findall(path.read_text(encoding="utf-8")):
                top = target.split("/")[0]
                if kind == '"':
                    if not (root / target).is_file():
                        yield f'{name}: "{target}" is no file of the tree, named from its root'
                    elif target in EMISSION and not WRITES_LLVM.fullmatch(str(name)):
                        yield f'{name}: "{target}" is for the files that write LLVM IR'
                    elif top not in allowed and target not in ALSO.get(folder, set()):
                        yield f'{name}: {folder}/ may not see "{target}"'
                elif top in {"llvm", "llvm-c", "lld"} and not (
                    folder == "codegen" and (path.suffix == ".cpp" or str(name) in EMISSION)):
                    yield f"{name}: <{target}> belongs in codegen's .cpp files"
                elif top.startswith("xtensor") and folder not in {"ir", "frontend/keras"}:
                    yield f"{name}: <{target}> belongs behind ir/array.h or in the C++ API"


def main():
    found = list(offences(pathlib.Path(sys.argv[1])))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
