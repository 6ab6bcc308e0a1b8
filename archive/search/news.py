"""Which releases are new, as SQL: the one rule of every feed. archive/feeds/__init__.py tells it in words."""

from __future__ import annotations

DAYS = 14
FEW = 20
MOST = 20_000  # the newest first readings that are looked through
BEGUN = (
    "begun as materialized (select a.slug as agency, (select min(c.finished) from crawls c where c.agency = a.slug"
    " and c.spider = 'news' and c.reason = 'finished') as ended from agencies a)"
)
FIRST = "revisions where cause = 'first' and previous is null"
RULE = f"""
    case when {{published}} is not null
      then {{published}} >= substr(date({{seen}}, '-{DAYS} days'), 1, min(length({{published}}), 10))
      else coalesce({{updated}} >= date({{seen}}, '-{DAYS} days'), 1) and exists (
        select 1 from crawls c where c.agency = {{agency}} and c.spider = 'news'
        and {{seen}} between c.started and c.finished and c.new <= {FEW}) end
"""
# for searches, by the narrow rows of listed alone: tables to stand behind `with`
NEWS = f"""{BEGUN}, news as materialized (
    select f.release, f.seen from (select release, seen from {FIRST} order by seen desc, id desc limit {MOST}) f
    cross join listed l on l.release = f.release cross join begun b on b.agency = l.agency and f.seen > b.ended
    where not exists (select 1 from releases m where m.moved_to = f.release) and {
    RULE.format(published="iif(l.day is null, null, l.newest)", updated="l.newest", seen="f.seen", agency="l.agency")
})"""
EVER = "select 1 from crawls where spider = 'news' and reason = 'finished' limit 1"
