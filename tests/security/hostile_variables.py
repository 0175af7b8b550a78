"""Hostile variables by name: of Python, Prefect, libraries, programs, people; ``{trap}`` and ``{root}`` are filled."""

from __future__ import annotations

from collections.abc import Mapping

PYTHON: Mapping[str, Mapping[str, str]] = {
    "path": {"PYTHONPATH": "{root}/trap"},
    "console": {"PYTHONSTARTUP": "{root}/trap/trap.py", "PYTHONINSPECT": "1"},
    "home": {"PYTHONHOME": "{root}/nowhere"},
    "folders": {"PYTHONUSERBASE": "{root}/trap", "PYTHONPYCACHEPREFIX": "{root}/stolen"},
    "modules": {"PYTHONWARNINGS": "error::trap.Trap", "PYTHONBREAKPOINT": "trap.anything"},
    "own": {"PYTHONEXECUTABLE": "{trap}", "PYTHONPLATLIBDIR": "{root}/trap", "PYTHONSAFEPATH": ""},
}
PREFECT: Mapping[str, Mapping[str, str]] = {
    "home": {"PREFECT_HOME": "{root}/stolen", "PREFECT_PROFILES_PATH": "{root}/work/profiles.toml"},
    "logging": {
        "PREFECT_LOGGING_CONFIG_PATH": "{root}/work/logging.yml",
        "PREFECT_LOGGING_SETTINGS_PATH": "{root}/work/logging.yml",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "root",
    },
    "database": {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:///{root}/stolen.db",
        "PREFECT_API_DATABASE_CONNECTION_URL": "postgresql+asyncpg://evil:evil@192.0.2.1/x",
    },
    "plug-ins": {
        "PREFECT_LOCAL_STORAGE_PATH": "{root}/stolen",
        "PREFECT_PLUGINS_ENABLED": "true",
        "PREFECT_CLOUD_API_URL": "http://192.0.2.1/api",
    },
}
LIBRARIES: Mapping[str, Mapping[str, str]] = {
    "a hub": {"HF_ENDPOINT": "http://192.0.2.1", "HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "0", "HF_TOKEN": "x"},
    "the hub's folders": {
        "HF_MODULES_CACHE": "{root}/trap",
        "HF_HOME": "{root}/trap",
        "HF_ASSETS_CACHE": "{root}/stolen",
        "HF_HUB_ENABLE_HF_TRANSFER": "1",
        "HF_HUB_DISABLE_TELEMETRY": "0",
    },
    "transformers and diffusers": {
        "TRANSFORMERS_CACHE": "{root}/stolen",
        "USE_TF": "1",
        "TRANSFORMERS_VERBOSITY": "debug",
        "DIFFUSERS_TRUST_REMOTE_KERNELS": "true",
        "DIFFUSERS_DISABLE_REMOTE_CODE": "0",
        "DIFFUSERS_VERBOSITY": "x",
    },
    "torch": {
        "TORCH_HOME": "{root}/stolen",
        "TORCH_LOGS": "+all",
        "TORCH_LOGS_OUT": "{root}/stolen.log",
        "TORCH_TRACE": "{root}/stolen",
    },
    "compilers": {
        "CC": "{trap}",
        "CXX": "{trap}",
        "TRITON_CACHE_DIR": "{root}/stolen",
        "TORCH_EXTENSIONS_DIR": "{root}/stolen",
    },
    "settings files": {
        "ALEMBIC_CONFIG": "{root}/work/alembic.ini",
        "MPLCONFIGDIR": "{root}/trap",
        "MPLBACKEND": "module://trap",
    },
    "telemetry": {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://192.0.2.1",
        "SENTRY_DSN": "http://a@192.0.2.1/1",
        "WANDB_API_KEY": "x",
        "ECS_CONTAINER_METADATA_URI": "http://192.0.2.1/",
        "KUBERNETES_SERVICE_HOST": "192.0.2.1",
    },
    "a proxy": dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://192.0.2.1:9"
    ),
    "no proxy": {
        "http_proxy": "socks5://192.0.2.1:9",
        "all_proxy": "nonsense://[",
        "NO_PROXY": "*,\t,[::",
        "no_proxy": "",
    },
    "certificates": {
        "SSL_CERT_FILE": "/dev/zero",
        "SSL_CERT_DIR": "/proc",
        "REQUESTS_CA_BUNDLE": "/dev/zero",
        "SSLKEYLOGFILE": "{root}/stolen",
    },
}
PROGRAMS: Mapping[str, Mapping[str, str]] = {
    "pagers and editors": dict.fromkeys(
        ("PAGER", "MANPAGER", "GIT_PAGER", "LESSOPEN", "EDITOR", "VISUAL", "GIT_EDITOR", "FCEDIT"), "{trap}"
    ),
    "a browser": {"BROWSER": "{trap}", "WWW_BROWSER": "{trap}", "DISPLAY": ":99"},
    "shells": {"SHELL": "{trap}", "BASH_ENV": "{trap}", "ENV": "{trap}", "PROMPT_COMMAND": "{trap}"},
    "git's programs": dict.fromkeys(
        ("GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND"), "{trap}"
    ),
    "git's folders": {
        "GIT_DIR": "{root}/nowhere",
        "GIT_EXEC_PATH": "{root}/trap",
        "GIT_WORK_TREE": "/",
        "GIT_INDEX_FILE": "{root}/stolen",
        "GIT_TRACE": "{root}/stolen",
        "GIT_OBJECT_DIRECTORY": "/dev/zero",
    },
    "git's settings": {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": "{trap}",
        "GIT_CONFIG_GLOBAL": "{root}/home/.gitconfig",
    },
}
PEOPLE: Mapping[str, Mapping[str, str]] = {
    "numbers": {"LIMNER_THREADS": "9" * 5000, "LIMNER_BATCH_SIZE": "9" * 30, "LIMNER_SHARD_PICTURES": "0"},
    "many threads": {"LIMNER_THREADS": "9" * 30},
    "no numbers": {"LIMNER_THREADS": "two", "LIMNER_BATCH_SIZE": "-1", "COLUMNS": "-1", "LINES": "x"},
    "a device": {"LIMNER_DEVICE": "cuda:99999999999999999999", "LIMNER_DTYPE": "__import__('trap')"},
    "a person": {"LIMNER_PERSON": "\x1b]0;x\x07" + "a" * 100_000, "USER": "", "LOGNAME": "../../x"},
    "a terminal": {"TERM": "../../x", "TERMINFO": "{root}/trap", "COLUMNS": "9" * 400, "FORCE_COLOR": "1"},
    "a language": {"LANG": "evil.UTF-8", "LC_ALL": "C", "LANGUAGE": "../..", "PYTHONIOENCODING": "ascii"},
    "a zone": {"TZ": ":../../../../dev/zero", "TZDIR": "{root}/trap", "PYTHONTZPATH": "{root}/trap"},
    "a home that is none": {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "XDG_CONFIG_HOME": "{root}/trap"},
}
