"""`grpc-os validate`: process.yml without a daemon; and what is made of its table of keys and of domain.yml's."""

import json
import pathlib
import re
import subprocess

import pytest
from running_system import bin_dir

ROOT = pathlib.Path(__file__).parents[2]
MADE = ("docs/PROCESS_YML.md", "config/schema/process.schema.json", "config/examples/process.yml.example")
MADE_OF_SETTINGS = ("docs/CONFIGURATION.md", *(f"config/default/{name}.yml" for name in ("system", "auth", "logging")))
MADE_OF_DOMAINS = ("docs/DOMAIN_YML.md", "config/schema/domain.schema.json", "config/examples/domain.yml.example")


def validate(*arguments, cwd):
    return subprocess.run([bin_dir() / "grpc-os", "validate", *arguments], cwd=cwd, capture_output=True, text=True, timeout=60)


def test_all_that_is_wrong_is_said_at_once_with_its_place(tmp_path):
    (tmp_path / "process.yml").write_text("nmae: web\r\ncommand: [a]\r\nenvironment:\r\n  A: null\r\n")
    done = validate(".", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "process.yml:1:1: there is no key 'nmae'; did you mean 'name'?",
        "process.yml:1:1: `name: …` is missing",
        "process.yml:2:10: here is a list; expected: text",
        "process.yml:4:6: here is nothing; expected: text; for empty text write \"\"",
    ]


@pytest.mark.parametrize(
    "content, said",
    [
        (b"\xef\xbb\xbfname: a\ncommand: b\n", None),
        (b"name: caf\xe9\n", "process.yml:1:10: the byte e9 is no UTF-8; save the file as UTF-8"),
        (b"name: a\n\tcommand: b\n", "a tab; indent with blanks"),
        (b"name: \x1b[31m\n", "process.yml:1:"),
        (b"x" * (10 << 20), "larger than 65536 bytes"),
        (b"", "the file is empty"),
    ],
    ids=["byte-order-mark", "latin-1", "tabs", "escape", "10-MiB", "empty"],
)
def test_files_that_are_something_else(tmp_path, content, said):
    (tmp_path / "process.yml").write_bytes(content)
    done = validate(".", cwd=tmp_path)
    assert "\x1b" not in done.stdout + done.stderr
    if said is None:
        assert done.returncode == 0
    else:
        assert done.returncode == 2 and said in done.stderr


def test_a_directory_without_one_says_where_it_was_looked_for(tmp_path):
    (tmp_path / "myapp").mkdir()
    done = validate("myapp", cwd=tmp_path)
    assert done.returncode == 3
    assert "there is no myapp/process.yml" in done.stderr and "`name: myapp`" in done.stderr


def test_what_is_made_of_the_table_of_keys_is_fresh(tmp_path):
    subprocess.run([ROOT / "scripts/generate_manifest_files.sh", bin_dir(), tmp_path], check=True)
    for name in MADE + MADE_OF_DOMAINS + MADE_OF_SETTINGS:
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), "run scripts/generate_manifest_files.sh"


def test_the_example_and_the_pages_blocks_are_right(tmp_path):
    (tmp_path / "process.yml").write_text((ROOT / MADE[2]).read_text())
    assert validate(".", cwd=tmp_path).returncode == 0
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / MADE[0]).read_text(), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        (tmp_path / "process.yml").write_text(block)
        assert validate(".", cwd=tmp_path).returncode == 0, block


def test_the_schema_has_the_keys_of_the_example():
    schema = json.loads((ROOT / MADE[1]).read_text())
    in_example = set(re.findall(r"^(\w+):", (ROOT / MADE[2]).read_text(), re.MULTILINE))
    assert set(schema["properties"]) == in_example | {"processes"}
    assert schema["additionalProperties"] is False
    nested = schema["properties"]["processes"]["additionalProperties"]["anyOf"][1]
    assert set(nested["properties"]) == in_example - {"name"}


def test_the_schema_of_a_domain_has_the_keys_of_its_example():
    schema = json.loads((ROOT / MADE_OF_DOMAINS[1]).read_text())
    in_example = set(re.findall(r"^(\w+):", (ROOT / MADE_OF_DOMAINS[2]).read_text(), re.MULTILINE))
    assert set(schema["properties"]) == in_example | {"targets"}
    path = schema["properties"]["paths"]["additionalProperties"]
    assert set(path["properties"]) == {"process", "port", "targets", "strip"} and path["additionalProperties"] is False
