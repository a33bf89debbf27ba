"""Raw genre names -> one of the families of Spotifire, by the words that the names are made of.

A name is cut into phrases: heads ("hip hop", "cumbia"), places ("argentine", "k"), tints ("indie",
"christian") and words that say nothing here. The head of an English name is its last, of a
Spanish, Portuguese or French one its first; then what stands beside it may change the family
(see genre_words.py and genre_places.py: "argentine" makes `latin-rock` of rock). Each name votes
for one or more families, and the family with most weight wins. Pure; nothing is read or written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from streams.enrich import genre_places as places
from streams.enrich import genre_words as words
from streams.enrich.genre_words import FAMILIES, UNKNOWN

__all__ = ["FAMILIES", "UNKNOWN", "Vote", "decide", "family_of", "votes"]

# Rewritten before a name is cut into words, because their signs are part of them.
_SPELLINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"_", " "),
        (r"\br\s*(?:&|\+|and|n|'n'?)\s*b\b", "rnb"),
        (r"\b(?:d\s*(?:&|\+|and|n|'n'?)\s*b|dnb)\b", "drum and bass"),
        (r"\bdrum\s*(?:&|\+|n|'n'?)\s*bass\b", "drum and bass"),
        (r"\brock\s*(?:&|\+|n|'n'?)\s*roll\b", "rock and roll"),
        (r"\br\s*(?:&|\+)\s*r\b", "rock and roll"),
        (r"\brhythm\s*(?:&|\+|n|'n'?)\s*blues\b", "rnb"),
        (r"\b(k|j|c|t|v|p)(pop)\b", r"\1 \2"),
        (r"\b(k|j)(rock|rap|indie)\b", r"\1 \2"),  # "crap" and "trap" are none of these
        (r"\b(hip|trip)hop\b", r"\1 hop"),
        (r"\blofi\b", "lo fi"),
        (r"\b(post|alt|anti)(punk|rock|metal|hardcore|folk|country|grunge)\b", r"\1 \2"),
        (r"&|\+", " and "),
        (r"['’`´]", ""),
    )
)

_STRONG = 1.2  # a head that is more than the bare name of a family
_PLAIN = 1.0
_PLACE_ONLY = 0.7
_HINT = 0.4  # a weak head
_SEASONAL = 0.3  # christmas, when nothing else is known
_ASIDE = 0.3  # share of a head that is not the name's own head
_PER_WORD = 0.1  # what each further word that was understood adds

_LONG_PLURALS = ("ciones", "tores", "iles", "nales", "cales", "eches")  # of Spanish and English words

_BY_PLACE = 0.05  # how much each place further down the list costs, where the source gives no counts


class Vote(NamedTuple):
    """One family and its weight (above 0, about 1 for a plain name)."""

    family: str
    weight: float


class _Phrase(NamedTuple):
    """A run of words of a name with the roles it can play."""

    sort: str = ""  # a head's family or sort
    weak: bool = False
    place: str | None = None  # a region of genre_places
    romance: bool = False
    tint: str = ""


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
    phrases = _cut(_normal(name))
    heads = [index for index, phrase in enumerate(phrases) if phrase.sort and not phrase.weak]
    weak = [index for index, phrase in enumerate(phrases) if phrase.sort and phrase.weak]
    tints = [phrase.tint for phrase in phrases if phrase.tint]
    regions = [phrase.place for phrase in phrases if phrase.place]
    if not heads and not weak:
        return _without_head(tints, regions)
    strength = _STRONG if heads else _HINT
    heads = heads or weak
    head = heads[0] if _romance(phrases, heads) else heads[-1]
    sort = phrases[head].sort
    if len(heads) == 1 and len(phrases) == 1 and sort in FAMILIES and _normal(name) == _normal(sort):
        strength = _PLAIN
    if sort == "carol":
        strength = _SEASONAL
    understood = sum(1 for phrase in phrases if phrase.sort or phrase.place or phrase.tint)
    strength *= 1 + _PER_WORD * min(understood - 1, 3)
    beside = [phrases[index].sort for index in heads if index != head]
    tally: dict[str, float] = {_family(sort, beside, tints, regions): strength}
    for other in beside:
        if sort in words.LED.get(other, {}):
            continue  # it has spoken: it made the head what it is
        both = frozenset({sort, other}) in words.BOTH
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


def _family(sort: str, beside: Sequence[str], tints: Sequence[str], regions: Sequence[str]) -> str:
    """The family of a head among its neighbours: tints first, then leading heads, then the place."""
    for tint in tints:
        sort = words.TINTED[tint].get(sort, sort)
    for other in beside:
        sort = words.LED.get(other, {}).get(sort, sort)
    for region in regions:
        sort = places.REGIONAL[region].get(sort, sort)
    return words.SORT_FAMILY.get(sort, sort)


def _without_head(tints: Sequence[str], regions: Sequence[str]) -> tuple[Vote, ...]:
    """A name of places and tints alone: "indie", "argentine indie", "musica cubana"."""
    if tints:
        sort = words.TINTED[tints[-1]]["*"]
        strength = (_STRONG if regions else _PLAIN) * (1 + _PER_WORD * min(len(tints) + len(regions) - 1, 3))
        return (Vote(_family(sort, [], [], regions), strength),)
    if not regions:
        return ()
    return (Vote(places.REGION_FAMILY[regions[-1]], _PLACE_ONLY),)


def _romance(phrases: Sequence[_Phrase], heads: Sequence[int]) -> bool:
    """Whether the name's words stand in Romance order, so that its head is its first."""
    return any(phrase.romance and (index > heads[0] or not phrase.sort) for index, phrase in enumerate(phrases))


def _normal(name: str) -> str:
    """Lower case, no accents, single blanks; "R&B", "K-Pop" and "hip-hop" in one spelling each."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    for pattern, text in _SPELLINGS:
        bare = pattern.sub(text, bare)
    return " ".join(re.sub(r"[\W_]+", " ", bare).split())


def _stem(word: str) -> str:
    """Plural and a final -a away, on both sides of every comparison: "nortenas" is "norteno"."""
    if word.endswith(_LONG_PLURALS):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    if len(word) >= 5 and word.endswith("ie"):
        word = word[:-2] + "y"
    return word[:-1] + "o" if len(word) >= 5 and word.endswith("a") else word


def _key(text: str) -> str:
    return " ".join(_stem(word) for word in _normal(text).split())


def _split(text: str) -> list[str]:
    return [key for part in text.split(",") if (key := _key(part))]


@lru_cache(maxsize=1)
def _lexicon() -> tuple[dict[str, _Phrase], int]:
    """Every phrase with its roles, by its stemmed words, and the most words that one has."""
    known: dict[str, _Phrase] = {}

    def add(text: str, **roles: object) -> None:
        for key in _split(text):
            known[key] = known.get(key, _Phrase())._replace(**roles)  # type: ignore[arg-type]

    for region, text in places.PLACES.items():
        add(text, place=region)
    for region, text in places.ROMANCE_PLACES.items():
        add(text, place=region, romance=True)
    add(places.ROMANCE_WORDS, romance=True)
    for tint, text in words.TINTS.items():
        add(text, tint=tint)
    for sort, text in words.WEAK.items():
        add(text, sort=sort, weak=True)
    for sort, text in words.HEADS.items():
        add(text, sort=sort, weak=False)
    return known, max(len(key.split()) for key in known)


def _cut(name: str) -> list[_Phrase]:
    """A normal name as phrases, at each place the longest that is known; other words are empty ones."""
    known, longest = _lexicon()
    plain = name.split()
    stems = [_stem(word) for word in plain]
    phrases: list[_Phrase] = []
    at = 0
    while at < len(stems):
        for size in range(min(longest, len(stems) - at), 0, -1):
            phrase = known.get(" ".join(stems[at : at + size]))
            if phrase and not (size == 1 and len(stems[at]) == 1 and at + 1 == len(stems)):
                phrases.append(phrase)
                at += size
                break
        else:
            phrases.extend(_compound(plain[at], known))
            at += 1
    return phrases


def _compound(word: str, known: dict[str, _Phrase]) -> list[_Phrase]:
    """A word written together, as the phrases of its parts: "folktronica", "latinjazz"."""
    for ending, meaning in places.ENDINGS:
        start = word.removesuffix(ending)
        if start != word and len(start) >= 2 and not word.endswith("shop"):
            before = known.get(_stem(start))
            return [*([before] if before else []), known[_key(meaning)]]
    return [_Phrase()]
