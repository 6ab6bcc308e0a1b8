-- Releases by month
-- How many releases each agency published each month. Leave the agency empty for all agencies.
select
  substr(published, 1, 7) as month,
  agency,
  count(*) as releases
from releases
where published is not null and (:agency = '' or agency = :agency)
group by month, agency
order by month desc, releases desc
