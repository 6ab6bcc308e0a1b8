-- When agencies publish
-- Releases by the hour of the day and the day of the week (0 is Sunday) that their pages tell, of those that tell an hour.
-- Leave the agency empty for all of them.
select
  strftime('%w', substr(published, 1, 10)) as weekday,
  substr(published, 12, 2) as hour,
  count(*) as releases
from releases
where length(published) > 10 and moved_to is null and (:agency = '' or agency = :agency)
group by weekday, hour
order by weekday, hour
