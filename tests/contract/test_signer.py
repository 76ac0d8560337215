"""What every Signer does."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
import pytest

from remit.errors import TokenInvalidError
from remit.ports import Clock, KeyUse, Signer
from remit.signer import FileSigner, MemorySigner

USES: list[KeyUse] = ["access", "events", "checkpoints"]
CLAIMS: dict[str, Any] = {"b": [1.25, "é"], "a": 1_795_284_155.25}


class Now:
    def now_ms(self) -> int:
        return 1_795_284_155_250

    def monotonic(self) -> float:
        return 0.0


MAKERS: list[Callable[[Path, Clock], Signer]] = [
    lambda path, clock: FileSigner(path / "keys", clock),
    lambda path, clock: MemorySigner(clock),
]


@pytest.fixture(params=MAKERS, ids=["files", "memory"])
def signer(request: Any, tmp_path: Path) -> Signer:
    made: Signer = request.param(tmp_path, Now())
    return made


def published(signer: Signer, use: KeyUse) -> Any:
    return signer.jwks(use)["keys"]


def decode(part: str) -> Any:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()


async def test_what_is_signed_to_the_byte(signer: Signer) -> None:
    token = await signer.sign("access", "at+jwt", CLAIMS)
    header, payload, signature = token.split(".")
    kid = published(signer, "access")[0]["kid"]
    assert decode(header) == f'{{"alg":"ES256","kid":"{kid}","typ":"at+jwt"}}'
    assert decode(payload) == r'{"a":1795284155.25,"b":[1.25,"\u00e9"]}'
    assert len(base64.urlsafe_b64decode(signature + "==")) == 64


@pytest.mark.parametrize("use", USES)
async def test_it_reads_what_it_signed(signer: Signer, use: KeyUse) -> None:
    assert signer.verify(use, "x+jwt", await signer.sign(use, "x+jwt", CLAIMS)) == CLAIMS


async def test_anyone_can_check_it_with_the_published_keys(signer: Signer) -> None:
    token = await signer.sign("events", "secevent+jwt", {"iss": "gw"})
    key = jwt.PyJWKSet.from_dict(signer.jwks("events"))[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, algorithms=["ES256"]) == {"iss": "gw"}


@pytest.mark.parametrize("use", USES)
def test_published_keys_have_no_private_part(signer: Signer, use: KeyUse) -> None:
    (key,) = published(signer, use)
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg", "remit_use"}
    assert (key["use"], key["alg"], key["remit_use"]) == ("sig", "ES256", use)
    thumbprint = json.dumps({n: key[n] for n in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    digest = base64.urlsafe_b64encode(sha256(thumbprint.encode()).digest()).rstrip(b"=").decode()
    assert key["kid"] == digest


async def test_each_set_and_kind_is_its_own(signer: Signer) -> None:
    for use in USES:
        token = await signer.sign(use, "at+jwt", CLAIMS)
        for other in USES:
            for typ in ("at+jwt", "secevent+jwt"):
                if (other, typ) != (use, "at+jwt"):
                    with pytest.raises(TokenInvalidError, match=r"kid|typ"):
                        signer.verify(other, typ, token)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "e30.e30.e30", "é.é.é", "x" * 20_000])
def test_what_is_no_token(signer: Signer, token: str) -> None:
    with pytest.raises(TokenInvalidError):
        signer.verify("access", "at+jwt", token)


async def test_one_changed_character_anywhere_is_noticed(signer: Signer) -> None:
    token = await signer.sign("access", "at+jwt", {"a": 1})
    for place in range(len(token)):
        if token[place] != ".":
            changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
            with pytest.raises(TokenInvalidError):
                signer.verify("access", "at+jwt", changed)


async def test_what_is_not_finite_is_not_signed(signer: Signer) -> None:
    with pytest.raises(ValueError, match="JSON"):
        await signer.sign("access", "at+jwt", {"a": float("nan")})
