from __future__ import annotations

import ssl

import pytest
import trustme

from modelhub.certificates import issuer_of


def der_of(authority: trustme.CA) -> bytes:
    return ssl.PEM_cert_to_DER_cert(authority.issue_cert("hub.example").cert_chain_pems[0].bytes().decode())


def test_the_issuer_is_the_name_of_the_authority() -> None:
    authority = trustme.CA(organization_name="Société Générale de Test", organization_unit_name="Proxy")

    assert issuer_of(der_of(authority)) == "Société Générale de Test"


def element(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    length = bytes([len(content)]) if len(content) < 128 else b"\x82" + len(content).to_bytes(2, "big")
    return bytes([tag]) + length + content


def certificate(*names: tuple[str, int, bytes], version: bytes = b"") -> bytes:
    """As much of a certificate as tells its issuer; names are of an object's number, a tag, and the text."""
    attributes = [
        element(0x31, element(0x30, element(6, bytes.fromhex(kind)), element(tag, text))) for kind, tag, text in names
    ]
    issuer = element(0x30, *attributes)
    return element(0x30, element(0x30, version, element(2, b"\x01"), element(0x30), issuer, element(0x30)))


@pytest.mark.parametrize(
    ("names", "issuer"),
    [
        ([("550403", 0x0C, b"Root 1"), ("55040a", 0x13, b"Zed Inc.")], "Root 1, Zed Inc."),
        ([("55040a", 0x13, b"Zed Inc."), ("550403", 0x0C, b"Root 1")], "Root 1, Zed Inc."),
        ([("550403", 0x0C, b"Zed"), ("55040a", 0x0C, b"Zed")], "Zed"),
        ([("550403", 0x1E, "Zéd".encode("utf-16-be"))], "Zéd"),
        ([("550403", 0x0C, b"\xff")], "\ufffd"),
        ([("550403", 0x0C, b"long" * 100)], "long" * 100),
        ([("550406", 0x13, b"DE")], ""),
        ([], ""),
    ],
)
def test_the_names_of_an_issuer(names: list[tuple[str, int, bytes]], issuer: str) -> None:
    assert issuer_of(certificate(*names)) == issuer


def test_a_version_in_front_is_not_taken_for_the_serial_number() -> None:
    version = element(0xA0, element(2, b"\x02"))

    assert issuer_of(certificate(("550403", 0x0C, b"Root"), version=version)) == "Root"


@pytest.mark.parametrize("cut", [0, 1, 3, 8, 20, -1])
def test_what_is_no_certificate_has_no_issuer(cut: int) -> None:
    assert issuer_of(certificate(("550403", 0x0C, b"Root"))[:cut]) == ""


@pytest.mark.parametrize("junk", [b"", b"\x00", b"<html>", b"\x30\x80", b"\x30\x03\x02\x01\x01", bytes(64)])
def test_junk_has_no_issuer(junk: bytes) -> None:
    assert issuer_of(junk) == ""
