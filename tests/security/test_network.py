"""Promise: without --online no command connects to anything but loopback, whatever folder and environment it meets."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from tests.flows.conftest import registry, world  # noqa: F401 (fixtures)
from tests.security.calls import ADDRESS
from tests.security.traps import LOGGING, set_traps
from tests.world import ROOT, Finished, World, spec_of

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (Debian package strace)")

EVERY = """
import json, os, sys, traceback
for words in json.loads(sys.argv[1]):
    sys.argv = ["limner", *words]
    os.environ.update(json.loads(os.environ.get("LIMNER_TEST_VARIABLES", "{}")))  # as the user's shell has them
    from limner.__main__ import main
    try:
        main()
    except SystemExit as ended:
        print("ENDED", ended.code or 0, *words, flush=True)
    except BaseException:
        traceback.print_exc()
"""


class Hub(BaseHTTPRequestHandler):
    """A model hub that writes down what it is asked."""

    asked: list[str] = []  # noqa: RUF012 (each server has a class of its own)

    def do_GET(self) -> None:
        """Nothing is there."""
        self.asked.append(f"{self.command} {self.path}")
        self.send_error(404)

    do_HEAD = do_POST = do_GET  # noqa: N815 (http.server's names)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    """Its address, and what it was asked."""
    kind = type("OwnHub", (Hub,), {"asked": []})
    server = HTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", kind.asked
    server.shutdown()
    server.server_close()


def tempting(world: World) -> list[list[str]]:  # noqa: F811
    """Commands on specs whose checkpoint or scorer a library would look for on the hub."""
    entries = yaml.safe_load(world.registry.read_text())["checkpoints"]
    clip = world.folder / "clip"
    shutil.copytree(entries["tiny-clip"]["source"]["folder"], clip)
    config = json.loads((clip / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"] |= {"hf_model_name": "someone/text", "hf_tokenizer_name": "someone/text"}
    (clip / "open_clip_config.json").write_text(json.dumps(config))
    image = world.folder / "image"
    shutil.copytree(entries["tiny"]["source"]["folder"], image)
    for name in ("vocab.json", "merges.txt", "tokenizer.json"):
        (image / "tokenizer" / name).unlink(missing_ok=True)
    declared = {"licence": "CC0-1.0", "status": "declared", "commercial": True, "lineage_known": True}
    own = {
        "hub-clip": {"architecture": "open-clip", "source": {"folder": str(clip)}, **declared},
        "hub-image": {"architecture": "sd1", "source": {"folder": str(image)}, **declared},
    }
    (world.folder / "checkpoints.yaml").write_text(yaml.safe_dump({"checkpoints": own}))
    specs = {
        "clip.yaml": spec_of(["sword"], set="clip", scoring={"clip": "hub-clip"}),
        "image.yaml": spec_of(["sword"], set="image", checkpoint="hub-image"),
        "hub.yaml": spec_of(["sword"], set="hub", checkpoint=f"someone/model@{'0' * 40}"),
    }
    for name, value in specs.items():
        (world.folder / name).write_text(yaml.safe_dump(value))
    return [[command, name] for name in specs for command in ("plan", "produce")]


def luring(world: World, address: str) -> tuple[Path, dict[str, str]]:  # noqa: F811
    """What traps leave when one is sprung, and a user's variables that send the libraries to the hub at ``address``.

    Proxies speak HTTP: of SOCKS, httpx fails before it asks anybody.
    """
    canary, variables = set_traps(world.folder)
    variables |= {"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "ALL_PROXY": "http://127.0.0.1:9"}
    variables |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy"), "http://127.0.0.1:9")
    return canary, variables | {"LIMNER_TEST_VARIABLES": json.dumps(variables)}


def in_a_child(
    world: World,  # noqa: F811
    commands: list[list[str]],
    variables: dict[str, str],
    trace: Sequence[str] = (),
) -> Finished:
    """Run commands one after another in one process."""
    environment = {**world.environment(), **variables}
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "TOKENIZERS_PARALLELISM", "PYTHONPATH"):
        environment.pop(name, None)  # nothing of the tests' own may help
    done = subprocess.run(
        [*trace, sys.executable, "-P", "-c", EVERY, json.dumps(commands)],
        cwd=world.folder, env=environment, capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    return Finished(done.returncode, done.stdout, done.stderr)


def run_all(world: World, commands: list[list[str]], variables: dict[str, str]) -> tuple[Finished, list[str]]:  # noqa: F811
    """Run commands one after another under strace; what was printed, and every address that was asked for."""
    log = world.folder.parent / f"{world.folder.name}.strace"
    trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(log)]
    done = in_a_child(world, commands, variables, trace)
    found = [match[2] for line in log.read_text(errors="replace").splitlines() if (match := ADDRESS.search(line))]
    assert found, "the run connects to its embedded server, so the guard sees connections"
    log.unlink()
    return done, found


@needs_strace
def test_no_command_leaves_loopback_or_runs_what_it_finds(
    world: World,  # noqa: F811
    hub: tuple[str, list[str]],
) -> None:
    """With traps of every kind set: dot files of Prefect, a library that brings its own settings, a proxy."""
    address, asked = hub
    canary, variables = luring(world, address)
    world.write(spec_of(["sword"]))
    brought = world.library / "prefect"
    brought.mkdir(parents=True)
    (brought / "logging.yml").write_text(LOGGING.format(canary=str(canary)))
    (brought / "profiles.toml").write_text((world.folder / "profiles.toml").read_text())
    (brought / "prefect.db").write_bytes(b"no database")
    outside = world.folder / "outside"
    outside.mkdir()
    (brought / "server.log").symlink_to(outside / "log")
    lures = tempting(world)
    before = {path.name for path in world.folder.iterdir()}
    simple = [
        ["produce", "spec.yaml"], ["plan", "spec.yaml"], ["keepers"], ["show", "tiny-set/sword#0"], ["stats"],
        ["verify"], ["doctor"], ["checkpoints"], ["rescore", "tiny-set", "--decode"], ["reproduce", "tiny-set/sword#0"],
        ["calibrate", "tiny-set"], ["clusters", "tiny-set"], ["keep", "tiny-set/sword#0"], ["backup", "copy"],
    ]  # fmt: skip
    done, addresses = run_all(world, [*simple, *lures], variables)
    assert asked == []
    assert {found for found in addresses if not found.startswith("127.") and found != "::1"} == set()
    assert not canary.exists()
    assert {path.name for path in world.folder.iterdir()} == before | {"copy"}
    assert not list(outside.iterdir())
    for words in simple:
        assert f"ENDED 0 {' '.join(words)}\n" in done.out, (words, done.err)


def test_the_hub_sees_the_same_command_where_the_guard_is_off(
    world: World,  # noqa: F811
    hub: tuple[str, list[str]],
) -> None:
    """So that nothing asked above means something: same variables, same hub; only ``--online`` takes the guard away."""
    address, asked = hub
    _, variables = luring(world, address)
    tempting(world)
    in_a_child(world, [["produce", "hub.yaml"]], variables)
    assert asked == []
    done = in_a_child(world, [["produce", "hub.yaml", "--online"]], variables)
    assert any("/someone/model/" in request for request in asked), (asked, done)


def test_the_hub_sees_what_a_library_asks_for_where_the_guard_is_off(
    tmp_path: Path, hub: tuple[str, list[str]]
) -> None:
    """The same request of huggingface_hub's own, after ``configure_libraries`` and without it."""
    address, asked = hub
    code = (
        "import sys\n"
        "if sys.argv[1] == 'on':\n"
        "    from specs.boundary.children import configure_libraries\n    configure_libraries()\n"
        "import huggingface_hub\n"
        "try:\n    huggingface_hub.hf_hub_download('someone/text', 'config.json')\n"
        "except Exception as error:\n    print(type(error).__name__)\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": address, "PYTHONPATH": str(ROOT),
                   "HF_HOME": str(tmp_path)}  # fmt: skip
    seen = []
    for guard in ("on", "off"):
        subprocess.run([sys.executable, "-P", "-c", code, guard], env=environment, check=True, cwd="/")
        seen.append(any("/someone/text/" in request for request in asked))
    assert seen == [False, True], asked


def test_the_hubs_own_constant_is_offline_in_every_process() -> None:
    """Set before the first import, where a variable set later is ignored; and again where it was imported before."""
    code = (
        "import os, sys\n"
        "from specs.boundary.children import configure_libraries\n"
        "if sys.argv[1] == 'late':\n    import huggingface_hub\n"
        "configure_libraries()\n"
        "import huggingface_hub, huggingface_hub.constants as c\n"
        "assert c.HF_HUB_OFFLINE and huggingface_hub.is_offline_mode()\n"
        "try:\n    huggingface_hub.HfApi(endpoint='http://127.0.0.1:9').model_info('a/b')\n"
        "except huggingface_hub.errors.OfflineModeIsEnabled:\n    print('offline')\n"
    )
    for when in ("early", "late"):
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, when],
            env={"PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "0", "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False, cwd=Path("/"),
        )  # fmt: skip
        assert done.stdout == "offline\n", done.stderr


def test_the_flow_on_a_users_own_worker_is_offline_before_a_library_is_imported(tmp_path: Path) -> None:
    """As Prefect's worker loads it: by the entry point of ``prefect.yaml``, in a process that limner did not start."""
    (entrypoint,) = {one["entrypoint"] for one in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    code = (
        "import os, sys\n"
        "from prefect.flows import load_flow_from_entrypoint\n"
        "flow = load_flow_from_entrypoint(sys.argv[1], use_placeholder_flow=False)\n"
        "late = {'huggingface_hub', 'transformers', 'diffusers', 'open_clip', 'torch'} & sys.modules.keys()\n"
        "assert not late, late\n"
        "import huggingface_hub.constants as c\n"
        "print(flow.name, c.HF_HUB_OFFLINE, c.HF_HUB_DISABLE_TELEMETRY, '127.0.0.1' in os.environ['NO_PROXY'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, entrypoint],
        env={"PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "0", "NO_PROXY": "", "PYTHONPATH": str(ROOT),
             "PREFECT_HOME": str(tmp_path / "prefect"), "HOME": str(tmp_path)},
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == "produce True True True\n", done.stderr
