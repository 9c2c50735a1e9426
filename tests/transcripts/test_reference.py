"""docs/SHELL.md says what the program's command table says."""

import pathlib
import subprocess

from running_system import bin_dir

PAGE = pathlib.Path(__file__).parents[2] / "docs/SHELL.md"
MARKER = "<!-- What follows is made by scripts/generate_shell_reference.sh: change the command table instead. -->\n\n"


def test_the_reference_page_is_fresh():
    reference = subprocess.run([bin_dir() / "grpc-os", "__reference"], capture_output=True, text=True, check=True).stdout
    guide, marker, rest = PAGE.read_text().partition(MARKER)
    assert marker, f"{PAGE} has lost its marker"
    assert rest == reference, "run scripts/generate_shell_reference.sh"
    assert len(guide) > 1000


def test_the_reference_has_every_command_that_help_lists():
    listed = subprocess.run([bin_dir() / "grpc-os", "--help"], capture_output=True, text=True, check=True).stdout
    for name in ("login", "user passwd", "role revoke", "sessions end", "token create", "audit", "events", "log-level"):
        assert name in listed
        assert f"\n### {name}\n" in PAGE.read_text()
