-- Crawls of an agency
-- Each day's crawls: how many releases were listed, new, edited and missing, how many pages could not be parsed, and
-- how many requests were made. Leave the agency empty for all agencies.
select
  substr(started, 1, 10) as day,
  agency,
  spider,
  count(*) as crawls,
  sum(listed) as listed,
  sum(new) as new,
  sum(revised) as revised,
  sum(missing) as missing,
  sum(rejected) as rejected,
  sum(errors) as errors,
  sum(requests) as requests,
  sum(bytes) as bytes
from crawls
where :agency = '' or agency = :agency
group by day, agency, spider
order by day desc, agency
