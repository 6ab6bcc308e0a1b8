"""/-/evidence/<revision>.zip as the site hands it out: whole, once, and a page of ours where there is none."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from archive.evidence import write_bundle
from archive.store import Archive
from tests.archive.sample import Site, served
from tests.archive.test_evidence import EDITED, UNCOVERED
from tests.archive.witnessed import witness


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return witness(tmp_path)


@pytest.fixture
async def evidence_site(archive: Path) -> AsyncIterator[Site]:
    with served(archive) as datasette:
        yield Site(datasette)


async def test_the_site_hands_it_out(evidence_site: Site, archive: Path) -> None:
    answer = await evidence_site.get(f"/-/evidence/{EDITED}.zip")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"] == 'attachment; filename="evidence-8.zip"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    out = io.BytesIO()
    write_bundle(archive, "revisions", EDITED, out)
    assert answer.content == out.getvalue()
    assert list((await evidence_site.get("/.json")).json()) == ["archive"]


async def test_who_has_it_is_not_sent_it_again(evidence_site: Site, archive: Path) -> None:
    first = await evidence_site.get(f"/-/evidence/{EDITED}.zip")
    again = await evidence_site.get(f"/-/evidence/{EDITED}.zip", if_none_match=first.headers["etag"])
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = await evidence_site.get(f"/-/evidence/{UNCOVERED}.zip", if_none_match=first.headers["etag"])
    assert other.status_code == 200
    assert other.headers["etag"] != first.headers["etag"]
    with Archive(archive) as changed:
        changed.db.execute("update releases set title = 'En annan rubrik'")
        changed.db.execute("update revisions set title = 'En annan rubrik'")
    later = await evidence_site.get(f"/-/evidence/{EDITED}.zip", if_none_match=first.headers["etag"])
    assert later.status_code == 200


@pytest.mark.parametrize("number", ["99", "0", "999999999999999999"])
async def test_no_such_revision_is_a_page_of_ours(evidence_site: Site, number: str) -> None:
    answer = await evidence_site.get(f"/-/evidence/{number}.zip", accept_language="en")
    assert answer.status_code == 404
    assert f"The archive has no version {number}." in answer.text
    assert "Page not found" in answer.text


async def test_the_site_hands_out_no_removal_that_is_none(evidence_site: Site) -> None:
    answer = await evidence_site.get("/-/evidence/removal-99.zip")
    assert answer.status_code == 404
    assert "Arkivet har ingen borttagning 99." in answer.text
