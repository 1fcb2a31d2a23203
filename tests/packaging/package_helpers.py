# SPDX-License-Identifier: MPL-2.0
"""Builds the Debian packages as a packager would (preset deb), once for all tests of a build tree."""
import os
import shutil
import subprocess

SOURCE = os.environ["ROOST_SOURCE"]
BUILD = os.environ["ROOST_BUILD"]
VERSION = os.environ["ROOST_VERSION"]
PLACE = os.path.join(BUILD, "packaging")
NAMES = ("roost-daemon", "roost", "libroost0", "libroost-dev", "python3-roost")


def run(*arguments, **options):
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{' '.join(arguments)}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def build(source=SOURCE, place=os.path.join(PLACE, "deb")):
    """Gives {name of the package: path}."""
    launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    run("cmake", "--preset", "deb", "-S", source, "-B", place, *launcher, cwd=source)
    run("cmake", "--build", place)
    return pack(place)


def pack(place):
    shutil.rmtree(os.path.join(place, "packages"), ignore_errors=True)
    run("cpack", cwd=place)
    found = [os.path.join(place, "packages", name)
             for name in sorted(os.listdir(os.path.join(place, "packages"))) if name.endswith(".deb")]
    return {os.path.basename(path).split("_")[0]: path for path in found}


def field(package, name):
    return run("dpkg-deb", "-f", package, name).strip()


def older(package, folder, version):
    """The same package under an older version."""
    tree = os.path.join(folder, os.path.basename(package) + ".tree")
    run("dpkg-deb", "-R", package, tree)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control, encoding="utf-8") as file:
        text = file.read()
    with open(control, "w", encoding="utf-8") as file:
        file.write(text.replace(field(package, "Version"), version))
    made = os.path.join(folder, os.path.basename(package).replace(field(package, "Version"), version))
    run("dpkg-deb", "--root-owner-group", "-b", tree, made)
    shutil.rmtree(tree)
    return made
