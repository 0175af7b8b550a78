"""What a forbidden concept is compared with: ordinary things, and the words of the set's own prompts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scoring.safety.forbidden import make_forbidden

PROMPTS = ["a mossy crypt, inked", "a bone flute and an altar, inked", "a skull on a velvet throne, inked"]


class Directions:
    """Each different text is a direction of its own."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.texts += [text for text in texts if text not in self.texts]
        rows = np.zeros((len(texts), 2000), np.float32)
        rows[np.arange(len(texts)), [self.texts.index(text) for text in texts]] = 1
        return rows


def rivals_of(concept: str) -> set[str]:
    """The texts that count against a concept."""
    known = Directions()
    looked = make_forbidden([concept], PROMPTS, known.embed, 100.0)
    assert looked is not None
    return {known.texts[int(row.argmax())] for row in looked.others[looked.rivals[0]]}


class TestRivals:
    def test_words_of_the_sets_prompts_are_rivals_but_for_those_that_all_have(self) -> None:
        assert {"a mossy", "a crypt", "a flute", "a altar"} <= rivals_of("skull")
        assert "a inked" not in rivals_of("skull"), "a style of all pictures tells nothing"

    def test_words_that_only_prompts_with_the_concept_have_are_none(self) -> None:
        assert not {"a velvet", "a throne", "a skull"} & rivals_of("skull")
        assert {"a velvet", "a throne"} <= rivals_of("gore")

    def test_neither_the_concept_nor_a_part_of_it_competes_with_itself(self) -> None:
        assert "a red bone" in rivals_of("skull")
        assert not {"a bone", "a red bone"} & rivals_of("bone pile")
        assert not {"a bone", "a red bone"} & rivals_of("bones")

    def test_a_picture_of_a_rival_is_clear_and_one_of_the_concept_is_found(self) -> None:
        known = Directions()
        looked = make_forbidden(["skull"], PROMPTS, known.embed, 100.0)
        assert looked is not None
        scores = [row[0][1] for row in looked.measure(known.embed(["a crypt", "a black skull"]))]
        assert scores[0] < 0.5 < scores[1]
