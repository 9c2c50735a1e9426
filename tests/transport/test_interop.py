"""grpc-go's interoperability client against a server of the transport: every case but those of Google's credentials and
of load balancing."""

import subprocess

import pytest
from conftest import GO_BIN

CASES = (
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "status_code_and_message",
    "special_status_message",
    "custom_metadata",
    "unimplemented_method",
    "unimplemented_service",
    "rpc_soak",
    "channel_soak",
)


@pytest.mark.parametrize("over", ("tcp", "tls"))
@pytest.mark.parametrize("case", CASES)
def test_case(interop, certificates, case, over):
    tls = ("--use_tls", "--use_test_ca", "--ca_file", certificates.ca, "--server_host_override", "localhost") if over == "tls" else ()
    soak = ("--soak_iterations", "200", "--soak_num_threads", "4", "--soak_overall_timeout_seconds", "60")
    done = subprocess.run(
        [
            *(GO_BIN / "interop-client", "--server_host", "127.0.0.1", "--server_port", str(getattr(interop, over))),
            *("--test_case", case, *tls, *(soak if case.endswith("_soak") else ())),
        ],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-3000:]
