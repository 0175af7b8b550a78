"""`limner convert`: a pickle of tensors becomes safetensors; anything else in it is never run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from generator.weights.convert import ConversionError, convert_part


class TestAPartOfACheckpoint:
    def test_keeps_names_types_and_values(self, tmp_path: Path) -> None:
        state = {"a.weight": torch.randn(3, 2).half(), "ids": torch.arange(4)}
        torch.save(state, tmp_path / "diffusion_pytorch_model.bin")
        target = convert_part(tmp_path / "diffusion_pytorch_model.bin")
        assert target == tmp_path / "diffusion_pytorch_model.safetensors"
        found = load_file(target)
        assert {name: value.dtype for name, value in found.items()} == {"a.weight": torch.float16, "ids": torch.int64}
        assert all(torch.equal(found[name], value) for name, value in state.items())

    def test_gets_the_name_that_transformers_loads(self, tmp_path: Path) -> None:
        torch.save({"w": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
        assert convert_part(tmp_path / "pytorch_model.bin", tmp_path / "out").name == "model.safetensors"

    def test_never_overwrites(self, tmp_path: Path) -> None:
        torch.save({"w": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
        convert_part(tmp_path / "pytorch_model.bin")
        with pytest.raises(ConversionError, match="is there already"):
            convert_part(tmp_path / "pytorch_model.bin")


class Trap:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


class TestAHostilePickle:
    def test_is_refused_and_not_run(self, tmp_path: Path) -> None:
        mark = tmp_path / "owned"
        (tmp_path / "model.bin").write_bytes(pickle.dumps({"w": Trap(mark)}))
        torch.save({"w": Trap(mark)}, tmp_path / "zipped.bin")
        for name in ("model.bin", "zipped.bin"):
            with pytest.raises(ConversionError, match="weights only"):
                convert_part(tmp_path / name)
        assert not mark.exists()
        assert not list(tmp_path.glob("*.safetensors"))
