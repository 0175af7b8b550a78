"""Everything that can be known of a spec before a model loads: rows, weights, rights, jobs. No torch, no Prefect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from catalog.catalog import Catalog
from catalog.database.library_folder import is_there
from flows.git.commit import git_state
from flows.pipeline.prompt_checks import CheckedPrompts, check_prompts
from flows.pipeline.style_references import StyleReference, find_style_references
from flows.settings import Settings
from generator.weights.hashes import HashMemory
from generator.weights.pinning import locate, pin
from scoring.clip.prompt_windows import windows_identity
from scoring.defects.find import Frame
from scoring.defects.frames import Identity, frame_of, with_frame
from scoring.identity import scorer_identity, without_prompts
from scoring.plugins import GROUP, names, other_identities
from scoring.taste.taste_file import EVERY_SET, Learned, load_taste
from scoring.verdict import policy_sha256
from specs.boundary.files import has_file
from specs.checkpoint import Checkpoint
from specs.commands import limner
from specs.errors import LimnerError, UsageError
from specs.expand import AssetPlan, expand
from specs.reading.load import load_spec
from specs.registry.registry import Registry, load_registry
from specs.registry.rights import RightsDecision, decide
from specs.spec import KeepRules, Spec
from specs.values.checks import near, show

TASTES = "taste"  # the folder of learned heads in a library
ROLES = ("clip", "aesthetic", "safety", "second_opinion")


@dataclass(frozen=True)
class LocatedWeights:
    """A checkpoint with its files hashed, and their folder (None: not on this machine, ``missing`` says why)."""

    checkpoint: Checkpoint
    folder: Path | None
    missing: str = ""


@dataclass(frozen=True)
class ResolvedSpec:
    """One spec, ready to be compared with the catalog. ``obstacles`` are sentences; any of them stops ``produce``."""

    spec: Spec
    image: LocatedWeights
    scorers: Mapping[str, LocatedWeights | None]  # by role; None: the spec does without
    rights: RightsDecision
    plans: Mapping[str, AssetPlan]
    obstacles: tuple[str, ...]
    taste: Learned | None = None  # when the spec gives it a weight
    references: tuple[StyleReference, ...] = ()  # what the spec's references are
    prompts: CheckedPrompts | None = None  # None: the checkpoint's tokenizer is not here
    memory: HashMemory | None = None  # of all files of its weights

    @property
    def warnings(self) -> tuple[str, ...]:
        """What renders otherwise than its author may mean, in sentences with places; nothing of it stops a run."""
        return self.prompts.warnings if self.prompts else ()

    @cached_property
    def scorer_ids(self) -> tuple[tuple[str, str], ...]:
        """(role, identity) of every scorer: a change makes scorecards stale."""
        found = {role: weights.checkpoint if weights else None for role, weights in self.scorers.items()}
        others = other_identities(self.other_scorers)
        clip = self.scorers["clip"]
        windows = windows_identity(clip.folder if clip else None, [asset.prompt for asset in self.spec.assets])
        return scorer_identity(
            found["clip"],
            found["aesthetic"],
            found["safety"],
            self.spec.forbid,
            others,
            found["second_opinion"],
            windows,
            [asset.prompt for asset in self.spec.assets],
        )

    @cached_property
    def frames(self) -> Mapping[str, Frame]:
        """Asset id → what its pictures are for, of those that are printed or tile."""
        found = {id_: frame_of(plan.layout, plan.asset.picture) for id_, plan in self.plans.items()}
        return {id_: frame for id_, frame in found.items() if frame is not None}

    @cached_property
    def identities(self) -> Mapping[str, Identity]:
        """Asset id → what its scorecards are measured by: every scorer, and the frame of its pictures."""
        return {id_: with_frame(self.scorer_ids, self.frames.get(id_)) for id_ in self.plans}

    @property
    def other_scorers(self) -> tuple[str, ...]:
        """Names of the scorers of others that some rule asks for."""
        return tuple(sorted({name for plan in self.plans.values() for name, _ in plan.asset.keep.extra}))

    @property
    def scorer_checkpoints(self) -> dict[str, Checkpoint]:
        """By role, those that the spec does not do without."""
        return {role: weights.checkpoint for role, weights in self.scorers.items() if weights is not None}

    def require_unchanged_weights(self) -> None:
        """LimnerError where a file of the weights, of scorers too, is not as it was when hashed; stats alone."""
        if self.memory is not None:
            self.memory.require_unchanged()

    def register(self, catalog: Catalog) -> None:
        """Make the set, as the spec has it now, the one in force in the catalog."""
        files = [Path(self.spec.path), *(Path(path) for path, _ in self.spec.sources)]
        catalog.register(
            self.spec,
            self.image.checkpoint,
            self.scorer_checkpoints,
            list(self.plans.values()),
            self.rights,
            git_state(files),
        )

    @cached_property
    def policies(self) -> Mapping[str, str]:
        """Asset id → hash of the rules that judge it."""
        taste, references = self.taste.sha256 if self.taste else "", [look.sha256 for look in self.references]
        known: dict[tuple[KeepRules, Identity], str] = {}  # without what pictures are ranked against
        found = {}
        for asset_id, plan in self.plans.items():
            rules = plan.asset.keep, without_prompts(self.identities[asset_id])
            if rules not in known:
                known[rules] = policy_sha256(*rules, self.spec.weights, self.spec.forbid, taste, references)
            found[asset_id] = known[rules]
        return found


def resolve_spec(spec_path: Path, settings: Settings) -> ResolvedSpec:
    """Read a spec and everything it names. Bad specs and names raise; what may come right later is an obstacle."""
    spec = load_spec(spec_path)
    is_there(settings.library)  # refuses a damaged library before anything is written beside it
    check_other_scorers(spec)
    registry = registry_for(spec_path.parent, settings)
    memory = HashMemory(settings.library / "cache" / "hashes.json")
    image = _weights(registry.resolve(spec.checkpoint, spec_path.parent), settings, memory)
    prompts = check_prompts(spec, image.checkpoint, image.folder)
    scorers = {role: _scorer(role, spec, image.checkpoint, registry, settings, memory) for role in ROLES}
    prompts_asked, ancestors = [asset.prompt for asset in spec.assets], registry.ancestors(image.checkpoint)
    rights = decide(image.checkpoint, spec.use, spec.rights, prompts_asked, ancestors)
    obstacles = tuple(rights.reasons) if not rights.may_render else ()
    for weights in (image, *scorers.values()):
        if weights is not None and weights.missing:
            obstacles += (weights.missing,)
    taste, references = the_taste(spec, scorers["clip"], settings), find_style_references(spec, settings)
    obstacles += tuple(found for found in (taste, *references) if isinstance(found, str))
    plans = expand(spec, image.checkpoint) if image.checkpoint.files else ()
    return ResolvedSpec(
        spec=spec,
        image=image,
        scorers=scorers,
        rights=rights,
        plans={plan.asset.asset_id: plan for plan in plans},
        obstacles=obstacles,
        taste=taste if isinstance(taste, Learned) else None,
        references=tuple(look for look in references if isinstance(look, StyleReference)),
        prompts=prompts,
        memory=memory,
    )


def check_other_scorers(spec: Spec) -> None:
    """UsageError for rules on the scores of scorers that no installed package offers; imports none of them."""
    asked = {name: asset for asset in reversed(spec.assets) for name, _ in asset.keep.extra}
    installed = names() if asked else ()
    problems = []
    for name in sorted(asked.keys() - {*installed}):
        place = spec.path if name in dict(spec.keep.extra) else asked[name].place
        mean = near(name, installed)
        problems.append(
            f"{place}: keep.min_scores: got {show(name)}; allowed: the scorers that are installed "
            f"({', '.join(installed) or 'none'}); install the package that offers it (entry point {GROUP}), or take "
            f"the rule out" + (f"; did you mean {mean}?" if mean else "")
        )
    if problems:
        raise UsageError("\n".join(problems))


def the_taste(spec: Spec, clip: LocatedWeights | None, settings: Settings) -> Learned | str | None:
    """The taste that helps to decide: the set's own, else the library's; None without a weight; or the obstacle."""
    if not spec.weights.taste:
        return None
    folder = settings.library / TASTES
    learned = load_taste(folder, spec.set_name) or load_taste(folder, EVERY_SET)
    if learned is None:
        return (
            f"{spec.path}: select.taste: got {spec.weights.taste:g}, but no taste has been learned in "
            f"{settings.library}: judge pictures (`{limner('review')}`), run "
            f"`{limner('taste', spec.set_name)}`, or say taste: 0."
        )
    if clip is None or learned.clip_id != clip.checkpoint.weights_id:
        return (
            f"{spec.path}: select.taste: the taste was learned on another CLIP's embeddings than scoring.clip gives: "
            f"run `{limner('taste', spec.set_name)}` again, or say taste: 0."
        )
    return learned


def registry_for(folder: Path, settings: Settings) -> Registry:
    """The shipped registry, then the user's files: ``checkpoints.yaml`` beside the spec, ``--checkpoints``."""
    beside = folder / "checkpoints.yaml"
    extra = ([beside] if has_file(beside) else []) + list(settings.checkpoints)
    for path in settings.checkpoints:
        if not has_file(path):
            raise UsageError(f"--checkpoints: got {path}; allowed: a YAML file that exists.")
    return load_registry(extra)


def _scorer(
    role: str, spec: Spec, image: Checkpoint, registry: Registry, settings: Settings, memory: HashMemory
) -> LocatedWeights | None:
    name = getattr(spec.scoring, role) or dict(image.scorers).get(role)
    if name is None or name == "none":
        return None
    return _weights(registry.resolve(name, Path(spec.path).parent), settings, memory)


def _weights(checkpoint: Checkpoint, settings: Settings, memory: HashMemory) -> LocatedWeights:
    """Find and hash the files; weights that are not here keep their declared hashes, so that plans still add up."""
    try:
        folder = locate(checkpoint, hub_cache=settings.hub_cache, online=settings.online)
    except LimnerError as error:
        return LocatedWeights(checkpoint, None, str(error))
    return LocatedWeights(pin(checkpoint, folder, memory), folder)
