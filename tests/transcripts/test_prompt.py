"""The prompt of contexts, as a person sees it."""

import subprocess

import pytest

from terminal import Terminal


@pytest.fixture
def grpc_os(system):
    """grpc_os(WORD…): the program without an address; grpc_os.shell(): on a terminal, in colour."""
    environment = {"HOME": str(system.home), "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": "", "DATA_DIR": str(system.data)}
    environment |= {"GRPC_OS_ADDRESS": "", "GRPC_OS_CONTEXT": ""}
    terminals = []

    class Program:
        def __call__(self, *words):
            subprocess.run([system.bin / "grpc-os", *words], check=True, env=environment, capture_output=True)

        def shell(self, *words, **more):
            terminals.append(Terminal([system.bin / "grpc-os", *words], {**environment, **more}))
            return terminals[-1]

    yield Program()
    for terminal in terminals:
        terminal.close()


def test_the_prompt_names_the_context_and_warns_of_production(system, grpc_os):
    grpc_os("context", "add", "prod", "--address", system.address, "--production")
    grpc_os("context", "add", "test", "--address", system.address)
    shell = grpc_os.shell()
    shell.expect("admin@local grpc-os> ")
    shell.type("context use prod\r")
    shell.expect("the context prod is in use now: ")
    shell.expect("\x1b[1;31madmin@prod (production)\x1b[0m grpc-os> ")
    shell.enter("mkdir /a")
    shell.type("cd /a\r")
    shell.expect("\x1b[1;31madmin@prod:/a (production)\x1b[0m grpc-os> ")
    assert "prod (production)" in shell.enter("status")
    # Severe commands ask as ever.
    shell.type("rm -r /a\r")
    shell.expect("[y/N] ")
    shell.type("n\r")
    shell.expect("grpc-os> ")
    shell.type("logout\r")
    shell.expect("\x1b[1;31mprod (production)\x1b[0m grpc-os> ")
    shell.type("context use test\r")
    shell.expect("admin@test grpc-os> ")
    shell.type("context rm test\r")
    shell.expect("no context is in use now\nadmin@local grpc-os> ")
    plain = grpc_os.shell("--context", "prod", NO_COLOR="1")
    plain.expect("prod (production) grpc-os> ")
    assert "\x1b[1;31m" not in plain.raw
