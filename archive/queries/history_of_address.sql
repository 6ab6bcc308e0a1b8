-- All versions of a page
-- All revisions of the release at a URL, oldest first: when each was read, why it differs from the one before, and
-- by which rules it was read or from which collection it was imported.
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
