"""Requests with which a visitor could try to stop the site, fill its memory, write, or read what is
not public.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

LONG = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One request. statuses: correct responses.

    slow: whether the response is read only after some seconds.
    """

    name: str
    path: str
    statuses: tuple[int, ...] = (400,)
    method: str = "GET"
    body: int = 0
    slow: bool = False
    waits: float = 1.0  # seconds that a reader beside eight attacks may wait (95th percentile)


def sql(text: str, ending: str = "json", **more: str) -> str:
    """Return the URL of a statement."""
    return (
        f"/archive.{ending}?{urlencode({'sql': text, **more})}"
        if ending
        else f"/archive?{urlencode({'sql': text})}"
    )


def table(name: str = "releases", ending: str = "json", **more: str) -> str:
    """Return the URL of a table."""
    return (
        f"/archive/{name}.{ending}?{urlencode(more)}"
        if ending
        else f"/archive/{name}?{urlencode(more)}"
    )


def of(name: str, text: str, *statuses: int) -> Attack:
    """Return an attack with a statement that must be rejected or stopped, unless other statuses are
    given.
    """
    return Attack(name=name, path=sql(text), statuses=statuses or (400,))


ENDLESS = "with recursive c(x) as (select 1 union all select x + 1 from c)"
NINE = "with recursive c(x) as (select 1 union all select x + 1 from c limit 900)"
BIG = "hex(zeroblob(4000000))"
TIME = (
    of("endless CTE", f"{ENDLESS} select count(*) from c"),
    of(
        "endless CTE of texts",
        "with recursive c(x) as (select 'a' union all select x || 'a' from c) select max(x) from c",
    ),
    of(
        "endless CTE, distinct",
        "with recursive c(x) as (select 1 union select x + 1 from c) select count(*) from c",
    ),
    of("cartesian join", "select count(*) from releases a, releases b, releases c, revisions d"),
    of(
        "self-join of texts",
        "select count(*) from releases a, releases b where a.body like '%' || b.title || '%'",
    ),
    of(
        "sort of a join", "select * from releases a, releases b order by a.body || b.body", 200, 400
    ),
    of(
        "window over a join",
        "select sum(length(a.body)) over (order by b.title, a.title) from releases a, releases b",
    ),
    of("instr, quadratic", f"select instr({BIG}, hex(zeroblob(1500000)) || '1')"),
    of("replace, quadratic", f"select length(replace({BIG}, hex(zeroblob(1500000)) || '1', ''))"),
    of(
        "json_patch, quadratic",
        "with recursive k(i) as (select 1 union all select i + 1 from k where i < 90000), o as"
        " (select json_group_object('k' || i, i) j, json_group_object('m' || i, i) m from k)"
        " select length(json_patch(j, m)) from o",
    ),
    of(
        "like, many wildcards",
        f"select {BIG} like replace(hex(zeroblob(240)), '0', '_%') || '1'",
        200,
        400,
    ),
    of("like, long pattern", f"select {BIG} like {BIG}"),
    of("glob, long pattern", f"select {BIG} glob {BIG}"),
    of(
        "glob on every text",
        "select count(*) from revisions where body glob '*a*e*i*o*u*y*å*ä*ö*z*q*x*'",
        200,
        400,
    ),
    of("regexp", "select count(*) from releases where body regexp '(a+)+$'"),
    of(
        "json_each bomb",
        "select count(*) from json_each('[' ||"
        " replace(hex(zeroblob(500000)), '0', '1,') || '1]') a,"
        " json_each('[' || replace(hex(zeroblob(500000)), '0', '1,') || '1]') b",
    ),
    of(
        "json_tree, deep",
        "select count(*) from json_tree(replace(hex(zeroblob(400)), '0', '[') || '1' ||"
        " replace(hex(zeroblob(400)), '0', ']'))",
        200,
        400,
    ),
    of(
        "CTEs that double",
        "with "
        + ", ".join(
            ["t0 as (select 1 x union all select 2)"]
            + [f"t{i} as (select a.x from t{i - 1} a, t{i - 1} b)" for i in range(1, 30)]
        )
        + " select count(*) from t29",
    ),
    of(
        "sixty-way join",
        "select count(*) from "
        + ", ".join(f"releases r{i}" for i in range(60))
        + " where "
        + " and ".join(
            f"(r{i}.id = r{i + 1}.id or r{i}.agency = r{i + 1}.agency)" for i in range(59)
        ),
    ),
    of("FTS, one letter", "select count(*) from search where search match 's*'", 200, 400),
    of(
        "FTS, many prefixes",
        "select count(*) from search where search match '"
        + " OR ".join(f"{a}{b}*" for a in "abcdefghijklmnoprstuv" for b in "abcdefghijklmnoprstuv")
        + "'",
        200,
        400,
    ),
    of(
        "FTS, rank and snippet",
        "select snippet(search, 2, '<', '>', '', 64), bm25(search) from search"
        " where search match 'a* OR e* OR s*' order by 2 desc",
        200,
        400,
    ),
    of("escape_fts, again and again", f"{ENDLESS} select escape_fts('ord ' || x) from c"),
    Attack(name="spaces before no SELECT", path="/archive.json?sql=/**/" + "+" * 60_000 + "x"),
    Attack(name="comments before no SELECT", path=sql("/**/--x\n  " * 900 + "x")),
    Attack(name="comments without end", path=sql("select 1 " + "/*" * 4_900), statuses=(200, 400)),
    Attack(name="_where, 6,000 times", path="/archive/releases.json?" + "_where=1&" * 6_000),
    Attack(
        name="_where, 190 times", path="/archive/releases?" + "_where=1&" * 190, statuses=(200,)
    ),
    Attack(
        name="_timelimit longer", path=sql(f"{ENDLESS} select count(*) from c", _timelimit="600000")
    ),
    Attack(name="_where, endless", path=table(_where=f"id in ({ENDLESS} select x from c)")),
    Attack(name="_search=s*", path=table(_search="s*"), statuses=(200,)),
    Attack(
        name="_search raw s*",
        path=table(_search="s* OR a* OR e*", _searchmode="raw"),
        statuses=(200, 400),
    ),
    Attack(name="filter like", path=table(body__like="%a%e%i%o%u%y%z%q%"), statuses=(200, 400)),
    Attack(
        name="facets of everything",
        path=table("revisions", "json", _size="0")
        + "".join(
            f"&_facet={c}&_facet_date={c}"
            for c in (
                "title",
                "lead",
                "body",
                "body_html",
                "hash",
                "seen",
                "tags",
                "changes",
                "questions",
                "contacts",
            )
        ),
        statuses=(200,),
    ),
    Attack(
        name="deep offset of a view",
        path=table("releases_with_tags", "json", _next="900000000"),
        statuses=(200, 400),
    ),
)
SIZE = (
    of("hex(zeroblob(4e8))", "select hex(zeroblob(4e8))"),
    of("randomblob(9e8)", "select length(randomblob(9e8))"),
    of("many large blobs", f"{NINE} select zeroblob(15000000) from c"),
    of("large texts, kept", f"{NINE} select group_concat(hex(randomblob(5000000))) over () from c"),
    of("group_concat of all", "select group_concat(a.body || b.body) from releases a, releases b"),
    of("printf, wide", "select printf('%.*c', 900000000, 'x') is null", 200, 400),
    of("replace, growing", f"select length(replace(replace({BIG}, '0', {BIG}), '0', {BIG}))"),
    of(
        "json_pretty, growing",
        "select length(json_pretty(json(replace(hex(zeroblob(400)), '00', '[') ||"
        " replace(hex(zeroblob(400)), '00', ']')), hex(zeroblob(9000))))",
    ),
    of(
        "json_group_array, growing", f"{ENDLESS} select json_group_array(hex(zeroblob(900))) from c"
    ),
    of("sort of random texts", f"{ENDLESS} select randomblob(900000) r from c order by r"),
    of(
        "letters that JSON writes long",
        "select replace(hex(zeroblob(3900000)), '00', char(1, 1, 1, 1))",
    ),
    Attack(
        name="_json of a large value",
        path=sql(
            "select '[' || replace(hex(zeroblob(2600000)), '00', '{},') || '0]' as a", _json="a"
        ),
    ),
    Attack(
        name="_json of a deep value",
        path=sql("select replace(hex(zeroblob(100000)), '00', '[') as a", _json="a"),
    ),
    Attack(
        name="as much as there may be, slow",
        path=sql("select replace(hex(zeroblob(1900000)), '00', 'aa') as a"),
        statuses=(200, 400),
        slow=True,
    ),
    of("rows without end", f"{ENDLESS} select x, x, x from c", 200),
    of("many columns", f"{NINE} select {', '.join(['x'] * 1900)} from c"),
    # what does not fit is cut, and reported
    of("many cells", f"{NINE} select {', '.join(['x'] * 190)} from c", 200),
    Attack(
        name="many cells, as a page",
        path=sql(f"{NINE} select {', '.join(['x'] * 190)} from c", ""),
        statuses=(200,),
    ),
    Attack(
        name="_size=max, as a page", path=table("revisions", "", _size="max"), statuses=(200, 400)
    ),
    Attack(
        name="_size=max, JSON", path=table("revisions", "json", _size="max"), statuses=(200, 400)
    ),
    Attack(
        name="_size=max, read slowly",
        path=table("revisions", "json", _size="max"),
        statuses=(200, 400),
        slow=True,
    ),
    Attack(name="CSV _stream", path=table("revisions", "csv", _stream="on"), statuses=(200, 503)),
    Attack(
        name="CSV _stream of SQL",
        path=sql(f"{ENDLESS} select x from c", "csv", _stream="on"),
        statuses=(400, 503),
    ),
    Attack(name="GET of 200 kB", path=f"/search?q={'a' * LONG}", statuses=(400, 0)),
    Attack(
        name="GET of 60 kB of SQL",
        path=sql(f"select {'(' * 900}1{')' * 900}" + " " * 55_000),
        statuses=(200, 400),
    ),
    Attack(
        name="POST of 50 MB", path="/archive", method="POST", body=50_000_000, statuses=(405, 0)
    ),
    Attack(
        name="POST of 50 MB to be checked",
        path="/-/check",
        method="POST",
        body=50_000_000,
        statuses=(413, 0),
    ),
    Attack(
        name="POST without a type",
        path="/-/check.json",
        method="POST",
        body=150_000,
        statuses=(415,),
    ),
)
READ = (
    of("load_extension", "select load_extension('/lib/x86_64-linux-gnu/libc.so.6')"),
    of("ATTACH", "attach 'captures.db' as c"),
    of("ATTACH in a CTE", "with a as (select 1) attach 'captures.db' as c"),
    of("PRAGMA", "pragma hard_heap_limit = 1"),
    of("pragma function", "select * from pragma_hard_heap_limit(1000)"),
    Attack(
        name="pragma function in _where",
        path=table(_where="exists(select 1 from pragma_hard_heap_limit(1000))"),
    ),
    of("index, data", "select * from search_data"),
    of("index, terms", "select * from search_idx"),
    Attack(
        name="index, in _where",
        path=table(_where="exists(select 1 from search_docsize where sz > 0)"),
    ),
    Attack(name="database_list", path=sql("select * from pragma_database_list")),
    of("INSERT", "with a as (select 1) insert into agencies (slug) values ('x')"),
    of("DELETE", "with a as (select 1) delete from releases"),
    of("CREATE TEMP", "create temp table t as select 1"),
    of("fts5vocab", "create virtual table temp.v using fts5vocab(main, search, row)"),
    of("FTS5 command", "with a as (select 1) insert into search(search) values ('rebuild')"),
    of("raw pages", "select data from sqlite_dbpage"),
    of("dbstat", "select * from dbstat"),
    of("statements of others", "select * from sqlite_stmt"),
    of("_internal", "select * from _internal.databases"),
    of("captures", "select * from captures.blobs"),
    of("readfile", "select readfile('/etc/passwd')"),
    of("sqlite_master", "select count(*) from sqlite_master", 200),
    Attack(name="/_internal", path="/_internal.json", statuses=(403, 404)),
    Attack(name="/captures", path="/captures.json", statuses=(404,)),
    Attack(name="/captures.db", path="/captures.db", statuses=(404,)),
    Attack(name="/archive.db", path="/archive.db", statuses=(403,)),
    Attack(name="/-/static/..", path="/-/static/../../../../../etc/passwd", statuses=(404,)),
    Attack(name="/static/..", path="/static/..%2f..%2f..%2farchive.db", statuses=(404, 302)),
    Attack(name="/-/threads", path="/-/threads.json", statuses=(404,)),
    Attack(name="/-/databases", path="/-/databases.json", statuses=(404,)),
)
WORDS = (
    "skogen vägen hamnen fyren tillsyn beslut regeringen myndigheten kommunen trafik vatten"
    " luft miljö stöd"
)
OURS = (
    Attack(
        name="search, every word",
        path="/search?" + urlencode({"q": WORDS.replace(" ", " OR ")}),
        statuses=(200,),
        waits=3.0,
    ),
    Attack(
        name="search, last page", path="/search?q=skogen&page=99999", statuses=(200,), waits=4.0
    ),
    Attack(
        name="search, 9,000 words",
        path="/search?" + urlencode({"q": "skogen -hamnen " * 600}),
        statuses=(200,),
        waits=3.0,
    ),
    Attack(name="search, as a feed", path="/search.atom?q=skogen", statuses=(200,), waits=4.0),
    Attack(name="two long versions", path="/-/diff/{one}/{other}", statuses=(200,), waits=4.0),
    Attack(
        name="two long versions, whole",
        path="/-/diff/{one}/{other}.json?show=all",
        statuses=(200,),
        waits=4.0,
    ),
    Attack(name="evidence", path="/-/evidence/{other}.zip", statuses=(200,), waits=4.0),
    Attack(name="sitemap", path="/sitemap.xml", statuses=(200,), waits=4.0),
)
ATTACKS = (*TIME, *SIZE, *READ, *OURS)
