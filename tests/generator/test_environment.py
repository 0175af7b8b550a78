"""What to render on is chosen in plain words, can be overridden, and is written down."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
import torch

from generator import environment
from generator.candidate import Execution
from generator.environment import Setting, choose_setting, configure_determinism, default_batch_size, execution
from specs.errors import UsageError

CARD = Setting("cuda:0", "a card", "float16", None, False, 8, 24.0)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine that says it has two CUDA cards of 24 GiB."""

    class Card:
        total_memory = 24 * 2**30

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device}")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: Card)
    monkeypatch.setattr(torch.cuda, "device", lambda device: torch.inference_mode())
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    return monkeypatch


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with nothing but its CPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


class TestChoosing:
    def test_takes_the_card_and_bfloat16_where_there_is_one(self, cuda: pytest.MonkeyPatch) -> None:
        setting = choose_setting()
        assert (setting.device, setting.dtype, setting.device_name, setting.memory_gib) == (
            "cuda:0",
            "bfloat16",
            "card cuda:0",
            24.0,
        )

    def test_takes_float16_on_an_older_card(self, cuda: pytest.MonkeyPatch) -> None:
        cuda.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
        assert choose_setting().dtype == "float16"

    def test_takes_apples_gpu_with_float16(self, bare: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
        assert (choose_setting().device, choose_setting().dtype) == ("mps", "float16")

    def test_takes_the_cpu_with_float32_elsewhere(self, bare: None) -> None:
        setting = choose_setting()
        assert (setting.device, setting.dtype) == ("cpu", "float32")
        assert setting.threads == min(16, len(os.sched_getaffinity(0)))
        assert setting.memory_gib > 0.5
        assert setting.device_name

    def test_does_as_it_is_told(self, cuda: pytest.MonkeyPatch) -> None:
        assert choose_setting("cuda:1", "float32").device == "cuda:1"
        asked = choose_setting("cpu", "bfloat16", batch_size=3, low_memory=True, threads=5)
        assert (asked.dtype, asked.batch_size, asked.low_memory, asked.threads) == ("bfloat16", 3, True, 5)

    @pytest.mark.parametrize(
        ("how", "message"),
        [
            ({"device": "cuda"}, "device: got 'cuda'; this machine has auto, cpu"),
            ({"device": "tpu"}, "device: got 'tpu'"),
            ({"device": "cpu:1"}, "device: got 'cpu:1'"),
            ({"dtype": "int8"}, "dtype: got 'int8'; allowed are auto, float32, bfloat16, float16"),
            ({"batch_size": 0}, "batch size: got 0; 1 or more is allowed"),
            ({"threads": -1}, "threads: got -1; 1 or more is allowed"),
        ],
    )
    def test_says_what_cannot_be(self, bare: None, how: dict[str, object], message: str) -> None:
        with pytest.raises(UsageError, match=message):
            choose_setting(**how)  # type: ignore[arg-type]

    def test_names_the_cards_that_there_are(self, cuda: pytest.MonkeyPatch) -> None:
        with pytest.raises(UsageError, match="got 'cuda:2'; this machine has auto, cpu, cuda:0, cuda:1"):
            choose_setting("cuda:2")


class TestTheBatchShape:
    """… is a function of machine, architecture and picture size alone, so that every run of a set uses one."""

    def test_is_what_was_asked_for(self) -> None:
        assert default_batch_size(replace(CARD, batch_size=3), "sdxl", 1024, 1024) == 3

    def test_grows_with_memory_and_shrinks_with_pictures(self) -> None:
        by_memory = [default_batch_size(replace(CARD, memory_gib=gib), "sdxl", 1024, 1024) for gib in (8, 16, 24, 80)]
        assert by_memory == sorted(by_memory)
        assert by_memory[0] == 1 < by_memory[-1]
        by_size = [default_batch_size(CARD, "sd1", side, side) for side in (256, 512, 1024, 2048)]
        assert by_size == sorted(by_size, reverse=True)

    def test_is_one_in_low_memory_mode_and_never_less(self) -> None:
        assert default_batch_size(replace(CARD, low_memory=True), "sd1", 512, 512) == 1
        assert default_batch_size(replace(CARD, memory_gib=1.0), "sdxl", 2048, 2048) == 1


class TestTheRecord:
    def test_names_the_stack_and_its_switches(self) -> None:
        record = execution(choose_setting("cpu", threads=1), 4)
        assert (record.device, record.dtype, record.batch_size, record.threads) == ("cpu", "float32", 4, 1)
        assert dict(record.versions)["torch"] == torch.__version__.split("+")[0]
        assert {"diffusers", "isal", "limner", "numpy", "pillow", "python", "transformers"} <= dict(
            record.versions
        ).keys()
        assert dict(record.numerics)["cpu_capability"] == torch.backends.cpu.get_cpu_capability()
        assert list(record.versions) == sorted(record.versions)

    def test_of_a_card_holds_what_decides_its_rounding(self) -> None:
        configure_determinism(replace(CARD, threads=1))
        switches = dict(execution(CARD, 4).numerics)
        assert (switches["tf32"], switches["cudnn_deterministic"]) == ("false", "true")
        torch.backends.cudnn.allow_tf32 = True
        assert dict(execution(CARD, 4).numerics)["tf32"] == "true"
        torch.backends.cudnn.allow_tf32 = False

    def test_reads_back(self) -> None:
        record = execution(choose_setting("cpu"), 4)
        assert Execution.from_value(record.value()) == record
        assert Execution.from_value(record.value()).stack_sha256 == record.stack_sha256

    def test_differs_with_everything_that_may_change_a_pixel(self) -> None:
        record = execution(choose_setting("cpu", threads=1), 4)
        others = [replace(record, batch_size=2), replace(record, threads=2), replace(record, dtype="bfloat16")]
        others += [
            replace(record, versions=(("torch", "1"),)),
            replace(record, numerics=()),
            replace(record, low_memory=True),
        ]
        assert len({record.stack_sha256, *(other.stack_sha256 for other in others)}) == 7

    def test_settling_sets_the_threads(self) -> None:
        configure_determinism(choose_setting("cpu", threads=1))
        assert torch.get_num_threads() == 1


def test_a_package_that_is_missing_is_recorded_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PACKAGES", ("no-such-package",))
    assert dict(environment.versions.__wrapped__())["no-such-package"] == "unknown"
