"""What the vault seals opens only as what it was sealed as."""

import pytest

from remit.errors import ConfigError, IntegrityError
from remit.store.vault import Vault

VAULT = Vault(bytes(32))


def test_what_is_sealed_opens() -> None:
    key = VAULT.new_key("a")
    sealed = VAULT.seal(key, "a", {"v": b"value", "empty": b""})
    assert VAULT.open(key, "a", sealed) == {"v": b"value", "empty": b""}


def test_the_same_value_never_looks_the_same() -> None:
    key = VAULT.new_key("a")
    assert VAULT.seal(key, "a", {"v": b"value"}) != VAULT.seal(key, "a", {"v": b"value"})


def test_a_key_or_value_of_another_stream_or_name_does_not_open() -> None:
    key = VAULT.new_key("a")
    sealed = VAULT.seal(key, "a", {"v": b"value"})["v"]
    with pytest.raises(IntegrityError):
        VAULT.check(key, "b")
    with pytest.raises(IntegrityError):
        VAULT.open(key, "a", {"w": sealed})
    with pytest.raises(IntegrityError):
        Vault(bytes([1] * 32)).check(key, "a")
    with pytest.raises(IntegrityError) as refused:
        VAULT.open(VAULT.new_key("a"), "a", {"v": sealed})
    assert "value key" in str(refused.value)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_value_key_is_32_bytes(length: int) -> None:
    with pytest.raises(ConfigError):
        Vault(bytes(length))
