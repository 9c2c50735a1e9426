"""The spec of a process from keyword arguments."""

from __future__ import annotations

import typing

from grpc_os.values import several, texts, to_duration
from grpc_os.v1 import process_services_pb2

_Spec = process_services_pb2.ProcessSpec

_RESTART_POLICIES = {
    "always": _Spec.RESTART_POLICY_ALWAYS,
    "on-failure": _Spec.RESTART_POLICY_ON_FAILURE,
    "never": _Spec.RESTART_POLICY_NEVER,
}

_STOP_SCOPES = {
    "main": _Spec.STOP_SCOPE_MAIN,
    "group": _Spec.STOP_SCOPE_GROUP,
    "all": _Spec.STOP_SCOPE_ALL,
}

RestartPolicy = typing.Literal["always", "on-failure", "on_failure", "never"]
StopScope = typing.Literal["main", "group", "all"]
Port = int | typing.Literal["auto"]


class SpecFields(typing.TypedDict, total=False):
    """What a process's spec has beside its command and environment. None is as if it was not given: the default, or in an
    update what there is. Times are in seconds. What has a wrong form is a ValueError, a wrong type a TypeError; the daemon
    refuses wrong values with FIELD_INVALID."""

    working_directory: str | None
    account: str | None
    restart: RestartPolicy | None
    stop_timeout: float | None
    stop_signal: str | None
    stop_scope: StopScope | None
    """Who gets the stop signal: the main process (the default), its process group, or all that came of it."""
    log_max_bytes: int | None
    secret_environment: typing.Iterable[str] | None
    """Names of variables of the environment whose values are never shown again."""
    port: Port | None
    """A number, or "auto"."""
    ready: str | None
    """ "http:/path", "http:8081/path", "tcp", "tcp:8081", "notify", "delay:2" (seconds) or "default"."""
    ready_timeout: float | None
    """Goes with `ready`: both are replaced as a whole."""
    liveness: str | None
    """The first four of `ready`, or "none"."""
    liveness_period: float | None
    """Goes with `liveness`, as do the next two."""
    liveness_timeout: float | None
    liveness_failures: int | None
    volumes: typing.Iterable[str] | None
    """ "data", "data:/app/data", "data:shared" or "data:/app/data:shared"; an update replaces all."""
    depends_on: typing.Iterable[str] | None
    """ "db" (until it is ready), "db:started", "db:ready" or "db:completed"; an update replaces all."""
    labels: typing.Mapping[str, str] | None
    version: str | None
    release: str | None
    """A command that a deploy runs once before it takes effect."""
    domains: typing.Iterable[str] | None


def to_spec(
    command: str | None,
    environment: typing.Mapping[str, str] | None,
    fields: SpecFields,
) -> tuple[process_services_pb2.ProcessSpec, list[str]]:
    """The spec, and which of its fields were given."""
    if unknown := set(fields) - set(SpecFields.__annotations__):
        raise TypeError(f"unexpected keyword argument {min(unknown)!r}")
    spec = _Spec()
    given = {"command": command, "environment": environment, **fields}
    given = {name: value for name, value in given.items() if value is not None}
    paths: dict[str, None] = {}
    for name, value in given.items():
        paths |= dict.fromkeys(_SETTERS[name](spec, value, given) if name in _SETTERS else _set(spec, name, value))
    return spec, list(paths)


def _set(spec: process_services_pb2.ProcessSpec, name: str, value: typing.Any) -> list[str]:
    field = getattr(spec, name)
    if hasattr(field, "update"):
        field.update(texts(name, value))
    elif hasattr(field, "extend"):
        field.extend(several(name, value))
    else:
        setattr(spec, name, value)
    return [name]


def _set_restart(spec: process_services_pb2.ProcessSpec, restart: str, _: object) -> list[str]:
    policy = _RESTART_POLICIES.get(restart.replace("_", "-"))
    if policy is None:
        raise ValueError(f"restart is {restart!r}; expected one of {', '.join(_RESTART_POLICIES)}")
    spec.restart_policy = policy
    return ["restart_policy"]


def _set_stop_timeout(spec: process_services_pb2.ProcessSpec, seconds: float, _: object) -> list[str]:
    spec.stop_timeout.CopyFrom(to_duration(seconds))
    return ["stop_timeout"]


def _set_stop_scope(spec: process_services_pb2.ProcessSpec, scope: str, _: object) -> list[str]:
    if scope not in _STOP_SCOPES:
        raise ValueError(f"stop_scope is {scope!r}; expected main, group or all")
    spec.stop_scope = _STOP_SCOPES[scope]
    return ["stop_scope"]


def _set_port(spec: process_services_pb2.ProcessSpec, port: Port, _: object) -> list[str]:
    if port == "auto":
        spec.auto_port = True
    elif isinstance(port, int) and not isinstance(port, bool):
        spec.port = port
    else:
        raise ValueError(f"port is {port!r}; expected an int or 'auto'")
    return ["port", "auto_port"]


def _set_target(probe: process_services_pb2.ReadyProbe | process_services_pb2.LivenessProbe, text: str) -> bool:
    kind, _, rest = text.partition(":")
    number, slash, path = rest.partition("/")
    if kind == "http" and slash and (not number or number.isdigit()):
        probe.http.path = slash + path
        probe.http.port = int(number or 0)
    elif kind == "tcp" and not slash and (not number or number.isdigit()):
        probe.tcp.port = int(number or 0)
    else:
        return False
    return True


def _set_ready(spec: process_services_pb2.ProcessSpec, ready: str, _: object) -> list[str]:
    kind, _, rest = ready.partition(":")
    if ready == "notify":
        spec.ready.notify.SetInParent()
    elif kind == "delay" and rest:
        spec.ready.delay.CopyFrom(to_duration(float(rest)))
    elif ready not in ("", "default") and not _set_target(spec.ready, ready):
        raise ValueError(f"ready is {ready!r}; expected http:/PATH, tcp, notify, delay:SECONDS or default")
    return ["ready"]


def _set_ready_timeout(spec: process_services_pb2.ProcessSpec, seconds: float, _: object) -> list[str]:
    spec.ready.timeout.CopyFrom(to_duration(seconds))
    return ["ready"]


def _set_liveness(
    spec: process_services_pb2.ProcessSpec, liveness: str, given: typing.Mapping[str, typing.Any]
) -> list[str]:
    if liveness not in ("", "none"):
        if not _set_target(spec.liveness, liveness):
            raise ValueError(f"liveness is {liveness!r}; expected http:/PATH, tcp or none")
        spec.liveness.failures = given.get("liveness_failures", 0)
        for name in ("period", "timeout"):
            if f"liveness_{name}" in given:
                getattr(spec.liveness, name).CopyFrom(to_duration(given[f"liveness_{name}"]))
    return ["liveness"]


def _of_liveness(spec: process_services_pb2.ProcessSpec, _: object, given: typing.Mapping[str, typing.Any]) -> list[str]:
    """`_set_liveness` takes them, if there is anything to take them for."""
    if given.get("liveness", "none") in ("", "none"):
        names = [name for name in given if name.startswith("liveness_")]
        raise ValueError(f"{' and '.join(names)} without a `liveness` to go with")
    return []


def _set_volumes(spec: process_services_pb2.ProcessSpec, volumes: typing.Iterable[str], _: object) -> list[str]:
    for text in several("volumes", volumes):
        name, *parts = text.split(":")
        path = parts.pop(0) if parts and parts[0].startswith("/") else ""
        if not name or parts not in ([], ["shared"]):
            raise ValueError(f"a volume is {text!r}; expected NAME[:/PATH][:shared]")
        spec.volumes.add(name=name, path=path, shared=bool(parts))
    return ["volumes"]


def _set_depends_on(spec: process_services_pb2.ProcessSpec, depends_on: typing.Iterable[str], _: object) -> list[str]:
    for text in several("depends_on", depends_on):
        process, colon, condition = text.partition(":")
        if not process or (colon and condition not in ("started", "ready", "completed")):
            raise ValueError(f"depends_on has {text!r}; expected NAME, NAME:started, NAME:ready or NAME:completed")
        spec.depends_on.add(process=process, condition=f"CONDITION_{(condition or 'ready').upper()}")
    return ["depends_on"]


# Of fields that are not just copied. Each gives the fields of the spec that it has set.
_SETTERS: dict[str, typing.Callable[..., list[str]]] = {
    "restart": _set_restart,
    "stop_timeout": _set_stop_timeout,
    "stop_scope": _set_stop_scope,
    "port": _set_port,
    "ready": _set_ready,
    "ready_timeout": _set_ready_timeout,
    "liveness": _set_liveness,
    "liveness_period": _of_liveness,
    "liveness_timeout": _of_liveness,
    "liveness_failures": _of_liveness,
    "volumes": _set_volumes,
    "depends_on": _set_depends_on,
}
