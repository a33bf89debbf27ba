"""Tokens for programs: one that opens a single listener, or one that reads everything. The owner hands them out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from api import examples
from api.examples import example
from api.problems import Problem
from api.scope import Owner, ServicesOf, find
from api.services import Services, needed
from api.shapes import TokenMade, Tokens, TokenShape
from sinks import tokens as stored
from streams.contracts.errors import UserError

router = APIRouter(prefix="/api/v1/tokens", tags=["owner"])


class NewToken(BaseModel):
    """What it is for, and whom it opens. Without a listener it reads everything and changes nothing."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=64, pattern=r"\S", description="what it is for", examples=["phone"])]
    listener: Annotated[str | None, Field(max_length=256, description="name or id; nobody else is seen")] = None


def tokens_of(services: ServicesOf) -> stored.Tokens:
    """The tokens, or 503."""
    return needed(services.tokens, "The database")


Store = Annotated[stored.Tokens, Depends(tokens_of)]


@router.post("", status_code=201, summary="Make a token", responses=example(examples.TOKEN_MADE, 201))
def add(services: ServicesOf, store: Store, caller: Owner, new: NewToken) -> TokenMade:
    """Its text is in this answer and never again: only a hash of it is stored."""
    if new.listener is None:
        row, text = store.add(new.name, "owner")
    else:
        row, text = store.add(new.name, "listener", find(services, caller, new.listener).id)
    return TokenMade(**asdict(row), listener_name=_names(services).get(row.listener, ""), token=text)


@router.get("", summary="Tokens in force", responses=example(examples.TOKENS))
def listed(services: ServicesOf, store: Store, caller: Owner) -> Tokens:
    """Oldest first; never their text."""
    names = _names(services)
    return Tokens([TokenShape(**asdict(row), listener_name=names.get(row.listener, "")) for row in store.all()])


@router.delete("/{token_id}", summary="Revoke a token", responses=example(examples.TOKEN))
def revoke(
    services: ServicesOf, store: Store, caller: Owner, token_id: Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
) -> TokenShape:
    """The next request with it is refused; a stream that is open ends within seconds."""
    try:
        row = store.revoke(token_id)
    except UserError as error:
        raise Problem(404, error.message, cure=error.cure) from None
    return TokenShape(**asdict(row), listener_name=_names(services).get(row.listener, ""))


def _names(services: Services) -> dict[str, str]:
    """What listeners are called by now, by id. Blocks."""
    return {row.listener: row.name for row in needed(services.reader, "The database").listeners()}
