"""CRC32C of contents."""

from __future__ import annotations


def checksum(data: bytes, before: int = 0) -> int:
    """Goes on from that of what comes before."""
    # Here, because the package takes longer to be imported than all of ours, and not every program has contents.
    from crc32c import crc32c

    return crc32c(data, before)
