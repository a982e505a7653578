"""Runs what the documentation shows, and compares.

    check_docs.py [--build | --patches] SOURCES BINARIES PAGE...

Each page is read from top to bottom, in a scratch folder that has models/, data/, examples/ and tests/ as the sources do,
and `keratin` on the path:

    ```console            each `$ command` is run by bash, and must print what stands below it. A line "…" stands for any
                          number of lines. Commands succeed, unless an output shown begins with "error:".
    ```c file=main.c      a file, written to the scratch folder
    <!-- $ command -->    alone on a line: the rest of the page is what the command prints
    anything else         is for reading: ```sh, ```text, …

With --build the scratch folder is a copy of the sources, as they are in the working tree, and

    ```diff               is applied to them

With --patches that is all that is done: no command is run.

With KERATIN_BLESS=1 in the environment the pages are rewritten with what the commands print; of output with "…" as many
lines are kept at its beginning and its end as there were.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ELISION = "…"


def matches(shown, printed):
    """True if `printed`, a list of lines, is what `shown` says."""
    chunks, chunk = [], []
    for line in shown:
        if line.strip() == ELISION:
            chunks.append(chunk)
            chunk = []
        else:
            chunk.append(line)
    chunks.append(chunk)
    if len(chunks) == 1:
        return chunk == printed
    first, last = chunks[0], chunks[-1]
    if printed[: len(first)] != first or len(printed) < len(first) + len(last):
        return False
    if last and printed[-len(last) :] != last:
        return False
    at, end = len(first), len(printed) - len(last)
    for chunk in chunks[1:-1]:
        while at + len(chunk) <= end and printed[at : at + len(chunk)] != chunk:
            at += 1
        if at + len(chunk) > end:
            return False
        at += len(chunk)
    return True


def blessed(shown, printed):
    """What to show of `printed`: as much as `shown` does, if that can be told."""
    elisions = [i for i, line in enumerate(shown) if line.strip() == ELISION]
    if not elisions:
        return printed
    if len(elisions) > 1:
        raise SystemExit("output with more than one … has to be edited by hand")
    head, tail = elisions[0], len(shown) - elisions[0] - 1
    return printed[:head] + [shown[head]] + (printed[-tail:] if tail else [])


class Page:
    def __init__(self, path, folder, environment, bless, runs):
        self.path, self.folder, self.environment, self.bless, self.runs = path, folder, environment, bless, runs
        self.failures = 0

    def run(self, command, shown, line):
        """Runs a command; returns the lines to show below it."""
        if not self.runs:
            return shown
        done = subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        printed = [text.rstrip() for text in done.stdout.splitlines()]
        fails = any(text.startswith("error:") for text in shown)
        if matches(shown, printed) and (done.returncode != 0) == fails:
            return shown
        if self.bless and (done.returncode != 0) == fails:
            return blessed(shown, printed)
        self.failures += 1
        print(f"{self.path}:{line}: $ {command}\nexit status {done.returncode}\n--- shown\n" + "\n".join(shown) +
              "\n--- printed\n" + "\n".join(printed), flush=True)
        return shown

    def console(self, lines, number):
        out, i = [], 0
        while i < len(lines):
            if not lines[i].startswith("$ "):
                raise SystemExit(f"{self.path}:{number + i}: a console block begins with a command")
            start = i
            while lines[i].endswith("\\"):
                i += 1
            i += 1
            command = "\n".join(lines[start:i])[2:]
            end = i
            while end < len(lines) and not lines[end].startswith("$ "):
                end += 1
            out += lines[start:i] + self.run(command, lines[i:end], number + start)
            i = end
        return out

    def block(self, kind, lines, number):
        if kind == "console":
            return self.console(lines, number)
        file = re.fullmatch(r"\w+ file=(\S+)", kind)
        if file:
            target = self.folder / file[1]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("\n".join(lines) + "\n")
        if kind == "diff":
            done = subprocess.run(["git", "apply", "-C1"], cwd=self.folder, text=True, input="\n".join(lines) + "\n",
                                  env=dict(self.environment, GIT_CEILING_DIRECTORIES=str(self.folder.parent)))
            if done.returncode != 0:
                raise SystemExit(f"{self.path}:{number}: the patch does not apply")
        return lines

    def check(self):
        text = self.path.read_text().splitlines()
        out, i = [], 0
        while i < len(text):
            out.append(text[i])
            rest = re.fullmatch(r"<!-- \$ (.*) -->", text[i])
            if rest:
                out += self.run(rest[1], text[i + 1 :], i + 1)
                break
            if text[i].startswith("```"):
                end = text.index("```", i + 1)
                out += self.block(text[i][3:], text[i + 1 : end], i + 2) + ["```"]
                i = end
            i += 1
        if self.bless and out != text:
            self.path.write_text("\n".join(out) + "\n")


def copy_sources(sources, folder):
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=sources, text=True,
                           stdout=subprocess.PIPE, check=True).stdout.splitlines()
    for name in names:
        if (sources / name).is_file() and not name.startswith("tests/golden/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(sources / name, folder / name)
    (folder / "tests/golden").symlink_to(sources / "tests/golden")  # large


def main():
    arguments = sys.argv[1:]
    mode = arguments.pop(0) if arguments[0] in ("--build", "--patches") else None
    sources, binaries, *pages = (pathlib.Path(argument).resolve() for argument in arguments)
    environment = dict(os.environ, LC_ALL="C.UTF-8", COLUMNS="100", PATH=f"{binaries}/bin:{os.environ['PATH']}",
                       # as if Keratin were installed
                       CPATH=f"{sources}/frontend/keras/include", LIBRARY_PATH=f"{binaries}/lib",
                       LD_RUN_PATH=f"{binaries}/lib", LD_LIBRARY_PATH=f"{binaries}/lib")
    failures = 0
    for path in pages:
        with tempfile.TemporaryDirectory(prefix="keratin_docs_") as name:
            folder = pathlib.Path(name)
            if mode:
                copy_sources(sources, folder)
            else:
                for shown in ("models", "data", "examples", "tests"):
                    (folder / shown).symlink_to(sources / shown)
            page = Page(path, folder, environment, os.environ.get("KERATIN_BLESS") == "1", mode != "--patches")
            page.check()
            failures += page.failures
    sys.exit(1 if failures else 0)


main()
