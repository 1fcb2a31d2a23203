# SPDX-License-Identifier: MPL-2.0
"""Every preset of CMakePresets.json can be configured, also those that ./check does not build: a
target that needs what another option finds stops only the preset that lacks it.

    python3 presets.py TREE [NAME...]    (without names: all that this machine has a compiler for)
"""
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def needed_compiler(presets: dict, name: str) -> str | None:
    """The compiler that a preset or one it inherits names."""
    preset = presets[name]
    compiler = preset.get("cacheVariables", {}).get("CMAKE_C_COMPILER")
    return compiler or ("inherits" in preset and needed_compiler(presets, preset["inherits"])) or None


def configure(tree: Path, name: str) -> str:
    """What went wrong; empty: nothing."""
    with tempfile.TemporaryDirectory(prefix="roost-preset-") as build:
        command = ["cmake", "--preset", name, "-S", str(tree), "-B", build]
        run = subprocess.run(command, cwd=tree, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
    return run.stdout if run.returncode else ""


def main(tree: Path, names: list[str]) -> int:
    presets = {p["name"]: p for p in json.loads((tree / "CMakePresets.json").read_text())["configurePresets"]}
    failed = 0
    for name in names or presets:
        compiler = needed_compiler(presets, name)
        if compiler and not shutil.which(compiler):
            print(f"{name}: left out, there is no {compiler}")
            continue
        problem = configure(tree, name)
        failed += bool(problem)
        print(f"{name}: " + (f"cannot be configured\n{problem}" if problem else "ok"))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
