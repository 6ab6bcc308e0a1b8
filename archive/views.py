"""Views that need no join, by name: releases with their tags, questions with their releases, edits."""

VIEWS = {
    "releases_with_tags": """
        select r.id, r.agency, a.name as agency_name, r.kind, r.title, r.lead, r.body, r.published, r.updated,
          r.language, r.first_seen, r.gone, r.url,
          (select group_concat(name, '; ') from (select t.name from release_tags rt join tags t on t.id = rt.tag
            where rt.release = r.id order by rt.rowid)) as tags,
          (select count(*) from questions q where q.release = r.id) as questions,
          (select count(*) from revisions v where v.release = r.id and v.cause = 'source' and v.previous is not null)
            as edits
        from releases r join agencies a on a.slug = r.agency where r.moved_to is null
    """,
    "questions_with_releases": """
        select q.id, q.question, q.answer, q.answered_by, q.release, q.position, r.title, r.agency,
          a.name as agency_name, r.published, r.url, '/archive/releases/' || r.id || '#question-' || q.position as link
        from questions q join releases r on r.id = q.release join agencies a on a.slug = r.agency
        where r.moved_to is null
    """,
    "edits": """
        select v.id as revision, v.previous, v.release, v.seen, r.agency, a.name as agency_name, v.title, v.weight,
          1 - v.dated as undated, v.summary, v.summary_en, v.changes, r.url,
          '/-/diff/' || v.previous || '/' || v.id as link
        from revisions v join releases r on r.id = v.release join agencies a on a.slug = r.agency
        where v.cause = 'source' and v.previous is not null
    """,
}
