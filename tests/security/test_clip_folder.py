"""A CLIP's folder runs no code, makes no connection, and embeds by no weights but those that were hashed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from scoring.clip.embedding import load_clip
from scoring.errors import ScorerError
from tests.security.attempts import Outcome, attempt, hashed
from tests.security.hostile_cases import Case, setting
from tests.security.hostile_files import CANARY, NO_FILES, plant_code, plant_pickles
from tests.security.hostile_scorers import STARTER_CLIP, Good, cases

ROOT = Path(__file__).parents[2]
CONFIG = "open_clip_config.json"
WEIGHTS = "open_clip_model.safetensors"
SAMPLES = {"clip": 60, "own-tokenizer": 25}
Try = Callable[..., Outcome]


class Cpu:
    device = "cpu"


@pytest.fixture
def attack(good: Good, tmp_path: Path, canary: Path) -> Try:
    """Loads a copy of a good CLIP after ``spoil``."""

    def run(spoil: Callable[[Path], None], role: str = "clip") -> Outcome:
        number = len(list(tmp_path.iterdir()))
        return attempt(Case("one", role, spoil), good, tmp_path / f"clip{number}", canary)

    return run


@pytest.mark.parametrize("role", SAMPLES)
def test_generated_folders_are_explained_or_harmless(good: Good, tmp_path: Path, canary: Path, role: str) -> None:
    for number, case in enumerate(cases(seed=11, roles=(role,))[: SAMPLES[role]]):
        folder = tmp_path / str(number)
        assert not attempt(case, good, folder, canary).harm, case.name
        shutil.rmtree(folder)


class TestASettingThatALibraryWouldObeyIsNamedAndRefused:
    @pytest.mark.parametrize(
        ("keys", "value"),
        [
            (("text_cfg", "tokenizer_kwargs", "trust_remote_code"), True),
            (("text_cfg", "tokenizer_kwargs", "reduction_mask"), "syntax"),
            (("text_cfg", "tokenizer_kwargs", "bpe_path"), "/etc/passwd"),
            (("text_cfg", "hf_model_name"), "xlm-roberta-base"),
            (("text_cfg", "hf_tokenizer_name"), "hf-hub:evil/repo"),
            (("text_cfg", "hf_tokenizer_name"), "../elsewhere"),
            (("text_cfg", "tokenizer_name"), "evil/repo"),
            (("vision_cfg", "timm_model_name"), "convnext_base"),
            (("vision_cfg", "timm_model_pretrained"), True),
            (("vision_cfg", "auto_map"), {"AutoModel": "evil.Tok"}),
            (("multimodal_cfg",), {"hf_model_name": "gpt2"}),
            (("vision_cfg", "layers"), 10**7),
            (("vision_cfg", "width"), 10**9),
            (("text_cfg", "vocab_size"), float("nan")),
            (("text_cfg", "heads"), True),
        ],
    )
    def test_with_its_place_and_what_is_allowed(self, attack: Try, keys: tuple[str, ...], value: Any) -> None:
        found = attack(setting(CONFIG, ("model_cfg", *keys), value))
        assert not found.harm
        assert f"{CONFIG}: {'.'.join(('model_cfg', *keys))}: got " in found.refused
        assert "allowed: " in found.refused
        assert found.opened == (CONFIG,)

    def test_an_auto_map_behind_a_json_escape(self, attack: Try) -> None:
        def spoil(folder: Path) -> None:
            path = folder / "tokenizer_config.json"
            path.write_text('{"\\u0061uto_map": {"AutoTokenizer": ["evil.Tok", null]}, ' + path.read_text()[1:])
            plant_code(folder)

        found = attack(spoil, "own-tokenizer")
        assert not found.harm
        assert "tokenizer_config.json: auto_map: got a key that limner does not know" in found.refused

    def test_what_it_refuses_is_not_told_by_searching_bytes(self, attack: Try) -> None:
        found = attack(setting(CONFIG, ("preprocess_cfg", "source"), "auto_map trust_remote_code timm_model_name"))
        assert not found.harm
        assert not found.refused


class TestOnlyTheNamedFilesAreRead:
    def test_of_a_folder_full_of_others(self, attack: Try) -> None:
        def spoil(folder: Path) -> None:
            plant_pickles(folder)
            plant_code(folder)
            (folder / "config.json").write_text('{"auto_map": {"AutoModel": "evil.Tok"}}')
            (folder / "model.safetensors").write_bytes(b"not read")

        found = attack(spoil)
        assert not found.harm
        assert not found.refused
        assert set(found.opened) == {CONFIG, WEIGHTS}

    def test_a_pickle_that_open_clip_would_prefer_is_not_opened(self, attack: Try, good: Good, tmp_path: Path) -> None:
        def spoil(folder: Path) -> None:
            (folder / WEIGHTS).rename(folder / "model.safetensors")
            plant_pickles(folder)

        found = attack(spoil)
        assert not found.harm
        assert not found.refused
        assert set(found.opened) == {"model.safetensors", CONFIG}

    @pytest.mark.parametrize("kind", NO_FILES)
    def test_what_stands_in_the_weights_place_is_not_passed_over(self, attack: Try, kind: str) -> None:
        def spoil(folder: Path) -> None:
            (folder / WEIGHTS).rename(folder / "model.safetensors")
            NO_FILES[kind](folder / WEIGHTS)

        found = attack(spoil)
        assert not found.harm
        assert bool(found.refused) == (kind != "nothing")

    def test_a_file_that_was_swapped_after_it_was_hashed_is_refused(self, good: Good, tmp_path: Path) -> None:
        folder = good.copy("clip", tmp_path / "clip")
        checkpoint = hashed("clip", folder)
        tensors = load_file(folder / WEIGHTS)
        tensors["visual.proj"][0, 0] += 1
        (folder / WEIGHTS).unlink()
        save_file(tensors, folder / WEIGHTS)
        with pytest.raises(ScorerError, match="It changed since"):
            load_clip(checkpoint, folder, Cpu())

    def test_a_setting_that_was_swapped_after_it_was_hashed_is_refused(self, good: Good, tmp_path: Path) -> None:
        folder = good.copy("clip", tmp_path / "clip")
        checkpoint = hashed("clip", folder)
        setting(CONFIG, ("model_cfg", "quick_gelu"), False)(folder)
        with pytest.raises(ScorerError, match="It changed since"):
            load_clip(checkpoint, folder, Cpu())


PUBLISHED = {
    "ViT-B-32": (512, {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32}, 512, 8, 12),
    "ViT-L-14": (768, {"image_size": 224, "layers": 24, "width": 1024, "patch_size": 14}, 768, 12, 12),
    "ViT-H-14": (
        1024, {"image_size": 224, "layers": 32, "width": 1280, "head_width": 80, "patch_size": 14}, 1024, 16, 24,
    ),
    "ViT-bigG-14": (
        1280,
        {"image_size": 224, "layers": 48, "width": 1664, "head_width": 104, "mlp_ratio": 4.9231, "patch_size": 14},
        1280, 20, 32,
    ),
    "RN50": (1024, {"image_size": 224, "layers": [3, 4, 6, 3], "width": 64, "patch_size": None}, 512, 8, 12),
}  # fmt: skip


class TestPublishedConfigurationsAreTaken:
    """Those of the hub repositories: allowed, and built as open_clip builds them."""

    @pytest.mark.parametrize("name", PUBLISHED)
    def test_of_the_towers_that_open_clip_defines(self, good: Good, tmp_path: Path, name: str) -> None:
        import open_clip

        from scoring.clip.config import read_config
        from scoring.clip.model import _empty
        from scoring.folder import folder_of

        dim, vision, width, heads, layers = PUBLISHED[name]
        text = {"context_length": 77, "vocab_size": 49408, "width": width, "heads": heads, "layers": layers}
        value = {"model_cfg": {"embed_dim": dim, "vision_cfg": vision, "text_cfg": text}, "preprocess_cfg": {
            "mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711],
            "interpolation": "bicubic", "resize_mode": "shortest"}}  # fmt: skip
        (tmp_path / CONFIG).write_text(json.dumps(value))
        files = folder_of(hashed("clip", tmp_path), tmp_path, "CLIP", "fix")
        ours = _empty(files, read_config(files)).state_dict()
        known = open_clip.get_model_config(name)
        assert known == value["model_cfg"]
        import torch

        with torch.device("meta"):
            theirs = open_clip.model.CLIP(**known).state_dict()
        assert {key: tensor.shape for key, tensor in ours.items()} == {key: t.shape for key, t in theirs.items()}

    def test_a_resnet_gives_open_clips_embedding(self, tmp_path: Path) -> None:
        import open_clip
        import torch
        from safetensors.torch import save_file as save

        text = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1, "proj_bias": True}
        vision = {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 16, "patch_size": None}
        config = {"embed_dim": 24, "vision_cfg": vision, "text_cfg": text, "custom_text": True}
        torch.manual_seed(0)
        theirs = open_clip.model.CustomTextCLIP(24, dict(vision), dict(text)).eval()
        save({key: value.contiguous() for key, value in theirs.state_dict().items()}, tmp_path / WEIGHTS)
        (tmp_path / CONFIG).write_text(json.dumps({"model_cfg": {**config, "quick_gelu": False}}))
        clip = load_clip(hashed("clip", tmp_path), tmp_path, Cpu(), batch_size=2, text_batch=1)
        pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
        with torch.no_grad():
            wanted = theirs.encode_image(clip.preprocess(pixels, torch.device("cpu")), normalize=True).numpy()
            words = theirs.encode_text(clip.tokenizer(["a red sword"]), normalize=True).numpy()
        assert np.array_equal(clip.embed(pixels), wanted)
        assert np.array_equal(clip.embed_texts(["a red sword"]), words)


class TestTheTokenizerIsTransformersOwn:
    def test_the_same_ids_as_open_clip_gives(self, tmp_path: Path) -> None:
        import open_clip

        texts = [
            "a red sword on a stone background",
            "",
            "A GOLDEN  crown, ink!",
            "caf\u00e9 \u6f22\u5b57 \U0001f642 \u00bd",
            "<|endoftext|> x",
            "it's we'll",
            "&amp;amp; &lt;b&gt;",
            "word " * 100,
            "tab\tand\nnewline",
            "\ufb01 A\u030a \u212b",
        ]
        clip = load_clip(hashed("clip", STARTER_CLIP), STARTER_CLIP, Cpu())
        theirs = open_clip.get_tokenizer(f"local-dir:{STARTER_CLIP}")(texts)
        assert (clip.tokenizer(texts) == theirs).all()

    def test_from_vocab_and_merges_as_from_tokenizer_json(self, good: Good, tmp_path: Path) -> None:
        folder = good.copy("own-tokenizer", tmp_path / "clip")
        (folder / "tokenizer.json").unlink()
        (folder / "tokenizer_config.json").unlink()
        one, other = (load_clip(hashed("clip", path), path, Cpu()) for path in (folder, STARTER_CLIP))
        texts = ["a red sword on a stone background", "caf\u00e9 \u00bd"]
        assert (one.tokenizer(texts) == other.tokenizer(texts)).all()


PROGRAM = """
import json, sys
from pathlib import Path
connections = []
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        connections.append(str(arguments[1:]))
sys.addaudithook(hook)
from scoring.errors import ScorerError
from scoring.clip.embedding import load_clip
from tests.security.attempts import hashed
answers = {}
for folder in map(Path, sys.argv[1:]):
    try:
        load_clip(hashed("clip", folder), folder, type("Cpu", (), {"device": "cpu"})())
        answers[folder.name] = "loaded"
    except ScorerError as error:
        answers[folder.name] = str(error)
print(json.dumps([answers, connections, sorted(name for name in sys.modules if "evil" in name)]))
"""


def test_in_a_fresh_process_that_may_use_the_network(good: Good, tmp_path: Path, canary: Path) -> None:
    remote = {"trust_remote_code": True}
    mapped = {"AutoTokenizer": ["evil.Tok", "evil.Tok"]}
    spoils: dict[str, tuple[str, Callable[[Path], None]]] = {
        "kwargs": ("own-tokenizer", setting(CONFIG, ("model_cfg", "text_cfg", "tokenizer_kwargs"), remote)),
        "map": ("own-tokenizer", setting("tokenizer_config.json", ("auto_map",), mapped)),
        "hub": ("clip", setting(CONFIG, ("model_cfg", "text_cfg", "hf_model_name"), "evil/repo")),
        "timm": ("clip", setting(CONFIG, ("model_cfg", "vision_cfg", "timm_model_name"), "hf-hub:evil/repo")),
        "pickle": ("clip", plant_pickles),
        "deep": ("own-tokenizer", setting("tokenizer_config.json", ("tokenizer_class",), "a.b.c.evil--evil.Tok")),
    }
    for name, (role, spoil) in spoils.items():
        folder = good.copy(role, tmp_path / name)
        if name in ("kwargs", "map"):  # both at once, as transformers asks for both
            setting(CONFIG, ("model_cfg", "text_cfg", "tokenizer_kwargs"), remote)(folder)
            setting("tokenizer_config.json", ("auto_map",), mapped)(folder)
        spoil(folder)
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_OFFLINE")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *(str(tmp_path / name) for name in spoils)],
        cwd=ROOT,
        env={**environment, CANARY: str(canary), "HF_HOME": str(tmp_path / "hub")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    answers, connections, modules = json.loads(done.stdout.splitlines()[-1])
    assert not canary.exists()
    assert (connections, modules) == ([], [])
    assert answers.pop("pickle") == "loaded"
    assert all("allowed: " in answer for answer in answers.values())
