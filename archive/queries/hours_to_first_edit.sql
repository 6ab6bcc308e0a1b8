-- Time to the first edit
-- For each agency: how many of its releases were edited, and how many hours after the archive first read them, on
-- average and at the earliest. Releases imported from another collection are left out.
with firsts as (
  select
    v.release,
    (julianday(min(v.seen)) - julianday(r.first_seen)) * 24 as hours
  from revisions v
  join releases r on r.id = v.release
  where v.is_edit
    and not exists (select 1 from revisions i where i.release = r.id and i.cause = 'import')
  group by v.release
)
select
  r.agency,
  count(*) as releases,
  count(f.hours) as edited,
  round(avg(f.hours), 1) as hours_on_average,
  round(min(f.hours), 1) as hours_at_the_soonest
from releases r
left join firsts f on f.release = r.id
where r.moved_to is null and (:agency = '' or r.agency = :agency)
group by r.agency
order by edited desc, r.agency
