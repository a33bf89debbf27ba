"""The one way from a request to a listener, and what a token may open.

`authorize` is a dependency of the whole app: a listener (a person who is not the owner) gets
nowhere but to routes that take their listener from `scope`, and to those marked with `shared`.
Whoever only reads gets what the API's document offers for GET.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Request
from fastapi.routing import APIRoute

from api.auth import Caller
from api.guard import PUBLIC, SAFE
from api.problems import Problem
from api.services import Services, needed
from sinks.rows import ListenerRow
from streams.contracts.errors import UserError

Route = TypeVar("Route", bound=Callable[..., Any])

_shared: set[Callable[..., Any]] = set()


def shared(route: Route) -> Route:
    """Mark a route without a listener in its path as open to everyone who is signed in."""
    _shared.add(route)
    return route


def services_of(request: Request) -> Services:
    """What create_app was given."""
    services: Services = request.app.state.services
    return services


def caller_of(request: Request) -> Caller:
    """Who is calling. Public routes have nobody: they must not ask."""
    caller: Caller | None = request.state.caller
    if caller is None:
        raise Problem(401, "Nobody is signed in.", cure="Sign in at /login.")
    return caller


def authorize(request: Request) -> None:
    """Deny by default what a token asks for, and everything to nobody. Raises Problem 401 and 403."""
    route: APIRoute = request.scope["route"]
    if route.path in PUBLIC:
        return
    caller = caller_of(request)  # a second lock: the guard goes by the request's path, this by the route it led to
    if caller.only_reads and not (request.method in SAFE and route.include_in_schema):  # pages are for people
        raise Problem(403, "This token only reads.", cure="Use the command, or sign in as the owner.")
    if not caller.is_owner and "listener" not in request.path_params and route.endpoint not in _shared:
        raise Problem(403, "Only the owner may do this.")


def find(services: Services, caller: Caller, listener: str) -> ListenerRow:
    """A listener by name or id, if the caller may see them. Blocks.

    Raises Problem 404; another listener and nobody look the same to a listener's token.
    """
    missing = Problem(404, f"There is no listener called {listener[:64]!r}.", cure="See `spotifire listeners list`.")
    try:
        row = needed(services.reader, "The database").listener(listener)
    except UserError:
        raise missing from None
    if not caller.is_owner and row.id != caller.listener:
        raise missing
    return row


def scope(
    request: Request, listener: Annotated[str, Path(description="Name or id (16 hexadecimal digits).", max_length=256)]
) -> ListenerRow:
    """The listener of the path. Every route with `{listener}` takes it from here."""
    return find(services_of(request), caller_of(request), listener)


def refuse_demo(listener: ListenerRow) -> None:
    """Nothing of a person's goes to a demo listener: it would be erased with the demo. Raises Problem 409."""
    if listener.is_demo:
        raise Problem(
            409,
            f"{listener.name} is a demo listener, and goes when the demo does.",
            cure="Choose another name, or remove the demo first: spotifire demo remove",
        )


def owner(request: Request) -> Caller:
    """For routes under a listener that change something: the owner alone."""
    caller = caller_of(request)
    if not caller.is_owner:
        raise Problem(403, "Only the owner may do this.")
    return caller


ServicesOf = Annotated[Services, Depends(services_of)]
CallerOf = Annotated[Caller, Depends(caller_of)]
Listener = Annotated[ListenerRow, Depends(scope)]
Owner = Annotated[Caller, Depends(owner)]
