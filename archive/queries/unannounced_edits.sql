-- Edits that were not announced
-- Weighty edits with which the agency's own update date did not move, heaviest first. Weights go from 0 to 100, from 50 on
-- an edit counts as weighty; leave the agency empty for all of them.
select
  v.seen,
  r.agency,
  v.title,
  v.importance,
  v.summary,
  '/-/diff/' || v.previous || '/' || v.id as link
from revisions v
join releases r on r.id = v.release
where v.cause = 'source' and v.previous is not null and v.update_date_changed = 0
  and v.importance >= cast(coalesce(nullif(:importance, ''), '50') as integer)
  and (:agency = '' or r.agency = :agency)
order by v.importance desc, v.seen desc
