"""Write registry.yaml: every file of every starter model with its sha256. ``python -m starter.pin``."""

import hashlib
from pathlib import Path

STARTER = Path(__file__).parent
MODELS = {"image": "text-to-image", "clip": "clip", "aesthetic": "aesthetic-head", "safety": "safety-checker"}


def files_of(model: str) -> list[Path]:
    """Every file of a model's folder that belongs to the model, sorted; the card does not."""
    found = (
        path
        for path in (STARTER / model).rglob("*")
        if path.is_file() and path.suffix in {".json", ".txt", ".safetensors"}
    )
    return sorted(found)


def sha256_hex(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def registry_text() -> str:
    """The registry's YAML: one entry per model, paths relative to the model's folder."""
    lines = ["# Made by `python -m starter.pin`; do not edit.", "models:"]
    for model, kind in MODELS.items():
        lines += [
            f"  starter-{model}:",
            f"    kind: {kind}",
            f"    folder: {model}",
            "    licence: CC0-1.0",
            "    files:",
        ]
        root = STARTER / model
        lines += [f'      {path.relative_to(root).as_posix()}: "sha256:{sha256_hex(path)}"' for path in files_of(model)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the file."""
    (STARTER / "registry.yaml").write_text(registry_text())


if __name__ == "__main__":
    main()
