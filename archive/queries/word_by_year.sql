-- Words over time
-- How many releases of each year contain all of the given words, in any Swedish inflection, and how many releases
-- there are. Leave the agency empty for all agencies.
with hits as (
  select substr(r.published, 1, 4) as year, count(*) as releases
  from search join releases r on r.id = search.rowid
  where search match coalesce(nullif(escape_fts(:words), ''), '""') and r.moved_to is null and (:agency = '' or r.agency = :agency)
  group by year
),
years as (
  select substr(published, 1, 4) as year, count(*) as releases
  from releases
  where moved_to is null and (:agency = '' or agency = :agency)
  group by year
)
select
  y.year,
  coalesce(h.releases, 0) as with_the_words,
  y.releases as all_releases,
  round(100.0 * coalesce(h.releases, 0) / y.releases, 2) as percent
from years y
left join hits h on h.year is y.year
order by y.year desc
