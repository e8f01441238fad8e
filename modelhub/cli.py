"""The command line: all commands, gathered."""

from __future__ import annotations

from modelhub import (
    cache_commands,
    card_commands,
    checking_commands,
    finding_commands,
    registry_commands,
    upkeep_commands,
)
from modelhub.commands import cli

__all__ = [
    "cache_commands",
    "card_commands",
    "checking_commands",
    "cli",
    "finding_commands",
    "registry_commands",
    "upkeep_commands",
]
