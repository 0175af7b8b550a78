"""Prompts before any model loads: plan refuses what produce would, warns of what is not applied, and shows the rest."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from specs.prompts.dialects import foreign_syntax
from tests.world import Finished, World, spec_of

CASES = Path(__file__).parents[1] / "cases"
Limner = Callable[..., Finished]
STARTER: dict[str, Any] = {
    "set": "case",
    "use": "internal",
    "checkpoint": "starter",
    "style": {"prompt": "a {subject}", "negative": "blurry"},
    "picture": {"width_px": 128, "height_px": 128, "steps": 4, "guidance": 4.0},
    "candidates": 1,
}


@pytest.fixture
def case(world: World) -> Callable[[str], Path]:
    """A folder of tests/cases, copied to where the commands work."""
    return lambda name: Path(shutil.copytree(CASES / name, world.folder, dirs_exist_ok=True)) / "spec.yaml"


def starter(world: World, rows: list[dict[str, str]], **changes: Any) -> Path:
    """A spec of the starter, each row on a line of its own."""
    return world.write({**STARTER, "assets": rows, **changes})


def line_of(path: Path, text: str) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


class TestTooLong:
    def test_the_case(self, case: Callable[[str], Path], judge: Limner) -> None:
        done = judge("plan", case("prompt_over_chunks").name)
        assert done.code == 2
        assert done.err.startswith("spec.yaml:9:5: prompt: got 1,800 tokens (60 chunks) in asset 'sword'; allowed: ")
        assert "at most 480 tokens (16 chunks of 30) for starter; shorten it" in done.err

    @pytest.mark.parametrize(
        ("rows", "style", "refused"),
        [
            ([{"id": "one", "subject": "x " * 478}, {"id": "two", "subject": "x"}], None, []),
            ([{"id": "one", "subject": "x " * 480}, {"id": "two", "subject": "x"}], None, ["one"]),
            ([{"id": "one", "subject": "x " * 480}, {"id": "two", "subject": "剣" * 300}], None, ["one", "two"]),
            ([{"id": "one", "subject": "x", "prompt": "x," * 300}], None, ["one"]),
            ([{"id": "one", "negative": "x " * 490, "subject": "x"}], None, ["one"]),
            ([{"id": "one", "subject": "a"}], {"prompt": "{subject}", "negative": "x " * 500}, ["one"]),
        ],
    )
    def test_by_plan_and_by_produce_alike(
        self, world: World, judge: Limner, rows: list[dict[str, str]], style: Any, refused: list[str]
    ) -> None:
        path = starter(world, rows, **({"style": style} if style else {}))
        done = judge("plan", path.name)
        assert (done.code == 2) == bool(refused), done.err
        for asset in refused:
            assert f"in asset '{asset}'; allowed: at most 480 tokens" in done.err
            line = line_of(path, "negative:") if style else line_of(path, f"id: {asset}")
            assert f"{path.name}:{line}:" in done.err
        if refused:
            made = judge("produce", path.name)
            assert (made.code, made.err) == (2, done.err)
            assert not world.library.exists() or not list(world.library.rglob("*.png"))


class TestOtherToolsSyntax:
    def test_the_case(self, case: Callable[[str], Path], judge: Limner) -> None:
        path = case("lora")
        done = judge("plan", path.name)
        assert done.code == 2
        assert "spec.yaml:8:5: asset sword: prompt: got '<lora:epic_v2:0.8>'; allowed: text" in done.err
        path.write_text(path.read_text().replace(" <lora:epic_v2:0.8>", ""))
        done = judge("plan", path.name)
        assert done.code == 0
        for piece in ("'(glowing:1.4)'", "'[dark]'", "'BREAK'", "spec.yaml:8:5: asset sword: prompt: read as plain"):
            assert piece in done.err
        assert judge("plan", path.name, "--json").json["warnings"][0].startswith("spec.yaml:8:5: asset sword: prompt:")

    @pytest.mark.parametrize(
        "piece",
        ["(glowing)", "((red:1.2))", "[dark]", "[day:night:0.5]", "[::7]", "[cow|horse]", "sun AND moon", "a BREAK b",
         "__colours__", "{{red|blue}}", "{{red}}", "embedding:bad-hands", "sword++", "1.5::sword::", "--ar 3:2",
         r"\(red\)"],
    )  # fmt: skip
    def test_is_named_once_for_the_set_and_by_row(self, world: World, judge: Limner, piece: str) -> None:
        rows = [{"id": "one", "subject": "sword"}, {"id": "two", "subject": "bow"}]
        rows.append({"id": "three", "subject": "bow", "prompt": f"a bow, {piece}, (mine:1.3)"})
        path = starter(world, rows, style={"prompt": f"a {{subject}}, {piece}", "negative": "blurry"})
        warnings = judge("plan", path.name, "--json").json["warnings"]
        said = [line for line in warnings if "read as plain text" in line]
        assert len(said) == 2, warnings
        assert said[0].startswith(f"{path.name}:{line_of(path, 'prompt: ')}:")
        assert said[1].startswith(f"{path.name}:{line_of(path, 'id: three')}:")
        assert "'(mine:1.3)'" in said[1]
        assert all("limner does not apply it" in line for line in said)

    @pytest.mark.parametrize("piece", ["<lora:x:1>", "<LORA:x>", "<hypernet:y:0.5>", "<lyco:a:1:0.5>"])
    @pytest.mark.parametrize("key", ["prompt", "negative"])
    def test_weights_that_a_prompt_names_are_refused(self, world: World, judge: Limner, piece: str, key: str) -> None:
        style = {"prompt": "a {subject}", "negative": "blurry"}
        path = starter(world, [{"id": "one", "subject": "bow"}], style={**style, key: f"{style[key]} {piece}"})
        done = judge("plan", path.name)
        assert done.code == 2
        assert f"style.{key}: got '{piece}'" in done.err
        assert "syntax: plain" in done.err

    def test_unless_it_is_meant_as_text(self, world: World, judge: Limner) -> None:
        style = {"prompt": "a {subject} <lora:x:1> (red:1.2) [a|b]", "syntax": "plain"}
        path = starter(world, [{"id": "one", "subject": "bow"}], style=style)
        done = judge("plan", path.name, "--json")
        assert done.code == 0
        assert not any("plain text" in warning for warning in done.json["warnings"])

    @pytest.mark.parametrize(
        "text",
        ["a sword, 50% off: it's well-known", "rock--solid, 3:2, a/b", "SALT AND PEPPER", "BREAKFAST and BRANDY",
         "sword <3", "snake_case __init", ":) ;-)", "C++17", "日本の剣「月」"],
    )  # fmt: skip
    def test_plain_language_is_left_alone(self, text: str) -> None:
        assert list(foreign_syntax(text)) == []

    def test_a_large_deck_is_not_buried_in_warnings(self, world: World, judge: Limner) -> None:
        path = starter(world, [{"id": f"c{n}", "subject": f"bow ({n}:1.2)"} for n in range(300)])
        warnings = judge("plan", path.name, "--json").json["warnings"]
        assert len(warnings) == 21
        assert "such text in 280 more places" in warnings[-1]


class TestWordsOutsideTheVocabulary:
    def test_are_named_with_their_rows(self, world: World, judge: Limner) -> None:
        rows = [
            {"id": "one", "subject": "mighty sword"},
            {"id": "two", "subject": "Mighty 剣"},
            {"id": "three", "subject": "bow"},
        ]
        path = starter(world, rows)
        (warning,) = judge("plan", path.name, "--json").json["warnings"]
        first, second = (line_of(path, f"id: {name}") for name in ("one", "two"))
        assert warning == (
            f"spec.yaml: 2 words outside the vocabulary of checkpoint starter, which cannot draw them: 'mighty' (one, "
            f"spec.yaml:{first}; two, spec.yaml:{second}), '剣' (two, spec.yaml:{second})."
        )

    def test_the_examples_hold_none(self, judge: Limner) -> None:
        for path in (Path(__file__).parents[2] / "specs" / "examples").glob("*.yaml"):
            assert judge("plan", str(path), "--json").json["warnings"] == []

    def test_produce_says_it_once(self, world: World, limner: Limner) -> None:
        world.write(spec_of(["sword"], style={"prompt": "a silver mighty {subject}", "negative": "blurry"}))
        done = limner("produce", "spec.yaml")
        assert done.code == 0, done.err
        assert done.err.count("'mighty' (sword, spec.yaml:") == 1


class TestShown:
    def test_each_prompt_with_its_tokens_and_chunks(self, case: Callable[[str], Path], judge: Limner) -> None:
        value = judge("plan", case("long_prompt").name, "--prompts", "--json").json
        sword = value["assets"][0]
        assert sword["prompt"]["text"].endswith("a silver sword on a night background")
        assert (sword["prompt"]["tokens"], sword["prompt"]["chunks"]) == ([133], 5)
        assert sword["prompt"]["scored"] == {"whole": True, "windows": 5}
        assert sword["prompt"]["outside_vocabulary"] == ["highly", "trending", "artstation"]
        assert sword["negative_prompt"] == {"text": "blurry", "tokens": [1], "chunks": 1, "outside_vocabulary": []}

    def test_only_when_asked_for(self, world: World, judge: Limner) -> None:
        path = starter(world, [{"id": "one", "subject": "bow"}])
        assert "prompt" not in judge("plan", path.name, "--json").json["assets"][0]

    def test_in_80_columns(self, case: Callable[[str], Path], judge: Limner) -> None:
        done = judge("plan", case("long_prompt").name, "--prompts")
        prompts = done.out[: done.out.index("long-prompt: 4 pictures")]
        assert max(map(len, prompts.splitlines())) <= 80
        assert "133 tokens, 5 chunks; scored whole, in 5 windows" in prompts


class TestTokenizersThatAreNone:
    """An image checkpoint whose tokenizer is empty or torn is refused by plan, and nothing is rendered."""

    @pytest.mark.parametrize("names", [("vocab.json", "merges.txt", "tokenizer_config.json"), ("merges.txt",)])
    @pytest.mark.parametrize("command", ["plan", "produce"])
    def test_refused(self, world: World, judge: Limner, tmp_path: Path, names: tuple[str, ...], command: str) -> None:
        registry = yaml.safe_load(world.registry.read_text())
        folder = shutil.copytree(registry["checkpoints"]["tiny"]["source"]["folder"], tmp_path / "torn")
        for name in names:
            (folder / "tokenizer" / name).unlink()
        entry = {**registry["checkpoints"]["tiny"], "source": {"folder": str(folder)}}
        del entry["files"]
        (world.folder / "checkpoints.yaml").write_text(yaml.safe_dump({"checkpoints": {"torn": entry}}))
        world.write(spec_of(["sword"], checkpoint="torn"))
        done = judge(command, "spec.yaml")
        assert done.code == 1
        assert f"tokenizer/{'vocab.json' if len(names) > 1 else 'merges.txt'}: missing" in done.err
        assert not list(world.folder.rglob("*.png"))


class TestLongPrompts:
    """Two assets with the same long start are told apart, and their set is finished when it is made."""

    def test_margins_and_staleness(self, world: World, limner: Limner) -> None:
        start = "silver on ground " * 12
        world.write(spec_of(["sword", "potion"], style={"prompt": start + "{subject}", "negative": "blurry"}))
        assert limner("produce", "spec.yaml").code == 0
        plan = limner("plan", "spec.yaml", "--json").json
        assert plan["to_generate"] == 0
        assert not any("judged again" in one["reason"] for one in plan["assets"])  # plan knows what the scorers say
        scores = [limner("show", f"tiny-set/{name}#0", "--json").json["scores"] for name in ("sword", "potion")]
        assert all(one["margin"] != 0 and one["scorers"]["windows"] == "limner.windows/1" for one in scores)
