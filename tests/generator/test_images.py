"""A picture's file says what it is, to A1111's users, to IPTC's readers and to us; and says it the same way twice."""

from __future__ import annotations

import io
import json
import re
import struct
import warnings
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from generator.candidate import Execution
from generator.pictures import png
from generator.pictures.images import Embedded, encode_png, pixels_sha256, read_png
from generator.pictures.infotext import infotext
from generator.pictures.png import Text
from generator.pictures.xmp import packet
from generator.prompts.tokenizer import load_tokenizer
from specs.checkpoint import Checkpoint, Source, Status, WeightFile
from specs.errors import LimnerError
from specs.job import Job
from specs.samplers import SCHEDULERS
from tests.tokenizers import write_full

UNET_SHA256 = "0123456789abcdef" * 4
FILES = (WeightFile("unet/diffusion_pytorch_model.safetensors", UNET_SHA256), WeightFile("model_index.json", "1" * 64))
SOURCE = Source(folder="/models/painter")
PAINTER = Checkpoint("painter", "sd1", SOURCE, FILES, "CreativeML-OpenRAIL-M", Status.VERIFIED, True, ("no harm",))
JOB = Job("a red potion", "blurry, cropped", PAINTER.weights_id, "dpmpp-2m-karras", 20, 4.5, 512, 768, 42, clip_skip=2)
STACK = Execution("cpu", "a CPU", "float32", 4, False, 2, (("torch", "2.14.1"),), (("cpu_capability", "AVX2"),))
HARD_PROMPTS = [
    "plain",
    "",
    'a (red:1.3) potion, [blue], AND "quotes" \\( escaped \\)',
    "Steps: 20, Sampler: mine, Seed: 7",
    "two\nlines\n\nand: one, more",
    "日本語 ✓ 🗡️ ümlaut",
    "<b>&amp;</b> ]]> <!-- --> <?xpacket end?>",
    "{braces} {0} {prompt}",
    "tab\there, bell\x07, null\x00, escape\x1b, c1\x85, feff\ufeff, ffff\uffff",
    "cr\rcrlf\r\nlf\n",
]


def pixels(height: int = 16, width: int = 24, seed: int = 0) -> png.Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def embedded(prompt: str = JOB.prompt, **changes: object) -> Embedded:
    return Embedded(replace(JOB, prompt=prompt, **changes), PAINTER, STACK)  # type: ignore[arg-type]


class TestTheSamePictureIsTheSameFile:
    def test_byte_for_byte(self) -> None:
        assert encode_png(pixels(), embedded()) == encode_png(pixels().copy(), embedded())

    def test_whatever_the_memory_layout_of_the_pixels(self) -> None:
        turned = np.asfortranarray(pixels())
        assert encode_png(turned, embedded()) == encode_png(pixels(), embedded())
        assert pixels_sha256(turned) == pixels_sha256(pixels())

    def test_and_another_pixel_size_or_recipe_is_another(self) -> None:
        files = {encode_png(pixels(), embedded()), encode_png(pixels(seed=1), embedded())}
        files |= {encode_png(pixels(), embedded(seed=43)), encode_png(pixels(24, 16), embedded())}
        assert len(files) == 4
        assert pixels_sha256(pixels(16, 24)) != pixels_sha256(pixels().reshape(24, 16, 3))

    def test_nothing_in_it_tells_asset_set_time_or_place(self) -> None:
        record = read_png(encode_png(pixels(), embedded())).limner
        assert record is not None
        assert set(record) == {"kind", "software", "job_id", "job", "checkpoint", "execution"}
        assert b"/models" not in encode_png(pixels(), embedded())


class TestPixelsSurvive:
    @pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 13), (256, 256), (1110, 815)])
    def test_every_size(self, size: tuple[int, int]) -> None:
        image = pixels(*size)
        file = encode_png(image, embedded())
        assert np.array_equal(read_png(file).pixels, image)
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(file))), image)

    def test_flat_black_white_and_gradient(self) -> None:
        ramp = np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 5, 3))
        for image in (np.zeros((9, 9, 3), np.uint8), np.full((9, 9, 3), 255, np.uint8), ramp):
            assert np.array_equal(read_png(encode_png(image, embedded())).pixels, image)

    def test_read_gives_the_hash_of_the_pixels(self) -> None:
        assert read_png(encode_png(pixels(), embedded())).pixels_sha256 == pixels_sha256(pixels())

    @pytest.mark.parametrize("bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))])
    def test_only_rgb_bytes_are_pixels(self, bad: png.Pixels) -> None:
        with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8 is allowed"):
            encode_png(bad, embedded())


class TestAutomatic1111CanReadIt:
    def test_the_whole_text(self) -> None:
        assert infotext(JOB, PAINTER, "limner 0.1.0") == (
            "a red potion\n"
            "Negative prompt: blurry, cropped\n"
            "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 4.5, Seed: 42, Size: 512x768, "
            "Model hash: 0123456789, Model: painter, Clip skip: 2, RNG: CPU, Version: limner 0.1.0"
        )

    def test_what_is_default_is_left_out(self) -> None:
        text = infotext(replace(JOB, negative_prompt="", clip_skip=1, guidance=7.0), PAINTER, "limner 0.1.0")
        assert "Negative" not in text
        assert "Clip skip" not in text
        assert "CFG scale: 7," in text

    @pytest.mark.parametrize("prompt", HARD_PROMPTS[:4] + HARD_PROMPTS[5:8])
    def test_its_parser_gives_back_the_recipe(self, prompt: str) -> None:
        found = parse_infotext(read_png(encode_png(pixels(), embedded(prompt))).parameters)
        weighted = parse_attention(found.pop("Prompt"))
        assert ["".join(text for text, _ in weighted), found.pop("Negative prompt")] == [
            prompt.replace("AND", "and"), JOB.negative_prompt
        ]  # fmt: skip
        assert {weight for _, weight in weighted} <= {1.0}
        assert found["Model hash"] == UNET_SHA256[:10]
        assert (found["Size"], found["Seed"], found["Steps"], found["CFG scale"]) == ("512x768", "42", "20", "4.5")

    @pytest.mark.parametrize("name", SCHEDULERS)
    def test_every_scheduler_has_their_names(self, name: str) -> None:
        found = parse_infotext(infotext(replace(JOB, scheduler=name), PAINTER, "limner 0.1.0"))
        assert (found["Sampler"], found["Schedule type"]) == (
            SCHEDULERS[name].a1111_sampler,
            SCHEDULERS[name].a1111_schedule,
        )

    @pytest.mark.parametrize("name", ["owner/repo@0123", "a, b: c", 'with "quotes", and: more', "two\nlines"])
    def test_values_that_would_break_the_line_are_quoted(self, name: str) -> None:
        found = parse_infotext(infotext(JOB, replace(PAINTER, name=name), "limner 0.1.0"))
        assert found["Model"] == name
        assert found["Version"] == "limner 0.1.0"

    def test_pillow_shows_the_same_text(self) -> None:
        for prompt in HARD_PROMPTS:
            file = encode_png(pixels(), embedded(prompt))
            assert Image.open(io.BytesIO(file)).text["parameters"] == read_png(file).parameters  # type: ignore[attr-defined]


class TestItIsMarkedAsMadeByAModel:
    def values(self, job: Job = JOB, checkpoint: Checkpoint = PAINTER) -> dict[str, str]:
        text = read_png(encode_png(pixels(), Embedded(job, checkpoint, STACK))).xmp
        root = ElementTree.fromstring(text.split("?>", 1)[1].rsplit("<?", 1)[0])
        return {element.tag.split("}")[1]: "".join(element.itertext()).strip() for element in root.iter()}

    def test_in_the_words_of_iptc(self) -> None:
        values = self.values()
        assert values["DigitalSourceType"] == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
        assert values["AISystemUsed"] == "painter"
        assert values["AISystemVersionUsed"] == PAINTER.weights_id
        assert values["AIPromptInformation"] == "a red potion\nNegative prompt: blurry, cropped"

    def test_with_the_licence_and_its_restrictions(self) -> None:
        assert "licence CreativeML-OpenRAIL-M" in self.values()["UsageTerms"]
        assert "no harm" in self.values()["UsageTerms"]
        assert "licence is unknown" in self.values(checkpoint=replace(PAINTER, licence="unknown"))["UsageTerms"]

    @pytest.mark.parametrize("prompt", HARD_PROMPTS)
    def test_whatever_the_prompt_holds(self, prompt: str) -> None:
        shown = self.values(replace(JOB, prompt=prompt, negative_prompt=""))["AIPromptInformation"]
        assert (
            shown
            == re.sub("[\x00\x07\x1b\x85\uffff]", "\ufffd", prompt.replace("\r\n", "\n").replace("\r", "\n")).strip()
        )

    def test_pillow_finds_the_packet(self) -> None:
        image = Image.open(io.BytesIO(encode_png(pixels(), embedded())))
        assert image.info["xmp"].decode() == packet(
            JOB, PAINTER, read_png(encode_png(pixels(), embedded())).limner["software"]
        )  # type: ignore[index]


class TestItCarriesItsProvenance:
    @pytest.mark.parametrize("prompt", HARD_PROMPTS)
    def test_the_job_can_be_made_again_from_it(self, prompt: str) -> None:
        given_job = embedded(prompt)
        record = read_png(encode_png(pixels(), given_job)).limner
        assert record is not None
        again = Job.from_recipe(record["job"])
        assert again == given_job.job
        assert again.job_id == record["job_id"] == given_job.job.job_id
        assert Execution.from_value(record["execution"]) == STACK

    def test_with_every_weight_files_hash_and_the_licence(self) -> None:
        record = read_png(encode_png(pixels(), embedded())).limner
        assert record is not None
        assert record["checkpoint"]["files"] == {file.path: file.sha256 for file in FILES}
        assert record["checkpoint"]["licence"] == PAINTER.licence

    def test_half_a_surrogate_pair_is_refused_in_words(self) -> None:
        with pytest.raises(LimnerError, match="half of a surrogate pair"):
            encode_png(pixels(), embedded("a \ud800 sword"))

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.text(max_size=20).filter(str.isascii))
    @settings(max_examples=150, deadline=None)
    @example("\x00", "\x00")
    def test_any_text_makes_a_file_that_reads_back(self, prompt: str, negative: str) -> None:
        file = encode_png(pixels(2, 2), embedded(prompt, negative_prompt=negative))
        found = read_png(file)
        assert found.limner is not None
        assert found.limner["job"]["prompt"] == prompt
        ElementTree.fromstring(found.xmp.split("?>", 1)[1].rsplit("<?", 1)[0])


class TestDamagedAndHostileFiles:
    """… give a sentence, whatever they are."""

    GOOD = encode_png(pixels(), embedded())

    @pytest.mark.parametrize("size", [0, 7, 8, 20, 40, 500, -1, -12, -13])
    def test_a_truncated_file(self, size: int) -> None:
        with pytest.raises(LimnerError, match=r"PNG: (it |chunk .* more than the file holds)"):
            read_png(self.GOOD[:size])

    def test_every_flipped_bit_is_noticed(self) -> None:
        rng = np.random.default_rng(1)
        for at in rng.integers(0, len(self.GOOD), 400):
            damaged = bytearray(self.GOOD)
            damaged[at] ^= 1 << int(rng.integers(8))
            with pytest.raises(LimnerError):
                read_png(bytes(damaged))

    def test_bytes_after_the_end(self) -> None:
        with pytest.raises(LimnerError, match="4 bytes follow its end"):
            read_png(self.GOOD + b"more")

    @pytest.mark.parametrize(("width", "height"), [(2**31 - 1, 2**31 - 1), (40_000, 1), (30_000, 30_000), (0, 5)])
    def test_a_size_that_would_fill_the_memory(self, width: int, height: int) -> None:
        with pytest.raises(LimnerError, match=rf"got {width}×{height} px; allowed are sides up to 32768 px"):
            read_png(build(header(width, height), (b"IDAT", zlib.compress(b""))))

    def test_a_text_that_would_fill_the_memory(self) -> None:
        bomb = zlib.compress(bytes(17 * 2**20), 9)
        for chunk in ((b"zTXt", b"parameters\0\0" + bomb), (b"iTXt", b"parameters\0\1\0\0\0" + bomb)):
            with pytest.raises(LimnerError, match="unpacks to more than 16777216 bytes"):
                read_png(build(header(1, 1), chunk))

    def test_pixels_that_do_not_fill_the_picture(self) -> None:
        with pytest.raises(LimnerError, match="its pixels do not decode"):
            read_png(build(header(64, 64), (b"IDAT", zlib.compress(b"\0\0\0\0"))))

    @pytest.mark.parametrize(
        "chunk",
        [
            (b"tEXt", b"no end of the keyword"),
            (b"tEXt", b"\0empty keyword"),
            (b"tEXt", b"k" * 80 + b"\0too long"),
            (b"zTXt", b"k\0\0not zlib"),
            (b"zTXt", b"k\0\1unknown method"),
            (b"iTXt", b"k\0\0\0no second end"),
            (b"iTXt", b"k\0\0\0\0\0\xff\xff"),
            (b"iTXt", b"k\0\7\0\0\0unknown flag"),
            (b"iTXt", b"limner\0\0\0\0\0{"),
            (b"iTXt", b"limner\0\0\0\0\0[]"),
            (b"iTXt", b'limner\0\0\0\0\0{"kind": "limner.picture/99"}'),
            (b"iTXt", b"limner\0\0\0\0\0" + b"[" * 200_000),
            (b"IHDR", b"again"),
        ],
    )
    def test_a_malformed_chunk(self, chunk: tuple[bytes, bytes]) -> None:
        with pytest.raises(LimnerError, match=r"PNG: .*(malformed|keyword|limner chunk|IHDR)"):
            read_png(build(header(1, 1), chunk, (b"IDAT", zlib.compress(bytes(4)))))

    def test_other_files(self) -> None:
        for data in (b"", b"GIF89a", bytes(1000), b"\x89PNG\r\n\x1a\n"):
            with pytest.raises(LimnerError, match="PNG: it"):
                read_png(data)

    def test_other_tools_pngs_are_read_with_all_their_texts(self) -> None:
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_text("prompt", '{"3": {}}')
        info.add_text("parameters", "a cat", zip=True)
        info.add_itxt("Comment", "日本", zip=True)
        stream = io.BytesIO()
        Image.fromarray(pixels()).convert("RGBA").save(stream, "png", pnginfo=info)
        found = read_png(stream.getvalue())
        assert found.texts == (("prompt", '{"3": {}}'), ("parameters", "a cat"), ("Comment", "日本"))
        assert (found.parameters, found.limner) == ("a cat", None)
        assert np.array_equal(found.pixels, pixels())


class TestTheEncoder:
    def test_writes_what_a_strict_reader_accepts(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            image = Image.open(io.BytesIO(png.write(pixels(), [Text("a", "b")])))
            image.verify()

    def test_marks_the_colours_as_srgb(self) -> None:
        assert Image.open(io.BytesIO(png.write(pixels(), []))).info["srgb"] == 0

    def test_writes_latin_text_as_text_and_other_text_as_international(self) -> None:
        file = png.write(pixels(), [Text("a", "ümlaut"), Text("b", "日本")])
        assert b"tEXta\0\xfcmlaut" in file
        assert b"iTXtb\0\0\0\0\0" + "日本".encode() in file


class TestAutomatic1111ReadsAPromptAsText:
    """What limner reads as text makes the same tokens there: no weight, no schedule, no composition, no network."""

    @pytest.mark.parametrize(
        "prompt",
        [
            "a (glowing) sword",
            "a (glowing:1.4) sword, ((red)), [dark], [a:b:0.5], [a|b]",
            "unclosed ( and [ and ) and ]",
            "back\\slashes \\( \\) \\[ \\] \\\\ at the end \\",
            "cat AND dog :1.2 BREAK night",
            "<lora:epic:0.8> x<hypernet:y:1> <b>",
            "ANDROID BREAKFAST and break",
        ],
    )
    def test_with_the_same_tokens(self, prompt: str, tmp_path: Path) -> None:
        tokenizer = load_tokenizer(write_full(tmp_path))
        read = infotext(replace(JOB, prompt=prompt, negative_prompt=prompt), PAINTER, "limner 0.1.0")
        found = parse_infotext(read)
        for text in (found["Prompt"], found["Negative prompt"]):
            assert not re.search(r"\bAND\b|<(\w+):([^>]+)>", text)
            weighted = parse_attention(text)
            assert [weight for _, weight in weighted] == [1.0]
            assert tokenizer.ids(weighted[0][0]) == tokenizer.ids(prompt)

    @pytest.mark.parametrize("prompt", ["a red potion", "日本語 ✓", "a, b: c; it's 50% {x}", "sword-and-shield"])
    def test_and_plain_prompts_are_as_they_are(self, prompt: str) -> None:
        assert infotext(replace(JOB, prompt=prompt), PAINTER, "limner 0.1.0").startswith(f"{prompt}\n")


ATTENTION = re.compile(r"""\\\(|\\\)|\\\[|\\\]|\\\\|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|\]|[^\\()\[\]:]+|:""", re.DOTALL)


def parse_attention(text: str) -> list[list[Any]]:
    """AUTOMATIC1111's reading of a prompt, as its documentation describes it: [text, weight] in runs of one weight.

    BREAK ends a run with the weight -1.
    """
    found: list[list[Any]] = []
    opened: list[tuple[int, float]] = []
    for match in ATTENTION.finditer(text):
        token = match[0]
        if token.startswith("\\"):
            found.append([token[1:], 1.0])
        elif token in "([":
            opened.append((len(found), 1.1 if token == "(" else 1 / 1.1))
        elif (match[1] or token in ")]") and opened:
            start, weight = opened.pop()
            for run in found[start:]:
                run[1] *= float(match[1]) if match[1] else weight
        else:
            parts = re.split(r"\s*\bBREAK\b\s*", token)
            for number, part in enumerate(parts):
                found += [["BREAK", -1.0]] if number else []
                found.append([part, 1.0])
    for start, weight in opened:
        for run in found[start:]:
            run[1] *= weight
    merged: list[list[Any]] = []
    for part, weight in found or [["", 1.0]]:
        if merged and merged[-1][1] == weight:
            merged[-1][0] += part
        else:
            merged.append([part, weight])
    return merged


INFOTEXT_FIELD = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')


def parse_infotext(text: str) -> dict[str, str]:
    """AUTOMATIC1111's reading of an infotext, as its documentation describes it."""
    *lines, last = text.strip().split("\n")
    if len(INFOTEXT_FIELD.findall(last)) < 3:
        lines.append(last)
        last = ""
    prompt, negative = [], []
    side = prompt
    for line in lines:
        if line.startswith("Negative prompt:"):
            side, line = negative, line.removeprefix("Negative prompt:").strip()
        side.append(line)
    found = {"Prompt": "\n".join(prompt), "Negative prompt": "\n".join(negative)}
    for name, value in INFOTEXT_FIELD.findall(last):
        found[name] = json.loads(value) if value.startswith('"') else value
    return found


def header(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


def build(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks with right checksums, ended."""
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (*chunks, (b"IEND", b""))
    ]
    return png.SIGNATURE + b"".join(parts)
