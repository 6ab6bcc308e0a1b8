-- Every state of a page
-- All revisions of the release at an address, oldest first: when each was parsed, why it differs from the one before, and
-- by what rules or from which collection.
select
  v.id as revision,
  v.seen,
  v.cause,
  v.title,
  v.published,
  v.updated,
  v.importance,
  v.summary,
  v.parser_version,
  '/-/revision/' || v.id as link
from releases r
join revisions v on v.release = r.id
where r.url = :url
order by v.seen, v.id
