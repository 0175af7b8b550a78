"""Characters that nobody sees, broken values and stray quotes: what a text holds that its author did not mean.

Invisible characters change a prompt's tokens and an id's bytes without a trace on the screen, so they are refused, with
their code point. White space of any kind is none of them: templates make one space of every run of it. Zero-width
joiner and non-joiner stay where writing needs them (Unicode 16, section 23.2): between letters of Arabic, Syriac, Indic
and the other cursive scripts, and in emoji sequences (Unicode Technical Standard 51, section 2.2). Variation selectors
stay after the character that they vary, tag characters in flags.
"""

from __future__ import annotations

import re
import unicodedata

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"  # Unicode's white space beyond ASCII, but for line ends
ODD_SPACE = re.compile(f"[\t{SPACES}\u200b\u2060\ufeff]")
INDENTATION = re.compile(f"[ \t{SPACES}\u200b\u2060\ufeff]+")
JOINERS = "\u200c\u200d"
JOINING = re.compile(
    "[\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ua840-\ua87f\ua980-\ua9df\ufb50-\ufdff\ufe70-\ufefe]"
)
REPLACEMENT = "\ufffd"
# what spreadsheets write where a formula failed: English names anywhere in a text, other languages' as a whole cell
ERROR_INSIDE = re.compile(
    r"#(?:REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|N/A(?![\w/])|SPILL!|CALC!|GETTING_DATA|FIELD!|BLOCKED!|CONNECT!|BUSY!"
    r"|UNKNOWN!|PYTHON!|EXTERNAL!|ERROR!)"
)
ERROR_WHOLE = re.compile(
    r"#{3,}|#[¡¿]?[^\W\d_][^\s#]{0,15}[!?]|#(?:NV|N/D|N/B|N/V|N/F|Н/Д|I/T|YOK|PUUTTUU!?|SAKNAS!?|TILGJENGELIG|I/R)"
    r"|Err:\d{3}|NaN|\[object Object\]"
)
PAIRS = {'"': '"', "'": "'", "`": "`", "´": "´", "“": "”", "„": "“", "”": "”", "‟": "”", "‘": "’", "‚": "‘", "’": "’",
         "«": "»", "»": "«", "‹": "›", "›": "‹", "＂": "＂", "＇": "＇"}  # fmt: skip
CLOSERS = {"„": "“”", "‚": "‘’", "“": "”", "‘": "’"}  # those with more than one, by language
CURLY = frozenset("“”„‟«»‹›＂")
QUOTES = frozenset(PAIRS) | frozenset(PAIRS.values())


def escaped(text: str) -> str:
    """The text for one line of a message: every character that a terminal does not show, or obeys, as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(c) if not c.isprintable() or INVISIBLE.match(c) else c for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def named(character: str) -> str:
    """A character by its code point and Unicode name: ``U+200B ZERO WIDTH SPACE``."""
    names = {"\t": "TAB", "\ufeff": "BYTE ORDER MARK"}
    return f"U+{ord(character):04X} {names.get(character) or unicodedata.name(character, 'a control character')}"


def hidden_in(text: str) -> str:
    """The first invisible, control or replacement character that does not belong in a text, or ""."""
    if text.isascii() and not CONTROL.search(text):
        return ""
    for match in INVISIBLE.finditer(text):
        if not _belongs(text, match.start()):
            return match[0]
    found = CONTROL.search(text)
    return found[0] if found else REPLACEMENT if REPLACEMENT in text else ""


def _belongs(text: str, at: int) -> bool:
    """Whether an invisible character does what it is for where it stands."""
    code, before = text[at], text[at - 1 : at]
    after = text[at + 1 : at + 2]
    if code in JOINERS:
        letters = bool(JOINING.match(before)) and (not after or not after.isascii() or not after.isalnum())
        return (letters and bool(after)) or (code == "\u200d" and _pictorial(before) and _pictorial(after))
    if "\ufe00" <= code <= "\ufe0f" or code >= "\U000e0100":
        return bool(before) and not before.isspace() and not INVISIBLE.match(before)
    if "\u180b" <= code <= "\u180f":
        return "\u1820" <= before <= "\u18aa"
    if "\U000e0020" <= code <= "\U000e007f":
        return before == "\U0001f3f4" or "\U000e0020" <= before <= "\U000e007e"
    return False


def _pictorial(character: str) -> bool:
    """Whether a character may stand beside the joiner of an emoji sequence."""
    return bool(character) and (character in "\ufe0f\u20e3" or unicodedata.category(character) in ("So", "Sk"))


def broken_value(text: str) -> str:
    """What a spreadsheet or a program wrote instead of a value (``#REF!``), or ""."""
    if "#" not in text and text[:3] not in ("Err", "NaN", "[ob"):
        return ""
    whole = ERROR_WHOLE.fullmatch(text.strip())
    inside = whole or ERROR_INSIDE.search(text)
    return inside[0] if inside else ""


def odd_indent(line: str) -> str:
    """The first character of a line's indentation that is no plain space, or ""."""
    start = INDENTATION.match(line)
    odd = ODD_SPACE.search(start[0]) if start else None
    return odd[0] if odd else ""


def stray_quotes(text: str) -> str:
    """How a text is quoted though quotes are no part of it (``wrapped in curly quotes``), or "".

    Quotes inside (``a 5" blade``, ``"yes" and "no"``) and apostrophes are text.
    """
    if len(text) < 2 or (text[0] not in QUOTES and text[-1] not in QUOTES):
        return ""
    first, last, inner = text[0], text[-1], text[1:-1]
    kind = _kind(first if first in QUOTES else last)
    if last in CLOSERS.get(first, PAIRS.get(first, "")) and first not in inner and last not in inner:
        return f"wrapped in {kind} quotes"
    if first in '"“„«' and not any(closer in inner + last for closer in CLOSERS.get(first, PAIRS[first])):
        return f"with a {kind} quote that nothing closes"
    opened = {"”": "“„‟”", '"': '"', "»": "«"}.get(last, "")
    if opened and not any(opener in text[:-1] for opener in opened) and not text[-2].isdigit():
        return f"with a {kind} quote that nothing opens"
    if first in "'’" and inner.isdigit() and last.isdigit():
        return "with the apostrophe that marks text in a spreadsheet"
    return ""


def _kind(quote: str) -> str:
    if quote in "'’‘‚":
        return "single" if quote == "'" else "curly single"
    return "curly" if quote in CURLY else "double" if quote == '"' else "stray"


def plain(name: str) -> str:
    """A name without case, width, and what separates its words: ``CFG Scale`` → ``cfg_scale``."""
    text = unicodedata.normalize("NFKC", name).casefold().strip("\"'“”‘’*# \u200b\ufeff")
    return "_".join(text.replace("_", " ").replace("-", " ").split())
