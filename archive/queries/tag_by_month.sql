-- A tag over time
-- How many releases each agency gave a tag, month by month. Write the whole tag.
select
  substr(r.published, 1, 7) as month,
  r.agency,
  count(*) as releases
from tags t
join release_tags rt on rt.tag = t.id
join releases r on r.id = rt.release
where t.name = :tag and r.published is not null and r.moved_to is null
group by month, r.agency
order by month desc, releases desc
