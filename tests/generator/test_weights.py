"""The weights that render are the ones that were pinned: found, hashed, compared, and nothing else is read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from generator.families.layout import files_read
from generator.families.parts import read_parts
from generator.weights import hashes
from generator.weights.hashes import HashMemory
from generator.weights.pinning import default_hub_cache, locate, main_file, pin, wanted_patterns
from specs.checkpoint import Checkpoint, Source, Status, WeightFile
from specs.errors import LimnerError
from specs.registry.registry import STARTER_FILE, load_registry
from tests import tiny
from tests.generator.conftest import entry

REVISION = "0123456789" * 4
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def copy(folder_of: Callable[[str], Path], tmp_path: Path) -> Path:
    """A tiny SD 1.x folder of this test's own."""
    return Path(shutil.copytree(folder_of("sd1"), tmp_path / "sd1"))


@pytest.fixture
def memory(tmp_path: Path) -> HashMemory:
    return HashMemory(tmp_path / "cache" / "hashes.json", settled_s=0)


def declared(folder: Path, kind: str = "sd1") -> Checkpoint:
    files = tuple(WeightFile(path, sha256) for path, sha256 in tiny.hashes(folder).items())
    return replace(entry(kind, folder), files=files, registry_path="checkpoints.yaml")


def age(folder: Path) -> None:
    """Make files old enough for their hashes to be remembered."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (1_600_000_000, 1_600_000_000))


class TestPinning:
    def test_hashes_every_file_that_loading_reads(self, copy: Path, memory: HashMemory) -> None:
        pinned = pin(entry("sd1", copy), copy, memory)
        assert {file.path: file.sha256 for file in pinned.files} == tiny.hashes(copy)

    def test_gives_one_identity_wherever_the_folder_is(self, copy: Path, folder_of: Callable[[str], Path]) -> None:
        nowhere = HashMemory(Path("/dev/null/none"))
        first = pin(entry("sd1", copy), copy, nowhere)
        assert pin(entry("sd1", folder_of("sd1")), folder_of("sd1"), nowhere).weights_id == first.weights_id

    def test_accepts_what_is_declared(self, copy: Path, memory: HashMemory) -> None:
        assert pin(declared(copy), copy, memory) == declared(copy)

    @pytest.mark.parametrize(
        "path", [UNET, "unet/config.json", "tokenizer/merges.txt", "scheduler/scheduler_config.json"]
    )
    def test_refuses_a_changed_file_naming_it_and_both_hashes(self, copy: Path, memory: HashMemory, path: str) -> None:
        checkpoint = declared(copy)
        data = bytearray((copy / path).read_bytes())
        if path.endswith(".json"):
            data += b" "  # a file that says the same is another file
        else:
            data[-1] ^= 1
        (copy / path).write_bytes(data)
        with pytest.raises(LimnerError) as refused:
            pin(checkpoint, copy, memory)
        expected = next(file.sha256 for file in checkpoint.files if file.path == path)
        for part in (str(copy / path), hashlib.sha256(data).hexdigest(), expected, "checkpoints.yaml", "fetch it anew"):
            assert part in str(refused.value)

    def test_refuses_a_missing_file(self, copy: Path, memory: HashMemory) -> None:
        checkpoint = declared(copy)
        (copy / "vae" / "config.json").unlink()
        with pytest.raises(LimnerError, match=r"vae/config.json: missing; .*'tiny-sd1' declares it"):
            pin(checkpoint, copy, memory)

    def test_refuses_weights_that_are_not_declared(self, copy: Path, memory: HashMemory) -> None:
        files = tuple(file for file in declared(copy).files if file.path != UNET)
        with pytest.raises(LimnerError, match=rf"{UNET}: got weights that .* does not declare"):
            pin(replace(declared(copy), files=files), copy, memory)

    def test_refuses_any_other_file_of_a_verified_checkpoint(self, copy: Path, memory: HashMemory) -> None:
        (copy / "tokenizer" / "added_tokens.json").write_text("{}")
        verified = replace(declared(copy), status=Status.VERIFIED)
        files = tuple(file for file in verified.files if "added_tokens" not in file.path)
        with pytest.raises(LimnerError, match=r"added_tokens\.json: got a file that .* an entry of their own"):
            pin(replace(verified, files=files), copy, memory)

    def test_refuses_other_weights_under_a_name_that_is_pinned(self, tmp_path: Path, memory: HashMemory) -> None:
        other = Path(shutil.copytree(STARTER_FILE.parent / "safety", tmp_path / "safety"))
        data = bytearray((other / "model.safetensors").read_bytes())
        data[-1] ^= 1
        (other / "model.safetensors").write_bytes(data)
        mine = tmp_path / "checkpoints.yaml"
        mine.write_text("checkpoints:\n  starter-safety: {source: {folder: safety}}\n")
        checkpoint = load_registry([mine]).checkpoints["starter-safety"]
        with pytest.raises(LimnerError) as refused:
            pin(checkpoint, other, memory)
        for part in (str(mine), hashlib.sha256(data).hexdigest(), "as limner's registry says", "another name"):
            assert part in str(refused.value)

    def test_hashes_configuration_that_is_not_declared(self, copy: Path, memory: HashMemory) -> None:
        files = tuple(file for file in declared(copy).files if file.path.endswith(".safetensors"))
        assert pin(replace(declared(copy), files=files), copy, memory).files == declared(copy).files

    def test_ignores_what_loading_does_not_read(self, copy: Path, memory: HashMemory) -> None:
        before = pin(entry("sd1", copy), copy, memory)
        (copy / "v1-5-pruned.safetensors").write_bytes(b"a single file beside the folders")
        (copy / "unet" / "diffusion_pytorch_model.non_ema.safetensors").write_bytes(b"x")
        (copy / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"x")
        (copy / "safety_checker").mkdir()
        (copy / "safety_checker" / "model.safetensors").write_bytes(b"x")
        assert pin(entry("sd1", copy), copy, memory) == before

    def test_learns_the_architecture_of_a_repository_that_the_registry_does_not_know(
        self, folder_of: Callable[[str], Path], memory: HashMemory
    ) -> None:
        unknown = replace(entry("sdxl", folder_of("sdxl")), architecture="unknown")
        assert pin(unknown, folder_of("sdxl"), memory).architecture == "sdxl"

    def test_names_the_unet_as_the_model(self, copy: Path) -> None:
        assert main_file(declared(copy)).path == UNET


class TestWhichWeightsAreRead:
    def test_the_plain_file_before_the_fp16_one(self, copy: Path) -> None:
        shutil.copy(copy / UNET, copy / "unet" / "diffusion_pytorch_model.fp16.safetensors")
        assert not any("fp16" in path for path in files_read("sd1", copy))

    def test_the_fp16_file_when_it_is_the_only_one(self, copy: Path) -> None:
        (copy / UNET).rename(copy / "unet" / "diffusion_pytorch_model.fp16.safetensors")
        assert "unet/diffusion_pytorch_model.fp16.safetensors" in files_read("sd1", copy)

    def test_shards_by_their_index(self, copy: Path) -> None:
        shard = "diffusion_pytorch_model-00001-of-00001.safetensors"
        (copy / UNET).rename(copy / "unet" / shard)
        index = copy / "unet" / "diffusion_pytorch_model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": {"conv_in.weight": shard}}))
        assert {f"unet/{shard}", f"unet/{index.name}"} <= set(files_read("sd1", copy))
        (copy / "unet" / shard).unlink()
        with pytest.raises(LimnerError, match=f"{shard}: missing; {index.name} names it"):
            files_read("sd1", copy)

    @pytest.mark.parametrize(
        "shard", ["../x.safetensors", "/etc/passwd", "a/b.safetensors", "..\\x.safetensors", "x.bin"]
    )
    def test_no_shard_outside_its_folder(self, copy: Path, shard: str) -> None:
        (copy / UNET).unlink()
        index = copy / "unet" / "diffusion_pytorch_model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": {"conv_in.weight": shard}}))
        with pytest.raises(LimnerError, match=r"a plain \*.safetensors file name is allowed"):
            files_read("sd1", copy)

    def test_a_scorers_folder_is_read_flat(self, tmp_path: Path) -> None:
        for name in (
            "open_clip_config.json",
            "open_clip_model.safetensors",
            "README.md",
            "open_clip_pytorch_model.bin",
        ):
            (tmp_path / name).write_text("{}")
        assert files_read("open-clip", tmp_path) == ("open_clip_config.json", "open_clip_model.safetensors")


class TestWhatIsRefused:
    """… before any library opens anything."""

    def test_a_part_that_has_pickles_only(self, copy: Path) -> None:
        (copy / UNET).rename(copy / "unet" / "diffusion_pytorch_model.bin")
        with pytest.raises(LimnerError, match=r"diffusion_pytorch_model.bin: got a pickle; .*Run `limner convert"):
            files_read("sd1", copy)

    @pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".pth", ".bin"])
    def test_a_folder_with_one_pickle(self, tmp_path: Path, suffix: str) -> None:
        (tmp_path / f"novel{suffix}").write_bytes(b"\x80\x04.")
        for architecture in ("sd1", "aesthetic-head"):
            with pytest.raises(LimnerError, match=rf"novel{suffix}: got a pickle; .*never reads pickles"):
                files_read(architecture, tmp_path)

    def test_a_single_file_checkpoint(self, tmp_path: Path) -> None:
        (tmp_path / "anything.safetensors").write_bytes(b"")
        with pytest.raises(LimnerError, match=r"anything.safetensors: got a single-file checkpoint"):
            files_read("sd1", tmp_path)

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(LimnerError, match=r"no model_index.json; a checkpoint is a diffusers folder"):
            files_read("sd1", tmp_path)

    @pytest.mark.parametrize("path", ["pipeline.py", "unet/my_unet.py"])
    def test_python_code_is_never_read(self, copy: Path, path: str) -> None:
        before = files_read("sd1", copy)
        (copy / path).write_text("raise SystemExit")
        assert files_read("sd1", copy) == before

    @pytest.mark.parametrize("path", ["unet/config.json", "text_encoder/config.json", "model_index.json"])
    def test_a_configuration_that_asks_for_code(self, copy: Path, path: str) -> None:
        edit(copy / path, auto_map={"AutoModel": "evil.Model"})
        with pytest.raises(LimnerError, match=rf"{path}: auto_map"):
            read_parts("sd1", copy)

    def test_an_adapter_that_would_be_loaded_unasked(self, copy: Path) -> None:
        (copy / "text_encoder" / "adapter_config.json").write_text("{}")
        with pytest.raises(LimnerError, match="got an adapter inside a part's folder"):
            files_read("sd1", copy)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"_class_name": "MyPipeline"}, r'_class_name: got "MyPipeline"; allowed: StableDiffusionPipeline'),
            ({"_class_name": ["pipeline", "Mine"]}, r"_class_name: got \['pipeline', 'Mine'\]"),
            ({"unet": ["my_unet", "MyUNet"]}, r"unet: got \['my_unet', 'MyUNet'\]; allowed: \[\"diffusers\""),
            ({"text_encoder": ["transformers", "BertModel"]}, r"text_encoder: got \['transformers', 'BertModel'\]"),
            ({"vae": None}, r"vae: got null"),
        ],
    )
    def test_a_pipeline_or_part_of_its_own(self, copy: Path, change: dict[str, object], message: str) -> None:
        edit(copy / "model_index.json", **change)
        with pytest.raises(LimnerError, match=message):
            read_parts("sd1", copy)

    def test_another_architecture_than_declared(self, folder_of: Callable[[str], Path]) -> None:
        with pytest.raises(LimnerError, match=r"_class_name: got .*StableDiffusionPipeline"):
            read_parts("sdxl", folder_of("sd1"))

    @pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "\x00\xff"])
    def test_an_index_that_is_not_a_json_object(self, copy: Path, text: str) -> None:
        (copy / "model_index.json").write_text(text, encoding="latin-1")
        with pytest.raises(LimnerError, match=r"model_index.json: (not JSON|got a JSON list)"):
            read_parts("sd1", copy)

    def test_a_missing_part(self, copy: Path) -> None:
        shutil.rmtree(copy / "vae")
        with pytest.raises(LimnerError, match="vae: missing; a sd1 checkpoint has this folder"):
            files_read("sd1", copy)


class TestLocating:
    def test_a_local_folder(self, copy: Path) -> None:
        assert locate(entry("sd1", copy)) == copy

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(LimnerError, match=r"'tiny-sd1': source folder .*nowhere: got no such folder"):
            locate(entry("sd1", tmp_path / "nowhere"))

    def test_a_hub_snapshot_through_its_links(self, copy: Path, tmp_path: Path, memory: HashMemory) -> None:
        cache, checkpoint = hub_cache(copy, tmp_path / "hub"), from_hub("sd1")
        folder = locate(checkpoint, hub_cache=cache)
        assert (folder / UNET).is_symlink()
        assert pin(checkpoint, folder, memory).files == declared(copy).files

    def test_a_snapshot_that_is_not_there_says_how_to_get_it(self, tmp_path: Path) -> None:
        with pytest.raises(LimnerError, match=rf"someone/model@{REVISION} is not in the hub's cache .*--online"):
            locate(from_hub("sd1"), hub_cache=tmp_path)

    def test_an_entry_without_a_source_says_where_to_name_one(self) -> None:
        with pytest.raises(LimnerError, match=r"source: got none.*in a checkpoints file of yours"):
            locate(replace(from_hub("sd1"), source=Source()))

    @pytest.mark.parametrize("revision", [None, "main", "0123"])
    def test_only_a_full_revision_pins(self, tmp_path: Path, revision: str | None) -> None:
        source = Source(repo_id="someone/model", revision=revision)
        with pytest.raises(LimnerError, match="a revision of 40 hex digits"):
            locate(replace(from_hub("sd1"), source=source), hub_cache=tmp_path)

    def test_the_hubs_cache_is_where_its_own_variables_say(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        assert default_hub_cache() == Path.home() / ".cache" / "huggingface" / "hub"
        monkeypatch.setenv("HF_HOME", "/models")
        assert default_hub_cache() == Path("/models/hub")
        monkeypatch.setenv("HF_HUB_CACHE", "/hub")
        assert default_hub_cache() == Path("/hub")

    def test_online_fetches_safetensors_and_configuration_at_the_revision(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: dict[str, object] = {}
        monkeypatch.setattr(
            "huggingface_hub.snapshot_download", lambda repo, **how: asked.update(how, repo=repo) or "/x"
        )
        assert locate(from_hub("sdxl"), hub_cache=tmp_path, online=True) == Path("/x")
        assert (asked["repo"], asked["revision"], asked["cache_dir"]) == ("someone/model", REVISION, tmp_path)
        assert asked["allow_patterns"] == wanted_patterns(from_hub("sdxl"))
        assert all(pattern.endswith((".json", ".txt", ".safetensors")) for pattern in wanted_patterns(from_hub("sdxl")))

    def test_online_trouble_is_a_sentence(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object, **__: object) -> str:
            raise OSError("no route to host")

        monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
        with pytest.raises(LimnerError, match=r"could not be fetched \(OSError: no route to host\)"):
            locate(from_hub("sd1"), hub_cache=tmp_path, online=True)

    def test_only_declared_weights_are_fetched_when_some_are(self) -> None:
        checkpoint = replace(from_hub("sd1"), files=(WeightFile(UNET, "0" * 64),))
        assert [pattern for pattern in wanted_patterns(checkpoint) if "safetensors" in pattern] == [UNET]


class TestMemoryOfHashes:
    def test_reads_a_file_once(self, copy: Path, memory: HashMemory) -> None:
        age(copy)
        first = pin(entry("sd1", copy), copy, memory)
        again = HashMemory(memory.path)
        assert pin(entry("sd1", copy), copy, again) == first
        assert (memory.reads, again.reads) == (len(first.files), 0)

    @pytest.mark.parametrize("how", ["size", "mtime", "inode"])
    def test_reads_again_what_changed(self, copy: Path, memory: HashMemory, how: str) -> None:
        path = copy / "unet" / "config.json"
        age(copy)
        before, status = memory.sha256(path), path.stat()
        text = path.read_text().replace("3", "4") + (" " if how == "size" else "")
        if how == "inode":
            path.rename(copy / "old")
        path.write_text(text)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + (how == "mtime")))
        assert memory.sha256(path) == hashlib.sha256(text.encode()).hexdigest() != before

    def test_does_not_trust_a_file_that_is_still_warm(self, copy: Path, memory: HashMemory) -> None:
        memory = HashMemory(memory.path)
        path = copy / "unet" / "config.json"
        os.utime(path)
        memory.sha256(path)
        memory.sha256(path)
        assert memory.reads == 2

    @pytest.mark.parametrize(
        "damage", [b"", b"{", b"[]", b"null", b'{"version": 99, "files": {}}', b'{"version": 1, "files": {"x": [1]}}']
    )
    def test_a_damaged_memory_is_an_empty_one(self, copy: Path, memory: HashMemory, damage: bytes) -> None:
        age(copy)
        pin(entry("sd1", copy), copy, memory)
        memory.path.write_bytes(damage)
        again = HashMemory(memory.path, settled_s=0)
        assert pin(entry("sd1", copy), copy, again) == pin(entry("sd1", copy), copy, memory)
        assert again.reads > 0
        assert HashMemory(memory.path)._known

    def test_a_memory_that_cannot_be_written_costs_a_read_only(self, copy: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        memory = HashMemory(tmp_path / "file" / "hashes.json")
        assert pin(entry("sd1", copy), copy, memory).files == declared(copy).files

    def test_two_at_once_keep_what_both_learned(self, copy: Path, memory: HashMemory) -> None:
        age(copy)
        other = HashMemory(memory.path, settled_s=0)
        memory.hash_files(copy, ["unet/config.json"])
        other.hash_files(copy, ["vae/config.json"])
        assert len(HashMemory(memory.path)._known) == 2

    def test_a_file_that_changes_while_it_is_read_is_refused(
        self, copy: Path, memory: HashMemory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = copy / UNET
        digest = hashlib.file_digest

        def slow(file: object, name: str) -> object:
            path.write_bytes(b"new")
            return digest(file, name)  # type: ignore[arg-type]

        monkeypatch.setattr(hashes.hashlib, "file_digest", slow)
        with pytest.raises(LimnerError, match="changed while it was being read"):
            memory.sha256(path)


def test_nothing_here_imports_torch() -> None:
    modules = ["batching", "candidate", "families.parts", "families.registry", "pictures.images", "pictures.png"]
    modules += ["pictures.infotext", "pictures.xmp", "prompts.chunks", "weights.pinning"]
    code = f"import sys, {', '.join(f'generator.{name}' for name in modules)}; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def from_hub(kind: str) -> Checkpoint:
    """An entry whose source is a hub repository."""
    return replace(entry(kind, Path()), source=Source(repo_id="someone/model", revision=REVISION))


def hub_cache(folder: Path, cache: Path) -> Path:
    """A hub cache with the folder as a snapshot: links to blobs, as huggingface_hub lays them out."""
    repository = cache / "models--someone--model"
    (repository / "blobs").mkdir(parents=True)
    for path, sha256 in tiny.hashes(folder).items():
        link = repository / "snapshots" / REVISION / path
        link.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / path, repository / "blobs" / sha256)
        link.symlink_to(os.path.relpath(repository / "blobs" / sha256, link.parent))
    return cache


def edit(path: Path, **changes: object) -> None:
    """Change keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
