"""Hostile folders of scorers, generated: every key of every configuration × {code, network, path, size, type}.

``cases(seed)`` gives them in a shuffled, repeatable order; ``Good.build`` makes the good folders that each one spoils;
``attempt`` (in ``attempts``) loads one as a run does, and says what happened.
"""

from __future__ import annotations

import itertools
import json
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from tests import tiny_scorers
from tests.security.hostile_cases import Case, Key, of_files, of_keys
from tests.security.hostile_files import plant_pickles

STARTER_CLIP = Path(__file__).parents[2] / "starter" / "clip"
WEIGHTS = {
    "clip": "open_clip_model.safetensors",
    "own-tokenizer": "open_clip_model.safetensors",
    "safety": "model.safetensors",
    "head": "head.safetensors",
    "second": "head.safetensors",
}
CONFIGS: Mapping[str, tuple[str, ...]] = {
    "clip": ("open_clip_config.json",),
    "own-tokenizer": ("tokenizer_config.json", "tokenizer.json"),
    "safety": ("config.json", "preprocessor_config.json", "concepts.json"),
    "head": ("config.json",),
    "second": ("config.json",),
}


@dataclass(frozen=True, slots=True)
class Good:
    """The good folders by role, and the hash of the CLIP that the heads belong to."""

    folders: Mapping[str, Path]
    clip_sha256: str

    @classmethod
    def build(cls, folder: Path) -> Good:
        """Tiny ones, and the starter's CLIP, which brings a tokenizer."""
        tiny = tiny_scorers.build(folder / "tiny")
        clip = tiny.clip[0].files[1].sha256
        second = folder / "second"
        second.mkdir()
        _nsfw_head(second, clip)
        folders = {"clip": tiny.clip[1], "own-tokenizer": STARTER_CLIP, "safety": tiny.safety[1]}
        return cls({**folders, "head": tiny.aesthetic[1], "second": second}, clip)

    def copy(self, role: str, to: Path) -> Path:
        """A copy to spoil; large weights are linked."""
        to.mkdir(parents=True)
        for path in self.folders[role].iterdir():
            if path.suffix == ".safetensors":
                (to / path.name).symlink_to(path.resolve())
            elif path.is_file():
                shutil.copyfile(path, to / path.name)
        return to


def _nsfw_head(folder: Path, clip: str) -> None:
    rng = np.random.default_rng(5)
    widths = (tiny_scorers.DIM, 8, 6, 4, 1)
    tensors = {"norm.mean": rng.normal(size=widths[0]), "norm.variance": rng.uniform(1, 2, widths[0])}
    for number, (wide, narrow) in enumerate(itertools.pairwise(widths), 1):
        tensors[f"linear_{number}.weight"] = rng.normal(size=(narrow, wide))
        tensors[f"linear_{number}.bias"] = rng.normal(size=narrow)
    save_file({name: value.astype(np.float32) for name, value in tensors.items()}, folder / "head.safetensors")
    config = {"architecture": "aesthetic-head", "layout": "nsfw-mlp", "clip": clip, "embedding_dim": widths[0]}
    (folder / "config.json").write_text(json.dumps({**config, "scale": [0, 1]}))


def cases(seed: int = 0, roles: tuple[str, ...] = tuple(WEIGHTS)) -> list[Case]:
    """Every case of these roles, in an order that ``seed`` shuffles."""
    made = [case for role in roles for case in _of(role)]
    random.Random(seed).shuffle(made)
    return made


def _of(role: str) -> Iterator[Case]:
    yield from of_keys(role, KEYS[role]())
    yield from of_files(role, CONFIGS[role], WEIGHTS[role])
    yield Case(f"{role}: pickles beside", role, plant_pickles)
    yield Case(f"{role}: pickles alone", role, _pickles_alone)


def _words(text: str) -> list[str]:
    return text.split()


def _clip_keys() -> Iterator[Key]:
    """Those that open_clip's own classes and factory read."""
    from open_clip.model import CLIPTextCfg, CLIPVisionCfg
    from open_clip.transform import PreprocessCfg

    file, model = "open_clip_config.json", ("model_cfg",)
    yield from ((file, (key,)) for key in _words("model_cfg preprocess_cfg auto_map trust_remote_code"))
    for (
        key
    ) in _words("""embed_dim vision_cfg text_cfg quick_gelu custom_text multimodal_cfg init_logit_scale init_logit_bias
            nonscalar_logit_scale cast_dtype output_dict auto_map pretrained"""):
        yield file, (*model, key)
    for part, kind in (("vision_cfg", CLIPVisionCfg), ("text_cfg", CLIPTextCfg)):
        yield from ((file, (*model, part, one.name)) for one in fields(kind))
        yield from ((file, (*model, part, key)) for key in ("auto_map", "trust_remote_code", "tokenizer_name"))
    for (
        key
    ) in _words("""trust_remote_code clean reduction_mask additional_special_tokens bpe_path language tokenizer_file
            revision subfolder cache_dir tokenizer_type proxies token auto_map strip_sep_token use_fast local_files_only
            code_revision"""):
        yield file, (*model, "text_cfg", "tokenizer_kwargs", key)
    yield from ((file, ("preprocess_cfg", one.name)) for one in fields(PreprocessCfg))


def _tokenizer_keys() -> Iterator[Key]:
    """Those that transformers' tokenizers read."""
    for (
        key
    ) in _words("""tokenizer_class auto_map bos_token eos_token pad_token unk_token model_max_length tokenizer_file
            name_or_path added_tokens_decoder chat_template backend processor_class extra_special_tokens vocab_file
            merges_file slow_tokenizer_class trust_remote_code split_special_tokens fix_mistral_regex gguf_file
            truncation_side padding_side"""):
        yield "tokenizer_config.json", (key,)
    for key in _words("hf_tokenizer_name vocab_size context_length pool_type eos_id tokenizer_mode"):
        yield "open_clip_config.json", ("model_cfg", "text_cfg", key)
    whole = json.loads((STARTER_CLIP / "tokenizer.json").read_text(encoding="utf-8"))
    yield from (("tokenizer.json", (key,)) for key in (*whole, "auto_map"))
    yield from (("tokenizer.json", ("model", key)) for key in whole["model"])
    yield from (("tokenizer.json", ("model", "vocab", key)) for key in ("a", "<|endoftext|>", "zz"))


def _checker_keys() -> Iterator[Key]:
    """Those that transformers' configurations and image processors read, and limner's own."""
    for key in _words("""vision_config vision_config_dict text_config text_config_dict architectures model_type auto_map
            _name_or_path projection_dim trust_remote_code custom_pipelines"""):
        yield "config.json", (key,)
    for (
        key
    ) in _words("""hidden_size intermediate_size num_hidden_layers num_attention_heads image_size patch_size hidden_act
            layer_norm_eps num_channels model_type projection_dim attention_dropout auto_map attn_implementation
            _attn_implementation quantization_config torch_dtype"""):
        yield "config.json", ("vision_config", key)
    for key in _words("""size crop_size image_mean image_std resample rescale_factor do_resize do_rescale do_normalize
            do_center_crop image_processor_type auto_map processor_class"""):
        yield "preprocessor_config.json", (key,)
    yield from (("concepts.json", (key,)) for key in _words("concepts special_care covers policy auto_map"))


def _head_keys() -> Iterator[Key]:
    for key in _words("architecture layout activation clip embedding_dim scale file auto_map source"):
        yield "config.json", (key,)


KEYS: Mapping[str, Callable[[], Iterator[Key]]] = {
    "clip": _clip_keys, "own-tokenizer": _tokenizer_keys, "safety": _checker_keys, "head": _head_keys,
    "second": _head_keys,
}  # fmt: skip


def _pickles_alone(folder: Path) -> None:
    for path in folder.glob("*.safetensors"):
        path.unlink()
    plant_pickles(folder)
