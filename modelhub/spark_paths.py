"""Paths from which Spark NLP can load.

It makes a URI of a path without quoting it, takes some signs for patterns, and cuts at commas; tried with Spark NLP
5.5.3, percent-encoding never helps. Letters outside of ASCII work where the encoding of file names in the JVM
(``sun.jnu.encoding``) is UTF-8. A symbolic link with a clean name helps against signs, but not against letters: Hadoop
asks for the permissions of what the link leads to.
"""

from __future__ import annotations

import re

_UNREADABLE = re.compile(r"""[\s:,\[\]{}"\\|^`<>*?\x00-\x1f\x7f]|%(?![0-9A-Fa-f]{2})""")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_HALF_OF_A_LETTER = re.compile(r"[\ud800-\udfff]")  # what Python makes of a byte that is no UTF-8


def unreadable_sign(path: str, *, is_utf8: bool) -> str:
    """The first sign in a path because of which Spark NLP cannot load from it; "" where there is none.

    Args:
        path: An absolute path.
        is_utf8: Whether the JVM would take file names for UTF-8.
    """
    match = _UNREADABLE.search(path)
    return match[0] if match else unreadable_letter(path, is_utf8=is_utf8)


def unreadable_letter(path: str, *, is_utf8: bool) -> str:
    """The first letter in a path that the JVM cannot read; "" where there is none. No link helps against it.

    Args:
        path: Where a path leads, links followed.
        is_utf8: Whether the JVM would take file names for UTF-8.
    """
    match = (_HALF_OF_A_LETTER if is_utf8 else _NOT_ASCII).search(path)
    return match[0] if match else ""


def readable_name(name: str) -> str:
    """A name from which Spark NLP can load in every locale, like another one."""
    return _NOT_ASCII.sub("_", _UNREADABLE.sub("_", name))
