"""``limner plan --prompts``: what each asset's model and scorer will read, with its tokens."""

from __future__ import annotations

from typing import Any

from flows.output import console
from flows.pipeline.resolve import ResolvedSpec
from generator.prompts.chunks import PromptSize
from scoring.clip.prompt_windows import PromptWindows, load_windows
from specs.counted import counted
from specs.spec import Asset

WIDTH = 80


def with_prompts(plan: dict[str, Any], resolved: ResolvedSpec) -> dict[str, Any]:
    """``plan --json --prompts``: each asset gets ``prompt`` and ``negative_prompt``, see ``prompt_value``."""
    windows, known = _windows(resolved), {asset.asset_id: asset for asset in resolved.spec.assets}
    for value in plan["assets"]:
        asset = known[value["id"]]
        value["prompt"] = prompt_value(asset.prompt, resolved)
        value["prompt"]["scored"] = scored_value(asset, windows)
        value["negative_prompt"] = prompt_value(asset.negative_prompt, resolved)
    return plan


def prompt_value(text: str, resolved: ResolvedSpec) -> dict[str, Any]:
    """``text`` as filled; ``tokens`` of each of the checkpoint's tokenizers and ``chunks``, null where none is here."""
    size = resolved.prompts.sizes[text] if resolved.prompts else None
    return {
        "text": text,
        "tokens": list(size.tokens) if size else None,
        "chunks": size.chunks if size else None,
        "outside_vocabulary": list(size.outside) if size else None,
    }


def scored_value(asset: Asset, windows: PromptWindows | None) -> dict[str, Any] | None:
    """How the CLIP reads the prompt: all of it, in ``windows`` parts; null without a CLIP that is here."""
    return {"whole": True, "windows": len(windows.of(asset.prompt))} if windows else None


def print_prompts(resolved: ResolvedSpec) -> None:
    """The same for people, in 80 columns."""
    out, windows = console(), _windows(resolved)
    out.width = min(out.width, WIDTH)
    for asset in resolved.spec.assets:
        out.print(f"[bold]{asset.asset_id}[/]")
        sizes = [
            _words(resolved.prompts.sizes[text]) if resolved.prompts else ""
            for text in (asset.prompt, asset.negative_prompt)
        ]
        notes = [sizes[0], _scored(asset, windows)]
        for name, text, note in (
            ("prompt", asset.prompt, "; ".join(filter(None, notes))),
            ("negative", asset.negative_prompt, sizes[1]),
        ):
            out.print(f"  {name}: {text or '(none)'}", markup=False, soft_wrap=False)
            if note:
                out.print(f"    {note}", markup=False)


def _words(size: PromptSize) -> str:
    tokens = " and ".join(f"{count:,}" for count in dict.fromkeys(size.tokens))
    return f"{tokens} {'token' if size.tokens == (1,) else 'tokens'}, {counted(size.chunks, 'chunk')}"


def _scored(asset: Asset, windows: PromptWindows | None) -> str:
    return "" if windows is None else f"scored whole, in {counted(len(windows.of(asset.prompt)), 'window')}"


def _windows(resolved: ResolvedSpec) -> PromptWindows | None:
    clip = resolved.scorers["clip"]
    return None if clip is None or clip.folder is None else load_windows(clip.folder)
