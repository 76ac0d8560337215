import datetime
from pathlib import Path

import pytest

from remit.errors import NotSentError
from remit.model.tool import SecretRef, Tool
from remit.upstream.credentials import MAX_SECRET_BYTES, credential_header


def _tool(secret: SecretRef | None) -> Tool:
    return Tool(
        name="crm.find",
        server="crm",
        owner="crm@example.com",
        environment="prod",
        resource="https://crm.example",
        schema={"type": "object"},
        secret=secret,
    )


def _secret(source: str, **more: str) -> SecretRef:
    return SecretRef(source=source, issued=datetime.date(2026, 1, 1), **more)


def test_a_tool_that_verifies_gets_the_call_token() -> None:
    assert credential_header(_tool(None), "t0ken") == ("Authorization", "Bearer t0ken")


def test_a_secret_takes_the_tokens_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_KEY", "s3cret")
    secret = _secret("env:CRM_KEY", header="X-Api-Key", format="key={}")
    assert credential_header(_tool(secret), "t0ken") == ("X-Api-Key", "key=s3cret")


def test_a_rotated_file_is_seen_by_the_next_call(tmp_path: Path) -> None:
    path = tmp_path / "key"
    tool = _tool(_secret(f"file:{path}"))
    path.write_text("first\n")
    assert credential_header(tool, "") == ("Authorization", "Bearer first")
    path.write_text("other\n")
    assert credential_header(tool, "") == ("Authorization", "Bearer other")


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"two\nlines", b"caf\xc3\xa9", b"x" * (MAX_SECRET_BYTES + 1)]
)
def test_what_cannot_stand_in_a_header_is_refused_unshown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(NotSentError) as caught:
        credential_header(_tool(_secret(f"file:{path}")), "")
    assert "two" not in str(caught.value)
    assert "caf" not in str(caught.value)


def test_a_missing_secret_is_not_sent(tmp_path: Path) -> None:
    for source in ("env:REMIT_TEST_NO_SUCH_SECRET", f"file:{tmp_path / 'none'}", f"file:{tmp_path}"):
        with pytest.raises(NotSentError, match="there is none"):
            credential_header(_tool(_secret(source)), "")
