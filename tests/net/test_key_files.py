from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from remit.errors import ConfigError
from remit.net import key_files


def test_a_key_is_its_owner_s_alone(tmp_path: Path) -> None:
    key = key_files.new_key()
    key_files.make_directory(tmp_path / "keys")
    path = tmp_path / "keys" / "a.pem"
    key_files.write_key(path, key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert key_files.read_key(path).private_numbers() == key.private_numbers()
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="0600"):
        key_files.read_key(path)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.pem"
    key_files.write_key(path, key_files.new_key())
    before = path.read_bytes()
    with pytest.raises(ConfigError):
        key_files.write_key(path, key_files.new_key())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_only_p_256_keys_are_read(tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP384R1())
    raw = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, content in (("curve", raw), ("text", b"not a key")):
        path = tmp_path / name
        key_files.write_new(path, content)
        with pytest.raises(ConfigError):
            key_files.read_key(path)
    with pytest.raises(ConfigError):
        key_files.read_key(tmp_path / "missing")
