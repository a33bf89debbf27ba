"""What an installation without the extra `embedded` lacks, as the image `slim` does: said before it is missed."""

from __future__ import annotations

from importlib.util import find_spec

from streams.contracts.errors import UserError


def needs(package: str, what: str, instead: str) -> None:
    """Raise UserError when `package` is not installed: there is no embedded `what`, so give `instead`."""
    if find_spec(package) is None:
        raise UserError(
            f"There is no embedded {what} in this installation.",
            cure=f"Give {instead}, or take the all-in-one image (the extra `embedded`).",
        )
