"""The tables of a slice: one file each, keyed by release, in an order that is always the same."""

from __future__ import annotations

from dataclasses import dataclass

from archive.slices.columns import Column, told_columns
from archive.state import FIELDS, LISTS

FROM = "from temp.chosen c cross join"  # the chosen releases lead, in their order
RELEASE = Column(name="release", kind="number")
POSITION = Column(name="position", kind="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table. source: what stands behind SELECT, if one is asked; described: its columns' table in metadata.json.

    key: its columns that are unique together; points: columns to the table and column that they point to.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    source: str = ""
    described: str = ""
    key: tuple[str, ...] = ()
    points: tuple[tuple[str, str, str], ...] = (("release", "releases", "id"),)

    @property
    def sql(self) -> str:
        """The SELECT for its rows; `x` is the described table."""
        return f"select {', '.join(column.sql or f'x.{column.name}' for column in self.columns)} {self.source}"


def part(name: str, title: str) -> Table:
    """A table of parts: by release and place, without the number that may change when the release is read anew."""
    fields = tuple(Column(name=field) for field in FIELDS[name] if field != "position")
    return Table(
        name=name,
        title=title,
        columns=(RELEASE, POSITION, *fields),
        source=f"{FROM} {name} x on x.release = c.release order by c.release, x.position",
        described=name,
        key=("release", "position"),
    )


def named(kind: str, names: str) -> tuple[Column, ...]:
    """Columns of one kind."""
    return tuple(Column(name=name, kind=kind) for name in names.split())


def told(name: str) -> tuple[Column, ...]:
    """The columns of a time that an agency tells, of the table x."""
    return tuple(
        Column(name=c.name, kind=c.kind, sql=f"x.{c.sql}" if c.sql else "", meaning=c.meaning, unit=c.unit)
        for c in told_columns(name)
    )


TEXTS = named("text", "kind title lead body body_html")
DATES = (*told("published"), *told("updated"))
TABLES = (
    Table(
        name="releases",
        title="Each release as it stood when the slice was taken",
        columns=(
            *named("number", "id"),
            *named("text", "agency url"),
            *TEXTS,
            *DATES,
            *named("text", "language"),
            *named("moment", "first_seen last_checked gone"),
            *named("number", "checks revision moved_to"),
            *named("text", "withheld hash"),
        ),
        source=f"{FROM} releases x on x.id = c.release order by c.release",
        described="releases",
        key=("id",),
        points=(("agency", "agencies", "slug"),),
    ),
    Table(
        name="agencies",
        title="Whose releases these are",
        columns=named("text", "slug name name_en org_number home"),
        source="from agencies x where x.slug in (select agency from temp.chosen) order by x.slug",
        described="agencies",
        key=("slug",),
        points=(),
    ),
    Table(
        name="tags",
        title="Subject words that agencies show on their releases",
        columns=(
            Column(name="release", kind="number"),
            Column(
                name="position",
                kind="number",
                sql="row_number() over (partition by c.release order by x.rowid)",
                meaning="Place among the release's tags, counted from 1",
            ),
            Column(name="tag", sql="t.name", meaning="The tag as shown"),
        ),
        source=f"{FROM} release_tags x on x.release = c.release join tags t on t.id = x.tag"
        " order by c.release, x.rowid",
        described="release_tags",
        key=("release", "tag"),
    ),
    part("questions", "Questions and their answers, as printed in the releases"),
    part("images", "Pictures shown in releases; the files stay with the agency"),
    part("attachments", "Files that releases link to; the files stay with the agency"),
    part("contacts", "Whom releases name for questions"),
    Table(
        name="revisions",
        title="Every state these releases ever stood in, the first one included",
        columns=(
            *named("number", "id release previous same_as"),
            *named("moment", "seen last_seen"),
            *named("number", "checks"),
            *named("text", "cause"),
            *named("number", "dated"),
            Column(name="weight", kind="number", unit="0 to 100"),
            *named("text", "summary summary_en"),
            *named("list", "changes"),
            *TEXTS,
            *DATES,
            *named("text", "language"),
            *named("list", " ".join(LISTS)),
            *named("text", "reader hash"),
            Column(
                name="page_sha256",
                sql="(select sha256 from captures where id = x.capture)",
                meaning="SHA-256 (hex) of the page as it came, which this state was read from; null where its bytes are"
                " not kept. /-/evidence/<id>.zip hands it out",
            ),
            Column(name="withheld", kind="number"),
        ),
        source=f"{FROM} revisions x on x.release = c.release order by c.release, x.id",
        described="revisions",
        key=("id",),
    ),
    Table(
        name="removals",
        title="Each time one of these releases was not where it stood",
        columns=(
            *named("number", "id release"),
            *named("text", "kind target"),
            *named("moment", "first_seen last_seen confirmed ended"),
            *named("number", "checks status moved_to"),
        ),
        source=f"{FROM} removals x on x.release = c.release order by c.release, x.id",
        described="removals",
        key=("id",),
    ),
    Table(
        name="joint_texts",
        title="Pairs among these releases that say the same, or nearly",
        columns=(*named("number", "release other"), *named("share", "similarity")),
        source=f"{FROM} joint_texts x on x.release = c.release where x.other in (select release from temp.chosen)"
        " order by c.release, x.other",
        described="joint_texts",
        key=("release", "other"),
        points=(("release", "releases", "id"), ("other", "releases", "id")),
    ),
)
NEEDED = ("releases", "agencies")
OPTIONAL = tuple(table.name for table in TABLES if table.name not in NEEDED)
