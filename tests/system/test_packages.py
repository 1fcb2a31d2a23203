# SPDX-License-Identifier: MPL-2.0
"""The Python package as a stranger gets it: a source archive built outside the repository, a wheel,
an installation without network; and that everything in it is documented. (The C library:
tests/clients/install_test.sh; the npm package: tests/clients/javascript.)"""
import glob
import inspect
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

import roost
import roost.aio

SOURCE = os.environ.get("ROOST_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
VERSION = roost.__version__
ALONE = {**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONPATH": ""}


def run(*words, cwd):
    done = subprocess.run([sys.executable, *words], cwd=cwd, env=ALONE, capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wheel_of(folder):
    run("-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-w", "wheels", ".", cwd=folder)
    (wheel,) = glob.glob(os.path.join(folder, "wheels", "*.whl"))
    return wheel


@pytest.fixture
def checkout(tmp_path):
    """What building needs of the repository; it must not be written to."""
    for name in ("clients/python", "proto/wire"):
        shutil.copytree(os.path.join(SOURCE, name), tmp_path / "roost" / name,
                        ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    return tmp_path / "roost" / "clients" / "python"


CANNOT_BUILD = subprocess.run([sys.executable, "-c", "import setuptools, wheel, pip"], check=False,
                              capture_output=True).returncode != 0
only_with_pip = pytest.mark.skipif(CANNOT_BUILD, reason="no python3-pip and python3-wheel")


@only_with_pip
def test_archive_wheel_and_installation(checkout, tmp_path):
    run("setup.py", "-q", "sdist", cwd=checkout)
    with tarfile.open(checkout / "dist" / f"roost-{VERSION}.tar.gz") as archive:
        names = archive.getnames()
        archive.extractall(tmp_path / "elsewhere")
    for name in ("broker.proto", "README.md", "roost/core.py", "roost/py.typed", "examples/chat.py"):
        assert f"roost-{VERSION}/{name}" in names
    wheel = wheel_of(tmp_path / "elsewhere" / f"roost-{VERSION}")
    assert os.path.basename(wheel) == f"roost-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as file:
        assert {"roost/broker_pb2.py", "roost/py.typed", "roost/aio.py"} <= set(file.namelist())
        metadata = file.read(f"roost-{VERSION}.dist-info/METADATA").decode()
    assert "Requires-Dist: pyzmq" in metadata and "Requires-Python: >=3.9" in metadata
    run("-m", "pip", "install", "--no-deps", "--target", str(tmp_path / "site"), wheel, cwd=tmp_path)
    said = run("-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import roost, roost.aio;"
               "print(roost.__file__, roost.__version__)", cwd=tmp_path)
    assert said.split() == [str(tmp_path / "site" / "roost" / "__init__.py"), VERSION]


@only_with_pip
def test_from_a_checkout_without_an_archive(checkout):
    assert wheel_of(checkout).endswith("py3-none-any.whl")


def members(thing):
    return [(name, value) for name, value in inspect.getmembers(thing)
            if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))]


def test_everything_public_is_documented():
    things = {value for module in (roost, roost.aio) for name, value in vars(module).items()
              if (inspect.isclass(value) or inspect.isfunction(value))
              and not name.startswith("_") and value.__module__.startswith("roost")}
    assert len(things) > 40
    lacking = [thing.__name__ for thing in things
               if not thing.__doc__ or thing.__doc__.startswith(f"{thing.__name__}(")]
    lacking += [f"{thing.__name__}.{name}" for thing in things if inspect.isclass(thing)
                for name, value in members(thing) if not value.__doc__]
    assert not lacking


def test_every_method_is_in_the_readme():
    with open(os.path.join(SOURCE, "clients", "python", "README.md"), encoding="utf-8") as file:
        text = file.read()
    names = {name for thing in (roost.Client, roost.Inbox, roost.Received)
             for name, _ in members(thing)}
    assert not sorted(name for name in names if name not in text)
