"""The trust boundary's other half: the only file that starts programs, sets libraries up, and asks servers.

See ``boundary.py`` for what is handed to limner as files, and ``docs/security.md`` for both.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

# environment

KEPT_GROUPS = (
    # where programs, people and temporary files are; language, time zone, terminal
    "PATH HOME USER LOGNAME SHELL TMPDIR TZ LANG LANGUAGE TERM COLORTERM COLUMNS LINES NO_COLOR FORCE_COLOR",
    # output that is not UTF-8, or unbuffered: read by Python at its start, kept for the children
    "PYTHONIOENCODING PYTHONUNBUFFERED",
    # the review page's browser: BROWSER is a program of the user's own choice
    "BROWSER DISPLAY WAYLAND_DISPLAY XAUTHORITY DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR XDG_SESSION_TYPE",
    "XDG_CURRENT_DESKTOP XDG_DATA_DIRS",
    # devices and their memory
    "LD_LIBRARY_PATH CUDA_VISIBLE_DEVICES CUDA_DEVICE_ORDER CUDA_HOME CUDA_LAUNCH_BLOCKING CUBLAS_WORKSPACE_CONFIG",
    "NVIDIA_VISIBLE_DEVICES NVIDIA_TF32_OVERRIDE HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES HSA_OVERRIDE_GFX_VERSION",
    "PYTORCH_ALLOC_CONF PYTORCH_CUDA_ALLOC_CONF PYTORCH_HIP_ALLOC_CONF PYTORCH_ENABLE_MPS_FALLBACK",
    "PYTORCH_MPS_HIGH_WATERMARK_RATIO PYTORCH_MPS_LOW_WATERMARK_RATIO",
    # threads
    "OMP_NUM_THREADS OMP_WAIT_POLICY OMP_PROC_BIND KMP_BLOCKTIME KMP_AFFINITY MKL_NUM_THREADS OPENBLAS_NUM_THREADS",
    # where fetched weights are
    "HF_HOME HF_HUB_CACHE HUGGINGFACE_HUB_CACHE XDG_CACHE_HOME",
    # what --online, and a Prefect server elsewhere, need
    "HF_ENDPOINT HF_TOKEN SSL_CERT_FILE SSL_CERT_DIR HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY",
    "http_proxy https_proxy all_proxy no_proxy PREFECT_API_URL PREFECT_API_KEY PREFECT_API_AUTH_STRING",
)
KEPT_VARIABLES = frozenset(name for group in KEPT_GROUPS for name in group.split())
KEPT_PREFIXES = ("LC_", "LIMNER_")
SIZES = ("COLUMNS", "LINES")  # of a terminal: as rich does, one that is no number of at most 4 digits is taken for none
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def kept_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """What limner reads of a user's environment, and hands to its children: KEPT_VARIABLES, ``LC_*``, ``LIMNER_*``.

    Everything else is left out, since libraries take programs, modules, addresses and files to write from variables:
    PYTHONPATH, PYTHONSTARTUP, PYTHONBREAKPOINT, LD_PRELOAD, GIT_*, ALEMBIC_CONFIG, OTEL_*, TORCH_*, the rest of
    HF_*, TRANSFORMERS_* and PREFECT_*.
    """
    return {
        name: value
        for name, value in environment.items()
        if (name in KEPT_VARIABLES or name.startswith(KEPT_PREFIXES))
        and not (name in SIZES and not (value.isdecimal() and len(value) <= 4))
    }


def keep_known_variables() -> None:
    """Drop everything else from this process's own environment: for the first lines of a program, before libraries."""
    kept = kept_variables(os.environ)
    for name in [name for name in os.environ if name not in kept]:
        del os.environ[name]
    os.environ["PYTHONSAFEPATH"] = "1"  # Python that a library starts takes no module from its working folder


# libraries

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")  # read when the libraries are imported
ALWAYS = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "DO_NOT_TRACK": "1",
    "DIFFUSERS_DISABLE_REMOTE_CODE": "true",
    "DIFFUSERS_TRUST_REMOTE_KERNELS": "false",
}


def configure_libraries(*, online: bool = False) -> None:
    """Tell the libraries whether they may use the network, by what they read when they are imported.

    For every process of limner, before it imports transformers, diffusers, open_clip or Prefect. Without ``online``
    they make no request; telemetry and update checks are off in any case, code that comes with a model never runs, and
    loopback never goes through a proxy. May be called again: huggingface_hub, imported already, follows.
    """
    os.environ |= {**dict.fromkeys(OFFLINE, "0" if online else "1"), **ALWAYS}
    _no_proxy_for_loopback()
    hub = sys.modules.get("huggingface_hub.constants")
    if hub is not None:
        hub.HF_HUB_OFFLINE = not online  # type: ignore[attr-defined]


def _no_proxy_for_loopback() -> None:
    listed = [os.environ.get(name, "") for name in ("no_proxy", "NO_PROXY")]
    hosts = dict.fromkeys(host.strip() for text in listed for host in text.split(",") if host.strip())
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(dict.fromkeys([*hosts, *LOOPBACK]))


def read_no_settings_files() -> None:
    """Let pydantic-settings, on which Prefect is built, read variables alone: for before Prefect is imported.

    Otherwise Prefect takes settings from ``.env``, ``prefect.toml`` and ``pyproject.toml`` in the working folder, a
    logging configuration that names classes to call among them.
    """
    from pydantic_settings.sources import ConfigFileSourceMixin, DotEnvSettingsSource

    DotEnvSettingsSource._read_env_files = _nothing  # type: ignore[method-assign]
    ConfigFileSourceMixin._read_files = _nothing  # type: ignore[method-assign]


def ask_no_programs() -> None:
    """Let ``platform.architecture``, which Prefect asks, answer by what Python knows instead of running ``file``."""
    import platform

    platform._syscmd_file = _default  # type: ignore[attr-defined]


def _nothing(*_: Any, **__: Any) -> dict[str, Any]:
    return {}


def _default(_: str, default: str = "") -> str:
    return default


# children: Python alone; no other program is started

CODE = Path(__file__).resolve().parents[2]  # the folder of limner's own packages, in a checkout or an installation
_START = (
    "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


Child = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Ended:
    """A child that ended: its exit code (negative: the signal that killed it), and what it wrote."""

    code: int
    out: str
    err: str


def start_python(
    module: str,
    *words: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    output: int | IO[bytes] = subprocess.DEVNULL,
    descriptors: Sequence[int] = (),
) -> Child:
    """Start a module of limner's own in a Python of its own, detached from the terminal, with a pipe to its input.

    Its modules are found by the absolute path of limner's code, never by the working folder (``-P``), which is
    ``folder``. Its environment is ``kept_variables`` and ``environment``; ``output`` takes both its streams;
    ``descriptors`` stay open in it.
    """
    return subprocess.Popen(
        python_command(module, *words),
        cwd=folder,
        env=child_environment(environment or {}),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        pass_fds=tuple(descriptors),
        start_new_session=True,  # Ctrl-C is for limner, which then closes the pipe
    )


def end_child(child: Child, within_s: float) -> None:
    """Close a child's input, which ends it; kill it when it has not left after ``within_s`` seconds."""
    assert child.stdin is not None
    child.stdin.close()
    try:
        child.wait(timeout=within_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def run_python(module: str, *words: str, timeout_s: float, environment: Mapping[str, str] | None = None) -> Ended:
    """Run a module of limner's own in a Python of its own, to its end, without input, in the root folder.

    Raises TimeoutError after ``timeout_s`` seconds; the child is killed then.
    """
    try:
        done = subprocess.run(
            python_command(module, *words),
            cwd="/",
            env=child_environment(environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{module}: not done within {timeout_s:.0f} s") from None
    return Ended(done.returncode, done.stdout, done.stderr)


def python_command(module: str, *words: str) -> list[str]:
    """The command line that runs one of limner's modules, whatever the working folder and the environment hold."""
    return [sys.executable, "-P", "-W", "ignore", "-c", _START, str(CODE), module, *words]


def child_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a child: what is kept of this process's, what libraries are told, and ``more``."""
    offline = {name: os.environ.get(name, "1") for name in OFFLINE}
    return {**kept_variables(os.environ), **offline, **ALWAYS, "PYTHONSAFEPATH": "1", "PYTHONUTF8": "1", **more}


# network: the weights of --online are fetched by huggingface_hub alone; this is what limner asks by itself


def ask(url: str, headers: Mapping[str, str], timeout_s: float) -> int:
    """The status of a GET request to a Prefect server. Loopback is asked directly, others as the proxy variables say.

    No redirection is followed: the headers hold a password. Raises OSError when nothing answers in HTTP within
    ``timeout_s`` seconds, ValueError when ``url`` is none.
    """
    import http.client
    import urllib.error
    import urllib.parse
    import urllib.request

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    direct = urllib.parse.urlsplit(url).hostname in LOOPBACK
    proxies = urllib.request.ProxyHandler({} if direct else None)
    try:
        request = urllib.request.Request(url, headers=dict(headers))
        with urllib.request.build_opener(proxies, Stay).open(request, timeout=timeout_s) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except http.client.HTTPException as error:
        raise OSError(f"not HTTP ({type(error).__name__})") from None
