-- Releases without a publication date
-- The agency's page states no publication date, and the archive does not guess one.
select
  r.id,
  r.agency,
  r.title,
  r.updated,
  r.first_seen,
  '/archive/releases/' || r.id as link
from releases r
where r.published is null
order by r.first_seen desc
