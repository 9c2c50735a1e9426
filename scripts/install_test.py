"""install.sh with an apt-get, dpkg-query and systemctl of our own."""

import pathlib
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).with_name("install.sh")


class Machine:
    def __init__(self, directory):
        self.directory, self.bin, self.policy = directory, directory / "bin", directory / "policy-rc.d"
        self.bin.mkdir()
        self.script = directory / "install.sh"
        self.script.write_text(SCRIPT.read_text().replace("/usr/sbin/policy-rc.d", str(self.policy)))
        self.program("id", "echo 0")
        self.program("npm", "")
        self.program("go", "")
        self.program("dpkg-query", "true")
        self.program("systemctl", f'echo "$*" >>{directory}/systemctl')
        self.program("apt-get", f'sh {self.policy} || echo "$? $*" >>{directory}/apt-get')

    def program(self, name, script):
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def run(self, *sets):
        path = f"{self.bin}:/usr/bin:/bin"
        return subprocess.run(["bash", self.script, *sets], env={"PATH": path}, capture_output=True, text=True)

    def said(self, program):
        path = self.directory / program
        return path.read_text() if path.exists() else ""


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_what_it_installs_is_not_started(machine):
    done = machine.run("test")
    assert done.returncode == 0, done.stderr
    update, install = machine.said("apt-get").splitlines()
    assert update.startswith("101 ") and install.startswith("101 ") and " nginx " in f"{install} "
    assert not machine.policy.exists()
    assert machine.said("systemctl") == "disable -q nginx\n"


def test_a_policy_of_somebody_elses_stays(machine):
    machine.policy.write_text("exit 104\n")
    assert machine.run("test").returncode == 0
    assert machine.said("apt-get").startswith("104 ")
    assert machine.policy.read_text() == "exit 104\n"


def test_one_of_ours_goes_where_it_fails_too(machine):
    machine.program("apt-get", "exit 1")
    assert machine.run("test").returncode == 1
    assert not machine.policy.exists()


def test_what_is_there_is_left_alone(machine):
    machine.program("dpkg-query", 'while [ "$1" != -f ]; do shift; done; shift 2; printf "ii %s\\n" "$@"')
    assert machine.run("test").returncode == 0
    assert machine.said("apt-get") == machine.said("systemctl") == ""
    machine.program("dpkg-query", 'while [ "$1" != -f ]; do shift; done; shift 2; printf "ii %s\\n" "$@" | grep -v curl')
    assert machine.run("test").returncode == 0
    assert "nginx" not in machine.said("apt-get") + machine.said("systemctl")
