"""Which releases are new, as SQL: the one rule of every feed. archive/feeds/__init__.py tells it in words."""

from __future__ import annotations

DAYS = 14
FEW = 20
MOST = 20_000  # the newest first readings that are looked through
BEGUN = (
    "begun as materialized (select a.slug as agency, (select min(c.finished) from crawls c where c.agency = a.slug"
    " and c.spider = 'news' and c.reason = 'finished') as ended from agencies a)"
)
FIRST = "revisions v where v.cause = 'first' and v.previous is null"
RULE = f"""
    case when {{published}} is not null
      then {{published}} >= substr(date({{seen}}, '-{DAYS} days'), 1, min(length({{published}}), 10))
      else coalesce({{updated}} >= date({{seen}}, '-{DAYS} days'), 1) and coalesce((
        select c.finished >= {{seen}} and c.new <= {FEW} from crawls c where c.agency = {{agency}} and c.spider = 'news'
        and c.started <= {{seen}} order by c.started desc limit 1), 0) end
"""  # an agency's crawls never overlap
# for searches, by the narrow rows of listed alone: tables to stand behind `with`
SEARCH_FEED_SQL = f"""{BEGUN}, news as materialized (
    select f.release, f.seen
    from (select v.release, v.seen from {FIRST} order by v.seen desc, v.id desc limit {MOST}) f
    cross join listed l on l.release = f.release cross join begun b on b.agency = l.agency and f.seen > b.ended
    where not exists (select 1 from releases m where m.moved_to = f.release) and {
    RULE.format(published="iif(l.day is null, null, l.newest)", updated="l.newest", seen="f.seen", agency="l.agency")
})"""
EVER = "select 1 from crawls where spider = 'news' and reason = 'finished' limit 1"
