"""What a person sees of a run in Prefect's page: its name, progress, what changed, the keepers, the contact sheet.

Nothing of it where nobody can look: the embedded server has no page, and ends with the run.
"""

from __future__ import annotations

import base64
import io
from uuid import UUID

from PIL import Image
from prefect.artifacts import (
    create_image_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED

from flows.pipeline.session import Session, Summary
from specs.counted import counted

SHEET_SIDE_PX = 1600  # the sheet travels inside the artifact, so it is made small enough


def somebody_may_look() -> bool:
    """Is the server one that keeps what it is told? The embedded one is started without logs."""
    return bool(PREFECT_LOGGING_TO_API_ENABLED.value())


def begin(session: Session) -> UUID | None:
    """A progress artifact at the share that is made already."""
    if not somebody_may_look():
        return None
    return create_progress_artifact(  # type: ignore[return-value]
        progress=_percent(session), key=_key(session, "progress"), description=f"Pictures of {_name(session)}"
    )


def advance(session: Session, artifact: UUID | None) -> None:
    """Bring the progress artifact up to date."""
    if artifact is not None:
        update_progress_artifact(artifact_id=artifact, progress=_percent(session))


def publish(session: Session, summary: Summary) -> None:
    """The run's name and tags, the tables and the sheet, once a run is done."""
    if not somebody_may_look():
        return
    _name_run(session, summary)
    create_table_artifact(table=session.changes(), key=_key(session, "changes"), description="What this run changed")
    keepers = [
        {
            "asset": keeper.candidate.key.asset_id,
            "picture": keeper.candidate.image_sha256[:12],
            "seed": keeper.seed,
            "aesthetic": keeper.candidate.scorecard.aesthetic,
            "adherence": keeper.candidate.scorecard.adherence,
            "prompt": keeper.prompt,
        }
        for keeper in session.catalog.keepers(_name(session))
    ]
    create_table_artifact(table=keepers, key=_key(session, "keepers"), description=f"Keepers of {_name(session)}")
    create_image_artifact(image_url=_data_url(session), key=_key(session, "sheet"), description="Contact sheet")


def _name_run(session: Session, summary: Summary) -> None:
    """``my-deck: 4 made, 1 hole``, with the set and the checkpoint as tags."""
    failed = f", {summary.failed} failed" if summary.failed else ""
    name = f"{summary.set}: {summary.generated} made{failed}, {counted(len(summary.holes), 'hole')}"
    with get_client(sync_client=True) as client:
        tags = [*(flow_run.tags or []), summary.set, session.resolved.image.checkpoint.name]
        client.update_flow_run(UUID(str(flow_run.id)), name=name, tags=list(dict.fromkeys(tags)))


def _data_url(session: Session) -> str:
    with Image.open(session.sheet_path) as sheet:
        small = sheet.convert("RGB")
    small.thumbnail((SHEET_SIDE_PX, SHEET_SIDE_PX))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _percent(session: Session) -> float:
    bar = session.progress
    return 100.0 * bar.done / bar.total if bar.total else 100.0


def _name(session: Session) -> str:
    return session.resolved.spec.set_name


def _key(session: Session, what: str) -> str:
    return f"limner-{_name(session)}-{what}"
