"""cipherSuites → those that Envoy's BoringSSL knows; one unknown name would make it refuse the listener."""

from __future__ import annotations

from collections.abc import Iterable

_KNOWN = frozenset(
    {
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-SHA",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-ECDSA-AES256-SHA",
        "ECDHE-RSA-AES256-SHA",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "AES128-SHA",
        "AES256-SHA",
        "DES-CBC3-SHA",
    }
)


def cipher_suites(suites: Iterable[str]) -> list[str]:
    """Each suite once, in the user's order."""
    return list(dict.fromkeys(suite for suite in suites if known_cipher(suite)))


def known_cipher(suite: str) -> bool:
    """Words that begin with an operator (`-`, `+`, `[`) are taken as they are."""
    return suite in ("", "ALL") or not suite[0].isalnum() or suite in _KNOWN
