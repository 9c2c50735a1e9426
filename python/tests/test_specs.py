"""What cannot be meant is an error before anything is sent, and names what is wrong."""

import pytest
from grpc_os import GrpcOSClient
from grpc_os.specs import to_spec
from grpc_os.v1.resources import ProcessSpec


def test_a_restart_policy_is_taken_as_it_is_read():
    spec, paths = to_spec("true", None, {"restart": "on-failure"})
    assert ProcessSpec(spec).restart_policy == "on_failure"
    assert to_spec("true", None, {"restart": ProcessSpec(spec).restart_policy}) == (spec, paths)


def test_what_belongs_to_a_field_is_one_path_with_it():
    assert to_spec(None, None, {"ready": "tcp", "ready_timeout": 2})[1] == ["ready"]
    assert to_spec(None, None, {"ready_timeout": 2})[1] == ["ready"]
    assert to_spec(None, None, {"port": "auto"})[1] == ["port", "auto_port"]


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"volumes": "db"}, TypeError, "volumes is 'db'"),
        ({"depends_on": "db"}, TypeError, "depends_on is 'db'"),
        ({"domains": "a.com"}, TypeError, "domains is 'a.com'"),
        ({"secret_environment": "KEY"}, TypeError, "secret_environment is 'KEY'"),
        ({"port": "8080"}, ValueError, "port is '8080'"),
        ({"port": 80.5}, ValueError, "port is 80.5"),
        ({"port": True}, ValueError, "port is True"),
        ({"labels": {"number": 1}}, TypeError, "labels has 'number': 1"),
        ({"environment": {"PORT": 8080}}, TypeError, "environment has 'PORT': 8080"),
        ({"liveness_period": 5}, ValueError, "liveness_period without a `liveness`"),
        ({"liveness": "none", "liveness_failures": 5}, ValueError, "liveness_failures without a `liveness`"),
    ],
)
async def test_what_cannot_be_meant_in_a_spec(fields, error, said):
    client = GrpcOSClient("unix:/nowhere")
    for change in (
        client.create_process("web", "true", **fields),
        client.update_process("web", **fields),
        client.deploy_process("web", "true", **fields),
    ):
        with pytest.raises(error, match=said):
            await change


async def test_one_string_is_no_list_of_them():
    client = GrpcOSClient("unix:/nowhere")
    for call in (
        lambda: client.create_user("ann", roles="admin"),
        lambda: client.create_token("ci", roles="admin"),
        lambda: anext(client.watch_messages(kinds="process")),
        lambda: anext(client.watch(kinds="process")),
        lambda: anext(client.watch(names="web")),
        lambda: anext(client.watch(actions="stopped")),
        lambda: anext(client.follow(kinds="process")),
    ):
        with pytest.raises(TypeError, match="is '(admin|process|web|stopped)'; expected a list"):
            await call()


async def test_a_map_has_texts():
    client = GrpcOSClient("unix:/nowhere")
    with pytest.raises(TypeError, match="metadata has 'size': 1"):
        await client.create_object("/a", metadata={"size": 1})
    with pytest.raises(TypeError, match="environment has 'PORT': 1"):
        await anext(client.run_task("web", "true", {"PORT": 1}))
