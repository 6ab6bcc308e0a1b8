"""What the delta says, in Swedish and English side by side (see archive/texts.py)."""

from __future__ import annotations

from archive.texts import Text

DELTA = {
    "delta_title": Text("Det som ändrats i arkivet", "What has changed in the archive"),
    "delta_stranger": Text(
        "Markören {value} hör till en annan logg än det här arkivets. Börja om från början, utan since.",
        "The cursor {value} belongs to another log than this archive's. Begin anew, without since.",
    ),
    "delta_ahead": Text(
        "Markören {value} ligger längre fram än den här kopian av arkivet. Försök igen senare; består det har arkivet"
        " återställts från en säkerhetskopia: börja då om utan since.",
        "The cursor {value} is ahead of this copy of the archive. Try again later; if that lasts, the archive was"
        " restored from a back-up: then begin anew, without since.",
    ),
}
