import re

import error_reasons
import generate_api_reference as reference
import pytest
from grpc_os.v1 import errors_pb2, options_pb2
from grpc_os.v1.error_reasons import CODE_OF_REASON


@pytest.fixture(scope="module")
def protos():
    return reference.read_protos()


def test_the_page_is_fresh(protos):
    assert reference.PAGE.read_text() == reference.Page(protos).write(), (
        "run build/venv/bin/python scripts/generate_api_reference.py and commit docs/API.md"
    )


def test_everything_says_what_it_is(protos):
    assert protos.without_comment() == []


def test_what_says_nothing_is_found(tmp_path):
    (tmp_path / "grpc_os/v1").mkdir(parents=True)
    (tmp_path / "grpc_os/v1/x.proto").write_text(
        """
        syntax = "proto3";
        package grpc_os.v1;
        service S { rpc M(Q) returns (Q) {} }
        message Q {
          string a = 1;
          // Said.
          string b = 2;
          string c = 3; // Said beside it.
          string page_token = 4;
        }
        enum ErrorReason {
          ERROR_REASON_UNSPECIFIED = 0;
          ERROR_REASON_X = 1;
        }
        """
    )
    assert reference.read_protos(tmp_path).without_comment() == [
        "grpc_os.v1.S",
        "grpc_os.v1.S.M",
        "grpc_os.v1.Q.a",
        "ERROR_REASON_X",
    ]


def test_every_method_field_and_reason_is_on_the_page(protos):
    page = reference.PAGE.read_text()
    for name, service in protos.services:
        for method in service.method:
            assert f"### {method.name}\n\n`{name}/{method.name}` · permission `" in page
    of_options = {options_pb2.Permission.DESCRIPTOR.full_name, options_pb2.Kind.DESCRIPTOR.full_name}  # no call carries them
    for name, message in protos.messages.items():
        if name in of_options:
            continue
        for field in [] if message.options.map_entry else message.field:
            assert f"| `{field.name}` |" in page, f"{name}.{field.name}"
    links = set(re.findall(r"\]\(#(\w+)\)", page))
    headings = {line.lstrip("# ").lower().replace(".", "").replace(" ", "-") for line in page.splitlines() if line.startswith("#")}
    assert links <= headings


def test_the_reasons_are_those_of_the_protos():
    reasons = error_reasons.read(error_reasons.PROTO.read_text())
    assert {f"ERROR_REASON_{reason.name}": reason.number for reason in reasons} == {
        name: number for name, number in errors_pb2.ErrorReason.items() if number
    }
    assert {reason.name: reason.code for reason in reasons} == {r.value: c.name for r, c in CODE_OF_REASON.items()}


def test_comments_name_reasons_with_their_codes(protos):
    codes = {reason.value: code.name for reason, code in CODE_OF_REASON.items()}
    seen = 0
    for name, comment in protos.comments.items():
        for code, reasons in re.findall(r"\b([A-Z]+(?:_[A-Z]+)*) \(([^)]*)\)", comment):
            if code not in error_reasons.CODES:
                continue
            for reason in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", reasons):
                if reason in codes:
                    seen += 1
                    assert codes[reason] == code, f"{name}: {code} ({reason})"
    assert seen > 60


@pytest.mark.parametrize("comment", ["", "// Something went wrong.\n", "// NOT_A_CODE: this\n", "// NOT_FOUND\n"])
def test_a_reason_without_its_code_is_refused(comment):
    with pytest.raises(ValueError, match="ERROR_REASON_X"):
        error_reasons.read(f"enum ErrorReason {{\n{comment}ERROR_REASON_X = 1;\n}}")


def test_the_limits_on_the_page_are_those_enforced():
    found = reference.constants()
    assert (found["keepalive_ms"], found["idle_ms"], found["bytes_each_stream"]) == ("30 s", "10 minutes", "16 KiB")
    assert (found["idle_frame_burst"], found["kMessageBytes"], found["kCallsInFlight"]) == ("5,000", "4 MiB", "512")
    page, head = reference.PAGE.read_text(), reference.HEAD.read_text()
    assert "@" not in re.sub(r"-d @", "", page), "a limit that the page does not fill in"
    assert len(re.findall(r"@\w+@", head)) > 10, "limits are named, not copied"


def test_the_security_page_has_the_limits_of_a_connection_too():
    found = reference.constants()
    [row] = re.findall(r"^\| connections to the API \|.*$", (reference.REPOSITORY / "docs/SECURITY.md").read_text(), re.MULTILINE)
    for name in ("connections", "connections_each", "connections_kept", "handshake_ms", "keepalive_ms", "keepalive_wait_ms", "idle_ms"):
        assert re.search(rf"\b{found[name]}\b", row), f"{name}: {found[name]}"


def test_a_limit_that_is_none_stops_the_page():
    with pytest.raises(KeyError):
        reference._with_constants("at most @no_such_limit@")
