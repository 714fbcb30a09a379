"""Cursors that no list has given out."""

from __future__ import annotations

import string


def mutate(cursor, rng):
    """Another text: some places replaced, left out, doubled, or put in another order."""
    while True:
        text = list(cursor)
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(text))
            kind = rng.randrange(4)
            if kind == 0:
                text[place] = rng.choice(string.printable)
            elif kind == 1 and len(text) > 1:
                del text[place]
            elif kind == 2:
                text.insert(place, rng.choice(string.ascii_letters))
            else:
                other = rng.randrange(len(text))
                text[place], text[other] = text[other], text[place]
        if "".join(text) != cursor:
            return "".join(text)
