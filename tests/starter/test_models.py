"""The committed weights: in their layouts, pinned, small, and alive."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file

from starter.pin import MODELS, STARTER, registry_text

PROMPT = "a red heart on a plain background"
LIMIT_BYTES = 40 * 2**20


def weight_files() -> list[Path]:
    return [path for model in MODELS for path in sorted((STARTER / model).rglob("*.safetensors"))]


def _drawings() -> torch.Tensor:
    """Thirty-two held-out drawings, (32, 3, 128, 128) in [-1, 1]."""
    from starter.draw.scene import draw, random_scene

    pixels = np.stack([np.asarray(draw(random_scene(20_000_000 + seed))) for seed in range(32)])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1


class TestTheFiles:
    def test_all_weights_together_stay_within_40_mib(self) -> None:
        total = sum(path.stat().st_size for path in weight_files())
        assert total <= LIMIT_BYTES, f"{total} bytes of weights, {LIMIT_BYTES} allowed"

    def test_every_weight_is_float16(self) -> None:
        for path in weight_files():
            with safe_open(path, "pt") as file:
                kinds = {str(file.get_slice(name).get_dtype()) for name in file.keys()}  # noqa: SIM118
            assert kinds <= {"F16", "I64"}, f"{path.relative_to(STARTER)} holds {kinds}"

    def test_the_registry_pins_what_is_there(self) -> None:
        assert (STARTER / "registry.yaml").read_text() == registry_text()
        for entry in yaml.safe_load(registry_text())["models"].values():
            for relative, tagged in entry["files"].items():
                content = (STARTER / entry["folder"] / relative).read_bytes()
                assert tagged == "sha256:" + hashlib.sha256(content).hexdigest()

    def test_every_model_has_its_card(self) -> None:
        for model in MODELS:
            text = (STARTER / model / "README.md").read_text()
            assert text.startswith("---\n")
            assert yaml.safe_load(text.split("---\n")[1])["license"] == "cc0-1.0"


class TestTheImageModel:
    @pytest.fixture(scope="class")
    def pipeline(self) -> object:
        from diffusers import StableDiffusionPipeline

        made = StableDiffusionPipeline.from_pretrained(
            STARTER / "image", dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
        made.set_progress_bar_config(disable=True)
        return made

    def test_it_makes_128_pixel_pictures_that_its_seed_decides(self, pipeline) -> None:  # type: ignore[no-untyped-def]
        def render(seed: int):  # type: ignore[no-untyped-def]
            noise = torch.Generator().manual_seed(seed)
            return np.asarray(pipeline(PROMPT, num_inference_steps=3, generator=noise, output_type="np").images[0])

        first = render(0)
        assert first.shape == (128, 128, 3)
        assert (first == render(0)).all()
        assert (first != render(1)).any()

    def test_its_autoencoder_gives_drawings_back(self, pipeline) -> None:  # type: ignore[no-untyped-def]
        drawings = _drawings()
        with torch.no_grad():
            again = pipeline.vae.decode(pipeline.vae.encode(drawings).latent_dist.mean).sample.clamp(-1, 1)
        psnr_db = -10 * float(torch.log10(((again - drawings) ** 2).mean() / 4))
        assert psnr_db > 20, f"{psnr_db:.1f} dB"
        assert abs(float(again.std() / drawings.std()) - 1) < 0.1, "contrast"

    def test_its_scaling_factor_brings_latents_to_the_unit_spread_that_the_denoiser_knows(self, pipeline) -> None:  # type: ignore[no-untyped-def]
        with torch.no_grad():
            latents = pipeline.vae.encode(_drawings()).latent_dist.mean * pipeline.vae.config.scaling_factor
        assert 0.9 < float(latents.std()) < 1.1, float(latents.std())

    def test_words_of_the_captions_are_single_tokens_and_others_fall_back(self, pipeline) -> None:  # type: ignore[no-untyped-def]
        tokens = pipeline.tokenizer(PROMPT).input_ids
        assert len(tokens) == len(PROMPT.split()) + 2
        assert len(pipeline.tokenizer("剣").input_ids) > 2


class TestTheClipAndItsTwin:
    @pytest.fixture(scope="class")
    def clip(self):  # type: ignore[no-untyped-def]
        import open_clip

        name = f"local-dir:{STARTER / 'clip'}"
        model, _, preprocess = open_clip.create_model_and_transforms(name, require_pretrained=True)
        return model.eval(), preprocess, open_clip.get_tokenizer(name)

    def test_it_embeds_pictures_and_texts_in_one_space(self, clip) -> None:  # type: ignore[no-untyped-def]
        from starter.draw.scene import draw, random_scene

        model, preprocess, tokenizer = clip
        with torch.no_grad():
            image = model.encode_image(preprocess(draw(random_scene(5)))[None])
            text = model.encode_text(tokenizer([PROMPT]))
        assert image.shape == text.shape == (1, 256)

    def test_it_names_each_of_two_things_in_a_drawing(self) -> None:
        """Of 48 names, most often one of the two comes first; a CLIP that sees one thing alone ranks the other 17th."""
        from starter.draw.scene import draw, random_scene
        from starter.draw.subjects import SUBJECTS
        from starter.embedding import embed_pictures, embed_texts, load_clip

        model, tokenizer = load_clip()
        scenes = [random_scene(90_000_000 + seed, pairs=1.0) for seed in range(80)]
        pictures = embed_pictures(model, [np.asarray(draw(scene)) for scene in scenes])
        names = embed_texts(model, tokenizer, [f"a {subject}" for subject in SUBJECTS])
        places = (pictures @ names.T).argsort(1, descending=True).argsort(1)
        rows = [[list(SUBJECTS).index(figure.subject) for figure in scene.figures] for scene in scenes]
        ranks = np.sort(np.array([places[number, row].tolist() for number, row in enumerate(rows)]), axis=1)
        assert np.mean(ranks[:, 0] == 0) > 0.5
        assert np.median(ranks[:, 1]) < 9

    def test_the_safety_checker_sees_with_the_same_eyes(self, clip) -> None:  # type: ignore[no-untyped-def]
        from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker

        checker = StableDiffusionSafetyChecker.from_pretrained(STARTER / "safety", dtype=torch.float32)
        picture = torch.rand(1, 3, 128, 128) * 2 - 1
        with torch.no_grad():
            theirs = checker.visual_projection(checker.vision_model(picture).pooler_output)
            ours = clip[0].encode_image(picture)
        assert torch.allclose(theirs, ours, atol=2e-3), (theirs - ours).abs().max()

    def test_the_concepts_are_named_and_unused_slots_never_fire(self) -> None:
        words = json.loads((STARTER / "safety" / "concepts.json").read_text())
        thresholds = load_file(STARTER / "safety" / "model.safetensors")["concept_embeds_weights"]
        assert len(thresholds) == 17
        assert (thresholds[len(words["concepts"]) :] > 1).all()

    def test_the_aesthetic_head_names_the_clip_that_it_reads(self) -> None:
        config = json.loads((STARTER / "aesthetic" / "config.json").read_text())
        clip_file = STARTER / "clip" / "open_clip_model.safetensors"
        assert config["clip"] == hashlib.sha256(clip_file.read_bytes()).hexdigest()
        assert config["scale"] == [1, 10]
        assert load_file(STARTER / "aesthetic" / "model.safetensors")["layers.0.weight"].shape == (1024, 256)
