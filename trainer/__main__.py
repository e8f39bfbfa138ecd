"""The start of ``edge-train``: what is missing is said in one line, with the Python it is for."""

from __future__ import annotations

import sys

from edge.entry import complain


def main() -> None:
    """Run ``edge-train``."""
    try:
        from trainer.cli import main as run

        run()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("edge", "trainer"):
            raise
        complain(
            "edge-train",
            f"{package} is not installed: expected the extra 'trainer' of seqnetquake-edge, for "
            f"Python 3.11 to 3.13; this is {sys.version_info.major}.{sys.version_info.minor}",
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
