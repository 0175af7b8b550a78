"""Two hundred scripts that want to run, and a deck made of them: titles, prompts, rows, file names, ids."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from specs.spec import Asset, Picture, Spec
from tests.catalog.factory import World

PAYLOADS = [
    form.format(run)
    for run in ("alert(1)", "window.pwned=1", "fetch('//x')", "`${1}`", "document.title='pwned'")
    for form in (
        "<script>{}</script>", "<img src=x onerror={}>", "\"><svg onload={}>", "'><body onpageshow={}>",
        "javascript:{}", "</title><script>{}</script>", "</pre><script>{}</script>", "<a href=javascript:{}>x</a>",
        "{{{{{}}}}}", "{{%{}%}}", "<iframe srcdoc='<script>{}</script>'>", "<style>@import'{}'</style>",
        "\" onfocus={} autofocus x=\"",
        "' onmouseover={} x='", "<math><mi xlink:href=javascript:{}>", "<template><script>{}</script></template>",
        "</select><script>{}</script>", "<!--<script>{}--></script>", "]]><script>{}</script>", "&lt;script&gt;{}",
        "\\u003cscript\\u003e{}", "<base href='//x/{}'>", "<meta http-equiv=refresh content='0;javascript:{}'>",
        "<object data=javascript:{}>", "<details open ontoggle={}>", "<input autofocus onfocus={}>", "%3Cscript%3E{}",
        "<video><source onerror={}>", "<form action=javascript:{}><button>", "<link rel=stylesheet href='//x/{}'>",
        "\u202e<script>{}</script>", "<svg><script>{}</script>", "<svg><a xlink:href=javascript:{}>",
        "<q cite=javascript:{}>",
        "</q><script>{}</script>", "<marquee onstart={}>", "<x contenteditable onblur={}>", "<embed src=javascript:{}>",
        "</script><script>{}</script>", "<noscript><p title='</noscript><script>{}</script>'>",
    )
]  # fmt: skip


EACH = 20  # payloads an asset


def of_asset(number: int) -> list[str]:
    """The payloads of one asset."""
    return PAYLOADS[number * EACH : number * EACH + EACH]


@dataclass(frozen=True)
class Hostile(World):
    """Titles, prompts and rows are payloads, twenty an asset; so are the names of the spec's files."""

    @cached_property
    def spec(self) -> Spec:
        files = ((f"{PAYLOADS[7]}.csv".replace("/", "-"), "e" * 64),)
        text = super().spec.text + "\n".join(f"# {payload}" for payload in PAYLOADS)
        return replace(super().spec, path="specs/" + " ".join(PAYLOADS[:12]), sources=files, text=text)

    def _asset(self, asset_id: str, picture: Picture, line: int) -> Asset:
        text = " ".join(of_asset(line))
        variables = tuple((f"field{n}", payload) for n, payload in enumerate(of_asset(line)))
        return replace(super()._asset(asset_id, picture, line), title=text, prompt=text, row=variables)


@dataclass(frozen=True)
class HostileIds(World):
    """Ids that no spec could have: an older or foreign writer might."""

    def _asset(self, asset_id: str, picture: Picture, line: int) -> Asset:
        return super()._asset(of_asset(line)[0].replace("/", "|"), picture, line)
