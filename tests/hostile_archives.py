"""Archives that are broken or meant to harm, made byte by byte: no decent writer would write them.

``ATTACKS`` is what a hub, a mirror or somebody with a pen drive may try, one archive a kind. Most hold a good model
beside what is wrong with them, so that whoever overlooks that installs it. The tests pull all of them; so does
``benchmarks/attacks.py``, which unpacks them with other programs, too.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hub_server import SAVED_MODEL, make_zip

from modelhub.deflate import crc32_of

TEXT = b"some text, some text, some text"
SYMLINK = 0o120777 << 16
ABSOLUTE = "/tmp/modelhub-attacks/evil.txt"
_UNIX = 3 << 8
_MIB = 1 << 20


@dataclass
class Raw:
    """One member as its bytes are written; ``local`` and ``central`` overrule what the headers say."""

    name: str | bytes = "a.txt"
    content: bytes = TEXT
    method: int = 8
    flags: int = 1 << 11
    attributes: int = 0
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)
    copies_in_directory: int = 1

    def values(self) -> dict[str, Any]:
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(self.content) + packer.flush() if self.method == 8 else self.content
        return {
            "name": self.name,
            "flags": self.flags,
            "method": self.method,
            "crc": zlib.crc32(self.content),
            "packed_bytes": len(packed),
            "size": len(self.content),
            "packed": packed,
            "extra": b"",
            "behind": b"",
            "disk": 0,
            "attributes": self.attributes,
        }


def local_part(v: dict[str, Any]) -> bytes:
    name = _bytes_of(v["name"])
    sizes = (v["crc"], v["packed_bytes"], v["size"], len(name), len(v["extra"]))
    header = struct.pack("<4s5H3I2H", b"PK\3\4", 20, v["flags"], v["method"], 0, 0, *sizes)
    return header + name + v["extra"] + v["packed"] + v["behind"]


def _bytes_of(name: str | bytes) -> bytes:
    return name.encode() if isinstance(name, str) else name


def listed_part(v: dict[str, Any], offset: int) -> bytes:
    name = _bytes_of(v["name"])
    sizes = (v["crc"], v["packed_bytes"], v["size"], len(name), len(v["extra"]), 0, v["disk"], 0, v["attributes"])
    made_by = 20 | (_UNIX if v["attributes"] else 0)  # only attributes of Unix tell links, devices and permissions
    header = struct.pack("<4s6H3I5H2I", b"PK\1\2", made_by, 20, v["flags"], v["method"], 0, 0, *sizes, offset)
    return header + name + v["extra"]


def archive(*members: Raw, tail: bytes = b"", gap: bytes = b"", **end: int) -> bytes:
    """An archive of these members; ``end`` overrules the end record."""
    body, directory = b"", b""
    for member in members:
        offset = len(body)
        body += local_part(member.values() | member.local)
        central = member.values() | member.central
        directory += listed_part(central, int(central.get("offset", offset))) * member.copies_in_directory
    body += gap
    count = sum(member.copies_in_directory for member in members)
    fields = {"disk": 0, "start_disk": 0, "here": count, "count": count, "bytes": len(directory), "offset": len(body)}
    fields |= end
    return body + directory + struct.pack("<4s4H2IH", b"PK\5\6", *fields.values(), 0) + tail


def zip64_archive(**wide: int) -> bytes:
    """An archive of one member with 64-bit end records; ``wide`` overrules them."""
    plain = archive(Raw())
    body, end = plain[:-22], plain[-22:]
    _, _, _, here, count, directory_bytes, offset, _ = struct.unpack("<4s4H2IH", end)
    v = {"rest": 44, "here": here, "bytes": directory_bytes, "locator": len(body), "disks": 1, "mark": b"PK\6\7"} | wide
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", v["rest"], 45, 45, 0, 0, v["here"], count, v["bytes"], offset)
    return body + record + struct.pack("<4sIQI", v["mark"], 0, v["locator"], v["disks"]) + end


def endless(name: str = "late", copies_in_directory: int = 1) -> Raw:
    """A stored member whose size stands behind its content: the rest of the archive is spooled."""
    behind = struct.pack("<4sIII", b"PK\7\x08", zlib.crc32(TEXT), len(TEXT), len(TEXT))
    local = {"crc": 0, "size": 0, "packed_bytes": 0, "behind": behind}
    return Raw(name, method=0, flags=1 << 11 | 8, local=local, copies_in_directory=copies_in_directory)


def directory_over_members() -> bytes:
    """An end record that takes the whole archive for its table of contents."""
    members = Raw(), endless()
    return archive(*members, bytes=len(archive(*members)) - 22, offset=0)


def overlapping() -> bytes:
    """Two entries for one content: the first member's header, inside the content of the second."""
    inner = local_part(Raw("inner", method=0).values())
    outer = Raw("outer", inner, method=0)
    body = local_part(outer.values())
    directory = listed_part(outer.values(), 0) + listed_part(Raw("inner", method=0).values(), 30 + len("outer"))
    return _with_end(body, directory, 2)


def _with_end(body: bytes, directory: bytes, members: int) -> bytes:
    return body + directory + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, members, members, len(directory), len(body), 0)


def zeros(name: str, size_bytes: int) -> Raw:
    """A member of so many bytes that are all zero, packed as tightly as can be; made in no time."""
    packer = zlib.compressobj(9, wbits=-15)
    # From one full flush to the next deflate remembers nothing, so that a stretch may be repeated.
    stretch = packer.compress(bytes(_MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = stretch * (size_bytes // _MIB) + packer.flush()
    crc = 0
    for _ in range(size_bytes // _MIB):
        crc = crc32_of(bytes(_MIB), crc)
    told = {"packed": packed, "packed_bytes": len(packed), "size": size_bytes, "crc": crc}
    return Raw(name, b"", local=told, central=told)


def bomb(members: int, member_bytes: int) -> bytes:
    """A good model with some members that are a thousand times as large as they look."""
    one = zeros("", member_bytes)
    return archive(*GOOD, *(Raw(f"zeros{n}", b"", local=one.local, central=one.central) for n in range(members)))


def overlapping_bomb(members: int) -> bytes:
    """Every member but the last is the header of the next one, quoted, and then shares its content (Fifield, 2019)."""
    inner = zeros(f"{members:04}", _MIB).values() | zeros(f"{members:04}", _MIB).local
    content, told, body = bytes(_MIB), [inner], local_part(inner)
    for number in reversed(range(1, members)):
        header = local_part(told[0] | {"packed": b""})
        quote = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF)
        content = header + content
        packed_bytes = len(quote) + len(header) + told[0]["packed_bytes"]
        outer = Raw(f"{number:04}", b"").values()
        outer |= {"packed": b"", "packed_bytes": packed_bytes, "size": len(content), "crc": zlib.crc32(content)}
        told, body = [outer, *told], local_part(outer) + quote + body
    first_bytes = 30 + len("0001")
    offsets = [(first_bytes + 5) * number for number in range(members)]
    return _with_end(body, b"".join(map(listed_part, told, offsets)), members)


GOOD = tuple(Raw(name, content) for name, content in SAVED_MODEL.items())
LINK = Raw("link", b"..", method=0, attributes=SYMLINK)


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One archive, and what becomes of it.

    Attributes:
        make: Its bytes.
        words: A pattern that the sentence has in it, whichever way the archive takes.
        status: Of a pull; 0 where it does no harm, and is installed.
        is_slow: Whether to make it, or to look at it, takes seconds.
    """

    make: Callable[[], bytes]
    words: str = ""
    status: int = 6
    is_slow: bool = False


def _beside(*members: Raw, words: str, status: int = 6, **rest: Any) -> Attack:
    """A good model and these members."""
    return Attack(make=lambda: archive(*GOOD, *members, **rest), words=words, status=status)


def _named(name: str | bytes, words: str, status: int = 6) -> Attack:
    return _beside(Raw(name), words=words, status=status)


def _told(words: str, local: dict[str, Any], central: dict[str, Any], **raw: Any) -> Attack:
    """A good model and a member whose headers say this."""
    return _beside(Raw(local=local, central=central, **raw), words=words)


def _instead(content: bytes, words: str) -> Attack:
    return Attack(make=lambda: content, words=words)


_DEVICE = "is the name of a device on Windows"
_ELSEWHERE = "does not end where its header says|where there is no member|unpacks to more than|is damaged"
_DEEP = {f"folder/{name}": content for name, content in SAVED_MODEL.items()}
_STAGE = {"metadata/part-00000": b'{"class": "a.B", "paramMap": {"stageUids": ["T_1"]}}'}
_PAGE = b"<!DOCTYPE html><html><head><title>Guest network: log in</title></head><body>" + b"Welcome. " * 50
_REFUSAL = b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>no</Message></Error>'

ATTACKS: dict[str, Attack] = {
    # Names
    "a path with `..`": _named("a/../../evil.txt", "leads out of its folder"),
    "a path with `.. `": _named("a/.. /evil.txt", "leads out of its folder"),
    "an absolute path": _named(ABSOLUTE, "is an absolute path"),
    "a path of a server": _named("//server/share/evil.txt", "is an absolute path"),
    "a drive letter": _named("C:/evil.txt", "names a drive"),
    "backslashes": _named("..\\..\\evil.txt", "holds a backslash"),
    "a NUL in a name": _named("a.txt\0.png", "holds a control character"),
    "an escape sequence in a name": _named("a\x1b[2J.txt", "holds a control character"),
    "a control character of 8 bits": _named("a\x9b2J.txt", "holds a control character"),
    "`NUL`": _named("a/NUL", _DEVICE),
    "`con.txt`": _named("con.txt", _DEVICE),
    "`COM1 .log`": _named("COM1 .log", _DEVICE),
    "no name": _named("", "has no name"),
    "a name that is not UTF-8": _named(b"a\xff\xfe", "is not UTF-8"),
    "a name of 300 letters": _named("n" * 300, "a name in it has 300 bytes", status=10),
    "a thousand folders in each other": _named("d/" * 1000 + "f", "lies 1,001 levels deep"),
    "trailing dots and blanks": _named("a . .", "", status=0),
    # Special members
    "a symbolic link": _beside(LINK, words="is a symbolic link"),
    "a symbolic link and a file behind it": _beside(LINK, Raw("link/evil.txt"), words="symbolic link|both as a file"),
    "a named pipe": _beside(Raw(attributes=0o010644 << 16), words="is a named pipe"),
    "a device": _beside(Raw(attributes=0o020644 << 16), words="is a device"),
    "a socket": _beside(Raw(attributes=0o140644 << 16), words="is a socket"),
    "a file with setuid": _beside(Raw("run", attributes=0o104777 << 16), words="", status=0),
    # Members twice
    "a member twice": _beside(Raw(), Raw(), words="holds 'a.txt' twice"),
    "twice but for a dot": _beside(Raw("a/b"), Raw("a/./b"), words="holds 'a/b' twice"),
    "twice but for case": _beside(Raw("A.txt"), Raw(), words="", status=0),
    "twice but for the spelling of é": _beside(Raw("\u00e9"), Raw("e\u0301"), words="", status=0),
    "a file that is a folder, too": _beside(Raw("a"), Raw("a/b"), words="both as a file and as a folder"),
    # What contradicts itself
    "overlapping members": Attack(make=overlapping, words="names 'inner' where there is no member"),
    "a bomb of overlapping members": Attack(
        make=lambda: overlapping_bomb(300), words="where there is no member|as in a zip bomb", is_slow=True
    ),
    "a member listed twice": _beside(Raw(copies_in_directory=2), words="names 'a.txt' where there is no member"),
    "a member that is not listed": _beside(
        Raw(copies_in_directory=0), words="table of contents lacks|names members behind it|holds neither a member"
    ),
    "a listed member that is not there": _told("where there is no member|members behind it", {}, {"offset": 50_000}),
    "another name in the local header": _told("its table of contents says 'b.txt'", {}, {"name": "b.txt"}),
    "another size in the local header": _told("its table of contents says 7", {}, {"size": 7}),
    "another CRC-32 in the local header": _told("its table of contents says 7", {}, {"crc": 7}),
    "another method in the local header": _told(
        "table of contents says 0|does not end", {}, {"method": 0, "packed_bytes": 31}
    ),
    "encrypted in one header only": _told("encrypted or spelled otherwise", {}, {"flags": 1 << 11 | 1}),
    "a size that is too small": _told("more than the 5 bytes", {"size": 5}, {"size": 5}),
    "a size that is too large": _told("has 31 bytes, its header says 99", {"size": 99}, {"size": 99}),
    "a packed size that is too small": _told(_ELSEWHERE, {"packed_bytes": 5}, {"packed_bytes": 5}),
    "a packed size that is too large": _told(_ELSEWHERE, {"packed_bytes": 99}, {"packed_bytes": 99}),
    "a wrong CRC-32": _told("content of 'a.txt' is damaged", {"crc": 7}, {"crc": 7}),
    "no deflate": _told("content of 'a.txt' is damaged", {"packed": b"\xff" * 16}, {}),
    "bytes between members and list": _beside(gap=b"hidden", words="neither a member nor its table of contents"),
    "a number of members that is wrong": _beside(count=9, here=9, words="its end contradicts"),
    "several disks": _beside(disk=1, words="one part of several"),
    # Too much, or unreadable
    "300 MB in 300 kB": Attack(make=lambda: bomb(2, 150 * _MIB), words="as in a zip bomb"),
    "10 GB in 10 MB": Attack(make=lambda: bomb(4, 2500 * _MIB), words="as in a zip bomb", is_slow=True),
    "an encrypted member": _beside(Raw(flags=1), words="'a.txt' is encrypted"),
    "a member packed with bzip2": _beside(Raw(method=12), words="is packed with bzip2"),
    # Cut off, or with something more
    "cut off in the middle": Attack(make=lambda: archive(*GOOD)[:150], words="cut off"),
    "cut off in its end record": Attack(make=lambda: archive(*GOOD)[:-8], words="cut off|its end|ends after"),
    "bytes behind it": _beside(tail=b"hidden", words="something follows it"),
    "two archives in a row": Attack(
        make=lambda: archive(*GOOD) + archive(*GOOD), words="something follows it|its end contradicts"
    ),
    "a program before it": Attack(make=lambda: b"#!/bin/sh\n\0\1" + archive(*GOOD), status=0),
    # Something else
    "nothing": _instead(b"", "0 bytes"),
    "a proxy's login page": _instead(_PAGE, "A web page came instead of a zip: 'Guest network: log in'"),
    "the refusal of an object store": _instead(_REFUSAL, "An XML document came instead of a zip: 'AccessDenied'"),
    "an error in JSON": _instead(b'{"detail": "not found"}', "A text came instead of a zip"),
    "a gzip file": _instead(zlib.compress(TEXT, wbits=31), "A gzip file came instead of a zip"),
    "no saved model": _instead(make_zip({"readme.txt": TEXT}), "no saved model in it"),
    "a model one level too deep": _instead(make_zip(_DEEP), "lies one level too deep, in folder/"),
    "a pipeline without a stage": _instead(make_zip(_STAGE), "The stage T_1 that metadata names is missing"),
}  # fmt: skip
