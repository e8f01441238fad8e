"""``python -m modelhub``."""

from modelhub.cli import main

main()
