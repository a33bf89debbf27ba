"""Raw genre names -> one of the families of Spotifire, by the words that the names are made of.

A name is cut into phrases: heads ("hip hop", "cumbia"), places ("argentine", "k"), tints ("indie",
"christian") and words that say nothing here. The head of an English name is its last, of a
Spanish, Portuguese or French one its first; then what stands beside it may change the family
(see genre_beside.py and genre_places.py: "argentine" makes `latin-rock` of rock). Each name votes
for one or more families, and the family with most weight wins. Pure; nothing is read or written.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from streams.enrich import genre_beside as beside
from streams.enrich import genre_places as places
from streams.enrich import genre_words as words
from streams.enrich.genre_lexicon import Phrase, cut
from streams.enrich.genre_spelling import normal
from streams.enrich.genre_words import FAMILIES, UNKNOWN

__all__ = ["FAMILIES", "UNKNOWN", "Vote", "decide", "family_of", "votes"]

_STRONG = 1.2  # a head that is more than the bare name of a family
_PLAIN = 1.0
_PLACE_ONLY = 0.7
_HINT = 0.4  # a weak head
_SEASONAL = 0.3  # christmas, when nothing else is known
_ASIDE = 0.3  # share of a head that is not the name's own head
_PER_WORD = 0.1  # what each further word that was understood adds

_BY_PLACE = 0.05  # how much each place further down the list costs, where the source gives no counts


class Vote(NamedTuple):
    """One family and its weight (above 0, about 1 for a plain name)."""

    family: str
    weight: float


def decide(names: Sequence[str], weights: Sequence[float] | None = None) -> tuple[str, str]:
    """The family of an artist with these raw genre names, and the name that decided it.

    `weights` (as many as names) are the source's vote counts, where it has them; without them the
    order counts a little, the first most. ("unknown", "") where there is no evidence.
    """
    if weights is not None and len(weights) != len(names):
        raise ValueError(f"{len(names)} names but {len(weights)} weights")
    return _decide(tuple(names), None if weights is None else tuple(weights))


def family_of(name: str) -> str:
    """The family that one raw genre name speaks for most, or "unknown"."""
    found = votes(name)
    return found[0].family if found else UNKNOWN


@lru_cache(maxsize=65_536)
def votes(name: str) -> tuple[Vote, ...]:
    """What one raw genre name votes for, most weight first; empty where nothing is understood."""
    phrases = _with_noun(cut(normal(name)))
    tints = [phrase.tint for phrase in phrases if phrase.tint]
    regions = [phrase.place for phrase in phrases if phrase.place]
    heads = [index for index, phrase in enumerate(phrases) if phrase.sort and not phrase.weak]
    weak = [index for index, phrase in enumerate(phrases) if phrase.sort and phrase.weak and not tints]
    if not heads and not weak:
        return _without_head(tints, regions, song=any(phrase.song for phrase in phrases))
    strength = _STRONG if heads else _HINT
    heads = heads or weak
    head = _head(phrases, heads)
    sort = phrases[head].sort
    if len(heads) == 1 and len(phrases) == 1 and sort in FAMILIES and normal(name) == normal(sort):
        strength = _PLAIN
    if sort == "carol":
        strength = _SEASONAL
    understood = sum(1 for index, one in enumerate(phrases) if index in heads or one.place or one.tint)
    strength *= 1 + _PER_WORD * min(understood - 1, 3)
    others = [phrases[index].sort for index in heads if index != head]
    around = [*others, *(phrases[index].sort for index in weak if index not in heads)]
    tally: dict[str, float] = {_family(sort, around, tints, regions): strength}
    for other in others:
        if sort in beside.LED.get(other, {}):
            continue  # it has spoken: it made the head what it is
        both = frozenset({sort, other}) in beside.BOTH
        family = _family(other, [sort], tints, regions)
        tally[family] = tally.get(family, 0.0) + strength * (1.0 if both else _ASIDE)
    return tuple(sorted((Vote(*item) for item in tally.items()), key=lambda vote: -vote.weight))


@lru_cache(maxsize=65_536)
def _decide(names: tuple[str, ...], weights: tuple[float, ...] | None) -> tuple[str, str]:
    total: dict[str, float] = {}
    best: dict[str, tuple[float, float, str]] = {}  # by family: the strongest vote and its name
    for place, name in enumerate(names):
        factor = 1 / (1 + _BY_PLACE * place) if weights is None else weights[place]
        if factor <= 0:
            continue
        for vote in votes(name):
            share = vote.weight * factor
            total[vote.family] = total.get(vote.family, 0.0) + share
            if share > best.get(vote.family, (0.0, 0.0, ""))[0]:
                best[vote.family] = (share, vote.weight, name)
    if not total:
        return UNKNOWN, ""
    # rounded, so that a tie is one whatever the order of the sums; then the more specific name
    family = max(total, key=lambda one: (round(total[one], 9), best[one][1], len(best[one][2])))
    return family, best[family][2]


def _family(sort: str, others: Sequence[str], tints: Sequence[str], regions: Sequence[str]) -> str:
    """The family of a head among its neighbours: tints first, then leading heads, then the place."""
    for tint in tints:
        sort = beside.TINTED[tint].get(sort, sort)
    for other in others:
        sort = beside.LED.get(other, {}).get(sort, sort)
    for region in regions:
        sort = places.REGIONAL[region].get(sort, sort)
    return words.SORT_FAMILY.get(sort, sort)


def _without_head(tints: Sequence[str], regions: Sequence[str], *, song: bool) -> tuple[Vote, ...]:
    """A name of places and tints alone: "indie", "argentine indie", "musica cubana", "friese muziek"."""
    if tints:
        sort = beside.TINTED[tints[-1]]["*"]
        strength = (_STRONG if regions else _PLAIN) * (1 + _PER_WORD * min(len(tints) + len(regions) - 1, 3))
        return (Vote(_family(sort, [], [], regions), strength),)
    if not regions:
        return (Vote("world", _HINT),) if song else ()
    return (Vote(places.REGION_FAMILY[regions[-1]], _PLACE_ONLY),)


def _with_noun(phrases: list[Phrase]) -> list[Phrase]:
    """The phrases, a last word "indie" as the head that it is: "western mass indie" is not `country`."""
    if phrases and phrases[-1].tint == "indie" and not phrases[-1].romance and any(one.sort for one in phrases):
        return [*phrases[:-1], phrases[-1]._replace(sort="alternative", tint="")]
    return phrases


def _head(phrases: Sequence[Phrase], heads: Sequence[int]) -> int:
    """Which of a name's heads is its own: the first of Romance words, the last of English ones.

    Musicians abroad borrow English compounds whole, so that "folk rock italiano" is rock and "emo rap italiano" rap.
    """
    if not _romance(phrases, heads):
        return heads[-1]
    pair = heads[:2]
    borrowed = len(pair) == 2 and pair[1] == pair[0] + 1
    borrowed = borrowed and phrases[pair[0]].sort in beside.BORROWED and phrases[pair[1]].sort in beside.BORROWING
    return pair[1] if borrowed else pair[0]


def _romance(phrases: Sequence[Phrase], heads: Sequence[int]) -> bool:
    """Whether the name's words stand in Romance order, so that its head is its first."""
    return any(phrase.romance and (index > heads[0] or not phrase.sort) for index, phrase in enumerate(phrases))
