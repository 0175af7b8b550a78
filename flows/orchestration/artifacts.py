"""What a person sees of a run in Prefect's page: progress, what changed, the keepers, the contact sheet."""

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

from flows.pipeline.session import Session

SHEET_SIDE_PX = 1600  # the sheet travels inside the artifact, so it is made small enough


def begin(session: Session) -> UUID | None:
    """A progress artifact at the share that is made already."""
    return create_progress_artifact(  # type: ignore[return-value]
        progress=_percent(session), key=_key(session, "progress"), description=f"Pictures of {_name(session)}"
    )


def advance(session: Session, artifact: UUID | None) -> None:
    """Bring the progress artifact up to date."""
    if artifact is not None:
        update_progress_artifact(artifact_id=artifact, progress=_percent(session))


def publish(session: Session) -> None:
    """The tables and the sheet, once a run is done."""
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
