-- Contacts in releases
-- Releases that give a person, office, telephone number or address as contact. Part of it is enough.
select
  c.name,
  c.role,
  c.phone,
  c.email,
  r.agency,
  r.title,
  r.published,
  '/archive/releases/' || r.id as link
from contacts c
join releases r on r.id = c.release
where c.name like '%' || :named || '%' or c.role like '%' || :named || '%'
  or c.phone like '%' || :named || '%' or c.email like '%' || :named || '%'
order by r.published desc, c.position
