"""Builds the package with setuptools; pyproject.toml says what it is.

In a clone its code is first generated from the protos, in a copy, so that the clone stays as it was. An sdist is such a copy
and has all of it. This file is also read by the oldest Python, which then says what it misses.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit("grpc-os needs Python 3.11 or newer, and this is Python %d.%d." % sys.version_info[:2])

import functools
import os
import pathlib
import shutil
import tempfile

import setuptools

HERE = pathlib.Path(__file__).resolve().parent
CODEGEN = HERE / "codegen"
IN_PLACE = {"editable_wheel", "develop"}
ONLY_METADATA = {"egg_info", "dist_info"}


# Debian 12's setuptools takes a license in pyproject.toml as a table alone, and the newest as a string alone.
setup = functools.partial(setuptools.setup, license="Apache-2.0")


def copied(into):
    """What belongs into an sdist, but for the generated code."""
    hidden = shutil.ignore_patterns("v1", "__pycache__")
    shutil.copytree(HERE / "grpc_os", into / "grpc_os", ignore=hidden)
    for file in ("pyproject.toml", "setup.py", "README.md", "../LICENSE"):
        shutil.copy(HERE / file, into)
    return into


def build_in(directory):
    words = set(sys.argv[1:])
    generated = directory / "grpc_os/v1"
    generated.mkdir(exist_ok=True)
    sys.path.insert(0, str(CODEGEN))
    sys.dont_write_bytecode = True
    import generate

    needed = []
    try:
        if not words & ONLY_METADATA:
            generate.generate(generated)
        elif "egg_info" in words:
            needed = generate.build_requirements()
    except generate.Missing as missing:
        sys.exit(str(missing))
    os.chdir(directory)
    # For who runs this file without a front end; pip and build name another place.
    setup(setup_requires=needed, options={name: {"dist_dir": str(HERE / "dist")} for name in ("sdist", "bdist_wheel")})


if not CODEGEN.is_dir():
    setup()
elif IN_PLACE.intersection(sys.argv):
    build_in(HERE)
else:
    with tempfile.TemporaryDirectory() as copy:
        build_in(copied(pathlib.Path(copy)))
        os.chdir(HERE)
