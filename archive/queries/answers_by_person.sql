-- Answers by person
-- All questions that a person has answered, newest first. Part of the name is enough.
select
  q.answered_by,
  q.question,
  q.answer,
  r.title,
  r.agency,
  coalesce(r.published, r.added) as date,
  '/archive/releases/' || r.id || '#question-' || q.position as link
from questions q
join releases r on r.id = q.release
where q.answered_by like '%' || :person || '%'
order by date desc, q.release, q.position
