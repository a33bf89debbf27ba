"""What the words of a genre name do to each other: data only, read by genre.py.

Tints ("indie", "christian") change the head that they stand beside, some heads change another ("samba
rock"), and a few pairs are both. The families and sorts are those of genre_words.py.
"""

from __future__ import annotations

# Words that do not name a kind of music but change the one that they stand beside.
TINTS: dict[str, str] = {
    "indie": "indie, alternative, alt, alternativo, independiente, goth, gothic, independent",
    "christian": """
        christian, cristiano, gospel, worship, ccm, catholic, cristao, catolico, praise, jesus, alabanza,
        louvor, religious""",
}

# What a tint makes of a head. "*" is what it is alone.
TINTED: dict[str, dict[str, str]] = {
    "indie": {"*": "alternative", "pop": "alternative", "rock": "alternative", "dance": "alternative",
              "emo": "alternative"},
    "christian": {"*": "religious", **dict.fromkeys(
        ("pop", "rock", "alternative", "hip-hop", "rnb-soul", "folk", "songwriter", "country", "electronic", "dance",
         "punk", "hardcore", "emo", "latin-pop", "latin-rock", "latin-urban", "tropical", "brazilian", "african",
         "spoken", "children", "regional-mexican", "asian-pop"), "religious")},
}  # fmt: skip

# What a head of one family makes of a more general head beside it: "samba rock", "mariachi pop".
LED: dict[str, dict[str, str]] = {
    "tropical": {"pop": "tropical", "hip-hop": "latin-urban", "rock": "latin-rock", "alternative": "latin-rock",
                 "latin-pop": "tropical", "rnb-soul": "tropical"},
    "regional-mexican": dict.fromkeys(("pop", "rock", "latin-pop", "alternative"), "regional-mexican"),
    "latin-urban": {"pop": "latin-urban", "rock": "latin-rock", "alternative": "latin-rock", "hip-hop": "latin-urban",
                    "rnb-soul": "latin-urban", "dance": "latin-urban", "latin-pop": "latin-urban",
                    "flamenco": "latin-urban"},
    "latin-pop": {"pop": "latin-pop", "rock": "latin-rock", "rnb-soul": "latin-pop", "alternative": "latin-rock",
                  "hip-hop": "latin-urban", "songwriter": "latin-pop", "folk": "latin-pop"},
    "brazilian": dict.fromkeys(("pop", "rock", "alternative", "rnb-soul", "hip-hop", "folk", "dance", "electronic",
                                "reggae"), "brazilian"),
    "flamenco": {"pop": "latin-pop", "rock": "latin-rock", "rnb-soul": "latin-pop", "alternative": "latin-pop",
                 "latin-urban": "latin-urban", "hip-hop": "latin-urban", "songwriter": "latin-pop"},
    "asian-pop": dict.fromkeys(("pop", "rock", "alternative", "hip-hop", "rnb-soul", "dance", "core"),
                               "asian-pop"),
    "african": {"pop": "african", "rnb-soul": "african", "dance": "african"},
    "alternative": {"pop": "alternative", "rock": "alternative"},
    "punk": {"pop": "punk", "rock": "punk", "core": "punk"},
    "emo": {"core": "punk"},
    "electronic": {"hardcore": "electronic"},
    "metal": {"core": "metal"},
    "hip-hop": {"core": "metal"},
    "folk": dict.fromkeys(("core", "ballad", "dance"), "folk"),
    "children": dict.fromkeys(("pop", "rock", "alternative", "latin-pop", "folk", "dance", "country", "hip-hop",
                               "brazilian", "world", "song"), "children"),
    "jazz": dict.fromkeys(("core", "guitar", "bass"), "jazz"),
    "religious": {"core": "punk"},
    "classical": {"guitar": "classical", "bass": "classical"},
    "blues": {"guitar": "blues", "boogie": "blues"},
    "country": {"boogie": "country", "guitar": "country"},
    "world": dict.fromkeys(("folk", "traditional", "guitar", "latin-pop"), "world"),
    "pop": {"flamenco": "latin-pop"},
    "rock": {"flamenco": "latin-rock", "bass": "rock"},
}  # fmt: skip

# Pairs that vote for both of their families alike.
BOTH: frozenset[frozenset[str]] = frozenset({frozenset({"country", "rock"})})

# The two halves of English compounds that Romance languages borrow whole ("folk rock italiano").
BORROWED: frozenset[str] = frozenset(
    ("emo", "jazz", "folk", "blues", "rnb-soul", "pop", "electronic", "reggae", "country")
)
BORROWING: frozenset[str] = frozenset(("rock", "hip-hop", "metal", "punk", "rnb-soul"))
