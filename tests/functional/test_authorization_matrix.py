"""Every method of every service × nobody, viewer, operator, admin: from the descriptors, so that a new method is here by
itself."""

import grpc
import pytest
import pytest_asyncio
from expectations import until
from google.protobuf import message_factory
from grpc_os import error_info
from raw_calls import METHODS, RawCalls, name_of, permission_of

PASSWORD = "a password of some length"

# What each role may do, said a second time.
ALLOWED = {
    "nobody": {"none"},
    "viewer": {
        *("none", "authenticated", "process.read", "event.read", "system.read", "object.read", "quota.read", "volume.read"),
        "domain.read",
    },
    "operator": {
        *("none", "authenticated", "process.read", "process.write", "process.run", "event.read", "system.read"),
        *("object.read", "object.write", "quota.read", "volume.read", "volume.write"),
        *("domain.read", "domain.write", "domain.reload"),
    },
    "admin": {
        *("none", "authenticated", "process.read", "process.write", "process.run", "event.read", "system.read", "system.write"),
        *("user.read", "user.write", "role.write", "audit.read"),
        *("object.read", "object.write", "quota.read", "quota.write", "volume.read", "volume.write"),
        *("domain.read", "domain.write", "domain.reload"),
    },
}
EVERYTHING = ALLOWED["admin"]


@pytest_asyncio.fixture
async def admin(system):
    raw = RawCalls(system.address, (await system.client()).token)
    yield raw
    await raw.close()


def outcome(error):
    info = error_info(error)
    return error.code(), info.reason if info else None


async def refusal(raw, method, request=None):
    """Of the first answer to an empty request: (code, reason); None if it is granted."""
    try:
        await raw.first(method, request)
    except grpc.RpcError as error:
        return outcome(error)
    return None


def test_every_method_needs_a_permission_that_the_table_knows():
    assert len(METHODS) >= 60
    for method in METHODS:
        assert permission_of(method) in EVERYTHING, name_of(method)


@pytest.mark.parametrize("role", sorted(ALLOWED))
async def test_no_role_may_do_more_or_less_than_it_should(system, admin, role):
    raw = RawCalls(system.address)

    async def log_in():
        if role == "admin":
            raw.token = (await system.client()).token
        elif role != "nobody":
            await raw.log_in("someone", PASSWORD)

    if role in ("viewer", "operator"):
        await admin.auth("CreateUser", user={"name": "someone", "roles": [role]}, password=PASSWORD)
    await log_in()
    leaks = []
    for method in METHODS:
        permission = permission_of(method)
        refused = await refusal(raw, method)
        denied = refused is not None and refused[1] in ("NOT_LOGGED_IN", "TOKEN_INVALID", "PERMISSION_MISSING")
        if permission in ALLOWED[role]:
            if permission != "none" and denied:
                leaks.append(f"{name_of(method)} is refused: {refused}")
        elif role == "nobody":
            if refused != (grpc.StatusCode.UNAUTHENTICATED, "NOT_LOGGED_IN"):
                leaks.append(f"{name_of(method)} is answered: {refused}")
        elif refused != (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING"):
            leaks.append(f"{name_of(method)} is answered: {refused}")
        if method.name == "Logout" and role != "nobody":
            assert refused is None
            await log_in()
    await raw.close()
    assert not leaks


async def test_a_refusal_comes_before_anything_is_told(system, admin):
    """Of what is there and of what is not, of good requests and of bad ones, who may not hears the same."""
    await admin.auth("CreateUser", user={"name": "someone"}, password=PASSWORD)
    await admin.call("ProcessService", "CreateProcess", process={"name": "there", "spec": {"command": "sleep 1000"}})
    raw = RawCalls(system.address)
    await raw.log_in("someone", PASSWORD)
    for method in METHODS:
        if permission_of(method) in ("none", "authenticated"):
            continue
        said = set()
        for name in ("there", "not-there", "\x01 no name", "admin"):
            request_type = message_factory.GetMessageClass(method.input_type)
            fields = {
                field.name: name
                for field in method.input_type.fields
                if field.name in ("name", "user", "id") and field.type == field.TYPE_STRING
            }
            try:
                await raw.first(method, request_type(**fields))
                said.add("granted")
            except grpc.RpcError as error:
                said.add((*outcome(error), error.details()))
        assert len(said) == 1, f"{name_of(method)}: {said}"
        assert next(iter(said))[:2] == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING"), name_of(method)
    await raw.close()


async def test_each_refused_call_is_in_the_audit(system, admin):
    await admin.auth("CreateUser", user={"name": "someone"}, password=PASSWORD)
    raw = RawCalls(system.address)
    await raw.log_in("someone", PASSWORD)
    refused = [method for method in METHODS if permission_of(method) not in ("none", "authenticated")]
    for method in refused:
        await refusal(raw, method)
    await raw.close()

    async def audited():
        records = (await admin.auth("ListAuditRecords", page_size=1000, user="someone")).records
        return {record.method for record in records if record.result == "PERMISSION_DENIED"}

    missing = {method.containing_service.full_name + "/" + method.name for method in refused}

    async def all_there():
        return not (missing - await audited())

    await until(all_there, f"a record of each of {len(missing)} refusals")
