"""What every test shares: no hub, no home, no settings of the person who runs the tests."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
for name in [name for name in os.environ if name.startswith(("LIMNER_", "PREFECT_"))]:
    del os.environ[name]
