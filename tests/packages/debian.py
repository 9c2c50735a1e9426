"""A Debian to install packages on: this machine, copied on write into memory, with processes and a network of its own."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from running_system import poll

BOTH = ("grpc-os", "grpc-os-cli")
DATA = "/var/lib/grpc-os"
HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
HIGHER = "0.2.0"
# Reaps, as PID 1 has to.
PLAIN = ("/bin/bash", "-c", "while :; do sleep infinity & wait; done")
SYSTEMD = ("/lib/systemd/systemd", "--system")


def own_cgroup():
    """A new one of version 2, below the one that we are in."""
    with open("/proc/self/mounts") as mounts:
        mounted = next(line.split()[1] for line in mounts if line.split()[2] == "cgroup2")
    within = next(line[3:].strip() for line in open("/proc/self/cgroup") if line.startswith("0::"))
    return pathlib.Path(tempfile.mkdtemp(prefix="grpc-os-packages-", dir=mounted + within))


class Debian:
    """`with Debian(packages) as debian:`; systemd: it runs there, and without it the machine is like a container."""

    def __init__(self, packages, systemd=False):
        self._packages = packages
        self._systemd = systemd
        self._home = pathlib.Path(tempfile.mkdtemp(prefix="gos-debian-"))
        self._cgroup = own_cgroup() if systemd else None

    def __enter__(self):
        join = "" if self._cgroup is None else f"echo $$ >{self._cgroup}/cgroup.procs; "
        namespaces = "--mount --pid --net --uts --ipc" + (" --cgroup" if self._systemd else "")
        command = f'{join}exec unshare {namespaces} --propagation private --fork --kill-child "$@"'
        self._outside = subprocess.Popen(
            ["bash", "-c", command, "bash", HERE / "root.sh", self._home, self._packages]
            + list(SYSTEMD if self._systemd else PLAIN),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert self._outside.stdout.readline() == "READY\n"
            pid = self._outside.pid
            [inside] = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            self._enter = ["nsenter", "--target", inside, "--mount", "--pid", "--net", "--uts", "--ipc"]
            if self._systemd:
                self._enter.append("--cgroup")
                poll(lambda: self.run("systemctl", "is-active", "default.target", check=False).returncode == 0, "systemd runs")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._outside.kill()
        self._outside.wait()
        self._outside.stdout.close()
        shutil.rmtree(self._home)
        if self._cgroup is not None:
            poll(lambda: "populated 0" in (self._cgroup / "cgroup.events").read_text(), "all of it has ended")
            for directory, _, _ in os.walk(self._cgroup, topdown=False):
                os.rmdir(directory)

    def command(self, *arguments):
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "DEBIAN_FRONTEND=noninteractive"]
        return [*self._enter, *clean, *arguments]

    def run(self, *arguments, check=True):
        """Its outputs, in one, are `stdout`."""
        done = subprocess.run(
            self.command(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert not check or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}"
        return done

    def sh(self, script, check=True):
        return self.run("sh", "-c", script, check=check).stdout

    def install(self, *names, version="", check=True, options=()):
        """Of the version that was built, or of a higher one."""
        directory = "/packages/packages" + (f"-{version}" if version else "")
        files = self.sh(" ".join(f"echo {directory}/{name}_*.deb;" for name in names or BOTH)).split()
        return self.run("dpkg", *options, "--install", *files, check=check)

    def start_by_hand(self):
        """grpc-os-init, as the package says to start it where there is no systemd."""
        subprocess.Popen(
            self.command("setsid", "grpc-os-init", "--data-dir", DATA, "--user", "grpc-os"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        poll(lambda: self.run("grpc-os", "login", check=False).returncode == 0, "the API serves")

    def start_process(self, name):
        self.run("grpc-os", "start", name, "sleep 1000")
        return self.pid(name)

    def pid(self, name):
        """Once it runs."""

        def running():
            [process] = json.loads(self.run("grpc-os", "-o", "json", "ps", name).stdout)["processes"]
            return process["status"].get("pid")

        return poll(running, f"{name} runs")

    def programs(self):
        """Those of ours that run, without `grpc-os`."""
        return set(self.sh("cat /proc/[0-9]*/comm 2>/dev/null || true").split()) & {"grpc-os-init", "grpc-osd", "grpc-os-supervi"}

    def is_alive(self, pid):
        return self.run("test", "-d", f"/proc/{pid}", check=False).returncode == 0

    def version(self):
        """That the API says, of grpc-osd."""
        return json.loads(self.run("grpc-os", "-o", "json", "status").stdout)["version"]
