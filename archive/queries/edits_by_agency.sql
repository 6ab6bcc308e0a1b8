-- Edits by agency
-- How many edits to published releases each agency made, how many of them without changing the update date on the
-- page, how many significant ones (importance 50 or more), and how many releases it removed. Leave the agency empty
-- for all agencies.
select
  r.agency,
  count(*) as edits,
  count(distinct v.release) as releases_edited,
  sum(v.update_date_changed = 0 and v.updated is not null) as unannounced,
  sum(v.importance >= 50) as weighty,
  (select count(*) from releases g where g.agency = r.agency and g.removed_at is not null) as removed,
  '/-/edits?agency=' || r.agency as link
from revisions v
join releases r on r.id = v.release
where v.is_edit and (:agency = '' or r.agency = :agency)
group by r.agency
order by edits desc
