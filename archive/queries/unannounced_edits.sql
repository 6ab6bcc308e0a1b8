-- Unannounced edits
-- Significant edits in which the agency did not change its own update date, most important first. Importance goes
-- from 0 to 100; edits from 50 are significant. Leave the agency empty for all agencies.
select
  v.seen,
  r.agency,
  v.title,
  v.importance,
  v.summary,
  '/-/diff/' || v.previous || '/' || v.id as link
from revisions v
join releases r on r.id = v.release
where v.is_edit and v.update_date_changed = 0
  and v.importance >= cast(coalesce(nullif(:importance, ''), '50') as integer)
  and (:agency = '' or r.agency = :agency)
order by v.importance desc, v.seen desc
