"""A genre name cut into phrases with their roles, words that are in no list among them.

A word that is not listed is understood, in this order, by how it sounds ("khaliji"), by the two
listed words that it is made of ("jazzhop", "barnmusik"), by its ending ("krautrock"), by the
listed word it begins with ("dubsteppe") or by the form of a place's name ("londrinense"). What only
such a guess says is weak: it speaks where nothing else in the name does. Pure.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from streams.enrich import genre_beside as beside
from streams.enrich import genre_languages as languages
from streams.enrich import genre_places as places
from streams.enrich import genre_words as words
from streams.enrich.genre_spelling import key, sound, stem
from streams.enrich.genre_styles import STYLES


class Phrase(NamedTuple):
    """A run of words of a name with the roles it can play; one without any says nothing."""

    sort: str = ""  # a head's family or sort
    weak: bool = False
    place: str | None = None  # a region of genre_places
    romance: bool = False
    tint: str = ""
    song: bool = False  # "music" or "songs", in any language


class Lexicon(NamedTuple):
    """Every phrase with its roles, found by three spellings, each coarser than the last."""

    phrases: dict[str, Phrase]  # by its stemmed words
    joined: dict[str, Phrase]  # a phrase of several words, by their stems written together
    sounds: dict[str, Phrase]  # a single word, by its sound
    longest: int  # the most words that a phrase has


_SHORTEST_SOUND = 5  # letters of a word, below which words that sound alike are different words
_SHORTEST_START = 2
_SHORTEST_END = 3
_SHORTEST_PART = 4
_LONG_END = 6
_ENDS = dict((*places.ENDINGS, *places.JOINED_ENDS))
_BETWEEN = ("s", "n", "e", "en", "o", "i")  # letters between the parts of a compound
_DEMONYM = ("ian", "ean", "uan", "ese", "ish")  # endings of English adjectives of places


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The tables of genre_words, genre_beside, genre_places, genre_languages and genre_styles as one."""
    known: dict[str, Phrase] = {}

    def add(text: str, **roles: object) -> None:
        for part in text.split(","):
            if one := key(part):
                known[one] = known.get(one, Phrase())._replace(**roles)  # type: ignore[arg-type]

    add(languages.SONGS, song=True)
    add(languages.NOTHING)
    for region, text in places.PLACES.items():
        add(text, place=region)
    for region, text in places.ROMANCE_PLACES.items():
        add(text, place=region, romance=True)
    add(places.ROMANCE_WORDS, romance=True)
    for tints in (beside.TINTS, languages.TINTS):
        for tint, text in tints.items():
            add(text, tint=tint)
    for weak in (STYLES, words.WEAK, languages.WEAK):
        for sort, text in weak.items():
            add(text, sort=sort, weak=True)
    for heads in (words.HEADS, languages.HEADS):
        for sort, text in heads.items():
            add(text, sort=sort, weak=False)
    joined = {one.replace(" ", ""): phrase for one, phrase in known.items() if " " in one}
    sounds: dict[str, Phrase] = {}
    for one, phrase in known.items():
        if " " not in one and len(one) >= _SHORTEST_SOUND and len(sound(one)) >= _SHORTEST_SOUND - 1:
            sounds.setdefault(sound(one), phrase)
    return Lexicon(known, joined, sounds, max(len(one.split()) for one in known))


def cut(name: str) -> list[Phrase]:
    """A normal name as phrases, at each place the longest that is known."""
    known = lexicon()
    plain = name.split()
    stems = [stem(word) for word in plain]
    phrases: list[Phrase] = []
    at = 0
    while at < len(stems):
        for size in range(min(known.longest, len(stems) - at), 0, -1):
            phrase = known.phrases.get(" ".join(stems[at : at + size]))
            if phrase is None and size == 2 and at + 2 == len(stems):
                phrase = _apart(plain[at], stems[at + 1])
            # a letter is a place ("k pop"), but not as the last word ("plan b")
            if phrase is not None and not (size == 1 and len(stems[at]) == 1 and at + 1 == len(stems)):
                phrases.append(phrase)
                at += size
                break
        else:
            phrases.extend(_unlisted(plain[at]))
            at += 1
    return phrases


def _apart(first: str, last: str) -> Phrase | None:
    """A listed head of one word that is written as two ("slow core", "kraut rock")."""
    found = lexicon().phrases.get(first + last)
    return found if found is not None and found.sort and min(len(first), len(last)) >= _SHORTEST_PART else None


@lru_cache(maxsize=65_536)
def _unlisted(word: str) -> tuple[Phrase, ...]:
    """A word that is in no list as it is written."""
    known = lexicon()
    listed = _listed(word)
    parts = (listed,) if listed is not None else _two_words(word)
    if parts:
        return parts
    if any(start in word for start in languages.SONG_ROOTS):
        return (Phrase(song=True),)
    ending = next((one for one, _ in places.ENDINGS if word.endswith(one) and len(word) - len(one) >= 2), "")
    if ending and not word.endswith("shop"):
        # "krautrock" is a head, "norfolk" is none: there is no telling, so that it is a weak one
        return (known.phrases[key(_ENDS[ending])]._replace(weak=True),)
    if word.endswith("ense") and len(word) > 6:
        return (Phrase(place="brazil", romance=True),)
    if word.endswith(_DEMONYM) and len(word) > 5:
        return (Phrase(place="elsewhere"),)
    return (_begun(word),)


def _begun(word: str) -> Phrase:
    """A word that begins with a root of music ("dubsteppe", "rockism"), or an empty phrase."""
    known = lexicon()
    for size in range(len(word) - 1, _SHORTEST_PART - 1, -1):
        found = known.phrases.get(stem(word[:size]))
        if found is not None and found.sort in words.ROOTS and not found.weak:
            return found._replace(weak=True)
    return Phrase()


def _listed(word: str) -> Phrase | None:
    """A listed phrase that is only spelled otherwise, or written together."""
    known = lexicon()
    stemmed = stem(word)
    found = known.joined.get(stemmed)
    if found is None and len(word) >= _SHORTEST_SOUND:
        found = known.sounds.get(sound(stemmed))
    return found


def _two_words(word: str) -> tuple[Phrase, ...]:
    """A word written together of two that are listed: the one with the longest end."""
    known = lexicon()
    for at in range(_SHORTEST_START, len(word) - _SHORTEST_END + 1):
        start, end = word[:at], word[at:]
        last = known.phrases[key(_ENDS[end])] if end in _ENDS else _part(end)
        if last is None:
            continue
        bare = next((start.removesuffix(one) for one in _BETWEEN if start.endswith(one)), "")
        bare = "" if bare == end else bare  # "skanska" is no "ska" twice
        first = _part(start) or (_part(bare) if bare else None)
        if first is None and len(start) >= _SHORTEST_END and len(end) >= _LONG_END:
            first = known.phrases.get(start)  # "zim" is a listed place, and "dancehall" no end by chance
        if first is not None:
            return first, last._replace(weak=False)
    return ()


def _part(text: str) -> Phrase | None:
    """A listed word as one part of a compound; short ones are in words by chance, but for a few."""
    if len(text) < _SHORTEST_PART and text not in languages.STARTS:
        return None
    known = lexicon()
    found = known.phrases.get(stem(text))
    if found is None and len(text) >= _SHORTEST_SOUND:
        found = known.sounds.get(sound(stem(text)))
    return found
