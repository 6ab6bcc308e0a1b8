-- The same text at several agencies
-- Pairs of releases with the same or nearly the same text (similarity is the share of word sequences that they have
-- in common, from 0 to 1); the one that was published first is on the left. Leave the agency empty for all agencies.
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
where (coalesce(one.published, one.added), one.id) < (coalesce(other.published, other.added), other.id)
  and (:agency = '' or one.agency = :agency or other.agency = :agency)
order by one.published desc, j.similarity desc
