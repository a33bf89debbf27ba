"""The fake's accounts service: the consent page that a person sees, and the token address."""

from __future__ import annotations

import base64
import binascii
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from producers.spotify.fake.people import App, Asked, Person, Refused, Tokens
from producers.spotify.fake.troubles import Trouble

SCOPES = frozenset(
    [
        "app-remote-control",
        "playlist-read-private",
        "playlist-read-collaborative",
        "playlist-modify-public",
        "playlist-modify-private",
        "user-library-read",
        "user-library-modify",
        "user-read-private",
        "user-read-email",
        "user-follow-read",
        "user-follow-modify",
        "user-top-read",
        "user-read-playback-position",
        "user-read-playback-state",
        "user-read-recently-played",
        "user-read-currently-playing",
        "user-modify-playback-state",
        "ugc-image-upload",
        "streaming",
    ]
)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Fake Spotify</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:28rem;margin:3rem auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1rem;margin:.2rem 0;width:100%}}</style></head><body>
<h1>Fake Spotify</h1><p>This page imitates Spotify's consent page. No real account is involved.</p>
<p>The app <b>{app}</b> asks for:</p><ul>{scopes}</ul>
<form method="post" action="/authorize">{hidden}
<p>Agree as</p>{people}
<p><button name="answer" value="deny">Cancel</button></p></form></body></html>"""


def check_redirect(uri: str) -> str:
    """Why Spotify refuses a redirect address, or "": https, or http on 127.0.0.1 or [::1] with a port."""
    try:
        parts = urlsplit(uri)
        loopback = parts.hostname in ("127.0.0.1", "::1") and parts.port is not None
    except ValueError:
        return "Illegal redirect URI"
    if parts.scheme == "https" or (parts.scheme == "http" and loopback):
        return ""
    return "Insecure redirect URI"


def accounts(app: App, people: tuple[Person, ...], tokens: Tokens, trouble: Trouble) -> APIRouter:
    """Routes /authorize and /api/token."""
    router = APIRouter()

    def asked_of(form: dict[str, str]) -> Asked | str:
        if form.get("client_id") != app.client_id:
            return "INVALID_CLIENT: Invalid client"
        uri = form.get("redirect_uri", "")
        insecure = check_redirect(uri)
        if insecure or uri not in app.redirect_uris:
            return f"INVALID_CLIENT: {insecure or 'Invalid redirect URI'}"
        if form.get("response_type") != "code":
            return "response_type must be code"
        if form.get("code_challenge") and form.get("code_challenge_method") != "S256":
            return "code_challenge_method must be S256"
        return Asked(
            client_id=app.client_id,
            redirect_uri=uri,
            scope=form.get("scope", ""),
            challenge=form.get("code_challenge", ""),
        )

    @router.get("/authorize")
    async def consent(request: Request) -> Response:
        form = dict(request.query_params)
        asked = asked_of(form)
        if isinstance(asked, str):
            return HTMLResponse(escape(asked), 400)
        if not set(asked.scope.split()) <= SCOPES:
            return _back(asked, form, error="invalid_scope")
        return HTMLResponse(_page(app, people, asked, form))

    @router.post("/authorize")
    async def answer(request: Request) -> Response:
        form = await _form(request)
        asked = asked_of(form)
        if isinstance(asked, str):
            return HTMLResponse(escape(asked), 400)
        account = form.get("answer", "")
        if account not in {person.account_id for person in people}:
            return _back(asked, form, error="access_denied")
        return _back(asked, form, code=tokens.new_code(account, asked))

    @router.post("/api/token")
    async def token(request: Request) -> Response:
        fault = trouble.next_fault("/api/token")
        if fault is not None:
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            return Response(fault.body or "{}", fault.status, headers)
        try:
            return JSONResponse(
                _token(app, tokens, await _form(request), request, trouble),
                headers={"Cache-Control": "no-store"},
            )
        except Refused as refused:
            return JSONResponse({"error": refused.error, "error_description": refused.description}, 400)

    return router


def _token(app: App, tokens: Tokens, form: dict[str, str], request: Request, trouble: Trouble) -> dict[str, Any]:
    has_secret = _authenticated(app, request.headers.get("authorization", ""))
    client_id = app.client_id if has_secret else form.get("client_id", "")
    if client_id != app.client_id:
        raise Refused("invalid_client", "Invalid client")
    if form.get("grant_type") == "authorization_code":
        return tokens.exchange(
            form.get("code", ""),
            form.get("redirect_uri", ""),
            client_id,
            form.get("code_verifier", ""),
            has_secret,
        )
    if form.get("grant_type") == "refresh_token":
        rotate = trouble.happens(trouble.troubles.rotates)
        return tokens.refresh(form.get("refresh_token", ""), client_id, has_secret, rotate)
    raise Refused("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")


def _authenticated(app: App, authorization: str) -> bool:
    """Whether the client secret was given; raises Refused when it is wrong."""
    if not authorization:
        return False
    try:
        kind, _, text = authorization.partition(" ")
        given = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused("invalid_client", "Invalid client") from error
    if kind != "Basic" or given != f"{app.client_id}:{app.client_secret}":
        raise Refused("invalid_client", "Invalid client secret")
    return True


def _back(asked: Asked, form: dict[str, str], **answer: str) -> Response:
    query = answer | ({"state": form["state"]} if "state" in form else {})
    joint = "&" if urlsplit(asked.redirect_uri).query else "?"
    return RedirectResponse(f"{asked.redirect_uri}{joint}{urlencode(query)}", 303)


def _page(app: App, people: tuple[Person, ...], asked: Asked, form: dict[str, str]) -> str:
    return _PAGE.format(
        app=escape(app.client_id),
        scopes="".join(f"<li>{escape(scope)}</li>" for scope in asked.scope.split()),
        hidden="".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
            for name, value in form.items()
            if name != "answer"
        ),
        people="".join(
            f'<button name="answer" value="{escape(person.account_id)}">{escape(person.name)}</button>'
            for person in people
        ),
    )


async def _form(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    return {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
