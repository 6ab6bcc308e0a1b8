"""Health: how each agency fares, judged by what came in. No clock but the one given, no network, no guess.

The first rule that fits decides; each is a function of its name in archive.health.rules.

code            state         when
paused, …       paused        the list of agencies says so; or it names the agency no more (unlisted)
never_crawled   never worked  no crawl has ended yet (no fault)
not_read        suspect       no crawl for news ended for three days, or three times as long as is usual between two
all_fails       failing       two crawls for news or more in a row, over a day, got nothing but faults
lists_nothing   suspect       so many in a row got answers that list no release; 45 days' where under four are usual
all_refused     failing       releases are listed, and of the pages asked for over a day none could be read
none_held       never worked  releases are listed, nothing went wrong, and none was read
held_back       suspect       releases wait aside for somebody to look at them
fields          suspect       a field that half of the new pages told is told by a third of that or less: a new design
many_refused    suspect       half of the pages asked for in two weeks could not be read, and few before
source_fails    suspect       one of several sources has not answered for a day
lists_fewer     suspect       sources list less than a third of what is usual, and one of them fell at once
too_few         healthy       fewer than five days with releases: no habit is known
silent          suspect       silent for longer than ever before, and than in the same weeks of earlier years
quiet_season    quiet         silent for longer than usual, as in the same weeks of an earlier year
quiet_holiday   quiet         the same in the weeks of summer or Christmas, where there is no earlier year
fewer           suspect       less than a quarter of what came in the same three months a year ago
quiet           quiet         silent for longer than nineteen gaps in twenty
usual           healthy       none of all this

Failing and suspect are `never worked` where nothing is held yet. Red are suspect, failing and never worked, until
somebody acknowledges the fault (`scrapy health --acknowledge SLUG`), and again once its state or reason change.
"""
