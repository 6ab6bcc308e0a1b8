-- Removed releases
-- What agencies removed, how long it had been published, and whether it came back. Write days as 2024-06-01; the
-- days and the agency may be left empty.
select
  o.confirmed,
  r.agency,
  r.title,
  r.published,
  o.kind,
  cast(julianday(o.first_seen) - julianday(r.first_seen) as integer) as days_held,
  o.ended as back,
  '/archive/releases/' || r.id as link
from removals o
join releases r on r.id = o.release
where o.confirmed is not null and o.kind <> 'moved'
  and (:agency = '' or r.agency = :agency)
  and (:from = '' or o.confirmed >= :from)
  and (:to = '' or o.confirmed < date(:to, '+1 day'))
order by o.confirmed desc
