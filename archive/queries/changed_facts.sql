-- Changed facts, by type
-- Edits in which a fact of one type was changed, with the words before and after: amount, number, date, time, name,
-- quotation … Both the type and the agency may be left empty.
select
  v.seen,
  r.agency,
  v.title,
  c.value ->> 'kind' as kind,
  c.value ->> 'before' as before,
  c.value ->> 'after' as after,
  c.value ->> 'importance' as importance,
  '/-/diff/' || v.previous || '/' || v.id as link
from revisions v
join releases r on r.id = v.release
join json_each(v.changes) c
where v.is_edit
  and (:kind = '' or c.value ->> 'kind' = :kind)
  and (:agency = '' or r.agency = :agency)
order by v.seen desc, v.id desc
