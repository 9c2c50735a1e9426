"""Enforces who may include whom (design: "Layout and who may include whom") over src/.

Usage: check_includes.py [SRC]. Prints each include that the tables below do not allow and ends with 1, else with 0.
An include that is neither ours, nor of a library listed here, nor of the system is refused too, so that a new
dependency has to be entered.
"""

import pathlib
import re
import sys

# Room -> the rooms it may include, besides itself. "protos" are the generated API messages.
ROOMS = {
    "base": set(),
    "core": {"base"},
    "protocol": {"base"},
    "cgroup": {"base"},
    "manifest": {"base"},
    "bundle": {"base", "manifest", "core/disk.h"},
    "host": {"core", "base", "bundle"},
    "store": {"core", "base"},
    "runtime": {"core", "base", "protocol", "cgroup"},
    "edge": {"core", "base"},
    "init": {"base", "protocol", "cgroup"},
    "supervise": {"base", "protocol", "cgroup", "core/process/transition", "core/process/process.h", "core/tagged.h"},
    "services": {"core", "base", "protos"},
    "edge": {"core", "base"},
    "gateway": {"core", "base", "protos"},
    "transport": {"base"},
    "server": {"services", "transport", "core", "base", "protos"},
    "client": {"base", "protos"},
    "shell": {"client", "bundle", "manifest", "base", "protos"},
    "testing": {"core", "base"},
    "main": None,  # composition: everything but testing
}

# Library -> (pattern of its includes, rooms that may use it; None: all).
LIBRARIES = {
    "abseil": (r"absl/", None),
    "protobuf": (r"google/(protobuf|rpc)/", {"protocol", "services", "gateway", "server", "client", "shell", "main"}),
    "gRPC": (r"grpc(pp)?/(?!health/|reflection/)|.*\.grpc\.pb\.h$", {"client", "main"}),
    "SQLite": (r"sqlite3\.h$", {"store"}),
    "MariaDB": (r"mysql|mariadb/", {"store"}),
    "OpenSSL": (r"openssl/", {"host", "bundle", "transport", "client"}),
    "nghttp2": (r"nghttp2/", {"transport"}),
    "zlib": (r"zlib\.h$", {"transport"}),
    "libsodium": (r"sodium\.h$", {"host"}),
    "ISA-L": (r"isa-l/", {"host", "client"}),
    "libpsl": (r"libpsl\.h$", {"host"}),
    "nlohmann-json": (r"nlohmann/", {"host"}),
    "spdlog": (r"spdlog/|fmt/", {"host", "main"}),
    "prometheus": (r"prometheus/", set()),
    "libyaml": (r"yaml\.h$", {"manifest"}),
    "libmicrohttpd": (r"microhttpd\.h$", {"gateway"}),
    "readline": (r"readline/", {"shell"}),
    "GoogleTest": (r"g(test|mock)/", {"testing"}),
}

# grpc-os-init and grpc-os-supervise are composed in main too, and are static: no gRPC.
STATIC_PROGRAMS = {"main/init_main.cc", "main/supervise_main.cc"}
STATIC_ROOMS = {"base", "protocol", "cgroup", "init", "supervise", "core"}

# The core has no clock and makes no system calls.
CORE_REFUSED = re.compile(r"(sys|linux)/|(unistd|fcntl|poll|spawn|dirent|pthread|time|sched)\.h$|c?time$|chrono$|thread$|fstream$|filesystem$")

SYSTEM = re.compile(r"[a-z0-9_]+$|[a-z0-9_]+\.h$|(sys|linux|netinet|net|arpa|asm|bits)/[a-z0-9_]+\.h$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:(<)([^>\n]+)>|"([^"\n]+)"|(\S+))', re.MULTILINE)


def refusal(file, included, angle):
    """Why `file` (relative to src) may not include `included`, or None if it may."""
    room = file.split("/")[0]
    # A *_harness.h is what several tests share.
    is_test = file.endswith(("_test.cc", "_harness.h"))
    owner = included.split("/")[0]
    if included.endswith("_harness.h") and not is_test:
        return "a harness is for tests only"

    for library, (pattern, rooms) in LIBRARIES.items():
        if not re.match(pattern, included):
            continue
        if library == "GoogleTest" and is_test:
            return None
        if rooms is not None and room not in rooms:
            return f"{room} may not use {library}"
        if library == "gRPC" and file in STATIC_PROGRAMS:
            return "a static program may not use gRPC"
        if not included.startswith("grpc_os/"):
            return None

    if included.startswith(("grpc/health/", "grpc/reflection/")):
        return None if room == "server" else "health and reflection are the server's"
    if included.startswith(("grpc_os/v1/", "grpc_os/internal/v1/")):
        allowed = ROOMS[room]
        if (allowed is not None and "protos" not in allowed) or file in STATIC_PROGRAMS:
            return f"{room} may not use the API's messages"
        return None

    if owner in ROOMS and "/" in included:
        if file in STATIC_PROGRAMS:
            return None if owner in STATIC_ROOMS | {"main"} else f"a static program may not include {owner}"
        if owner == room or (is_test and owner == "testing"):
            return None
        if owner == "testing":
            return "testing is for tests only"
        allowed = ROOMS[room]
        if allowed is None or owner in allowed or any("/" in a and included.startswith(a) for a in allowed):
            return None
        return f"{room} may not include {included if any(a.startswith(owner + '/') for a in allowed) else owner}"

    if angle and SYSTEM.match(included):
        if room == "core" and not is_test and CORE_REFUSED.match(included):
            return "core has no clock, files, threads or system calls of its own"
        return None
    return "neither ours (as \"room/file.h\"), nor of the system, nor of a library entered in scripts/check_includes.py"


def check(src):
    """Gives a list of "file:line: …", one for each refused include below `src`."""
    found = []
    for path in sorted(src.rglob("*")):
        if path.suffix not in (".cc", ".h", ".cpp", ".hpp", ".inc", ".c"):
            continue
        file = path.relative_to(src).as_posix()
        if file.split("/")[0] not in ROOMS:
            found.append(f"src/{file}:1: src/{file.split('/')[0]} is no room; enter it in scripts/check_includes.py")
            continue
        text = path.read_text()
        for match in INCLUDE.finditer(text):
            angle, in_angles, in_quotes, other = match.groups()
            line = text.count("\n", 0, match.start()) + 1
            if other:
                found.append(f"src/{file}:{line}: include of a macro: {other}")
                continue
            why = refusal(file, in_angles or in_quotes, bool(angle))
            if why:
                found.append(f"src/{file}:{line}: includes {in_angles or in_quotes}: {why}")
    return found


def main(arguments):
    src = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).parent.parent / "src"
    if not any(src.rglob("*.h")):
        print(f"check_includes.py: no sources below {src}")
        return 1
    found = check(src)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
