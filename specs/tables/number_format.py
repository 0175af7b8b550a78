"""A spreadsheet's number as the sheet shows it, or a refusal of its number format.

Formats: ECMA-376 part 1, 18.8.30 (codes that are built in) and 18.8.31 (the language of format codes). Shown are
digits with a decimal point, leading and trailing zeros, percent, and text in quotes; what depends on the language of
the program that shows it (grouping, currency, dates) or does not show the number itself (fractions, exponents,
conditions, padding) is refused.
"""

from __future__ import annotations

import datetime
import re
from decimal import ROUND_HALF_UP, Decimal

from specs.errors import InvalidValue

GENERAL, TEXT = "General", "@"
BUILT_IN = {0: GENERAL, 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?",
            13: "# ??/??", 14: "mm-dd-yy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM",
            19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "m/d/yy h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00",
            40: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mmss.0", 48: "##0.0E+0", 49: TEXT}  # fmt: skip
BY_LANGUAGE = (
    "a format of the program's own language"  # 5-8, 23-36, 41-44 and 50-81: currencies, and dates of East Asia
)
LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.')
COLOUR = re.compile(r"\[(?:black|blue|cyan|green|magenta|red|white|yellow|color ?\d{1,2})\]", re.IGNORECASE)
LITERAL_TEXT = re.compile(r'"[^"]*"|\\.|' + COLOUR.pattern, re.IGNORECASE)
DATE = re.compile(r"[dmyhsgeb]|\[(?:h+|m+|s+)\]", re.IGNORECASE)
CURRENCY = re.compile(r"[$€£¥₩₽₹￥]|\[\$[^\]]")
DIGITS = re.compile(r"([#?]*)(0*)(?:\.(0*)(#*))?")
ALLOWED = "text, or a number in the format General, 0, 0.00, 000 or 0%"
RETYPE = "format the cell as text, then type it anew as it should read"
MOST_DIGITS = 10  # that General shows in a wide cell; a whole number shows up to 15
EPOCH, EPOCH_1904 = datetime.datetime(1899, 12, 30), datetime.datetime(1904, 1, 1)


def format_code(number: int, custom: dict[int, str]) -> str:
    """The format code of a style's ``numFmtId``."""
    return custom.get(number) or BUILT_IN.get(number, BY_LANGUAGE)


def shown(text: str, code: str, epoch_1904: bool = False) -> str:
    """The number in ``text`` as a cell of that format shows it; raises InvalidValue where that cannot be known."""
    value = Decimal(text)
    if code.lower() in ("general", ""):
        return _general(value)
    if code == TEXT:
        got = f"the number {_plain(value)} in a cell that was formatted as text after it was typed"
        raise InvalidValue(got, ALLOWED, mend="type it anew into the cell as it should read (a date as 2022-09-16)")
    if code == BY_LANGUAGE:
        raise InvalidValue(f"the number {_plain(value)} in {code}", ALLOWED, mend=RETYPE)
    section, value = _section(code, value)
    if not section.strip():
        raise InvalidValue(f"the number {_plain(value)} hidden by the format {code}", ALLOWED, mend=RETYPE)
    bare = COLOUR.sub("", LITERAL.sub("", section))
    _refuse_kinds(bare, section, code, value, epoch_1904)
    return _digits(COLOUR.sub("", section), code, value)


def _section(code: str, value: Decimal) -> tuple[str, Decimal]:
    """The part of a code (positive;negative;zero;text) that a value takes, and the value as that part shows it."""
    parts = _parts(code)
    if value < 0 and len(parts) > 1:
        return parts[1], -value
    if value == 0 and len(parts) > 2:
        return parts[2], value
    return parts[0], value


def _parts(code: str) -> list[str]:
    parts, rest = [""], code
    while rest:
        literal = LITERAL.match(rest)
        piece = literal[0] if literal else rest[0]
        if piece == ";":
            parts.append("")
        else:
            parts[-1] += piece
        rest = rest[len(piece) :]
    return parts


def _refuse_kinds(bare: str, section: str, code: str, value: Decimal, epoch_1904: bool) -> None:
    """Raises InvalidValue for currencies, dates, and other formats whose look is not the number's digits."""
    if CURRENCY.search(section):
        kind = f"the number {_plain(value)} in the currency format {code}"
    elif "general" in bare.lower():
        return
    elif re.search(r"[0#?]?E[+-]", bare):
        kind = f"the number {_plain(value)} in the scientific format {code}"
    elif DATE.search(bare):
        kind = f"the {_date(value, epoch_1904)} in the format {code}"
    elif "/" in bare:
        kind = f"the number {_plain(value)} in the fraction format {code}"
    elif "," in bare and (abs(value) >= 1000 or not re.fullmatch(r"#,##0(\.0*)?", bare.strip())):
        kind = f"the number {_plain(value)} with thousands separators (format {code})"
    elif re.search(r"\[|[_*?]", LITERAL_TEXT.sub("", section)):
        kind = f"the number {_plain(value)} in the format {code}"
    else:
        return
    raise InvalidValue(kind, ALLOWED, mend=RETYPE)


def _digits(section: str, code: str, value: Decimal) -> str:
    """Digits, percent signs and literal text of a section."""
    pieces = re.split(r'("[^"]*"|\\.)', section.replace("#,##0", "0"))
    out, done = "", False
    for index, piece in enumerate(pieces):
        if index % 2:
            out += piece[1:-1] if piece.startswith('"') else piece[1:]
            continue
        body = re.search(r"[#0.]+", piece)
        if body is None or done:
            out += _literal(piece, code, value)
            continue
        done = True
        percent = "%" in re.sub(r'"[^"]*"|\\.', "", section)
        number = _placed(body[0], code, value * 100 if percent else value)
        out += _literal(piece[: body.start()], code, value) + number + _literal(piece[body.end() :], code, value)
    return out.strip() if done else _general_or_literal(section, value, out)


def _general_or_literal(section: str, value: Decimal, literal: str) -> str:
    return _general(value) if "general" in section.lower() else literal.strip()


def _literal(piece: str, code: str, value: Decimal) -> str:
    if re.fullmatch(r"[-+() :%]*", piece):
        return piece
    raise InvalidValue(f"the number {_plain(value)} in the format {code}", ALLOWED, mend=RETYPE)


def _placed(body: str, code: str, value: Decimal) -> str:
    match = DIGITS.fullmatch(body)
    if match is None:
        raise InvalidValue(f"the number {_plain(value)} in the format {code}", ALLOWED, mend=RETYPE)
    least, fixed, optional = len(match[2]), len(match[3] or ""), len(match[4] or "")
    rounded = value.quantize(Decimal(1).scaleb(-(fixed + optional)), ROUND_HALF_UP)
    whole, _, decimals = f"{abs(rounded):f}".partition(".")
    while len(decimals) > fixed and decimals.endswith("0"):
        decimals = decimals[:-1]
    whole = whole.lstrip("0").rjust(least, "0")
    sign = "-" if rounded < 0 else ""
    return sign + whole + ("." + decimals if decimals or (match[3] is not None and "." in body) else "")


def _general(value: Decimal) -> str:
    number = float(value)
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    text = f"{Decimal(format(number, '.15g')):f}"
    digits = text.lstrip("-0.").replace(".", "")
    if len(digits) > MOST_DIGITS or not 1e-4 <= abs(number) < 1e15:
        got = f"the number {number!r}, which the sheet shows rounded or with an exponent"
        raise InvalidValue(
            got, ALLOWED, mend="give the cell a number format with the decimals you want, or round the number"
        )
    return text


def _plain(value: Decimal) -> str:
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _date(value: Decimal, epoch_1904: bool) -> str:
    """A serial number as a date (18.17.4.1) or, below 1, a time, with that word; the number outside the calendar."""
    try:
        moment = (EPOCH_1904 if epoch_1904 else EPOCH) + datetime.timedelta(seconds=round(float(value) * 86400))
    except (OverflowError, ValueError):
        return f"date or time {_plain(value)}"
    if abs(value) < 1:
        return f"time {moment.time()}"
    return f"date {moment.date() if moment.time() == datetime.time() else moment}"
