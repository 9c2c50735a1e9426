"""docs/TUTORIAL.md: its blocks, one after the other, in one shell."""

import os
import pathlib
import re
import subprocess

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "TUTORIAL.md"
EXPECTED = ["revision 1", "listens on 8087", "revision 2", "nothing differs", "no database", "with port 8087", "is served"]


def test_the_tutorial(system, tmp_path):
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    assert len(blocks) == 12
    blocks = [block.replace("8880", str(system.edge_port())) for block in blocks]
    environment = {
        "PATH": f"{system.bin}:{os.environ['PATH']}",
        "HOME": str(system.home),
        "GRPC_OS_ADDRESS": system.address,
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(blocks)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for words in EXPECTED:
        assert words in said, f"{words}:\n{said}"
    answers = re.findall(r"^hello.*$", done.stdout, re.M)
    assert re.search(r"^ *\d+ hello once more$", done.stdout, re.M) and "lost" not in done.stdout, said
    plain = [line for line in answers if line in ("hello", "hello again")]
    assert plain == ["hello", "hello again", "hello again", "hello", "hello"], said
