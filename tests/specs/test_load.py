"""What a good spec means."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from specs.canonical import sha256_hex
from specs.reading.load import load_spec
from specs.spec import Candidates, KeepRules, Picture, Place, PrintSize, Schedule, Scoring, SelectionWeights
from tests.specs.making import GOOD, HEAD, ROWS, load, refused

EVERYTHING = """\
set: tavern-items
title: "Tavern Tales: item cards"
use: commercial
checkpoint: starter
style:
  prompt: "a {colour} {subject} on a {ground} background"
  negative: "blurry, cropped"
picture: {width_px: 256, height_px: 320, steps: 12, guidance: 4, scheduler: dpmpp-2m, clip_skip: 2}
seed: 20220916
candidates: {first: 4, at_most: 32}
keep:
  per_asset: 2
  min_aesthetic: 5
  min_adherence: 0.25
  max_likeness: 0.95
  max_rank: 1
  min_margin: 0.01
  allow_defects: [near_uniform]
  min_scores: {pickscore: 20.5}
  reject_pixels: drop
select: {aesthetic: 2, coherence: 0}
scoring: {aesthetic: laion-aesthetic-v1, safety: none}
content: {forbid: [gore, a skull]}
rights: {accept_unknown: "we trained it ourselves"}
schedule: {cron: "0 2 * * mon-fri", timezone: Asia/Tokyo}
assets:
  - {id: short-sword, subject: sword, colour: silver, ground: night}
  - id: healing-potion
    title: Healing Potion
    subject: potion
    colour: red
    ground: parchment
    candidates: 16
    keep: {per_asset: 3}
    picture: {steps: 30}
    negative: ""
"""


class TestASpec:
    def test_says_everything_that_its_file_says(self, tmp_path: Path) -> None:
        spec = load(tmp_path, EVERYTHING)
        assert (spec.set_name, spec.title, spec.use) == ("tavern-items", "Tavern Tales: item cards", "commercial")
        assert (spec.checkpoint, spec.seed, spec.reject_pixels) == ("starter", 20220916, "drop")
        assert spec.keep == KeepRules(2, 5.0, 0.25, 0.95, 1, 0.01, ("near_uniform",), (("pickscore", 20.5),))
        assert spec.weights == SelectionWeights(aesthetic=2.0, adherence=1.0, coherence=0.0, sameness=0.5)
        assert spec.scoring == Scoring(None, "laion-aesthetic-v1", "none")
        assert spec.schedule == Schedule("0 2 * * mon-fri", "Asia/Tokyo")
        assert spec.forbid == ("gore", "a skull")
        assert spec.rights.accept_unknown == "we trained it ourselves"
        assert spec.checkpoint_place == Place(str(tmp_path / "spec.yaml"), 4, 13)
        assert spec.text == EVERYTHING

    def test_gives_its_assets_what_they_do_not_change(self, tmp_path: Path) -> None:
        sword, potion = load(tmp_path, EVERYTHING).assets
        assert sword.picture == Picture(256, 320, None, 12, 4.0, "dpmpp-2m", 2)
        assert sword.candidates == Candidates(4, 32)
        assert (sword.prompt, sword.negative_prompt) == ("a silver sword on a night background", "blurry, cropped")
        assert (sword.title, sword.seeds) == ("short-sword", None)
        assert sword.row == (("colour", "silver"), ("ground", "night"), ("subject", "sword"))
        assert potion.picture == Picture(256, 320, None, 30, 4.0, "dpmpp-2m", 2)
        assert (potion.candidates, potion.keep.per_asset, potion.keep.min_aesthetic) == (Candidates(16, 16), 3, 5.0)
        assert (potion.title, potion.negative_prompt) == ("Healing Potion", "")

    def test_knows_where_each_asset_stands(self, tmp_path: Path) -> None:
        assert [(a.place.line, a.place.column) for a in load(tmp_path).assets] == [(7, 5), (8, 5), (9, 5)]

    def test_needs_no_more_than_set_checkpoint_picture_and_assets(self, tmp_path: Path) -> None:
        text = "set: a\ncheckpoint: ./mine\npicture: {width_px: 64, height_px: 64}\nassets: [{id: x, prompt: a cat}]\n"
        spec = load(tmp_path, text)
        assert (spec.title, spec.use, spec.seed, spec.keep, spec.schedule) == ("a", "internal", 0, KeepRules(), None)
        assert spec.assets[0].prompt == "a cat"
        assert spec.assets[0].picture == Picture(64, 64, None, 20, 7.0, "dpmpp-2m")
        assert spec.assets[0].candidates == Candidates(4, 4)

    def test_can_be_sized_for_print(self, tmp_path: Path) -> None:
        text = GOOD.replace("width_px: 128, height_px: 96", "trim_mm: [63, 88.5], bleed_mm: 3, dpi: 300")
        picture = load(tmp_path, text).assets[0].picture
        assert (picture.width_px, picture.height_px) == (None, None)
        assert picture.print_size == PrintSize((63.0, 88.5), 3.0, 300)

    def test_lets_an_asset_be_sized_in_the_other_way(self, tmp_path: Path) -> None:
        text = GOOD.replace("colour: blue}", "colour: blue, picture: {trim_mm: [63, 88], dpi: 100}}")
        one, two, _ = load(tmp_path, text).assets
        assert (one.picture.width_px, one.picture.print_size) == (128, None)
        assert (two.picture.width_px, two.picture.print_size) == (None, PrintSize((63.0, 88.0), 0.0, 100))

    def test_takes_a_byte_order_mark_and_windows_line_ends(self, tmp_path: Path) -> None:
        (tmp_path / "spec.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
        assert load_spec(tmp_path / "spec.yaml").assets[1].place.line == 8


class TestSeeds:
    def test_can_be_listed_for_an_asset_and_say_how_many_candidates(self, tmp_path: Path) -> None:
        text = GOOD.replace("colour: blue}", "colour: blue, seeds: [5, 3, 0]}")
        one, two, _ = load(tmp_path, text).assets
        assert (one.seeds, two.seeds, two.candidates) == (None, (5, 3, 0), Candidates(3, 3))

    def test_can_be_listed_for_the_set(self, tmp_path: Path) -> None:
        spec = load(tmp_path, GOOD.replace("seed: 7", "seeds: [4, 2]"))
        assert {asset.seeds for asset in spec.assets} == {(4, 2)}
        assert {asset.candidates for asset in spec.assets} == {Candidates(2, 2)}


class TestText:
    def test_may_be_a_number_in_a_column_as_it_may_in_a_table(self, tmp_path: Path) -> None:
        spec = load(tmp_path, GOOD.replace("colour: red", "colour: 7, cost: 2.5"))
        assert spec.assets[0].prompt == "a 7 sword"
        assert dict(spec.assets[0].row)["cost"] == "2.5"

    def test_is_one_prompt_however_it_was_typed(self, tmp_path: Path) -> None:
        composed = load(tmp_path, GOOD.replace("red", "\u00e9carlate")).assets[0].prompt
        decomposed = load(tmp_path, GOOD.replace("red", "e\u0301carlate")).assets[0].prompt
        spread = load(tmp_path, GOOD.replace("colour: red", 'colour: "\u00e9carlate \\n  "')).assets[0].prompt
        assert composed == decomposed == spread == "a \u00e9carlate sword"

    def test_that_was_quoted_is_never_taken_for_something_else(self, tmp_path: Path) -> None:
        for word in ("no", "017", "1:30", "2022-09-16", "~", "1e3", "null", "true"):
            assert (
                load(tmp_path, GOOD.replace("colour: red", f'colour: "{word}"')).assets[0].prompt == f"a {word} sword"
            )

    @pytest.mark.parametrize(
        "word", ["yes", "off", "~", "null", "0x1f", "1_000", "1e3", ".inf", "0o17", "+5", "=", "00"]
    )
    def test_that_yaml_readers_do_not_agree_on_is_refused(self, tmp_path: Path, word: str) -> None:
        lines = refused(tmp_path, GOOD.replace("colour: red", f"colour: {word}"))
        assert len(lines) == 1
        assert lines[0].startswith(f"spec.yaml:7:39: assets.colour: got {word}, which YAML reads as")
        assert lines[0].endswith(f'quote it: "{word}"')


class TestTheHash:
    def test_changes_with_the_text_and_the_rows(self, tmp_path: Path) -> None:
        text = HEAD + "assets: {from: cards.csv}\n"
        first = load(tmp_path, text, cards_csv="id,subject,colour\none,sword,red\n")
        rows = load(tmp_path, text, cards_csv="id,subject,colour\none,sword,blue\n")
        comment = load(tmp_path, text + "# mine\n")
        hashes = [spec.spec_sha256 for spec in (first, rows, comment)]
        assert len(set(hashes)) == 3
        assert first.sources[0][0] == str(tmp_path / "cards.csv")

    def test_does_not_change_with_the_name_of_the_file(self, tmp_path: Path) -> None:
        first = load(tmp_path)
        (tmp_path / "spec.yaml").rename(tmp_path / "renamed.yaml")
        assert load_spec(tmp_path / "renamed.yaml").spec_sha256 == first.spec_sha256


class TestDidYouMean:
    def test_takes_a_misspelt_key_for_the_one_that_is_missing(self, tmp_path: Path) -> None:
        lines = refused(tmp_path, GOOD.replace("checkpoint:", "checkpiont:"))
        assert len(lines) == 1
        assert lines[0].endswith("did you mean 'checkpoint'?")

    @pytest.mark.parametrize(
        ("written", "meant"),
        [("DPM++ 2M Karras", "dpmpp-2m-karras"), ("dpmpp_2m_sde", "dpmpp-2m-sde"), ("Euler a", "euler-a")],
    )
    def test_knows_schedulers_by_other_tools_names(self, tmp_path: Path, written: str, meant: str) -> None:
        lines = refused(tmp_path, GOOD.replace("height_px: 96", f'height_px: 96, scheduler: "{written}"'))
        assert lines[0].endswith(f"did you mean '{meant}'?")

    def test_leaves_a_column_alone_that_a_template_uses(self, tmp_path: Path) -> None:
        text = HEAD.replace("{subject}", "{subject} of {seed}") + ROWS.replace("colour", "seed: old, colour")
        assert load(tmp_path, text).assets[0].prompt == "a red sword of old"


class TestJudgement:
    """What a spec says of judging beyond its thresholds."""

    def test_has_a_taste_a_second_opinion_and_a_reach_of_likeness(self, tmp_path: Path) -> None:
        spec = load(
            tmp_path,
            GOOD.replace(
                "assets:",
                "select: {taste: 2}\nscoring: {second_opinion: laion-nsfw}\nkeep: {likeness_to: set}\nassets:",
            ),
        )
        assert (spec.weights.taste, spec.scoring.second_opinion) == (2.0, "laion-nsfw")
        assert {asset.keep.likeness_to for asset in spec.assets} == {"set"}
        assert load(tmp_path).keep.likeness_to == "library"

    def test_has_reference_pictures_that_belong_to_its_identity(self, tmp_path: Path) -> None:
        Image.new("RGB", (2, 2), "red").save(tmp_path / "look.png")
        digest = sha256_hex((tmp_path / "look.png").read_bytes())
        text = GOOD.replace("style: {", "style: {references: [look.png, deck/one], ")
        spec = load(tmp_path, text)
        file, keeper = spec.references
        assert (file.name, file.path, file.sha256) == ("look.png", str(tmp_path / "look.png"), digest)
        assert (keeper.name, keeper.path, keeper.sha256) == ("deck/one", "", "")
        assert spec.sources == ((file.path, file.sha256),)
        Image.new("RGB", (2, 2), "blue").save(tmp_path / "look.png")
        assert load(tmp_path, text).spec_sha256 != spec.spec_sha256


def test_no_spec_allows_what_is_no_picture(tmp_path: Path) -> None:
    (line,) = refused(tmp_path, HEAD + "keep: {allow_defects: [blank, nan_black]}\n" + ROWS)
    assert "keep.allow_defects: got 'nan_black'" in line
    assert "never kept" in line
