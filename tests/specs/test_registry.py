"""The registry: what it knows, what it admits not to know, and what a user's file may say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from specs.checkpoint import IMAGE_ARCHITECTURES, SCORER_ARCHITECTURES, SHIPPED, Checkpoint, Status, WeightFile
from specs.errors import RegistryErrors, UsageError
from specs.registry import registry as registry_module
from specs.registry.registry import OWN_FILE, Registry, load_registry
from specs.registry.rights import decide
from specs.spec import RightsClaim

KNOWN = load_registry()
ENTRIES = yaml.safe_load(OWN_FILE.read_text(encoding="utf-8"))["checkpoints"]
FAMILIES = [
    "stable-diffusion-1.4",
    "stable-diffusion-1.5",
    "stable-diffusion-2.0",
    "stable-diffusion-2.1",
    "sdxl-base-1.0",
    "waifu-diffusion-1.2",
    "waifu-diffusion-1.3",
    "waifu-diffusion-1.4",
    "trinart-2",
    "japanese-stable-diffusion",
    "clean-diffusion-2.0-poc",
    "anything-v3.0",
    "eimis-anime-diffusion-1.0",
    "novelai-leak",
]
SCORERS = ["openai-vit-l-14", "laion-aesthetic-v1", "laion-improved-aesthetic", "compvis-safety-checker"]
STARTER = ["starter", "starter-clip", "starter-aesthetic", "starter-safety"]


def written(folder: Path, text: str) -> Path:
    path = folder / "checkpoints.yaml"
    path.write_text(text, encoding="utf-8")
    return path


class TestTheShippedRegistry:
    def test_knows_the_families_that_users_come_from(self) -> None:
        assert set(FAMILIES + SCORERS + STARTER) <= KNOWN.checkpoints.keys()

    @pytest.mark.parametrize("name", sorted(ENTRIES))
    def test_says_where_each_entrys_facts_were_read(self, name: str) -> None:
        assert ENTRIES[name]["facts_from"]

    @pytest.mark.parametrize("checkpoint", KNOWN.checkpoints.values(), ids=list(KNOWN.checkpoints))
    def test_pins_only_whole_revisions_and_hashes(self, checkpoint: Checkpoint) -> None:
        assert re.fullmatch("[0-9a-f]{40}|None", str(checkpoint.source.revision))
        assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in checkpoint.files)
        assert checkpoint.architecture in {*IMAGE_ARCHITECTURES, *SCORER_ARCHITECTURES}

    def test_does_not_say_that_hashes_were_compared_where_there_are_none(self) -> None:
        verified = {c.name for c in KNOWN.checkpoints.values() if c.status is Status.VERIFIED}
        assert verified == set(STARTER)

    def test_does_not_guess_the_lineage_of_anything_and_eimis(self) -> None:
        for name in ("anything-v3.0", "eimis-anime-diffusion-1.0"):
            checkpoint = KNOWN.checkpoints[name]
            assert (checkpoint.status, checkpoint.lineage_known) == (Status.UNKNOWN, False)
            assert not decide(checkpoint, "internal", RightsClaim()).may_render

    def test_refuses_the_leaked_weights_and_names_no_place_to_get_them(self) -> None:
        leaked = KNOWN.checkpoints["novelai-leak"]
        assert leaked.status is Status.REFUSED
        assert (leaked.source.folder, leaked.source.repo_id, leaked.files) == (None, None, ())

    def test_carries_the_use_restrictions_of_openrail_licences(self) -> None:
        for checkpoint in KNOWN.checkpoints.values():
            if "OpenRAIL" in checkpoint.licence and "BY-NC" not in checkpoint.licence:
                assert len(checkpoint.use_restrictions) == 11, checkpoint.name
                assert checkpoint.commercial is True

    def test_names_parents_that_it_knows_by_their_names(self) -> None:
        shaped = re.compile(r"[a-z0-9][a-z0-9.-]*")
        parents = {p for c in KNOWN.checkpoints.values() for p in c.parents if shaped.fullmatch(p)}
        assert parents <= KNOWN.checkpoints.keys()

    def test_gives_image_models_scorers_that_it_knows(self) -> None:
        names = {name for c in KNOWN.checkpoints.values() for _, name in c.scorers}
        assert names <= KNOWN.checkpoints.keys()
        assert dict(KNOWN.checkpoints["starter"].scorers).keys() == {"aesthetic", "clip", "safety"}

    def test_lets_the_starter_be_used_commercially_and_sold(self) -> None:
        decision = decide(KNOWN.checkpoints["starter"], "commercial", RightsClaim())
        assert (decision.may_render, decision.may_export_commercially) == (True, True)

    @pytest.mark.parametrize("name", STARTER)
    def test_says_where_the_starters_files_are(self, name: str) -> None:
        checkpoint = KNOWN.checkpoints[name]
        assert all((Path(str(checkpoint.source.folder)) / file.path).is_file() for file in checkpoint.files)

    def test_knows_that_the_starters_code_is_sixteenfold(self) -> None:
        assert KNOWN.resolve("starter", Path()).multiple_px == 16


class TestResolving:
    def test_suggests_a_near_name(self) -> None:
        with pytest.raises(UsageError, match=r"got 'stable-difusion-1\.5'; allowed: .*; did you mean 'stable-dif"):
            KNOWN.resolve("stable-difusion-1.5", Path())

    def test_takes_a_hub_repository_at_a_whole_revision_as_unknown(self) -> None:
        checkpoint = KNOWN.resolve("someone/model@" + "0a" * 20, Path())
        assert (checkpoint.source.repo_id, checkpoint.source.revision) == ("someone/model", "0a" * 20)
        assert (checkpoint.status, checkpoint.licence, checkpoint.commercial) == (Status.UNKNOWN, "unknown", None)

    @pytest.mark.parametrize("name", ["someone/model", "someone/model@main", "someone/model@0a0a", "someone/model@"])
    def test_refuses_a_revision_that_pins_nothing(self, name: str) -> None:
        with pytest.raises(UsageError, match="40 hex digits of a commit"):
            KNOWN.resolve(name, Path())

    def test_knows_a_repository_by_its_entry(self) -> None:
        known = KNOWN.checkpoints["sdxl-base-1.0"]
        assert KNOWN.resolve(f"{known.source.repo_id}@{known.source.revision}", Path()) == known
        with pytest.raises(UsageError, match=r"did you mean 'sdxl-base-1\.0'"):
            KNOWN.resolve(str(known.source.repo_id), Path())

    def test_reads_a_folders_architecture_and_sizes_from_it(self, tmp_path: Path) -> None:
        diffusers_folder(tmp_path / "mine", "StableDiffusionPipeline", context=1024, blocks=5, sample=8)
        checkpoint = KNOWN.resolve("./mine", tmp_path)
        assert (checkpoint.architecture, checkpoint.multiple_px, checkpoint.native_px) == ("sd2", 16, 128)
        assert checkpoint.source.folder == str(tmp_path / "mine")
        assert KNOWN.resolve("mine", tmp_path).architecture == "sd2"

    @pytest.mark.parametrize(
        ("pipeline", "context", "architecture"),
        [
            ("StableDiffusionPipeline", 768, "sd1"),
            ("StableDiffusionPipeline", 1024, "sd2"),
            ("StableDiffusionXLPipeline", 2048, "sdxl"),
        ],
    )
    def test_tells_the_families_apart(self, tmp_path: Path, pipeline: str, context: int, architecture: str) -> None:
        diffusers_folder(tmp_path, pipeline, context=context, blocks=4, sample=64)
        checkpoint = KNOWN.resolve(str(tmp_path), Path())
        assert (checkpoint.architecture, checkpoint.multiple_px, checkpoint.native_px) == (architecture, 8, 512)

    def test_says_what_is_wrong_with_a_folder(self, tmp_path: Path) -> None:
        for name, content, message in [
            ("nothing.txt", "", "without model_index.json"),
            ("x.safetensors", "", r"x\.safetensors alone is not enough.*convert"),
            ("model_index.json", "{", "does not read as JSON"),
            (
                "model_index.json",
                '{"_class_name": "FluxPipeline"}',
                "got FluxPipeline; allowed: StableDiffusionPipeline",
            ),
        ]:
            (tmp_path / name).write_text(content)
            with pytest.raises(UsageError, match=message):
                KNOWN.resolve(str(tmp_path), Path())
        with pytest.raises(UsageError, match="no folder"):
            KNOWN.resolve("./none", tmp_path)


def diffusers_folder(folder: Path, pipeline: str, context: int, blocks: int, sample: int) -> None:
    for part, value in {
        "model_index.json": {"_class_name": pipeline},
        "unet/config.json": {"cross_attention_dim": context, "sample_size": sample},
        "vae/config.json": {"block_out_channels": [8] * blocks},
    }.items():
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).write_text(json.dumps(value))


MINE = """\
licences:
  LicenseRef-House: {commercial: true, use_restrictions: [selling it as hand-drawn]}
checkpoints:
  house-style:
    architecture: sdxl
    source: {folder: weights/house}
    files: {unet/diffusion_pytorch_model.safetensors: DIGEST}
    licence: LicenseRef-House
    use_restrictions: [weather forecasts]
    parents: [sdxl-base-1.0]
    lineage_known: true
    status: declared
    facts_from: [our own records]
""".replace("DIGEST", "ab" * 32)


class TestAUsersFile:
    def test_adds_names(self, tmp_path: Path) -> None:
        checkpoint = load_registry([written(tmp_path, MINE)]).resolve("house-style", tmp_path)
        assert checkpoint.source.folder == str(tmp_path / "weights" / "house")
        assert checkpoint.files == (WeightFile("unet/diffusion_pytorch_model.safetensors", "ab" * 32),)
        assert checkpoint.use_restrictions == ("selling it as hand-drawn", "weather forecasts")
        assert (checkpoint.commercial, checkpoint.multiple_px, checkpoint.native_px) == (True, 8, 1024)
        assert checkpoint.registry_path == str(tmp_path / "checkpoints.yaml")

    def test_may_be_given_twice_and_may_be_the_projects_own(self, tmp_path: Path) -> None:
        mine = written(tmp_path, MINE)
        assert "house-style" in load_registry([OWN_FILE, mine, tmp_path / "." / "checkpoints.yaml"]).checkpoints

    def test_says_where_the_files_of_a_known_name_are(self, tmp_path: Path) -> None:
        text = (
            "checkpoints:\n  anything-v3.0:\n    source: {folder: any}\n    files: {a.safetensors: " + "ab" * 32 + "}\n"
        )
        changed = load_registry([written(tmp_path, text)]).checkpoints["anything-v3.0"]
        assert changed.source.folder == str(tmp_path / "any")
        assert changed.files[0].path == "a.safetensors"
        assert changed.status is Status.UNKNOWN

    def test_cannot_change_what_is_known_of_a_names_rights(self, tmp_path: Path) -> None:
        text = "checkpoints:\n  novelai-leak:\n    licence: MIT\n    status: verified\n"
        with pytest.raises(RegistryErrors) as caught:
            load_registry([written(tmp_path, text)])
        assert [error.place.line for error in caught.value.errors] == [3, 4]
        assert "give your own weights another name" in str(caught.value)
        assert caught.value.exit_code == 2

    def test_cannot_contradict_a_known_hash(self, tmp_path: Path) -> None:
        first = written(tmp_path, MINE)
        second = tmp_path / "more.yaml"
        second.write_text(
            "checkpoints:\n  house-style: {files: {unet/diffusion_pytorch_model.safetensors: " + "cd" * 32 + "}}\n"
        )
        with pytest.raises(RegistryErrors, match=r"more\.yaml:2:\d+: unet/diffusion.*got cdcd.*; allowed: abab"):
            load_registry([first, second])

    def test_is_refused_with_every_error_at_its_place(self, tmp_path: Path) -> None:
        text = MINE.replace("sdxl\n", "sdlx\n").replace("ab" * 32, "AB" * 32).replace("parents", "parent")
        text = text.replace("{folder: weights/house}", "{folder: x, hub: a/b}").replace("    status: declared\n", "")
        with pytest.raises(RegistryErrors) as caught:
            load_registry([written(tmp_path, text)])
        told = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
        assert [line.split(": ")[:2] for line in told] == [
            ["checkpoints.yaml:5:5", "status"],
            ["checkpoints.yaml:5:19", "architecture"],
            ["checkpoints.yaml:6:13", "source"],
            ["checkpoints.yaml:7:55", "files.unet/diffusion_pytorch_model.safetensors"],
            ["checkpoints.yaml:10:5", "unknown key"],
        ]
        assert "did you mean 'sdxl'?" in told[1]

    @pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", "~/x", "a\\x"])
    def test_cannot_name_files_outside_of_the_checkpoint(self, tmp_path: Path, path: str) -> None:
        text = MINE.replace("unet/diffusion_pytorch_model.safetensors", f"'{path}'")
        with pytest.raises(RegistryErrors, match="a relative path below the checkpoint's folder"):
            load_registry([written(tmp_path, text)])

    def test_that_is_missing_or_empty_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(RegistryErrors, match="no such file"):
            load_registry([tmp_path / "none.yaml"])
        with pytest.raises(RegistryErrors, match="got nothing"):
            load_registry([written(tmp_path, "")])


class TestAKnownNameWithPinnedHashes:
    """Other files under it would pass for those whose rights are known."""

    def test_stays_verified_wherever_its_files_lie(self, tmp_path: Path) -> None:
        text = "checkpoints:\n  starter:\n    source: {folder: copy}\n"
        moved = load_registry([written(tmp_path, text)]).checkpoints["starter"]
        assert moved.source.folder == str(tmp_path / "copy")
        assert (moved.files, moved.status) == (KNOWN.checkpoints["starter"].files, Status.VERIFIED)
        assert moved.licence_from == moved.files_from == SHIPPED

    @pytest.mark.parametrize("path", ["model.safetensors", "another.safetensors"])
    def test_accepts_no_other_file(self, tmp_path: Path, path: str) -> None:
        text = f"checkpoints:\n  starter-safety:\n    source: {{folder: x}}\n    files:\n      {path}: {'ab' * 32}\n"
        known = {file.path: file.sha256 for file in KNOWN.checkpoints["starter-safety"].files}
        with pytest.raises(RegistryErrors) as caught:
            load_registry([written(tmp_path, text)])
        told = str(caught.value)
        assert told.startswith(f"{tmp_path}/checkpoints.yaml:5:")
        allowed = known.get(path, ", ".join(known))
        assert (
            f"got {'ab' * 32}; allowed: {allowed}, as limner's registry says; give other weights another name" in told
        )

    def test_may_repeat_what_is_pinned_and_loses_none_of_it(self, tmp_path: Path) -> None:
        first = KNOWN.checkpoints["starter"].files[0]
        text = f"checkpoints:\n  starter: {{source: {{folder: x}}, files: {{{first.path}: {first.sha256}}}}}\n"
        assert (
            load_registry([written(tmp_path, text)]).checkpoints["starter"].files == KNOWN.checkpoints["starter"].files
        )

    def test_or_a_pinned_revision_accepts_no_other(self, tmp_path: Path) -> None:
        repo = KNOWN.checkpoints["sdxl-base-1.0"].source
        for revision in (f", revision: {'0a' * 20}", ""):
            text = f"checkpoints:\n  sdxl-base-1.0: {{source: {{hub: {repo.repo_id}{revision}}}}}\n"
            with pytest.raises(RegistryErrors, match=rf":2:\d+: source.revision: got .*{repo.revision}.*another name"):
                load_registry([written(tmp_path, text)])


class TestWhoseWordItIs:
    def test_is_the_users_for_files_that_nobody_pinned(self, tmp_path: Path) -> None:
        text = "checkpoints:\n  stable-diffusion-1.5:\n    source: {folder: mine}\n"
        mine = written(tmp_path, text)
        changed = load_registry([mine]).checkpoints["stable-diffusion-1.5"]
        assert (changed.status, changed.licence_from) == (Status.DECLARED, SHIPPED)
        assert changed.files_from == f"{mine}:3"

    def test_is_the_users_for_a_name_of_their_own(self, tmp_path: Path) -> None:
        mine = written(tmp_path, MINE)
        own = load_registry([mine]).checkpoints["house-style"]
        assert (own.status, own.licence_from, own.files_from) == (Status.DECLARED, f"{mine}:8", f"{mine}:7")

    def test_is_nobodys_for_a_bare_folder(self, tmp_path: Path) -> None:
        diffusers_folder(tmp_path, "StableDiffusionPipeline", context=768, blocks=4, sample=64)
        found = KNOWN.resolve(str(tmp_path), Path())
        assert found.licence_from == found.files_from == "nobody"

    def test_is_never_verified_in_a_users_file(self, tmp_path: Path) -> None:
        text = MINE.replace("status: declared", "status: verified")
        with pytest.raises(RegistryErrors, match=r"yaml:12:13: status: got 'verified'; allowed: declared, unknown or"):
            load_registry([written(tmp_path, text)])

    def test_is_not_verified_without_hashes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registry_module, "STARTER_FILE", tmp_path / "none.yaml")
        assert load_registry().checkpoints["starter"].status is Status.DECLARED

    def test_does_not_change_the_terms_of_a_known_licence(self, tmp_path: Path) -> None:
        text = MINE.replace(
            "  LicenseRef-House:", "  LicenseRef-CreativeML-OpenRAIL-M: {commercial: true}\n  LicenseRef-House:"
        )
        with pytest.raises(
            RegistryErrors,
            match=r":2:3: licences.*-M: got commercial: true, use_restrictions: none; .*breaking any",
        ):
            load_registry([written(tmp_path, text)])


class TestParentsInAUsersFile:
    @pytest.mark.parametrize("parent", ["novelai-leak", "NovelAI-Leak", "novelai leak"])
    def test_count_for_the_gate_however_far_back(self, tmp_path: Path, parent: str) -> None:
        child = (
            MINE[MINE.index("  house-style") :].replace("house-style", "child").replace("sdxl-base-1.0", "house-style")
        )
        registry = load_registry([written(tmp_path, MINE.replace("sdxl-base-1.0", parent) + child)])
        found = registry.checkpoints["child"]
        ancestors = registry.ancestors(found)
        assert [one.name for one in ancestors] == ["house-style", "novelai-leak", "stable-diffusion-1.4"]
        decision = decide(found, "internal", RightsClaim("we bought it"), ancestors=ancestors)
        assert (decision.may_render, decision.codes) == (False, ("parent_refused",))

    def test_may_go_round_in_a_circle(self, tmp_path: Path) -> None:
        registry = load_registry([written(tmp_path, MINE.replace("sdxl-base-1.0", "house-style"))])
        assert [one.name for one in registry.ancestors(registry.checkpoints["house-style"])] == ["house-style"]

    def test_that_are_one_word_must_be_names(self, tmp_path: Path) -> None:
        with pytest.raises(
            RegistryErrors, match=r"yaml:10:15: parents: got 'novelai-leek'.*did you mean 'novelai-leak'"
        ):
            load_registry([written(tmp_path, MINE.replace("sdxl-base-1.0", "novelai-leek"))])
        assert load_registry([written(tmp_path, MINE.replace("sdxl-base-1.0", "our own studio's base"))])


class TestTheStartersHashes:
    def test_are_read_from_the_file_that_its_makers_write(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        digest = "ab" * 32
        entry = (
            f"{{kind: text-to-image, folder: image, licence: CC0-1.0, files: {{unet/config.json: 'sha256:{digest}'}}}}"
        )
        pinned = tmp_path / "registry.yaml"
        pinned.write_text(f"models:\n  starter-image: {entry}\n")
        monkeypatch.setattr(registry_module, "STARTER_FILE", pinned)
        assert load_registry().checkpoints["starter"].files == (WeightFile("unet/config.json", digest),)


def test_a_registry_is_a_plain_value() -> None:
    assert Registry({}).checkpoints == {}
