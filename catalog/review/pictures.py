"""Pictures by their hash: for ever where they are measured clear, after a click and never stored where they are not."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from catalog.catalog import Catalog
from catalog.database.sqlite import reading
from catalog.errors import NotFoundError, StorageError
from catalog.objects.areas import Area
from catalog.review import requests
from catalog.review.views.thumbs import thumbnail
from catalog.writes import placement
from specs.canonical import sha256_hex
from specs.commands import limner

FOR_EVER = "private, max-age=31536000, immutable"


@dataclass(frozen=True)
class Pictures:
    """Of an open library; its methods are routes."""

    catalog: Catalog

    def picture(self, request: Request) -> Response:
        """A picture measured clear, by its hash."""
        return self._png(requests.sha256(request), quarantined=False)

    def quarantined(self, request: Request) -> Response:
        """A picture not measured clear: the page asks for it only when a person clicked."""
        return self._png(requests.sha256(request), quarantined=True)

    def thumb(self, request: Request) -> Response:
        """The thumbnail of a picture measured clear."""
        sha256 = requests.sha256(request)
        self._clear(sha256)
        try:
            data = thumbnail(self.catalog.objects, sha256)
        except FileNotFoundError:
            raise _missing(sha256) from None
        return Response(data, media_type="image/webp", headers={"Cache-Control": FOR_EVER})

    def _png(self, sha256: str, *, quarantined: bool) -> Response:
        area = self._area(sha256) if quarantined else self._clear(sha256)
        cache = "no-store" if quarantined else FOR_EVER
        try:
            data = self.catalog.objects.get(sha256, area)
        except FileNotFoundError:
            raise _missing(sha256) from None
        if sha256_hex(data) != sha256:
            raise StorageError(f"picture {sha256[:12]}: its file is damaged; run `{limner('verify', '--repair')}`.")
        return Response(data, media_type="image/png", headers={"Cache-Control": cache})

    def _area(self, sha256: str) -> str:
        with reading(self.catalog.engine) as connection:
            return placement.area_of(connection, sha256)

    def _clear(self, sha256: str) -> str:
        area = self._area(sha256)
        if area != Area.OBJECTS:
            raise NotFoundError(f"picture {sha256[:12]}: is in quarantine; it is shown after a click only.")
        return area


def _missing(sha256: str) -> NotFoundError:
    return NotFoundError(
        f"picture {sha256[:12]}: its file is not in the library any more, though the catalog speaks of it; run "
        f"`{limner('verify')}`, and take the file from a backup."
    )
