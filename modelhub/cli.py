"""The command line: all commands, gathered."""

from __future__ import annotations

from modelhub import (
    cache_commands,
    card_commands,
    checking_commands,
    completion_commands,
    finding_commands,
    registry_commands,
    search_commands,
    upkeep_commands,
)
from modelhub.commands import cli

completion_commands.complete_parameters(cli)

__all__ = [
    "cache_commands",
    "card_commands",
    "checking_commands",
    "cli",
    "completion_commands",
    "finding_commands",
    "registry_commands",
    "search_commands",
    "upkeep_commands",
]
