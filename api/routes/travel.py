"""Trips that the countries of a listener's plays show: asked about, accepted, changed or refused.

Accepting one puts its zone into the listener's zone history and has the plays stamped again; the
decision is remembered, so that nobody is asked twice, and can be taken back.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.asking import ask
from api.examples import example
from api.problems import Problem
from api.scope import Listener, Owner, ServicesOf
from api.services import Services, needed
from api.shapes import Asked
from sinks.rows import ListenerRow
from sinks.times import to_ms, to_time
from sinks.travel import Decision
from streams.contracts.ports import ZonePeriod
from streams.enrich.travel import Trip, clocks_of, with_stay, zone_at
from streams.enrich.zones import Place, check_zone, country_name

router = APIRouter(prefix="/api/v1/listeners/{listener}", tags=["travel"])

TripName = Annotated[str, Path(pattern=r"^[A-Z]{2}-\d{4}-\d{2}-\d{2}$", description="as the list names it")]
_one_at_a_time = threading.Lock()  # a zone history is read, changed and written

LONGEST = timedelta(days=366 * 30)

EXAMPLE = {
    "travel": [
        {
            "trip": "JP-2025-04-02",
            "country": "JP",
            "country_name": "Japan",
            "state": "proposed",
            "plays": 214,
            "zone": "Asia/Tokyo",
            "choices": [{"zone": "Asia/Tokyo", "about": "", "utc_offset_minutes": 540}],
            "first": "2025-04-02T17:12",
            "last": "2025-04-16T09:40",
            "told_in": "Asia/Tokyo",
            "starts_at": "2025-04-02T08:12:00Z",
            "ends_at": "2025-04-16T00:40:00Z",
        }
    ],
    "countries_kept": True,
}


@dataclass(frozen=True)
class Choice:
    """A zone of the country, which part of it lives by it, and its offset from UTC as the trip begins."""

    zone: str
    about: str
    utc_offset_minutes: int


@dataclass(frozen=True, kw_only=True)
class TripShape:
    """A trip. `zone` is "" where the country has several clocks. `choices` are all its zones, those of one
    clock together.

    `first` and `last` are local moments by the clock of `told_in` (the zone of the trip, or of home
    where that is not known); `starts_at` and `ends_at` are the same in UTC. Of an accepted trip they
    are from when until when its zone holds.
    """

    trip: str
    country: str
    country_name: str
    state: Literal["proposed", "accepted", "refused"]
    plays: int
    zone: str
    choices: list[Choice]
    first: str
    last: str
    told_in: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class TravelShape:
    """A listener's trips: those to be asked about first, then what was decided; each newest first."""

    travel: list[TripShape]
    countries_kept: bool


class Acceptance(BaseModel):
    """What to change of the proposal. Moments without an offset are local to the zone; a day alone is whole."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    zone: Annotated[str | None, Field(max_length=64, examples=["Asia/Tokyo"])] = None
    since: Annotated[str | None, Field(alias="from", max_length=40, examples=["2025-04-02T17:00"])] = None
    until: Annotated[str | None, Field(alias="to", max_length=40, examples=["2025-04-16"])] = None


@router.get("/travel", summary="Trips to ask about, and what was decided", responses=example(EXAMPLE))
def travel(listener: Listener, services: ServicesOf) -> TravelShape:
    """From runs of another country than home in the listener's own export; odd single plays are none."""
    store = needed(services.travel, "The database")
    zones = listener.periods()
    shown = [_shape(Decision(trip, "refused"), listener, "proposed") for trip in store.proposed(listener.id, zones)]
    shown += [_shape(one, listener, one.state) for one in store.decided(listener.id)]
    return TravelShape(shown, store.countries_kept(listener.id))


@router.post("/travel/{trip}/accept", status_code=202, summary="Accept or change a trip")
async def accept(
    services: ServicesOf, caller: Owner, listener: Listener, trip: TripName, changes: Acceptance | None = None
) -> Asked:
    """Its zone holds from its first moment to its last one; the plays are stamped again, by the command
    that is given back. An accepted trip can be accepted again, to change it."""
    given = changes or Acceptance()
    store, listeners = needed(services.travel, "The database"), needed(services.listeners, "The database")
    needed(services.publisher, "The publisher")  # before anything is changed: the plays would keep the old zone

    def carry_out() -> None:
        with _one_at_a_time:
            now = listeners.get(listener.listener)
            known = _find(services, now, trip)
            decision = _accepted(known, given)
            # the decision first: after a crash behind it one accepts the trip again
            store.decide(now.id, decision)
            zones = with_stay(_without(now, known), decision.zone, decision.starts, decision.ends)
            listeners.set(now.listener, zones=zones)

    await run_in_threadpool(carry_out)
    return await ask(services, listener.id, "restamp")


@router.post("/travel/{trip}/refuse", summary="Refuse a trip", responses=example(EXAMPLE))
async def refuse(services: ServicesOf, caller: Owner, listener: Listener, trip: TripName) -> TravelShape:
    """It was none: it is not proposed again. 409 for an accepted one, which is taken back instead."""

    def carry_out() -> TravelShape:
        known = _find(services, listener, trip)
        if known.state == "accepted":
            raise Problem(409, "This trip was accepted.", cure="Take it back first.")
        needed(services.travel, "The database").decide(listener.id, Decision(known.trip, "refused"))
        return travel(listener, services)

    return await run_in_threadpool(carry_out)


@router.delete("/travel/{trip}", status_code=202, summary="Take back what was decided about a trip")
async def take_back(services: ServicesOf, caller: Owner, listener: Listener, trip: TripName) -> Asked:
    """It is proposed again. What an accepted one changed of the zone history is as before it."""
    store, listeners = needed(services.travel, "The database"), needed(services.listeners, "The database")
    needed(services.publisher, "The publisher")

    def carry_out() -> None:
        known = next((one for one in store.decided(listener.id) if one.trip.name == trip), None)
        if known is None:
            raise Problem(404, "Nothing was decided about such a trip.", cure="See `spotifire listeners travel`.")
        with _one_at_a_time:
            if known.state == "accepted":
                listeners.set(listener.listener, zones=_without(listeners.get(listener.listener), known))
            store.take_back(listener.id, known)

    await run_in_threadpool(carry_out)
    return await ask(services, listener.id, "restamp")


@router.delete("/countries", status_code=202, summary="Forget the countries of all plays")
async def drop_countries(services: ServicesOf, caller: Owner, listener: Listener) -> Asked:
    """They serve only to propose trips. None is kept of later plays either; what was accepted stays."""
    return await ask(services, listener.id, "drop-countries")


@router.post("/countries", status_code=202, summary="Keep the countries of later plays again")
async def keep_countries(services: ServicesOf, caller: Owner, listener: Listener) -> Asked:
    """Those that were forgotten come back by no means but undoing an import and importing again."""
    return await ask(services, listener.id, "keep-countries")


def _find(services: Services, listener: ListenerRow, name: str) -> Decision:
    """What is known of a trip; one that is only proposed is given as refused with no zone."""
    store = needed(services.travel, "The database")
    # first what is proposed: a trip that grew since it was refused has the name that it had
    proposed = [Decision(trip, "refused") for trip in store.proposed(listener.id, listener.periods())]
    for decision in (*proposed, *store.decided(listener.id)):
        if decision.trip.name == name:
            return decision
    raise Problem(404, f"There is no trip {name}.", cure="See `spotifire listeners travel`.")


def _accepted(known: Decision, changes: Acceptance) -> Decision:
    """The decision with zone and moments as given, else as it was, else as proposed."""
    clocks = clocks_of(known.trip)
    zone = changes.zone or known.zone or (clocks[0][0].zone if len(clocks) == 1 else "")
    if not zone:
        some = ", ".join(group[0].zone for group in clocks[:6])
        raise Problem(
            400, f"{country_name(known.trip.country)} has several clocks.", cure=f"Say which: {some} or another zone."
        )
    check_zone(zone)
    starts = _moment(changes.since, zone) if changes.since else known.starts or known.trip.first
    ends = _moment(changes.until, zone, end=True) if changes.until else known.ends or known.trip.last
    if not 0 < starts < ends or timedelta(milliseconds=ends - starts) > LONGEST:
        raise Problem(400, "A trip ends after it begins.", cure="Give moments such as 2025-04-02T17:00, in order.")
    return replace(known, state="accepted", zone=zone, starts=starts, ends=ends)


def _moment(text: str, zone: str, *, end: bool = False) -> int:
    """A moment of ISO 8601, local to the zone where it has no offset: Unix milliseconds UTC. Raises Problem 400."""
    try:
        if len(text) == len("2025-04-02"):
            day = date.fromisoformat(text) + timedelta(days=int(end))
            moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the zone follows
        else:
            moment = datetime.fromisoformat(text)
        return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)))
    except (ValueError, OverflowError):
        raise Problem(400, f"{text!r} is no moment.", cure="Write it as 2025-04-02 or 2025-04-02T17:00.") from None


def _without(listener: ListenerRow, known: Decision) -> tuple[ZonePeriod, ...]:
    """The zone history as it was before the trip was accepted; as it is, where it was not."""
    zones = listener.periods()
    if known.state != "accepted":
        return zones
    return with_stay(zones, zone_at(zones, known.starts - 1), known.starts, known.ends)


def _shape(known: Decision, listener: ListenerRow, state: Literal["proposed", "accepted", "refused"]) -> TripShape:
    trip: Trip = known.trip
    clocks = clocks_of(trip)
    zone = known.zone or (clocks[0][0].zone if len(clocks) == 1 else "")
    starts, ends = (known.starts, known.ends) if known.zone else (trip.first, trip.last)
    told_in = zone or zone_at(listener.periods(), trip.first)
    local = [f"{to_time(at).astimezone(ZoneInfo(told_in)):%Y-%m-%dT%H:%M}" for at in (starts, ends)]
    return TripShape(
        trip=trip.name,
        country=trip.country,
        country_name=country_name(trip.country),
        state=state,
        plays=trip.plays,
        zone=zone,
        choices=[_choice(place, trip.first) for group in clocks for place in group],
        first=local[0],
        last=local[1],
        told_in=told_in,
        starts_at=to_time(starts),
        ends_at=to_time(ends),
    )


def _choice(place: Place, moment: int) -> Choice:
    offset = to_time(moment).astimezone(ZoneInfo(place.zone)).utcoffset() or timedelta()
    return Choice(place.zone, place.about, offset // timedelta(minutes=1))
