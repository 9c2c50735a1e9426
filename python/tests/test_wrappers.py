"""What is generated from the protos: that it covers the API, and that what cannot be right is an error of the generator."""

import datetime
import inspect
import pathlib
import subprocess
import sys

import pytest
import grpc_os
from grpc_os import (
    AuditRecord,
    Condition,
    DomainRoute,
    DomainTarget,
    ExitReport,
    GrpcOSClient,
    Object,
    ProcessStatus,
    Revision,
    Rule,
    System,
    TaskExit,
    Volume,
)
from grpc_os.v1 import deploy_services_pb2, methods, process_services_pb2, resources, volume_services_pb2

PYTHON = pathlib.Path(__file__).parents[1]
PROTOS = PYTHON.parent / "protos"
sys.path.insert(0, str(PYTHON / "codegen"))

import friendly  # noqa: E402
import wrappers  # noqa: E402
from google.protobuf import descriptor_pb2  # noqa: E402


def descriptors(directory, extra=""):
    """All protos, and `extra` as one more file."""
    files = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("grpc_os/v1/*.proto"))
    if extra:
        (directory / "grpc_os/v1").mkdir(parents=True)
        (directory / "grpc_os/v1/extra_services.proto").write_text(
            'syntax = "proto3"; package grpc_os.v1; import "grpc_os/v1/options.proto";'
            'import "google/protobuf/timestamp.proto";\n' + extra
        )
        files.append("grpc_os/v1/extra_services.proto")
    out = directory / "descriptors"
    command = ["protoc", f"-I{PROTOS}", f"-I{directory}", "--include_source_info", f"--descriptor_set_out={out}", *files]
    subprocess.run(command, check=True)
    return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return descriptors(tmp_path_factory.mktemp("real"))


def calls_of(descriptors):
    return {
        f"{file.package}.{service.name}/{method.name}": method
        for file in descriptors.file
        for service in file.service
        for method in service.method
    }


def test_the_modules_are_fresh(real):
    for name, text in wrappers.modules(real):
        assert (PYTHON / "grpc_os/v1" / name).read_text() == text, "run scripts/generate_protos.sh"


# ---- The whole API -----------------------------------------------------------------------------------------------------


def test_every_call_has_a_method(real):
    written = "".join(path.read_text() for path in (PYTHON / "grpc_os").glob("*.py"))
    for call, name in wrappers.method_names(real).items():
        assert callable(getattr(GrpcOSClient, name, None)), call
        method = call.rpartition(".")[2]
        if method in friendly.WRITTEN_METHODS:
            assert f'"{method}"' in written, f"{call} is made by nothing"


class Recorder:
    """In the place of a client's transport: each answer is empty."""

    def __init__(self, real):
        self.calls = []
        self._outputs = {call.partition("/")[2]: method.output_type for call, method in calls_of(real).items()}

    def _answer(self, stub, method, request):
        self.calls.append((stub.__name__, method, request))
        return getattr(sys.modules["grpc_os.v1." + self._module(method)], self._outputs[method].rpartition(".")[2])()

    def _module(self, method):
        name = self._outputs[method].rpartition(".")[2]
        return next(m for m in sys.modules if m.endswith("_pb2") and name in vars(sys.modules[m])).removeprefix("grpc_os.v1.")

    async def unary(self, stub, method, request, timeout, metadata):
        return self._answer(stub, method, request)

    async def stream(self, stub, method, request, timeout, metadata):
        yield self._answer(stub, method, request)


SAMPLES = {
    "str": "a",
    "str | int": 1,
    "int": 1,
    "bool": True,
    "LogLevel": "debug",
    "typing.Iterable[Rule]": [Rule("process.read")],
    "typing.Iterable[DomainRoute]": [DomainRoute([DomainTarget("web")])],
}


async def test_every_generated_method_makes_its_call_and_no_other(real):
    client = GrpcOSClient("unix:/nowhere")
    client._transport = recorder = Recorder(real)
    for call in calls_of(real):
        service, _, method = call.rpartition(".")[2].partition("/")
        if method in friendly.WRITTEN_METHODS:
            continue
        function = getattr(client, wrappers.method_names(real)[call.replace("/", ".")])
        required = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
        made = function(**{p.name: SAMPLES[p.annotation] for p in required})
        async for _ in made if inspect.isasyncgen(made) else nothing_of(made):
            pass
        stub, called, request = recorder.calls.pop()
        assert (stub, called, recorder.calls) == (f"{service}Stub", method, [])
        assert type(request).__name__ == f"{method}Request"
        has_request_id = "request_id" in type(request).DESCRIPTOR.fields_by_name
        assert not has_request_id or request.request_id, "a change can be repeated"
        assert has_request_id == ("request_id" in inspect.signature(function).parameters)


async def nothing_of(awaitable):
    await awaitable
    return
    yield


def test_nothing_written_hides_what_is_generated():
    generated = {name for name, value in vars(methods).items() if inspect.isclass(value) and name.endswith("Methods")}
    for written in GrpcOSClient.__mro__:
        if written.__module__.startswith("grpc_os.") and written.__name__ not in generated:
            for base in written.__mro__[1:]:
                if base.__name__ in generated:
                    assert not set(vars(base)) & set(vars(written)) - {"__module__", "__doc__"}, written


def test_all_of_it_says_what_it_is():
    silent = []
    for written_or_not in *GrpcOSClient.__mro__, *vars(resources).values():
        if inspect.isclass(written_or_not) and written_or_not.__module__.startswith("grpc_os."):
            things = {"": written_or_not, **vars(written_or_not)}
            for name, thing in things.items():
                if isinstance(thing, (type, property)) or inspect.isfunction(thing):
                    silent += [f"{written_or_not.__name__}.{name}"] if not (name.startswith("_") or thing.__doc__) else []
    assert [name for name in silent if not name.endswith("to_proto")] == []


def test_the_docstrings_are_the_protos_comments():
    assert GrpcOSClient.stop_process.__doc__.startswith("Wants the process stopped and answers once nothing of it is left")
    assert "Errors: NOT_FOUND (PROCESS_NOT_FOUND), FAILED_PRECONDITION" in GrpcOSClient.stop_process.__doc__
    assert "name: Its id or name." in GrpcOSClient.stop_process.__doc__
    assert ProcessStatus.pid.__doc__ == "Of the main process; 0 if there is none. For people to look at, not to act on."
    assert "`assign_process_to_domain` waits" in GrpcOSClient.create_domain.__doc__, "calls have their names in Python"


def test_what_they_say_is_called_as_it_is_here():
    assert AuditRecord.method.__doc__.startswith('"grpc_os.v1.ProcessService/StartProcess"'), "the value is no method of Python"
    assert "rejected (`state`)" in GrpcOSClient.assign_process_to_domain.__doc__
    assert 'what is stored: "pending".' in GrpcOSClient.assign_process_to_domain.__doc__
    assert " HELD" in GrpcOSClient.start_process.__doc__, "reasons of errors stay"
    assert 'in the state "held"' in System.held_count.__doc__
    assert "PATH, HOME" in resources.ProcessSpec.environment.__doc__
    assert "hold: As in `create_domain`" in GrpcOSClient.assign_process_to_domain.__doc__
    assert "The revision of the deletion." in GrpcOSClient.delete_object.__doc__


def test_what_may_be_unset_says_once_that_it_is_none():
    assert Object.expire_time.__doc__.startswith("When it deletes itself; None: never.")
    for cls in vars(resources).values():
        for name, each in vars(cls).items() if inspect.isclass(cls) else ():
            if isinstance(each, property) and inspect.signature(each.fget).return_annotation.endswith("| None"):
                assert each.__doc__.count("None") == 1 and "nset" not in each.__doc__, f"{cls.__name__}.{name}"


def test_all_that_is_answered_can_be_imported():
    answered = {name for name, cls in vars(resources).items() if inspect.isclass(cls) and cls.__module__ == resources.__name__}
    assert answered - set(grpc_os.__all__) == set()


# ---- Values ------------------------------------------------------------------------------------------------------------


def test_the_death_of_a_signal_has_no_exit_code():
    Report = process_services_pb2.ExitReport
    killed = ProcessStatus(process_services_pb2.ProcessStatus(last_exit=Report(reason="REASON_SIGNALED", signal="KILL"))).last_exit
    assert (killed.reason, killed.exit_code, killed.signal) == ("signaled", None, "KILL")
    assert repr(killed) == "<ExitReport signaled exit_code=None signal='KILL'>"
    assert ExitReport(Report(reason="REASON_EXITED", exit_code=0)).exit_code == 0
    task = TaskExit(process_services_pb2.RunTaskResponse.Exited(status=137, exit=killed.proto))
    assert (task.status, task.report.exit_code) == (137, None)
    assert ProcessStatus(process_services_pb2.ProcessStatus()).last_exit is None


def test_what_is_unset_is_none():
    volume = Volume(volume_services_pb2.Volume(spec={"account": "a"}, status={"size_bytes": 0}))
    assert (volume.account, volume.size, volume.size_time) == ("a", None, None)
    volume.proto.status.size_time.seconds = 86_400
    assert (volume.size, volume.size_time) == (0, datetime.datetime(1970, 1, 2, tzinfo=datetime.timezone.utc))


def test_a_state_is_compared_with_its_word():
    one = ProcessStatus(process_services_pb2.ProcessStatus(state="STATE_STOPPED", restart_count=1))
    other = ProcessStatus(process_services_pb2.ProcessStatus(state="STATE_STOPPED"))
    assert one == "stopped" and "stopped" == one and one != "running"
    assert one != other and one == ProcessStatus(one.proto) and one != one.proto
    assert {"stopped": 1}[one] == 1 and one in {"stopped"}


def test_a_word_that_is_not_set_is_none():
    assert Revision(deploy_services_pb2.Revision()).step is None
    assert Revision(deploy_services_pb2.Revision(step="STEP_STARTING")).step == "starting"


def test_views_of_equal_messages_are_equal():
    first, second = (Volume(volume_services_pb2.Volume(name="a")) for _ in range(2))
    assert first == second and len({first, second}) == 1
    assert first != Volume(volume_services_pb2.Volume(name="b")) and first != "a"


def test_values_come_back_as_they_were_sent():
    for value in DomainRoute([DomainTarget("web", 8080, 2)], "/a", True), Condition(generation=0, not_metageneration=3):
        assert type(value).from_proto(value.to_proto()) == value
    certificate = resources.DomainCertificate("chain", "the key")
    assert certificate.to_proto().private_key == "the key" and "the key" not in repr(certificate)


# ---- What cannot be right ----------------------------------------------------------------------------------------------

SERVICE = """
// Things.
service ThingService {
  // All that is set.
  rpc GetThings(GetThingsRequest) returns (GetThingsResponse) { option (permission) = "none"; }
  // Makes one.
  rpc CreateThing(CreateThingRequest) returns (Thing) { option (permission) = "none"; option (mutation) = true; }
  // All, by their names.
  rpc ListThings(ListThingsRequest) returns (ListThingsResponse) { option (permission) = "none"; }
}
message GetThingsRequest {}
message GetThingsResponse { repeated Thing things = 1; }
message CreateThingRequest { string name = 1; google.protobuf.Timestamp since = 2; Thing.Color color = 3; string request_id = 15; }
message ListThingsRequest { int32 page_size = 1; string page_token = 2; }
message ListThingsResponse { repeated Thing things = 1; string next_page_token = 2; }
message Thing {
  enum Color { COLOR_UNSPECIFIED = 0; COLOR_DARK_RED = 1; COLOR_BLUE = 2; }
  // What it is called.
  string name = 1;
  Color color = 2;
  optional int32 weight = 3;
  map<string, Thing> parts = 4;
}
"""


def test_a_new_service_comes_by_itself(tmp_path):
    text = dict(wrappers.modules(descriptors(tmp_path, SERVICE)))
    assert "class Thing(Resource[extra_services_pb2.Thing]):" in text["resources.py"]
    assert '"""What it is called."""' in text["resources.py"]
    assert "def weight(self) -> int | None:" in text["resources.py"]
    assert "def parts(self) -> dict[str, Thing]:" in text["resources.py"]
    assert 'Color = typing.Literal["dark_red", "blue"]' in text["resources.py"]
    calls = text["methods.py"]
    assert "async def get_things(self, *, timeout: float | None = None) -> list[Thing]:" in calls
    assert 'self._change(_ThingService, "CreateThing", request, request_id, timeout)' in calls
    assert 'to_timestamp("since", since)' in calls and 'value_of("color", color, Color, "COLOR_")' in calls
    assert "def list_things(self, page_size: int = 0) -> typing.AsyncGenerator[Thing, None]:" in calls
    assert "ThingServiceMethods" in calls.rpartition("class ServiceMethods")[2]
    for name, module in text.items():
        compile(module, name, "exec")


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("service S { rpc GetUser(Q) returns (Q); } message Q { string name = 1; }", "get_user twice"),
        ("service S { rpc Give(Q) returns (Q); } message Q { string name = 1; string timeout = 2; }", "timeout twice"),
        ("service S { rpc Give(Q) returns (Q); } message Q { string from = 1; }", "a word of Python's own"),
        ("service S { rpc Give(stream Q) returns (Q); } message Q {}", "WRITTEN_METHODS"),
        ("service S { rpc Give(Q) returns (O); } message Q {} message O { message Role {} Role a = 1; }", "Role twice"),
        ("service S { rpc Give(Q) returns (O); } message Q {} message O { E e = 1; } enum E { A = 0; B = 1; }", "not unspecified"),
    ],
)
def test_what_python_would_take_silently_is_an_error(tmp_path, extra, said):
    with pytest.raises(wrappers.Unfit, match=said):
        wrappers.modules(descriptors(tmp_path, extra))


@pytest.mark.parametrize(
    ("table", "entry", "said"),
    [
        ("PROPERTIES", {"Role": {"etag": "name"}}, "Role has etag twice"),
        ("SIGNATURES", {"GetRole": "role: name, *, timeout: name = ..."}, "timeout twice"),
        ("ALIASES", {"StopProcess": "start_process"}, "start_process twice"),
        ("GIVEN", {"GetNothing": "a"}, "GIVEN of friendly.py has GetNothing"),
        ("SPOKEN", {"As in Nothing": ""}, "SPOKEN of friendly.py has As in Nothing"),
        ("KNOWN_WITH", {"Volume.nothing": "a"}, "KNOWN_WITH of friendly.py has Volume.nothing"),
    ],
)
def test_a_table_that_does_not_fit_is_an_error(real, monkeypatch, table, entry, said):
    monkeypatch.setattr(friendly, table, {**getattr(friendly, table), **entry})
    with pytest.raises(wrappers.Unfit, match=said):
        wrappers.modules(real)
