"""``python -m modelhub``, and the console script."""

import gc


def main() -> None:
    """Run the command line."""
    # Importing a command line makes many objects and no garbage: looking for some would cost a search 5 ms of its 100.
    gc.set_threshold(100_000)
    from modelhub.cli import main as run

    run()


if __name__ == "__main__":
    main()
