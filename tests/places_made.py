"""Files of places in the format MMDB (MaxMind DB 2.0), as small as tests need them."""

import struct
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

MAP, ARRAY, BOOLEAN = 7, 11, 14
BERLIN = {
    "city": {"names": {"en": "Berlin"}},
    "country": {"iso_code": "DE"},
    "subdivisions": [{"iso_code": "BE"}],
    "location": {"latitude": 52.52, "longitude": 13.4, "accuracy_radius": 20},
}


def write_places(path: Path, records: Mapping[str, Any]) -> Path:
    """Write a file in which each network has a record: `{"203.0.113.0/24": BERLIN}`."""
    tree: list[list[int | bytes | None]] = [[None, None]]
    for network, record in records.items():
        parsed = ip_network(network)
        bits = f"{int(parsed.network_address):0128b}"[: parsed.prefixlen + 128 - parsed.max_prefixlen]
        node = 0
        for bit in map(int, bits[:-1]):
            following = tree[node][bit]
            if not isinstance(following, int):
                following = tree[node][bit] = len(tree)
                tree.append([None, None])
            node = following
        tree[node][int(bits[-1])] = _encode(record)
    nodes, data = b"", b""
    for side in (side for node in tree for side in node):
        value = len(tree) if side is None else side
        if isinstance(value, bytes):
            value, data = len(tree) + 16 + len(data), data + value
        nodes += value.to_bytes(3, "big")
    facts = {
        "binary_format_major_version": _number(2), "binary_format_minor_version": _number(0),
        "build_epoch": b"\x08\x02" + (1_790_000_000).to_bytes(8, "big"),  # the kind 9, uint64
        "database_type": "Test-City", "description": {"en": "test"}, "ip_version": _number(6),
        "languages": ["en"], "node_count": len(tree), "record_size": _number(24),
    }  # fmt: skip
    path.write_bytes(nodes + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encode(facts))
    return path


def _number(value: int) -> bytes:
    """Encode a uint16, which the facts about the file are."""
    return _control(5, 2) + value.to_bytes(2, "big")


def _encode(value: Any) -> bytes:
    if isinstance(value, bytes | bool):
        return value if isinstance(value, bytes) else bytes([int(value), BOOLEAN - 7])
    if isinstance(value, str):
        return _control(2, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return _control(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        return _control(6, 4) + struct.pack(">I", value)
    if isinstance(value, Mapping):
        pairs = b"".join(_encode(key) + _encode(item) for key, item in value.items())
        return _control(MAP, len(value)) + pairs
    assert isinstance(value, Sequence)
    return bytes([len(value), ARRAY - 7]) + b"".join(map(_encode, value))


def _control(kind: int, size: int) -> bytes:
    return bytes([kind << 5 | size]) if size < 29 else bytes([kind << 5 | 29, size - 29])
