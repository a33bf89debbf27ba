"""Genre names as they are compared: one spelling for accents, case, hyphens, plurals and transliterations.

Three steps, each coarser than the last: `normal` for a whole name, `stem` for a word, and `sound`
for a word that is in no list as it is written ("khaliji" for "khaleeji", "elektro" for "electro").
Pure; nothing is read or written.
"""

from __future__ import annotations

import re
import unicodedata

# Rewritten before a name is cut into words, because their signs are part of them.
_SPELLINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"_", " "),
        (r"\br\s*(?:&|\+|and|n|'n'?)\s*b\b", "rnb"),
        (r"\b(\w+)r(?:&|\+)b\b", r"\1 rnb"),
        (r"\b(?:d\s*(?:&|\+|and|n|'n'?)\s*b|dnb)\b", "drum and bass"),
        (r"\bdrum\s*(?:&|\+|n|'n'?)\s*bass\b", "drum and bass"),
        (r"\brock\s*(?:&|\+|n|'n'?)\s*roll\b", "rock and roll"),
        (r"\br\s*(?:&|\+)\s*r\b", "rock and roll"),
        (r"\brhythm\s*(?:&|\+|n|'n'?)\s*blues\b", "rnb"),
        (r"\b(k|j|c|t|v|p)(pop)\b", r"\1 \2"),
        (r"\b(k|j)(rock|rap)\b", r"\1 \2"),  # "crap" and "trap" are none of these
        (r"\b(hip|trip)hop\b", r"\1 hop"),
        (r"\blofi\b", "lo fi"),
        (r"\b(post|alt|anti)(punk|rock|metal|hardcore|folk|country|grunge)\b", r"\1 \2"),
        (r"\bnwo\w{1,4}hm\b", "heavy metal"),  # "new wave of ... heavy metal"
        (r"\b(\w{2,3})hc\b", r"\1 hardcore punk"),
        (r"&|\+", " and "),
        (r"['’`´]", ""),
    )
)

_LONG_PLURALS = ("ciones", "tores", "iles", "nales", "cales", "eches")  # of Spanish and English words

# How one sound is written in the languages and transliterations of genre names.
_SOUNDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"(?:ism|ist|istic|isme|ismo|ista|istico)$", "is"),
        (r"(?:icke|icky|iche|ich)$", "ik"),
        (r"ph", "f"),
        (r"kh", "h"),
        (r"gh(?=[aeiou])", "g"),
        (r"ch(?=[^aeiou])", "k"),
        (r"ck|qu?|c(?![eih])", "k"),
        (r"z", "s"),
        (r"w", "v"),
        (r"ee|ie|y", "i"),
        (r"^j", "i"),
        (r"oo|ou", "u"),
        (r"ae", "e"),
        (r"(.)\1+", r"\1"),
        (r"[aeiou]+$", ""),
    )
)


def normal(name: str) -> str:
    """Lower case, no accents, single blanks; "R&B", "K-Pop" and "hip-hop" in one spelling each."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    bare = bare.translate(_LETTERS)
    for pattern, text in _SPELLINGS:
        bare = pattern.sub(text, bare)
    return " ".join(re.sub(r"[\W_]+", " ", bare).split())


_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})


def stem(word: str) -> str:
    """Plural and a final -a away, on both sides of every comparison: "nortenas" is "norteno"."""
    if word.endswith(_LONG_PLURALS):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    if len(word) >= 5 and word.endswith("ie"):
        word = word[:-2] + "y"
    return word[:-1] + "o" if len(word) >= 5 and word.endswith("a") else word


def key(text: str) -> str:
    """A phrase as it is looked up: every word's stem."""
    return " ".join(stem(word) for word in normal(text).split())


def sound(word: str) -> str:
    """About how a normal word sounds, its last vowels and -ist or -ism left out."""
    for pattern, text in _SOUNDS:
        word = pattern.sub(text, word)
    return word
