# SPDX-License-Identifier: MPL-2.0
"""Generates roost/broker_pb2.py from the public schema with protoc while the package is built.

The schema is proto/wire/broker.proto of the repository; a source archive carries a copy beside
this file. protoc must not be newer than the installed protobuf package understands (Debian's
protobuf-compiler and python3-protobuf match).
"""
import pathlib
import shutil
import subprocess

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent
SCHEMAS = [HERE / "broker.proto", HERE.parent.parent / "proto" / "wire" / "broker.proto"]


class BuildWithSchema(build_py):
    def run(self):
        super().run()
        target = pathlib.Path(self.build_lib) / "roost"
        target.mkdir(parents=True, exist_ok=True)
        ready_made = HERE / "roost" / "broker_pb2.py"
        if ready_made.exists():
            shutil.copy(ready_made, target)
            return
        schema = next((path for path in SCHEMAS if path.exists()), None)
        if schema is None:
            raise SystemExit("broker.proto not found: install from a checkout of roost")
        if shutil.which("protoc") is None:
            raise SystemExit("protoc not found: install the package protobuf-compiler")
        subprocess.run(
            ["protoc", f"--proto_path={schema.parent}", f"--python_out={target}", schema.name],
            check=True,
        )


class ArchiveWithSchema(sdist):
    """A source archive is built outside the repository: it takes the schema along."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        schema = next((path for path in SCHEMAS if path.exists()), None)
        if schema is None:
            raise SystemExit("broker.proto not found: archive from a checkout of roost")
        shutil.copy(schema, base_dir)


setup(cmdclass={"build_py": BuildWithSchema, "sdist": ArchiveWithSchema})
