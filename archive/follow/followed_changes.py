"""What a subscription follows, and which changes in the archive match it.

Changes come from the change feed (archive.changes.change_feed), so nothing is missed or reported
twice. Their types are:

    new       new by the rules of the feeds of new releases: a release found by a backfill, an
              import or a better parser does not count
    edited    edited by the agency (`revisions.is_edit`)
    removed   found missing in several checks
    returned  found again after a removal

A search is matched against the current state of a release. If the release was edited, the search is
also matched against the state before the edit, because the edit may have removed the words that
were searched for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import parse_qs, urlencode

from datasette.utils import MultiParams

from archive.changes.change_feed import entry_checksum
from archive.changes.history import find_final_release
from archive.changes.new_releases import (
    BACKFILL_END_SQL,
    IS_NEW_SQL,
    RULE_COLUMNS,
    find_undecided_entry,
)
from archive.database.sqlite_files import RunQuery
from archive.i18n import format_stated_time, translate, translate_code
from archive.search.matching_releases import match_releases, match_versions_before
from archive.search.search_index import NO_VALUE
from archive.search.search_request import (
    FACETS,
    SEARCH_PARAMETERS,
    YES_NO_FACETS,
    SearchRequest,
    parse_search_request,
)
from archive.urls import FilterError, UrlArguments, parse_number_parameter

FOLLOW_PARAMETERS = (*SEARCH_PARAMETERS, "person", "release")

CHANGES_SQL = f"""
    with {BACKFILL_END_SQL}
    select d.id, d.release, ifnull(r.continues_as, r.id) as last, d.revision, v.previous,
      case when d.change in ('removed', 'returned') then d.change
        when v.is_edit then 'edited' else 'new' end as kind
    from changefeed d cross join releases r on r.id = d.release left join revisions v
      on v.id = d.revision
    left join begun b on b.agency = r.agency
    where d.id > :after and d.id <= :until and r.takedown is not 'hidden'
    and (d.change in ('removed', 'returned') or v.is_edit
      or (v.cause = 'first' and v.previous is null and v.seen > b.ended
        and {IS_NEW_SQL.format(**RULE_COLUMNS)}))
    order by d.id
"""
# Whether a release without a date is new depends on how many its crawl finds, so it waits for the
# end of the crawl.
PERSON_SQL = "select name, agency from people where slug = :slug"
RELEASE_SQL = "select title from releases where id = :id and takedown is not 'hidden'"
NAMES_SQL = """
    select slug, name, name_en from agencies where slug in (select value from json_each(:slugs))
    union all select slug, name, name from people where slug in (select value
      from json_each(:slugs))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveChange:
    """A change that may be reported.

    `id` is the id of its entry in the change feed, and `kind` is its type. `previous` and
    `revision` are the versions before and after the change.
    """

    id: int
    kind: str
    release: int
    last: int  # the release that it continues as, or itself
    revision: int | None
    previous: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What a subscription follows: a search, a person's quotations or a release.

    A search without a query or filters matches all releases.
    """

    search: SearchRequest
    person: str | None = None
    release: int | None = None

    @property
    def query(self) -> str:
        """Return the subject of the subscription as URL parameters, always in the same order."""
        if self.person:
            return urlencode({"person": self.person})
        if self.release is not None:
            return urlencode({"release": self.release})
        return urlencode(self.search.parameters, errors="replace")

    @property
    def hidden_key(self) -> str:
        """Return the key of an interface text that names only the type of the subject, and quotes
        no words of it.
        """
        kind = "person" if self.person else "search" if self.release is None else "release"
        return f"follow.mail.{kind}"


def parse_followed(arguments: UrlArguments) -> Followed:
    """Parse the URL parameters of a subscription.

    Raises FilterError if a parameter is invalid, or if a query is given that contains no word,
    number or filter.
    """
    search = replace(
        parse_search_request(arguments).whole,
        order="",
        show="releases",
        all_versions=False,
        notes=(),
    )
    if search.query.is_blank:
        raise FilterError("q", search.text, "words that must occur", "error.no_words")
    person = (arguments.get("person") or "").strip() or None
    return Followed(
        search=search, person=person, release=parse_number_parameter(arguments, "release")
    )


def parse_stored_query(query: str) -> Followed:
    return parse_followed(MultiParams(parse_qs(query)))


async def describe_followed(run: RunQuery, followed: Followed, language: str) -> str | None:
    """Describe in words what a subscription follows.

    Returns None if the person or release does not exist, or if the release is hidden.
    """
    if followed.person:
        rows = await run(PERSON_SQL, {"slug": followed.person})
        return translate(language, "follow.person", name=rows[0]["name"]) if rows else None
    if followed.release is not None:
        rows = await run(RELEASE_SQL, {"id": followed.release})
        return translate(language, "follow.release", title=rows[0]["title"]) if rows else None
    search = followed.search
    names = await _read_facet_names(run, search, language)
    text = " ".join(search.text.split())  # on one line, because it is in mails
    parts = [translate(language, "format.quoted", text=text)] if text else []
    parts += _describe_facets(language, search.include, names)
    parts += _describe_facets(language, search.exclude, names, is_excluded=True)
    for name, day in search.days.items():
        parts.append(f"{translate(language, f'search.{name}')} {format_stated_time(language, day)}")
    return " · ".join(parts) or translate(language, "list.all_releases")


async def _read_facet_names(run: RunQuery, search: SearchRequest, language: str) -> dict[str, str]:
    """Return the names of the agencies and people that a search includes or excludes, by slug."""
    slugs: list[str] = []
    for chosen in (search.include, search.exclude):
        slugs += (*chosen.get("agency", ()), *chosen.get("speaker", ()))
    rows = await run(NAMES_SQL, {"slugs": json.dumps(slugs)}) if slugs else []
    return {
        row["slug"]: (row["name_en"] if language == "en" else None) or row["name"] for row in rows
    }


def _describe_facets(
    language: str,
    chosen: Mapping[str, Sequence[str]],
    names: Mapping[str, str],
    *,
    is_excluded: bool = False,
) -> Iterator[str]:
    for facet in FACETS:
        values = [
            _describe_facet_value(language, facet, value, names) for value in chosen.get(facet, ())
        ]
        if is_excluded:
            values = [translate(language, "search.without", name=value) for value in values]
        if values:
            yield f"{translate(language, f'search.facet.{facet}')}: {', '.join(values)}"


def _describe_facet_value(language: str, facet: str, value: str, names: Mapping[str, str]) -> str:
    """Describe a facet value in words, as on the search page.

    names: the names of agencies and people, by slug.
    """
    if facet == "kind":
        return (
            translate(language, "search.value.no_kind")
            if value == NO_VALUE
            else translate_code(language, "release_kind", value)
        )
    if facet in YES_NO_FACETS and value in ("yes", "no"):
        return translate(language, f"search.value.{facet}.{value}")
    return (
        translate(language, "search.value.undated")
        if value == NO_VALUE
        else names.get(value, value)
    )


# Changes


async def read_newest_entry(run: RunQuery, before: int | None = None) -> tuple[int, str | None]:
    """Return the id and checksum of the newest entry of the change feed.

    Returns 0 and None if there is no such entry.

    before: the id of an entry. That entry and later ones are ignored.
    """
    rows = await run(
        "select * from changefeed where id < ifnull(:before, 1 << 62) order by id desc limit 1",
        {"before": before},
    )
    return (rows[0]["id"], entry_checksum(rows[0])) if rows else (0, None)


async def has_entry(run: RunQuery, position: int | None, checksum: str | None) -> bool:
    """Return whether the change feed has an entry with a given id (`position`) and checksum.

    The entry may be missing if the archive was restored from an older backup. Returns True if the
    position is None or 0.
    """
    rows = await run("select * from changefeed where id = :id", {"id": position or 0})
    return not position or bool(rows and entry_checksum(rows[0]) == checksum)


async def find_decided_entry(run: RunQuery, after: int, now: datetime) -> tuple[int, str | None]:
    """Return the id and checksum of the last entry of the change feed that can be reported now.

    If it is not yet known whether a release is new, the release's entry and all later entries have
    to wait.
    """
    return await read_newest_entry(run, await find_undecided_entry(run, after, now))


async def read_changes(run: RunQuery, after: int, until: int) -> list[ArchiveChange]:
    """Return the changes after the entry `after` of the change feed, up to the entry `until`."""
    return [
        ArchiveChange(**dict(row))
        for row in await run(CHANGES_SQL, {"after": after, "until": until})
    ]


async def match_changes(
    run: RunQuery, followed: Followed, changes: Sequence[ArchiveChange]
) -> list[ArchiveChange]:
    if not changes:
        return []
    if followed.release is not None:
        final = await find_final_release(run, followed.release)
        return [change for change in changes if change.last == final]
    if followed.person:
        return await _match_person(run, followed.person, changes)
    return await _match_search(run, followed.search, changes)


async def _match_person(
    run: RunQuery, person: str, changes: Sequence[ArchiveChange]
) -> list[ArchiveChange]:
    ids = {key for change in changes for key in (change.release, change.last)}
    rows = await run(
        """
        select distinct q.release as id from people p
        join quotes q on q.person = ifnull(p.same_as, p.id)
        join revisions v on v.id = q.revision and v.cause <> 'import'
        where p.slug = :slug and q.release in (select value from json_each(:ids))
        """,
        {"slug": person, "ids": json.dumps(sorted(ids))},
    )
    found = {row["id"] for row in rows}
    return [change for change in changes if {change.release, change.last} & found]


async def _match_search(
    run: RunQuery, request: SearchRequest, changes: Sequence[ArchiveChange]
) -> list[ArchiveChange]:
    """Return the changes whose release matches a search, or matched it before the edit."""
    current = await match_releases(run, request, {change.last for change in changes})
    edits = {
        change.revision: (change.previous, change.last)
        for change in changes
        if change.revision and change.previous and change.last not in current
    }
    former = await match_versions_before(run, request, edits)
    return [change for change in changes if change.last in current or change.revision in former]
