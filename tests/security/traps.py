"""A working folder and an environment that each try to run code, to write elsewhere, or to send requests."""

from __future__ import annotations

from pathlib import Path

TRAP = "import os\nopen({canary!r}, 'a').write(__name__)\n"
OWN = ("specs", "generator", "scoring", "catalog", "flows", "limner", "starter")
OTHERS = ("prefect", "torch", "typer", "yaml", "uvicorn", "sitecustomize", "usercustomize")
LOGGING = """
version: 1
formatters: {{}}
handlers:
  trap: {{(): builtins.open, file: {canary!r}, mode: w}}
root: {{handlers: [trap]}}
"""


def set_traps(folder: Path) -> tuple[Path, dict[str, str]]:
    """A working folder and variables that each try to run code, write a file, or send what is made elsewhere."""
    canary, logging = folder / "canary", folder / "logging.yml"
    for name in ("trap.py", "sitecustomize.py"):
        (folder / name).write_text(TRAP.format(canary=str(canary)))
    logging.write_text(LOGGING.format(canary=str(canary)))
    hostile_settings = {
        "PREFECT_HOME": str(folder / "stolen"),
        "PREFECT_LOGGING_SETTINGS_PATH": str(logging),
        "PREFECT_LOGGING_CONFIG_PATH": str(logging),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder}/stolen.db",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder}/stolen.db",
        "PREFECT_PLUGINS_ENABLED": "true",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "root",
        "PREFECT_PROFILES_PATH": str(folder / "profiles.toml"),
        "PREFECT_LOCAL_STORAGE_PATH": str(folder / "stolen"),
    }
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in hostile_settings.items()))
    (folder / "prefect.toml").write_text(f'home = "{folder}/stolen"\n[logging]\nconfig_path = "{logging}"\n')
    (folder / "pyproject.toml").write_text(f'[tool.prefect.server.database]\nconnection_url = "sqlite:///{folder}/s"\n')
    (folder / "profiles.toml").write_text(
        f'active = "x"\n[profiles.x]\nPREFECT_LOGGING_CONFIG_PATH = "{logging}"\nPREFECT_HOME = "{folder}/stolen"\n'
    )
    return canary, {
        **hostile_settings,
        "PYTHONSTARTUP": str(folder / "trap.py"),
        "PYTHONBREAKPOINT": "trap.anything",
        "PYTHONINSPECT": "",
        "ALEMBIC_CONFIG": str(folder / "alembic.ini"),
        "HF_MODULES_CACHE": str(folder / "stolen"),
        "TORCH_LOGS_OUT": str(folder / "stolen.log"),
        "ECS_CONTAINER_METADATA_URI": "http://127.0.0.1:9/",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9/",
    }


def plant(folder: Path) -> Path:
    """Put a package of every name that is imported into ``folder``; returns the file that any of them would make."""
    canary = folder / "canary"
    for name in (*OWN, *OTHERS):
        package = folder / name
        package.mkdir(exist_ok=True)
        for file in ("__init__", "__main__", "tasks", "prefect_server", "flow", "engine", "cli", "unpickle"):
            (package / f"{file}.py").write_text(f"open({str(canary)!r}, 'a').write(__file__ + chr(10))\n")
    for name in ("json", "typing", "random", "secrets"):
        (folder / f"{name}.py").write_text(f"open({str(canary)!r}, 'a').write(__file__ + chr(10))\n")
    return canary
