"""A disk as a loss of power leaves it: what was flushed is there; of the rest, whatever is worst.

Files and folders are nodes with two contents: what programs see, and what the disk surely has. ``fsync`` of a file
makes its bytes sure, of a folder its names; ``syncfs`` makes all sure. POSIX promises no more. What a system does with
the rest is its own affair, so several ways to lose it are tried (:func:`losses`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

Tree = dict[PurePosixPath, "bytes | None"]  # None for a folder


@dataclass(eq=False)
class File:
    """Bytes as they are seen, and those that are sure."""

    content: bytearray = field(default_factory=bytearray)
    sure: bytes = b""

    def write(self, data: bytes, offset: int) -> None:
        """Put bytes somewhere."""
        self.resize(max(len(self.content), offset + len(data)))
        self.content[offset : offset + len(data)] = data

    def resize(self, size_bytes: int) -> None:
        """Cut it, or fill it up with zeros."""
        del self.content[size_bytes:]
        self.content.extend(bytes(size_bytes - len(self.content)))


@dataclass(eq=False)
class Folder:
    """Names as they are seen, and those that are sure."""

    names: dict[str, Node] = field(default_factory=dict)
    sure: dict[str, Node] = field(default_factory=dict)


Node = File | Folder


class Disk:
    """One file system, from the root on."""

    def __init__(self) -> None:
        self.root = Folder()

    def find(self, path: PurePosixPath) -> Node | None:
        """What bears a name now."""
        node: Node | None = self.root
        for name in path.parts[1:]:
            node = node.names.get(name) if isinstance(node, Folder) else None
        return node

    def folder(self, path: PurePosixPath) -> Folder:
        """The folder that bears a name; those that are missing were there before we looked, and are sure."""
        node: Folder = self.root
        for name in path.parts[1:]:
            child = node.names.get(name)
            if not isinstance(child, Folder):
                child = node.names[name] = node.sure[name] = Folder()
            node = child
        return node

    def create(self, path: PurePosixPath, node: Node) -> None:
        """Give a new node a name."""
        self.folder(path.parent).names[path.name] = node

    def remove(self, path: PurePosixPath) -> None:
        """Take a name away."""
        self.folder(path.parent).names.pop(path.name, None)

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Give a node another name, which another one may lose by that."""
        self.folder(new.parent).names[new.name] = self.folder(old.parent).names.pop(old.name)

    def exchange(self, one: PurePosixPath, other: PurePosixPath) -> None:
        """Let two nodes exchange their names."""
        first, second = self.folder(one.parent).names, self.folder(other.parent).names
        first[one.name], second[other.name] = second[other.name], first[one.name]


def flushing(node: Node) -> Callable[[], None]:
    """What makes sure what a node holds now, once the system says that it has."""
    if isinstance(node, File):
        content = bytes(node.content)

        def flush() -> None:
            node.sure = content
    else:
        names = dict(node.names)

        def flush() -> None:
            node.sure = names

    return flush


def flushing_all(disk: Disk) -> Callable[[], None]:
    """The same for all nodes."""
    flushes = [flushing(node) for node in _nodes(disk.root)]

    def flush() -> None:
        for each in flushes:
            each()

    return flush


@dataclass(frozen=True, kw_only=True)
class Loss:
    """One way to lose what was not flushed.

    Attributes:
        names: The names of a folder that survive.
        content: The bytes of a file that survive.
    """

    title: str
    names: Callable[[PurePosixPath, Folder], dict[str, Node]]
    content: Callable[[File], bytes]

    def tree(self, disk: Disk, top: PurePosixPath) -> Tree:
        """What is found below a folder afterwards, by path from there."""
        found: Tree = {}
        self._walk(self._find(disk, top), top, top, found)
        return found

    def _find(self, disk: Disk, top: PurePosixPath) -> Node | None:
        node: Node | None = disk.root
        for depth, name in enumerate(top.parts[1:], 1):
            path = PurePosixPath(*top.parts[:depth])
            node = self.names(path, node).get(name) if isinstance(node, Folder) else None
        return node

    def _walk(self, node: Node | None, path: PurePosixPath, top: PurePosixPath, found: Tree) -> None:
        if isinstance(node, File):
            found[path.relative_to(top)] = self.content(node)
        elif node:
            found[path.relative_to(top)] = None
            for name, child in self.names(path, node).items():
                self._walk(child, path / name, top, found)


def _without_deleted(folder: Folder) -> dict[str, Node]:
    """The sure names that were not deleted since; a rename within a folder has not taken place."""
    left = set(map(id, folder.names.values()))
    return {name: node for name, node in folder.sure.items() if name in folder.names or id(node) in left}


def _half(file: File) -> bytes:
    """As of a file that was being written: what is sure, then some of the rest, then zeros as far as it was to go."""
    kept = bytes(file.content[: max(len(file.sure), len(file.content) // 2)])
    return kept.ljust(len(file.content), b"\0")


def losses(cache: PurePosixPath) -> tuple[Loss, ...]:
    """Ways to lose what was not flushed.

    Args:
        cache: The folder whose names matter most.
    """
    return (
        Loss(title="nothing survives", names=lambda path, folder: folder.sure, content=lambda file: file.sure),
        Loss(title="names survive", names=lambda path, folder: folder.names, content=lambda file: file.sure),
        Loss(
            title="only the names of entries survive",
            names=lambda path, folder: folder.names if path == cache else folder.sure,
            content=lambda file: file.sure,
        ),
        Loss(
            title="all names but those of entries survive",
            names=lambda path, folder: folder.sure if path == cache else folder.names,
            content=lambda file: file.sure,
        ),
        Loss(
            title="deletions survive, new names do not",
            names=lambda path, folder: _without_deleted(folder),
            content=lambda file: file.sure,
        ),
        Loss(title="half of everything survives", names=lambda path, folder: folder.names, content=_half),
    )


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Folder):
        for child in node.names.values():
            yield from _nodes(child)
