-- The schema of archive.db: every table, index, trigger, view and full-text table. archive/database/schema.py applies it to a new
-- file, and later changes to older files. metadata.json describes each table and column.
--
-- Every time is ISO 8601 text: a day alone if only the day is known, else with its offset. A foreign key is named after
-- the table it refers to, in the singular.

-- Releases, their revisions and their parts

create table agencies (
  slug text primary key,
  name text not null,
  name_en text,
  org_number text,
  home text not null,
  paused text,
  survey_tried text,
  survey_verdict text,
  survey_read integer,
  survey_judged integer,
  survey_right integer,
  survey_seen text
);

create table revisions (
  id integer primary key,
  release integer not null references releases(id),
  seen text not null,
  cause text not null,
  update_date_changed integer,
  importance integer,
  summary text,
  kind text,
  title text not null,
  lead text,
  body text not null,
  body_html text not null,
  published text,
  published_text text,
  updated text,
  updated_text text,
  language text,
  tags text,
  questions text,
  images text,
  attachments text,
  hash text not null,
  contacts text,
  capture integer references captures(id),
  previous integer references revisions(id),
  reverts_to integer references revisions(id),
  parser_version text,
  summary_en text,
  changes text,
  last_seen text,
  checks integer not null default 0,
  takedown integer references takedowns(id),
  is_edit integer generated always as (cause = 'source' and previous is not null) virtual
);
create index idx_revisions_release_seen on revisions (release, seen);
create index idx_revisions_cause on revisions (cause, seen, update_date_changed, release, previous);
create index idx_revisions_edits on revisions (seen, importance, update_date_changed, release) where is_edit;
create index idx_revisions_capture on revisions (capture) where capture is not null;
create index idx_revisions_previous on revisions (previous) where previous is not null;
create index idx_revisions_reverts_to on revisions (reverts_to) where reverts_to is not null;
create index idx_revisions_takedown on revisions (takedown) where takedown is not null;
create index idx_revisions_piece on revisions (release / 10000, seen);
create index idx_revisions_edited on revisions (release, update_date_changed) where is_edit;
create index idx_revisions_checked on revisions (release) where checks > 0;
create index idx_revisions_imported on revisions (release, id) where cause = 'import';
-- From a row of search_diff to its release.
create index idx_revisions_edit_release on revisions (id, release) where is_edit;

-- Who saw a revision besides the archive's own crawl, whose readings are in revisions and captures.

create table observers (
  id integer primary key,
  kind text not null,
  name text not null,
  url text
);
create unique index idx_observers_kind_name on observers (kind, name);

create table observations (
  id integer primary key,
  revision integer not null references revisions(id),
  observer integer not null references observers(id),
  seen text,
  capture integer references captures(id)
);
create index idx_observations_revision on observations (revision, observer, seen);
create index idx_observations_observer on observations (observer);
create index idx_observations_capture on observations (capture) where capture is not null;

-- Each version that follows one which a web archive captured: the next one that it captured, or the first that the archive
-- itself read. Whether the agency edited the text is decided by stricter rules, because the pages may have different templates.
create table past_edits (
  revision integer primary key references revisions(id),
  previous integer not null references revisions(id),
  observer integer not null references observers(id),
  after text not null,
  seen text not null,
  is_edit integer not null,
  paragraphs text,
  importance integer,
  summary text,
  summary_en text,
  changes text
);
create index idx_past_edits_previous on past_edits (previous);
create index idx_past_edits_seen on past_edits (seen) where is_edit;
create trigger past_edits_ad after delete on revisions begin
  delete from past_edits where old.id in (revision, previous);
end;

-- An id never changes, because permalinks contain it. The columns from kind to language are the state, as in revisions.
-- Those from published_day to updated_precision are computed when a row is read, for filters and groups by day: a month is not a
-- day. continues_as is the end of the chain that moved_to begins; triggers maintain it.
create table releases (
  id integer primary key,
  agency text not null references agencies(slug),
  url text not null,
  kind text,
  title text not null,
  lead text,
  body text not null,
  body_html text not null,
  published text,
  published_text text,
  updated text,
  updated_text text,
  language text,
  first_seen text,
  last_checked text,
  revision integer references revisions(id),
  hash text not null,
  checks integer not null default 0,
  next_check text,
  removed_at text,
  moved_to integer references releases(id),
  capture integer references captures(id),
  takedown text,
  published_day text generated always as (iif(length(published) > 7, substr(published, 1, 10), null)) virtual,
  published_precision text generated always as (case when length(published) = 7 then 'month'
  when length(published) = 10 then 'day' when published is not null then 'moment' end) virtual,
  updated_day text generated always as (iif(length(updated) > 7, substr(updated, 1, 10), null)) virtual,
  updated_precision text generated always as (case when length(updated) = 7 then 'month'
  when length(updated) = 10 then 'day' when updated is not null then 'moment' end) virtual,
  continues_as integer,
  added text not null
);
create index idx_releases_newest on releases (coalesce(published, updated, added), agency, published);
create index idx_releases_added on releases (added);
-- The order of the pages of tables: descending, ascending ids within a value (archive/web/table_pages.py).
create index idx_releases_first_seen on releases (first_seen desc);
create index idx_releases_published on releases (published desc);
create index idx_releases_agency_published on releases (agency, published desc);
create index idx_releases_published_day on releases (published_day);
create index idx_releases_published_precision on releases (published_precision);
create unique index idx_releases_url on releases (url);
create index idx_releases_agency_next_check on releases (agency, next_check, checks, first_seen);
create index idx_releases_capture on releases (capture) where capture is not null;
create index idx_releases_moved_to on releases (moved_to) where moved_to is not null;
create index idx_releases_continues_as on releases (continues_as) where continues_as is not null;
-- What the history of a wording needs of each release that had it, without reading its texts.
create index idx_releases_times on releases
  (id, revision, agency, continues_as, moved_to, takedown, added, last_checked, published);
create index idx_releases_takedown on releases (takedown) where takedown is not null;

create table questions (
  id integer primary key,
  release integer not null references releases(id),
  position integer not null,
  question text not null,
  answer text not null,
  answered_by text
);
create unique index idx_questions_release_position on questions (release, position);

create table tags (
  id integer primary key,
  name text not null
);
create unique index idx_tags_name on tags (name);

create table release_tags (
  release integer references releases(id),
  tag integer references tags(id),
  primary key (release, tag)
);
create index idx_release_tags_tag on release_tags (tag, release);

create table images (
  id integer primary key,
  release integer not null references releases(id),
  position integer not null,
  url text not null,
  caption text,
  credit text,
  alt text
);
create unique index idx_images_release_position on images (release, position);

create table attachments (
  id integer primary key,
  release integer not null references releases(id),
  position integer not null,
  url text not null,
  title text,
  media_type text
);
create unique index idx_attachments_release_position on attachments (release, position);
create index idx_attachments_url on attachments (url);

create table contacts (
  id integer primary key,
  release integer not null references releases(id),
  position integer not null,
  name text,
  role text,
  phone text,
  email text
);
create unique index idx_contacts_release_position on contacts (release, position);

-- The name is the spelling that is printed most; key is what its spellings have in common. A row with same_as is only the
-- former address of another spelling.
create table people (
  id integer primary key,
  slug text not null unique,
  name text not null,
  agency text not null references agencies(slug),
  key text not null default '',
  same_as integer references people(id)
);
create index idx_people_key on people (key, agency);
create index idx_people_same_as on people (same_as) where same_as is not null;

-- A row for each version that has the quotation.
create table quotes (
  id integer primary key,
  release integer not null references releases(id),
  revision integer not null references revisions(id),
  position integer not null,
  person integer references people(id),
  role text,
  organisation text,
  text text not null,
  field text not null,
  spans text not null,
  kind text not null,
  origin text not null,
  speaker text
);
create unique index idx_quotes_revision_position on quotes (revision, position);
create index idx_quotes_release on quotes (release);
create index idx_quotes_person on quotes (person, revision) where person is not null;
-- The speakers of a version, without its texts.
create index idx_quotes_speakers on quotes (revision, person) where person is not null;

-- A row for each place in each version. The case of letters in a number means nothing.
create table document_references (
  id integer primary key,
  release integer not null references releases(id),
  revision integer not null references revisions(id),
  type text not null,
  number text not null collate nocase,
  field text not null,
  part integer,
  position integer not null,
  text text not null
);
create index idx_document_references_number on document_references (number, type, revision, release);
create index idx_document_references_revision on document_references (revision, type, number);
create index idx_document_references_release on document_references (release);

create table captures (
  id integer primary key,
  url text not null,
  seen text not null,
  status integer not null,
  headers text not null,
  sha256 text not null,
  bytes integer not null,
  template integer references templates(id),
  observer integer references observers(id)
);
create index idx_captures_sha256 on captures (sha256);
create index idx_captures_url on captures (url, seen);
create index idx_captures_observer on captures (observer) where observer is not null;
create index idx_captures_template on captures (template) where template is not null;

-- Attachments that were fetched

create table attachment_files (
  id integer primary key,
  sha256 text not null unique,
  bytes integer not null,
  media_type text,
  kind text,
  pages integer,
  letters integer,
  problem text,
  detail text,
  extracted text,
  text_version text
);

create table attachment_versions (
  id integer primary key,
  url text not null,
  file integer not null references attachment_files(id),
  capture integer not null references captures(id),
  cause text not null,
  previous integer references attachment_versions(id),
  first_seen text not null,
  last_seen text not null,
  checks integer not null,
  importance integer,
  summary text,
  summary_en text,
  changes text,
  missing_since text,
  missing_until text,
  missing_checks integer not null default 0
);
create index idx_attachment_versions_url on attachment_versions (url);
create index idx_attachment_versions_file on attachment_versions (file);
create index idx_attachment_versions_capture on attachment_versions (capture);
create index idx_attachment_versions_previous on attachment_versions (previous)
  where previous is not null;
create index idx_attachment_versions_edits on attachment_versions (first_seen, id)
  where previous is not null;

-- The releases that linked to a file when it was replaced.
create table attachment_edits (
  version integer not null references attachment_versions(id),
  release integer not null references releases(id),
  primary key (version, release)
) without rowid;
create index idx_attachment_edits_release on attachment_edits (release);

create table attachment_links (
  release integer not null references releases(id),
  url text not null,
  first_seen text,
  last_seen text,
  takedown text,
  primary key (release, url)
);
create index idx_attachment_links_url on attachment_links (url);

create table attachment_pages (
  file integer not null references attachment_files(id),
  page integer not null,
  name text,
  text text not null,
  letters integer not null,
  problem text,
  primary key (file, page)
);

create table templates (
  id integer primary key,
  digest text not null unique,
  fingerprint blob not null
);

create table removals (
  id integer primary key,
  release integer not null references releases(id),
  kind text not null,
  target text,
  first_seen text not null,
  last_seen text not null,
  confirmed text,
  ended text,
  checks integer not null,
  status integer,
  moved_to integer references releases(id),
  capture integer references captures(id)
);
create index idx_removals_release on removals (release);
create index idx_removals_confirmed on removals (confirmed);
create index idx_removals_capture on removals (capture) where capture is not null;
create index idx_removals_moved_to on removals (moved_to) where moved_to is not null;

create table takedowns (
  id integer primary key,
  release integer not null references releases(id),
  kind text not null,
  reason text not null,
  reason_en text,
  at text not null,
  lifted text,
  lifted_reason text
);
create index idx_takedowns_release on takedowns (release);

create table manifests (
  day text primary key,
  previous text,
  captures_to integer not null,
  revisions_to integer not null,
  digest text not null
);

-- Manifests that an authority has stamped (RFC 3161): its signed response, in base64, and the time in it.
create table time_stamps (
  id integer primary key,
  manifest text not null references manifests(day),
  authority text not null,
  stamped text not null,
  response text not null
);
create unique index idx_time_stamps_manifest_authority on time_stamps (manifest, authority);

create table near_duplicates (
  release integer not null references releases(id),
  other integer not null references releases(id),
  similarity float not null,
  primary key (release, other)
) without rowid;
create index idx_near_duplicates_other on near_duplicates (other);

create table minhash_bands (
  band integer not null,
  value integer not null,
  release integer not null,
  primary key (band, value, release)
) without rowid;

-- Crawling

create table crawls (
  id integer primary key,
  agency text not null references agencies(slug),
  spider text not null,
  started text not null,
  finished text,
  reason text,
  listed integer,
  already_stored integer,
  new integer,
  revised integer,
  unchanged integer,
  rejected integer,
  errors integer,
  requests integer,
  bytes integer,
  problems text,
  reparsed integer,
  missing integer,
  not_modified integer,
  parsed integer,
  field_counts text,
  failures text,
  delay float,
  robots text,
  quarantined integer,
  source_failures text
);
create index idx_crawls_agency_started on crawls (agency, started);
create index idx_crawls_parsed on crawls (agency, started) where parsed > 0;
create index idx_crawls_finished on crawls (finished);
create index idx_crawls_whole on crawls (agency, finished)
  where spider = 'news' and reason = 'finished';

create table frontier (
  url text primary key,
  agency text not null references agencies(slug),
  role text not null,
  state text not null,
  first_seen text not null,
  source text,
  listed text,
  links integer,
  fetched text,
  next_due text,
  tries integer not null default 0,
  etag text,
  last_modified text,
  release integer references releases(id),
  problem text,
  usual_links integer,
  file_title text,
  file_day text
);
create index idx_frontier_agency_role_state_next_due on frontier (agency, role, state, next_due);
create index idx_frontier_source_first_seen on frontier (source, first_seen);
create index idx_frontier_release on frontier (release);
create index idx_frontier_agency_role_state_first_seen on frontier (agency, role, state, first_seen);

create table hosts (
  host text primary key,
  robots text,
  robots_since text,
  robots_seen text,
  robots_text text,
  paused_until text,
  pause_reason text,
  pauses integer not null default 0
);

create table pagination_cursors (
  listing text primary key,
  agency text not null references agencies(slug),
  next_url text not null,
  page_number integer not null,
  interrupted text not null
);
create index idx_pagination_cursors_agency on pagination_cursors (agency);

create table jobs (
  agency text primary key references agencies(slug),
  token integer not null,
  started text not null,
  ended text,
  applied integer not null,
  crawl integer references crawls(id),
  counters text
);
create index idx_jobs_crawl on jobs (crawl);

create table quarantine (
  id integer primary key,
  agency text not null references agencies(slug),
  crawl integer references crawls(id),
  url text not null,
  release integer references releases(id),
  seen text not null,
  state text not null,
  capture integer references captures(id),
  reason text not null,
  decided text,
  decision text
);
create index idx_quarantine_agency on quarantine (agency, decided, seen);
create index idx_quarantine_url on quarantine (url);
create index idx_quarantine_crawl on quarantine (crawl) where crawl is not null;
create index idx_quarantine_release on quarantine (release) where release is not null;
create index idx_quarantine_capture on quarantine (capture) where capture is not null;

-- Health and coverage

create table health (
  agency text primary key references agencies(slug),
  state text not null,
  since text not null,
  reason text not null,
  newest text,
  usual_gap float,
  expected text,
  judged text not null,
  acknowledged text,
  facts text not null
);

create table health_events (
  id integer primary key,
  agency text not null references agencies(slug),
  at text not null,
  state text not null,
  previous text,
  reason text not null
);
create index idx_health_events_agency on health_events (agency, at);

create table alert_deliveries (
  event integer not null references health_events(id),
  channel text not null,
  sent text,
  primary key (event, channel)
) without rowid;

create table coverage (
  id integer primary key,
  agency text not null references agencies(slug),
  month text,
  source text,
  kind text,
  listed integer not null,
  stored integer not null,
  rejected integer not null,
  missing integer not null,
  unlisted integer,
  complete integer not null,
  problem_code text,
  problem_url text,
  problem_value text,
  checked text not null
);
create index idx_coverage_agency on coverage (agency, source, month);
create index idx_coverage_all on coverage (agency) where source is null;

create table missing_releases (
  url text primary key,
  agency text not null references agencies(slug),
  source text not null,
  month text,
  listed text,
  state text not null,
  first_missed text not null,
  last_missed text not null,
  filled text
);
create index idx_missing_releases_agency on missing_releases (agency, state, first_missed);

-- Derived from the tables above, by the triggers below

-- No foreign keys: its rows stay when a release is deleted, and Datasette would count them for each release it shows.
create table changefeed (
  id integer primary key,
  release integer not null,
  change text not null,
  at text not null,
  revision integer,
  takedown integer
);
create index idx_changefeed_release on changefeed (release);

-- One narrow row for each release in lists and searches; none for moved and hidden releases. Lists are sorted by
-- sort_date: when a release was published, else updated, else first found by a crawl. A release that was imported, or
-- found by an agency's first complete crawl, may be of any age. If it states no date itself, its sort date is '', and
-- it comes last.
create table release_facets (
  release integer primary key references releases(id),
  agency text not null references agencies(slug),
  kind text,
  sort_day text,
  sort_date text not null,
  questions integer not null default 0
);
create index idx_release_facets_sort_date on release_facets (sort_date, agency, kind, sort_day, questions);
create index idx_release_facets_agency on release_facets (agency, sort_date, kind, sort_day, questions);
create index idx_release_facets_undated on release_facets (sort_date, agency)
  where sort_day is null;

-- Releases by agency and month; agency '' is all agencies, month '' is all months, month 'none' is without a date.
create table month_counts (
  agency text not null,
  month text not null,
  releases integer not null,
  dated integer not null,
  primary key (agency, month)
) without rowid;

-- The releases of a tag, in the order of lists. No foreign key to releases: for every release's page, Datasette would
-- count its rows by reading the whole table.
create table tag_releases (
  tag integer not null references tags(id),
  sort_date text not null,
  release integer not null,
  primary key (tag, sort_date, release)
) without rowid;

-- Releases by tag and agency.
create table tag_counts (
  tag integer not null references tags(id),
  agency text not null references agencies(slug),
  releases integer not null,
  primary key (tag, agency)
) without rowid;
create index idx_tag_counts_agency on tag_counts (agency);

-- Edits by agency, and those made without changing the agency's own update date.
create table edit_counts (
  agency text primary key references agencies(slug),
  edits integer not null,
  unannounced integer not null
) without rowid;

-- Triggers that keep the derived tables (archive/database/count_tables.py checks and refills the counts)

create trigger facets_new after insert on releases begin
  insert into release_facets (release, agency, kind, sort_day, sort_date, questions)
  select r.id, r.agency, r.kind,
    iif(length(r.published) = 7, r.published || '-01', substr(r.published, 1, 10)),
    coalesce(r.published, r.updated, iif(exists (select 1 from crawls c where c.agency = r.agency
      and c.spider = 'news' and c.reason = 'finished' and c.finished < r.first_seen),
      r.first_seen, '')),
    (select count(*) from questions q where q.release = r.id)
  from releases r where r.id = new.id and r.moved_to is null;
end;

create trigger facets_deleted after delete on releases begin
  delete from release_facets where release = old.id;
end;

create trigger facets_question after insert on questions begin
  update release_facets set questions = questions + 1 where release = new.release;
end;

create trigger facets_question_deleted after delete on questions begin
  update release_facets set questions = questions - 1 where release = old.release;
end;

create trigger facets_changed
after update of agency, kind, published, updated, moved_to, takedown on releases begin
  delete from release_facets where release = new.id;
  insert into release_facets (release, agency, kind, sort_day, sort_date, questions)
  select r.id, r.agency, r.kind,
    iif(length(r.published) = 7, r.published || '-01', substr(r.published, 1, 10)),
    coalesce(r.published, r.updated, iif(exists (select 1 from crawls c where c.agency = r.agency
      and c.spider = 'news' and c.reason = 'finished' and c.finished < r.first_seen)
      -- known before the archive read it
      and (select cause from revisions where release = r.id order by id limit 1) is not 'import',
      r.first_seen, '')),
    (select count(*) from questions q where q.release = r.id)
  from releases r where r.id = new.id and r.takedown is not 'hidden' and r.moved_to is null;
end;

-- Whatever leads to a release ends where that release ends. A move can be undone, and a chain grows at both ends, so the
-- end of the others cannot be told from continues_as alone.
create trigger continues_new after insert on releases when new.moved_to is not null begin
  update releases set continues_as = ifnull(
    (select t.continues_as from releases t where t.id = new.moved_to), new.moved_to)
  where id in (with recursive led(id) as (select new.id
    union select r.id from releases r join led on r.moved_to = led.id) select id from led);
end;

create trigger continues_moved after update of moved_to on releases
when old.moved_to is not new.moved_to begin
  update releases set continues_as = nullif(coalesce(
    (select t.continues_as from releases t where t.id = new.moved_to), new.moved_to, new.id), id)
  where id in (with recursive led(id) as (select new.id
    union select r.id from releases r join led on r.moved_to = led.id) select id from led);
end;

create trigger continues_deleted after delete on releases when old.moved_to is not null begin
  update releases set continues_as = old.id
  where id in (with recursive led(id) as (select id from releases where moved_to = old.id
    union select r.id from releases r join led on r.moved_to = led.id) select id from led);
end;

create trigger missing_release_stored after update of release on frontier
when new.release is not null and old.release is null begin
  update missing_releases set state = 'filled', filled = new.fetched
  where url = new.url and filled is null;
end;

-- Changes to a hidden release are reported once it is restored.
create trigger changefeed_revision after insert on revisions
when new.cause <> 'import'
  and (select takedown from releases where id = new.release) is not 'hidden' begin
  insert into changefeed (release, change, at, revision, takedown) values (new.release,
    iif(exists (select 1 from changefeed where release = new.release), 'changed', 'added'),
    strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now'), new.id, null);
end;

-- What a collection had is only a change if it becomes the current state.
create trigger changefeed_import after update of revision on releases
when new.takedown is not 'hidden'
  and (select cause from revisions where id = new.revision) = 'import' begin
  insert into changefeed (release, change, at, revision, takedown) values (new.id,
    iif(exists (select 1 from changefeed where release = new.id), 'changed', 'added'),
    strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now'), new.revision, null);
end;

create trigger changefeed_removal after update of removed_at on releases
when old.removed_at is not new.removed_at and new.takedown is not 'hidden' begin
  insert into changefeed (release, change, at, revision, takedown) values (new.id,
    iif(new.removed_at is null, 'returned', 'removed'),
    strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now'), null, null);
end;

create trigger changefeed_move after update of url, moved_to on releases
when (old.url is not new.url or old.moved_to is not new.moved_to)
  and new.takedown is not 'hidden' begin
  insert into changefeed (release, change, at, revision, takedown) values (new.id,
    'moved', strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now'), null, null);
end;

create trigger changefeed_takedown after insert on takedowns begin
  insert into changefeed (release, change, at, revision, takedown) values (new.release,
    iif(new.kind = 'hide', 'hidden', 'redacted'),
    strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now'), null, new.id);
end;

create trigger changefeed_lift after update of lifted on takedowns
when old.lifted is null and new.lifted is not null begin
  insert into changefeed (release, change, at, revision, takedown) values (new.release,
    'restored', strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now'), null, new.id);
end;

create trigger changefeed_delete after delete on releases begin
  insert into changefeed (release, change, at, revision, takedown) values (old.id,
    'deleted', strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now'), null, null);
end;

create trigger changefeed_attachment after insert on attachment_versions begin
  insert into changefeed (release, change, at)
  select distinct a.release, 'attachment', strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now')
  from attachment_versions v join attachments a on a.url = v.url
    join releases r on r.id = a.release
  where r.takedown is not 'hidden'
    and v.id = (select max(w.id) from attachment_versions w where w.url = v.url) and v.id = new.id;
end;

create trigger changefeed_attachment_text after update of extracted on attachment_files
when old.extracted is not new.extracted begin
  insert into changefeed (release, change, at)
  select distinct a.release, 'attachment', strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now')
  from attachment_versions v join attachments a on a.url = v.url
    join releases r on r.id = a.release
  where r.takedown is not 'hidden'
    and v.id = (select max(w.id) from attachment_versions w where w.url = v.url)
    and v.file = new.id;
end;

-- A number that a mirror has read keeps its meaning, and is never used again.
create trigger changefeed_no_delete before delete on changefeed begin
  select raise(abort, 'changefeed: the log only grows');
end;
create trigger changefeed_no_update before update on changefeed begin
  select raise(abort, 'changefeed: the log only grows');
end;

create trigger counts_facets_new after insert on release_facets begin
  insert into month_counts (agency, month, releases, dated) values
    (new.agency, coalesce(nullif(substr(new.sort_date, 1, 7), ''), 'none'), 1,
      new.sort_day is not null),
    (new.agency, '', 1, new.sort_day is not null),
    ('', coalesce(nullif(substr(new.sort_date, 1, 7), ''), 'none'), 1, new.sort_day is not null),
    ('', '', 1, new.sort_day is not null)
  on conflict (agency, month) do update set
    releases = releases + 1, dated = dated + excluded.dated;
  insert into tag_releases (tag, sort_date, release)
  select tag, new.sort_date, release from release_tags where release = new.release;
  insert into tag_counts (tag, agency, releases)
  select tag, new.agency, 1 from release_tags where release = new.release
  on conflict (tag, agency) do update set releases = releases + 1;
end;

create trigger counts_facets_deleted after delete on release_facets begin
  update month_counts set releases = releases - 1, dated = dated - (old.sort_day is not null)
  where agency in (old.agency, '')
    and month in (coalesce(nullif(substr(old.sort_date, 1, 7), ''), 'none'), '');
  delete from month_counts where agency in (old.agency, '')
    and month in (coalesce(nullif(substr(old.sort_date, 1, 7), ''), 'none'), '') and releases = 0;
  delete from tag_releases where release = old.release and sort_date = old.sort_date
    and tag in (select tag from release_tags where release = old.release);
  update tag_counts set releases = releases - 1 where agency = old.agency
    and tag in (select tag from release_tags where release = old.release);
  delete from tag_counts where agency = old.agency and releases = 0
    and tag in (select tag from release_tags where release = old.release);
end;

-- The two above, one after the other.
create trigger counts_facets_changed
after update of agency, sort_day, sort_date on release_facets begin
  update month_counts set releases = releases - 1, dated = dated - (old.sort_day is not null)
  where agency in (old.agency, '')
    and month in (coalesce(nullif(substr(old.sort_date, 1, 7), ''), 'none'), '');
  delete from month_counts where agency in (old.agency, '')
    and month in (coalesce(nullif(substr(old.sort_date, 1, 7), ''), 'none'), '') and releases = 0;
  delete from tag_releases where release = old.release and sort_date = old.sort_date
    and tag in (select tag from release_tags where release = old.release);
  update tag_counts set releases = releases - 1 where agency = old.agency
    and tag in (select tag from release_tags where release = old.release);
  delete from tag_counts where agency = old.agency and releases = 0
    and tag in (select tag from release_tags where release = old.release);

  insert into month_counts (agency, month, releases, dated) values
    (new.agency, coalesce(nullif(substr(new.sort_date, 1, 7), ''), 'none'), 1,
      new.sort_day is not null),
    (new.agency, '', 1, new.sort_day is not null),
    ('', coalesce(nullif(substr(new.sort_date, 1, 7), ''), 'none'), 1, new.sort_day is not null),
    ('', '', 1, new.sort_day is not null)
  on conflict (agency, month) do update set
    releases = releases + 1, dated = dated + excluded.dated;
  insert into tag_releases (tag, sort_date, release)
  select tag, new.sort_date, release from release_tags where release = new.release;
  insert into tag_counts (tag, agency, releases)
  select tag, new.agency, 1 from release_tags where release = new.release
  on conflict (tag, agency) do update set releases = releases + 1;
end;

create trigger counts_tag after insert on release_tags begin
  insert into tag_releases (tag, sort_date, release)
  select new.tag, sort_date, release from release_facets where release = new.release;
  insert into tag_counts (tag, agency, releases)
  select new.tag, agency, 1 from release_facets where release = new.release
  on conflict (tag, agency) do update set releases = releases + 1;
end;

create trigger counts_tag_deleted after delete on release_tags begin
  delete from tag_releases where tag = old.tag and release = old.release
    and sort_date = (select sort_date from release_facets where release = old.release);
  update tag_counts set releases = releases - 1 where tag = old.tag
    and agency = (select agency from release_facets where release = old.release);
  delete from tag_counts where tag = old.tag and releases = 0;
end;

create trigger counts_edit after insert on revisions
when new.is_edit begin
  insert into edit_counts (agency, edits, unannounced)
  select agency, 1, new.update_date_changed is 0 from releases where id = new.release
  on conflict (agency) do update set
    edits = edits + 1, unannounced = unannounced + excluded.unannounced;
end;

-- The first revision of a release that moved may become an edit of its state at the old URL.
create trigger counts_edit_changed
after update of release, cause, previous, update_date_changed on revisions begin
  update edit_counts set
    edits = edits - 1, unannounced = unannounced - (old.update_date_changed is 0)
  where old.is_edit and agency = (select agency from releases where id = old.release);
  delete from edit_counts where edits = 0 and old.is_edit
    and agency = (select agency from releases where id = old.release);

  insert into edit_counts (agency, edits, unannounced)
  select agency, 1, new.update_date_changed is 0 from releases
  where id = new.release and new.is_edit
  on conflict (agency) do update set
    edits = edits + 1, unannounced = unannounced + excluded.unannounced;
end;

create trigger counts_edit_deleted after delete on revisions
when old.is_edit begin
  update edit_counts set
    edits = edits - 1, unannounced = unannounced - (old.update_date_changed is 0)
  where agency = (select agency from releases where id = old.release);
  delete from edit_counts where edits = 0
    and agency = (select agency from releases where id = old.release);
end;

create trigger counts_edit_agency after update of agency on releases
when old.agency is not new.agency begin
  update edit_counts set (edits, unannounced) = (
    select edits - count(*), unannounced - count(iif(update_date_changed is 0, 1, null))
    from revisions where release = new.id and is_edit) where agency = old.agency;
  delete from edit_counts where edits = 0 and agency = old.agency;

  insert into edit_counts (agency, edits, unannounced)
  select new.agency, count(*), count(iif(update_date_changed is 0, 1, null)) from revisions
  where release = new.id and is_edit having count(*) > 0
  on conflict (agency) do update set
    edits = edits + excluded.edits, unannounced = unannounced + excluded.unannounced;
end;

-- Views. The first column identifies the rows: pages are ordered by it. Numbers are cast, because a computed column has
-- no type, and the text of a filter would not equal any of them.

create view releases_with_tags as
  select r.id, r.agency, a.name as agency_name, r.kind, r.title, r.lead, r.body, r.published, r.published_day,
    r.published_precision, r.updated, r.language, r.first_seen, r.removed_at, r.url,
    (select group_concat(name, '; ') from (select t.name from release_tags rt join tags t on t.id = rt.tag
      where rt.release = r.id order by rt.rowid)) as tags,
    cast((select count(*) from questions q where q.release = r.id) as integer) as questions,
    cast((select count(*) from revisions v where v.release = r.id and v.is_edit) as integer) as edits
  from releases r join agencies a on a.slug = r.agency where r.moved_to is null;

create view questions_with_releases as
  select q.id, q.question, q.answer, q.answered_by, q.release, q.position, r.title, r.agency,
    a.name as agency_name, r.published, r.published_day, r.published_precision, r.url,
    '/archive/releases/' || r.id || '#question-' || q.position as link
  from questions q join releases r on r.id = q.release join agencies a on a.slug = r.agency
  where r.moved_to is null;

create view edits as
  select v.id as revision, v.previous, v.release, v.seen, r.agency, a.name as agency_name, v.title, v.importance,
    cast(1 - v.update_date_changed as integer) as update_date_unchanged, v.summary, v.summary_en, v.changes,
    r.url,
    '/-/diff/' || v.previous || '/' || v.id as link
  from revisions v join releases r on r.id = v.release join agencies a on a.slug = r.agency
  where v.is_edit;

-- Full-text search (archive/search/search_index.py)

create virtual table search using fts5 (
  title, lead, body, questions, title_parts, lead_parts, body_parts, questions_parts, title_minor,
  lead_minor, body_minor, questions_minor, title_forms, lead_forms, body_forms, questions_forms,
  facts,
  content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);
create trigger search_ad after delete on releases begin
  delete from search where rowid = old.id;
end;

create virtual table search_questions using fts5 (
  question, answer, question_parts, answer_parts, question_minor, answer_minor, question_forms,
  answer_forms,
  content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);
create trigger search_questions_ad after delete on questions begin
  delete from search_questions where rowid = old.id;
end;

-- The quotations of current versions.
create virtual table search_quotes using fts5 (
  quotation, quotation_parts, quotation_minor, quotation_forms,
  content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);
create trigger search_quotes_ad after delete on quotes begin
  delete from search_quotes where rowid = old.id;
end;

-- Which version has which text of search_versions; the current ones are in search.
create table text_versions (
  id integer primary key references revisions(id),
  text integer not null,
  release integer not null references releases(id)
);
create index idx_text_versions_text on text_versions (text);
create index idx_text_versions_release on text_versions (release);
create trigger text_versions_ad after delete on revisions begin
  delete from text_versions where id = old.id;
end;

create virtual table search_versions using fts5 (
  title, lead, body, question, answer, caption, title_parts, lead_parts, body_parts, question_parts,
  answer_parts, caption_parts, title_minor, lead_minor, body_minor, question_minor, answer_minor,
  caption_minor, title_forms, lead_forms, body_forms, question_forms, answer_forms, caption_forms,
  content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);
create trigger search_versions_ad after delete on text_versions
when not exists (select 1 from text_versions where text = old.text) begin
  delete from search_versions where rowid = old.text;
end;

create virtual table search_diff using fts5 (
  terms, text, terms_parts, text_parts, terms_minor, text_minor, terms_forms, text_forms, scope,
  content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);
create trigger search_diff_ad after delete on revisions begin
  delete from search_diff where rowid >= 16 * old.id and rowid < 16 * old.id + 16;
end;

create virtual table search_attachments using fts5 (
  attachment, attachment_parts, attachment_minor, attachment_forms,
  content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);
create trigger search_attachments_ad after delete on attachment_pages begin
  delete from search_attachments where rowid = old.file * 1000 + old.page;
end;

create table vocabulary (
  word text not null,
  lemma text not null,
  releases integer not null,
  primary key (word, lemma)
) without rowid;

-- The version of the rules by which derived data was made (archive/store/derived_data.py). done: while it is made again,
-- the last row that is; else null.
create table derived_versions (
  step text primary key,
  version text not null,
  done integer
) without rowid;
