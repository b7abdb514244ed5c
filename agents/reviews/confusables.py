"""Letters that look like others: what a text reads like to an eye that expects ASCII.

The table is the part of Unicode's confusables (UTS 39, confusables.txt) that reads as one ASCII
letter or digit, after case folding and NFKC; of the letters that Unicode lists as capitals only,
the small ones are here as well (`к` beside `К`): in many typefaces they are small capitals. The
palochka `ӏ`, an `i` to Unicode, is an `l` to the eye.
"""
# ruff: noqa: RUF001, RUF002  # ambiguous characters are the matter of this module

from __future__ import annotations

import unicodedata

_READS_AS = {
    "2": "ƨϩᒿꙅꛯꝛ",
    "3": "ȝɜʒзӡⳍꝫ",
    "4": "Ꮞ",
    "6": "бᏮⳓ",
    "8": "ȣ৪੪",
    "9": "৭੧୨൭ⳋꝯ",
    "a": "ɑαаᎪᗅꓮ",
    "b": "ƅβвьᏏᏴᑲᖯᗷꓐꞵ",
    "c": "ϲсᏟᴄⲥꓚ",
    "d": "ԁᎠᏧᑯᗞᗪꓒꓓ",
    "e": "εеҽᎬⴹꓰꬲ",
    "f": "ϝքᖴẝꓝꞙꬵ",
    "g": "ƍɡԍցᏀᏳᶃꓖ",
    "h": "ηнһհᎻᏂᕼⲏꓧ",
    "i": "ıɩɪιіᎥꙇ",
    "j": "ʝϳјᎫᒍꓙ",
    "k": "κкᏦᛕⲕꓗ",
    "l": "ǀӏ۱Ꮮᒪᛁⲓⳑⵏꓡꓲ",
    "m": "μϻмᎷᗰᛖⲙꓟ",
    "n": "ոռⲛꓠ",
    "o": "οσоօ۵०০੦૦ଠ୦௦౦೦ഠ൦๐໐ဝ၀ჿዐᴏᴑⲟⵔ〇ꓳꬽ",
    "p": "ρрᏢᑭⲣꓑ",
    "q": "ԛգզⵕ",
    "r": "ʀгᎡᏒᖇᴦⲅꓣꭇꭈ",
    "s": "ƽѕտᏕᏚꓢꜱ",
    "t": "τтᎢⲧꓔ",
    "u": "ʋυսሀᑌᴜꓴꞟꭎꭒ",
    "v": "νѵ۷Ꮩᐯᴠⴸꓦꛟ",
    "w": "ɯѡԝաᎳᏔᴡꓪ",
    "x": "χхᕁᕽᚷⲭⵝꓫꭓ",
    "y": "ɣʏγϒуүყᎩᎽᶌỿℽⲩꓬꭚ",
    "z": "ζᏃᴢꓜ",
}
_ASCII = {ord(other): letter for letter, others in _READS_AS.items() for other in others}


def reads_as(text: str) -> str:
    """Write a text as it reads: folded in case, look-alikes as ASCII, marks taken off.

    What resembles no ASCII character stays. Two texts that read alike need not be equal; equal
    results are what a reader may take for each other.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_ASCII)
    bare = unicodedata.normalize("NFKD", folded)
    return unicodedata.normalize("NFC", "".join(c for c in bare if not unicodedata.combining(c)))
