-- Files that releases link to
-- By media type (application/pdf, or a part of it such as pdf) and agency; both may be left empty. The files are not
-- stored.
select
  a.title as file,
  a.media_type,
  a.url,
  r.agency,
  r.title,
  r.published,
  '/archive/releases/' || r.id as link
from attachments a
join releases r on r.id = a.release
where (:media_type = '' or a.media_type like '%' || :media_type || '%') and (:agency = '' or r.agency = :agency)
order by r.published desc, a.position
