"""Tokens as an attacker may make them, over the wire; the whole table is src/host/token_table_test.cc."""

import base64
import hashlib
import hmac
import json
import time

import grpc
import pytest
import pytest_asyncio
from grpc_os import error_info
from raw_calls import SERVICES, RawCalls

PASSWORD = "a password of some length"
WHO_AM_I = SERVICES["AuthService"].methods_by_name["WhoAmI"]


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def forge(header, payload, key):
    text = f"{encode(header)}.{encode(payload)}"
    return f"{text}.{encode(hmac.new(key, text.encode(), hashlib.sha256).digest())}"


@pytest_asyncio.fixture
async def admin(system):
    raw = RawCalls(system.address, (await system.client()).token)
    await raw.auth("CreateUser", user={"name": "ada", "roles": ["operator"]}, password=PASSWORD)
    yield raw
    await raw.close()


def rows(token, refresh_token, key):
    """(name, the value of `authorization`)"""
    header, payload, signature = token.split(".")
    head, claims = decode(header), decode(payload)

    def with_claim(**changes):
        return forge(head, json.dumps({**json.loads(claims), **changes}, separators=(",", ":")).encode(), key)

    def without(claim):
        rest = {name: value for name, value in json.loads(claims).items() if name != claim}
        return forge(head, json.dumps(rest, separators=(",", ":")).encode(), key)

    for algorithm in ("none", "None", "nOnE", "", "HS384", "RS256", "ES256", "EdDSA"):
        other = json.dumps({"alg": algorithm, "typ": "at+jwt"}, separators=(",", ":")).encode()
        yield f"alg {algorithm!r}", forge(other, claims, key)
        yield f"alg {algorithm!r} without signature", f"{encode(other)}.{payload}."
    for name, value in {
        "kid": "../../dev/null", "jku": "https://attacker.example", "x5u": "https://attacker.example",
        "crit": ["exp"], "b64": False, "zip": "DEF", "jwk": {"kty": "oct", "k": "a2tr"},
    }.items():
        yield f"{name} in the header", forge(json.dumps({**json.loads(head), name: value}).encode(), claims, key)
    yield "another key", forge(head, claims, b"x" * 32)
    yield "an empty key", forge(head, claims, b"")
    yield "the example's key", forge(head, claims, b"your_secret_key")
    yield "no signature", f"{header}.{payload}."
    yield "a signature of another token", f"{header}.{encode(claims[:-1] + b' }')}.{signature}"
    yield "one segment more", f"{token}.AAAA"
    yield "padding", f"{token}="
    yield "a space in it", f"{token} x"
    yield "a refresh token", refresh_token
    yield "4 KiB and more", "x" * 5000
    yield "no token of any kind", "nonsense"
    yield "an API token that is none", "gost_" + "A" * 43
    yield "another audience", with_claim(aud="other")
    yield "an array of audiences", with_claim(aud=["grpc-os"])
    yield "another issuer", with_claim(iss="grpc-os:0000000000000000")
    yield "another user", with_claim(sub="admin")
    yield "another session", with_claim(sid="0" * 32)
    yield "expired", with_claim(exp=int(time.time()) - 1)
    yield "an expiry of text", with_claim(exp="9999999999")
    yield "an expiry with a fraction", with_claim(exp=9999999999.5)
    yield "an expiry beyond all", with_claim(exp=2**63)
    yield "issued tomorrow", with_claim(iat=int(time.time()) + 86400)
    yield "a role claimed", with_claim(roles=["admin"])
    for claim in json.loads(claims):
        yield f"without {claim}", without(claim)


async def test_each_is_refused_with_the_same_words_and_none_is_logged(system, admin):
    raw = RawCalls(system.address)
    login = await raw.log_in("ada", PASSWORD)
    key = (system.data / "secrets/jwt.key").read_bytes()
    good = forge(*[decode(part) for part in login.access_token.split(".")[:2]], key)
    assert good == login.access_token, "the forge makes good ones too"
    table = list(rows(login.access_token, login.refresh_token, key))
    assert len(table) >= 40
    said = {}
    for name, token in table:
        await raw.first(WHO_AM_I)  # its twin
        with pytest.raises(grpc.RpcError) as caught:
            await raw.first(WHO_AM_I, metadata=[("authorization", f"Bearer {token}")])
        error = caught.value
        said[name] = (error.code(), error.details(), error_info(error))
    await raw.close()
    first = next(iter(said.values()))
    assert first[0] == grpc.StatusCode.UNAUTHENTICATED and first[2].reason == "TOKEN_INVALID"
    assert {name: words for name, words in said.items() if words != first} == {}
    logged = "".join(path.read_text(errors="replace") for path in (system.data / "logs/system").iterdir()) + system.said
    for token in [login.access_token, login.refresh_token, PASSWORD, *(token for _, token in table)]:
        for part in token.split("."):
            if len(part) > 20:
                assert part not in logged


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Basic", "Token", ""])
async def test_another_scheme_is_no_log_in(system, admin, scheme):
    with pytest.raises(grpc.RpcError) as caught:
        await admin.first(WHO_AM_I, metadata=[("authorization", f"{scheme} {admin.token}".strip())])
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_of_two_authorizations_none_counts(system, admin):
    good, bad = ("authorization", f"Bearer {admin.token}"), ("authorization", "Bearer nonsense")
    for metadata in ([good, bad], [bad, good], [good, good]):
        with pytest.raises(grpc.RpcError) as caught:
            await admin.first(WHO_AM_I, metadata=metadata)
        assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_the_secrets_are_nowhere_but_where_they_belong(system, admin):
    """Not in the database, not in the journal of it, not in a log."""
    raw = RawCalls(system.address)
    login = await raw.log_in("ada", PASSWORD)
    made = await raw.auth("CreateToken", label="a script")
    await raw.auth("WhoAmI")
    raw.token = made.token
    await raw.auth("WhoAmI")
    await raw.close()
    secrets = [PASSWORD, login.access_token, login.refresh_token, made.token]
    searched = 0
    for path in system.data.rglob("*"):
        if path.is_file() and not path.is_socket():
            content = path.read_bytes()
            searched += 1
            for secret in secrets:
                assert secret.encode() not in content, path
            assert hashlib.sha256(PASSWORD.encode()).hexdigest().encode() not in content, path
    assert searched >= 4
    assert hashlib.sha256(made.token.encode()).hexdigest().encode() in b"".join(
        path.read_bytes() for path in system.data.glob("grpc-os.db*")
    ), "the digest of the token is what is kept"
