"""`limner produce`: a YAML file in, chosen and documented pictures out; only what changed is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.conftest import Limner
from tests.world import World, spec_of

IDS = ("sword", "potion", "red-card")


def pictures(world: World) -> dict[str, bytes]:
    """Every picture file of the library, by its name."""
    return {path.name: path.read_bytes() for path in world.library.rglob("*.png") if path.parent.name != "sheets"}


class TestAFirstRun:
    def test_makes_every_candidate_and_keeps_one_of_each_asset(self, world: World, limner: Limner) -> None:
        world.write(spec_of(IDS))
        summary = limner("produce", "spec.yaml", "--json").json
        assert {name: summary[name] for name in ("set", "generated", "reused", "failed")} == {
            "set": "tiny-set", "generated": 6, "reused": 0, "failed": 0,
        }  # fmt: skip
        assert summary["kept"] + summary["rejected"] == 6
        assert set(summary) == {
            "set",
            "generated",
            "reused",
            "kept",
            "rejected",
            "failed",
            "seconds",
            "library",
            "holes",
            "failures",
            "warnings",
        }
        keepers = limner("keepers", "--json").json
        assert [keeper["asset"] for keeper in keepers] == [id_ for id_ in IDS if id_ in {k["asset"] for k in keepers}]
        assert len(keepers) == summary["kept"] > 0

    def test_keeps_files_whose_names_are_their_hashes(self, world: World, limner: Limner) -> None:
        import hashlib

        world.write(spec_of(IDS))
        limner("produce", "spec.yaml")
        found = pictures(world)
        assert len(found) == 6
        assert all(hashlib.sha256(data).hexdigest() + ".png" == name for name, data in found.items())
        for keeper in limner("keepers", "--json").json:
            assert Path(keeper["path"]).name == keeper["image_sha256"] + ".png"
            assert Path(keeper["path"]).is_file()

    def test_writes_nothing_outside_the_library(self, world: World, limner: Limner) -> None:
        world.write(spec_of(IDS))
        limner("produce", "spec.yaml")
        assert sorted(path.name for path in world.folder.iterdir()) == ["library", "spec.yaml"]

    def test_draws_a_contact_sheet(self, world: World, limner: Limner) -> None:
        from PIL import Image

        world.write(spec_of(IDS))
        out = limner("produce", "spec.yaml").out
        sheet = world.library / "sheets" / "tiny-set.png"
        assert str(sheet) in out
        with Image.open(sheet) as opened:
            assert opened.width > 192
            assert len(opened.convert("RGB").getcolors(1 << 24) or []) > 100


class TestASecondRun:
    def test_generates_nothing_and_loads_neither_torch_nor_prefect(self, world: World, limner: Limner) -> None:
        import subprocess
        import sys

        world.write(spec_of(IDS))
        limner("produce", "spec.yaml")
        before = pictures(world)
        code = (
            "import sys\nfrom flows.cli.commands.making.produce import produce_specs\n"
            "from flows.settings import from_environment\n"
            "from pathlib import Path\n"
            "code = produce_specs([Path('spec.yaml')], from_environment(), as_json=True)\n"
            "assert not {'torch', 'prefect', 'diffusers', 'open_clip'} & set(sys.modules), 'loaded'\nsys.exit(code)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=world.folder,
            env=world.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert '"generated": 0' in done.stdout
        assert '"reused": 6' in done.stdout
        assert pictures(world) == before

    def test_makes_a_new_row_alone(self, world: World, limner: Limner) -> None:
        ids = [f"card-{n}" for n in range(5)]
        world.write(spec_of(ids))
        limner("produce", "spec.yaml")
        world.write(spec_of([*ids[:2], "new-card", *ids[2:]]))
        plan = limner("plan", "spec.yaml", "--json").json
        assert {asset["id"]: asset["to_generate"] for asset in plan["assets"] if asset["to_generate"]} == {
            "new-card": 2
        }
        summary = limner("produce", "spec.yaml", "--json").json
        assert (summary["generated"], summary["reused"]) == (2, 10)

    @pytest.mark.parametrize("change", ["order", "file", "rules", "title"])
    def test_makes_nothing_when_pixels_cannot_change(self, change: str, world: World, limner: Limner) -> None:
        world.write(spec_of(IDS))
        limner("produce", "spec.yaml")
        kept = {keeper["image_sha256"] for keeper in limner("keepers", "--json").json}
        name = "spec.yaml"
        if change == "order":
            world.write(spec_of(IDS[::-1]))
        elif change == "title":
            world.write(spec_of(IDS, title="Another title"))
        elif change == "rules":
            rules = {**spec_of(IDS)["keep"], "min_aesthetic": 1.0}
            world.write(spec_of(IDS, keep=rules))
        else:
            name = "renamed.yaml"
            world.spec.rename(world.folder / name)
        summary = limner("produce", name, "--json").json
        assert (summary["generated"], summary["reused"]) == (0, 6)
        assert {keeper["image_sha256"] for keeper in limner("keepers", "--json").json} == kept

    def test_judges_again_when_rules_change(self, world: World, limner: Limner) -> None:
        world.write(spec_of(IDS))
        limner("produce", "spec.yaml")
        impossible = {**spec_of(IDS)["keep"], "min_adherence": 0.99}
        world.write(spec_of(IDS, keep=impossible))
        states = {asset["state"] for asset in limner("plan", "spec.yaml", "--json").json["assets"]}
        assert states == {"changed"}
        summary = limner("produce", "spec.yaml", "--json").json
        assert (summary["generated"], summary["kept"]) == (0, 0)
        verdicts = limner("show", "tiny-set/sword#0", "--json").json["verdicts"]
        assert "adherence_too_low" in verdicts[-1]["reasons"]
        assert len(verdicts) > 1, "verdicts are appended, never replaced"


class TestNewScorers:
    def test_look_at_the_pictures_again_and_render_nothing(self, world: World, limner: Limner) -> None:
        world.write(spec_of(IDS))
        limner("produce", "spec.yaml")
        before = limner("show", "tiny-set/sword#0", "--json").json["scores"]
        world.write(spec_of(IDS, content={"forbid": ["a skull"]}))
        summary = limner("produce", "spec.yaml", "--json").json
        assert (summary["generated"], summary["reused"]) == (0, 6)
        after = limner("show", "tiny-set/sword#0", "--json").json["scores"]
        assert "forbid" in after["scorers"]
        assert after["earlier"] == [{name: before[name] for name in after["earlier"][0]}]
        assert limner("produce", "spec.yaml", "--json").json["generated"] == 0

    def test_a_head_alone_reads_stored_embeddings(self, world: World, limner: Limner, registry: Path) -> None:
        import yaml

        from tests import tiny_scorers

        world.write(spec_of(IDS))
        limner("produce", "spec.yaml")
        clip = yaml.safe_load(registry.read_text())["checkpoints"]["tiny-clip"]["files"]["open_clip_model.safetensors"]
        head, folder = tiny_scorers.build_head(world.folder / "head", clip, seed=5)
        entry = {"architecture": "aesthetic-head", "source": {"folder": str(folder)}, "licence": "CC0-1.0",
                 "status": "declared", "commercial": True, "lineage_known": True}  # fmt: skip
        (world.folder / "checkpoints.yaml").write_text(yaml.safe_dump({"checkpoints": {"other-head": entry}}))
        world.write(spec_of(IDS, scoring={"aesthetic": "other-head"}))
        before = limner("show", "tiny-set/sword#0", "--json").json["scores"]["aesthetic"]
        summary = limner("produce", "spec.yaml", "--json").json
        assert (summary["generated"], summary["reused"]) == (0, 6)
        assert limner("show", "tiny-set/sword#0", "--json").json["scores"]["aesthetic"] != before
        assert head.files


class TestRounds:
    def test_go_on_only_while_an_asset_is_short_of_keepers(self, world: World, limner: Limner) -> None:
        easy = spec_of(IDS, candidates={"first": 2, "at_most": 6})
        world.write(easy)
        first = limner("produce", "spec.yaml", "--json").json
        assets = limner("plan", "spec.yaml", "--json").json["assets"]
        assert first["generated"] == sum(asset["made"] for asset in assets)
        for asset in assets:
            assert asset["keepers"] == 1 or asset["made"] == 6, asset
            assert asset["made"] in (2, 4, 6), "rounds are whole"
        hard = spec_of(IDS, candidates={"first": 2, "at_most": 6}, keep={**easy["keep"], "min_adherence": 0.99})
        world.write(hard)
        summary = limner("produce", "spec.yaml", "--json").json
        assert summary["generated"] + first["generated"] == 18
        assert summary["kept"] == 0
        again = limner("produce", "spec.yaml", "--json").json
        assert again["generated"] == 0


class TestDroppedPixels:
    def test_leave_rows_scores_and_embeddings_and_are_not_made_again(self, world: World, limner: Limner) -> None:
        keep = {**spec_of(IDS)["keep"], "reject_pixels": "drop"}
        world.write(spec_of(IDS, keep=keep))
        first = limner("produce", "spec.yaml", "--json").json
        kept = {keeper["image_sha256"] + ".png" for keeper in limner("keepers", "--json").json}
        left = {path.name for path in world.library.glob("objects/*/*.png")}
        assert left == kept, "only keepers have pixels; what is quarantined is elsewhere, untouched"
        again = limner("produce", "spec.yaml", "--json").json
        assert (again["generated"], again["kept"]) == (0, first["kept"])
        assert limner("verify", "--json").json["problems"] == []
        records = [limner("show", f"tiny-set/{id_}#{n}", "--json").json for id_ in IDS for n in (0, 1)]
        dropped = [record for record in records if record["image"]["state"] == "dropped"]
        assert dropped
        assert all(record["embeddings"] and record["verdicts"][-1]["reasons"] for record in dropped)
        found = limner("reproduce", dropped[0]["image"]["image_sha256"], "--json").json
        assert (found["identical"], found["max_difference"]) == (True, 0)


class TestRights:
    def test_stop_a_run_before_any_model_loads(self, world: World, limner: Limner) -> None:
        world.write(spec_of(IDS, checkpoint="novelai-leak"))
        done = limner("produce", "spec.yaml")
        assert done.code != 0
        assert not pictures(world)
        assert "Traceback" not in done.err
