"""Makes small valid files: PDFs of some lines, a PNG of one colour, a style sheet."""

from __future__ import annotations

import struct
import zlib

STYLE = b"""body{font:18px/1.5 sans-serif;margin:0 auto;max-width:72rem;padding:0 1rem;color:#222}
nav ul ul,[hidden],.visually-hidden,.screen-reader-text,.sv-visuallyhidden{display:none}
header,footer{background:#f2f4f3;padding:1rem}figure{margin:1rem 0}img{max-width:100%;height:auto}
"""


def make_pdf(*pages: str, encrypt: bool = False) -> bytes:
    """Return a valid PDF with a page for each text, which has one line of a page's width or
    several.

    encrypt: whether the file claims to be encrypted, with a password that nobody knows.
    """
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, page in enumerate(pages):
        lines = (
            page.encode("cp1252", "replace").replace(b"(", b"[").replace(b")", b"]").split(b"\n")
        )
        shown = b"".join(b"(%s) Tj T*\n" % line for line in lines) if page else b""
        stream = b"BT /F1 18 Tf 22 TL 72 770 Td\n%sET" % shown
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * number),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        ]
    key = b"/ID [<%s> <%s>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (
        *(2 * (b"ab" * 16,)),
        *(b"01" * 32, b"23" * 32),
    )
    return write_pdf(objects, key if encrypt else b"")


def write_pdf(objects: list[bytes], more: bytes = b"") -> bytes:
    """Return a PDF of numbered objects, the first of which is its catalogue.

    more: further keys of its trailer.
    """
    out, offsets = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        more,
        len(out),
    )
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + trailer


def make_png(width: int = 64, height: int = 36, colour: bytes = b"\x3b\x6e\x52") -> bytes:
    """Return a valid PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\x00" + colour * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
