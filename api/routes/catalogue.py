"""The catalogue of artists. The owner's alone: it would tell a listener what others in the house hear."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api import examples
from api.examples import example
from api.routes.reads import Store
from api.shapes import Catalogue

router = APIRouter(prefix="/api/v1", tags=["catalogue"])

Band = Annotated[
    Literal["", "niche", "rising", "known", "popular", "star", "unknown"],
    Query(description="20 points of popularity each: niche is 0 to 19, star 80 to 100."),
]


@router.get("/artists", summary="Artists by family and popularity", responses=example(examples.CATALOGUE))
def artists(
    store: Store,
    genre: Annotated[str, Query(description="A family, such as `jazz`.", max_length=64)] = "",
    popularity: Band = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Catalogue:
    """A page at a time: follow `next` until it is null."""
    found = store.catalogue(genre, popularity, limit + 1, offset)
    return Catalogue(found[:limit], offset + limit if len(found) > limit else None)
