"""The settings that limner gives to Prefect, all of them as variables; to be set before Prefect is imported.

Sources that Prefect would read otherwise, in its order: ``.env``, ``prefect.toml`` and ``pyproject.toml`` of the
working folder (``children.read_no_settings_files``), the profile in ``profiles.toml``, ``logging.yml`` of its home.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def settings(home: Path) -> dict[str, str]:
    """Every variable that Prefect is given; what is not here has Prefect's own default."""
    spec = find_spec("prefect")
    assert spec is not None
    assert spec.origin is not None
    prefect = Path(spec.origin).parent
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(prefect / "settings" / "profiles.toml"),
        "PREFECT_LOGGING_CONFIG_PATH": str(prefect / "logging" / "logging.yml"),
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # errors are told once, in our words, without tracebacks
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_PLUGINS_ENABLED": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_CLI_COLORS": "false",
    }
