-- When agencies publish
-- Releases by the hour and the day of the week (0 is Sunday) of publication, for those whose pages state the time.
-- Leave the agency empty for all agencies.
select
  strftime('%w', substr(published, 1, 10)) as weekday,
  substr(published, 12, 2) as hour,
  count(*) as releases
from releases
where length(published) > 10 and moved_to is null and (:agency = '' or agency = :agency)
group by weekday, hour
order by weekday, hour
