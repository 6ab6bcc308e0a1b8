-- Reverted edits
-- Releases that went back to an earlier version, with the day on which that version was first seen. Leave the agency
-- empty for all agencies.
select
  v.seen,
  s.seen as wording_first_seen,
  r.agency,
  v.title,
  '/-/diff/' || v.previous || '/' || v.id as link
from revisions v
join revisions s on s.id = v.reverts_to
join releases r on r.id = v.release
where v.is_edit and (:agency = '' or r.agency = :agency)
order by v.seen desc
