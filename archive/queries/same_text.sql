-- The same text at several agencies
-- Pairs of releases that say the same or nearly the same (similarity is the share of their runs of words that both hold,
-- 0 to 1), with the one that was published first on the left. Leave the agency empty for all.
select
  j.similarity,
  one.agency as agency,
  one.published,
  one.title,
  other.agency as other_agency,
  other.published as other_published,
  '/archive/releases/' || one.id as link,
  '/archive/releases/' || other.id as other_link
from near_duplicates j
join releases one on one.id = j.release
join releases other on other.id = j.other
where (coalesce(one.published, one.first_seen), one.id) < (coalesce(other.published, other.first_seen), other.id)
  and (:agency = '' or one.agency = :agency or other.agency = :agency)
order by one.published desc, j.similarity desc
