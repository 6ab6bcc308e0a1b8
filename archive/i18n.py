"""Gettext catalogues (Babel), numbers and times.

Every word of the interface, in Swedish and English side by side; a pair in brackets is (one, many) by {n}.

What the archive says of itself on /about and /help, in Swedish and English (see archive/texts.py).

The interface's words for citations and single revisions, in Swedish and English (see archive/texts.py).

What the delta says, in Swedish and English side by side (see archive/texts.py).

The interface's words for what can be followed, in Swedish and English (see archive/texts.py).

The words for health and the status page, in Swedish and English (see archive/texts.py).

The interface's words for comparisons of two versions, in Swedish and English (see archive/texts.py).

The interface's words for edits, removals and comparisons, in Swedish and English (see archive/texts.py).

The words for the completeness ledger, in Swedish and English (see archive/texts.py).

The interface's words for the pages around the releases, in Swedish and English (see archive/texts.py).

The search page's words, in Swedish and English (see archive/texts.py).

What the site says of takedowns, in Swedish and English side by side (see archive/texts.py).

The interface's two languages: which one a reader gets, and texts, numbers and times said in it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from archive.dates import Month, at_clock, parse_time

Words = str | tuple[str, str]


class Text(NamedTuple):
    """One text of the interface in both languages."""

    sv: Words
    en: Words


MONTHS = (
    Text("januari", "January"),
    Text("februari", "February"),
    Text("mars", "March"),
    Text("april", "April"),
    Text("maj", "May"),
    Text("juni", "June"),
    Text("juli", "July"),
    Text("augusti", "August"),
    Text("september", "September"),
    Text("oktober", "October"),
    Text("november", "November"),
    Text("december", "December"),
)
RELEASE_KINDS = {  # what releases.kind holds; a kind not named here is shown as it is
    "press release": Text("pressmeddelande", "press release"),
    "opinion": Text("debattartikel", "opinion"),
    "speech": Text("tal", "speech"),
    "statement": Text("uttalande", "statement"),
    "interview": Text("intervju", "interview"),
    "notice": Text("notis", "notice"),
    "consultation": Text("remiss", "consultation"),
    "decision": Text("beslut", "decision"),
    "report": Text("rapport", "report"),
    "regulation": Text("föreskrift", "regulation"),
    "blog": Text("blogg", "blog"),
    "event": Text("evenemang", "event"),
    "newsletter": Text("nyhetsbrev", "newsletter"),
    "news": Text("nyhet", "news"),
    "article": Text("artikel", "article"),
}
TEXTS = {
    # every page
    "site": Text("Myndighetsarkivet", "Myndighetsarkivet"),
    "skip": Text("Hoppa till innehållet", "Skip to the content"),
    "main_menu": Text("Huvudmeny", "Main menu"),
    "search": Text("Sök", "Search"),
    "data": Text("Data", "Data"),
    "other_language": Text("In English", "På svenska"),
    "about_source": Text(
        "Texterna är myndigheternas egna och återges så som de stod på deras webbplatser.",
        "The texts are the agencies’ own, shown as they stood on their websites.",
    ),
    "powered": Text("Byggt på Datasette", "Built on Datasette"),
    # lists of releases
    "published_on": Text("Publicerad {when}", "Published {when}"),
    "updated_on": Text("Uppdaterad {when}", "Updated {when}"),
    "seen_on": Text("Först sedd {when}", "First seen {when}"),
    # index
    "tagline": Text(
        "Svenska myndigheters pressmeddelanden och nyheter, samlade och sökbara. Varje senare ändring sparas.",
        "Press releases and news from Swedish government agencies, gathered and searchable. Every later edit is kept.",
    ),
    "holds": Text(
        ("{n} meddelande från {agencies}.", "{n} meddelanden från {agencies}."),
        ("{n} release from {agencies}.", "{n} releases from {agencies}."),
    ),
    "n_agencies": Text(("{n} myndighet", "{n} myndigheter"), ("{n} agency", "{n} agencies")),
    "fresh": Text("Senast läst {when}.", "Last read {when}."),
    "newest": Text("Senaste meddelanden", "Newest releases"),
    "all_releases": Text("Alla meddelanden", "All releases"),
    "agencies": Text("Myndigheter", "Agencies"),
    "silent": Text(
        ("{n} myndighet utan meddelanden än", "{n} myndigheter utan meddelanden än"),
        ("{n} agency without releases yet", "{n} agencies without releases yet"),
    ),
    "empty_archive": Text("Arkivet är tomt än så länge.", "The archive is still empty."),
    "empty_archive_hint": Text(
        "Så snart en insamling har gått visas meddelandena här.",
        "Releases are shown here as soon as a crawl has run.",
    ),
    "use_data": Text("Använd uppgifterna", "Use the data"),
    "use_data_hint": Text(
        "Allt i arkivet går att hämta som JSON och CSV, och att fråga med SQL.",
        "Everything in the archive can be had as JSON and CSV, and queried with SQL.",
    ),
    "browse_tables": Text("Alla tabeller", "All tables"),
    "releases_json": Text("Meddelanden som JSON", "Releases as JSON"),
    "releases_csv": Text("Meddelanden som CSV", "Releases as CSV"),
    # reading page
    "questions": Text("Frågor och svar", "Questions and answers"),
    "answers_by": Text("Svarar: {who}", "Answered by {who}"),
    "tags": Text("Ämnesord", "Tags"),
    "joint": Text("Också publicerad av", "Also published by"),
    "joint_earlier": Text("före den här", "before this one"),
    "joint_nearly": Text("nästan samma text", "nearly the same text"),
    "images": Text("Bilder", "Pictures"),
    "image_link": Text("Bild hos myndigheten", "Picture at the agency"),
    "credit": Text("Foto/bild: {who}", "Credit: {who}"),
    "attachments": Text("Bilagor", "Attachments"),
    "contacts": Text("Kontakt", "Contact"),
    "facts": Text("Om meddelandet", "About this release"),
    "agency": Text("Myndighet", "Agency"),
    "kind": Text("Slag", "Kind"),
    "published": Text("Publicerad enligt myndigheten", "Published, says the agency"),
    "updated": Text("Uppdaterad enligt myndigheten", "Updated, says the agency"),
    "not_told": Text("Framgår inte av sidan", "The page does not say"),
    "in_its_words": Text("på sidan: ”{words}”", "on the page: “{words}”"),
    "first_seen": Text("Först sedd av arkivet", "First seen by the archive"),
    "last_checked": Text("Senast kontrollerad", "Last checked"),
    "language": Text("Språk", "Language"),
    "lang_sv": Text("svenska", "Swedish"),
    "lang_en": Text("engelska", "English"),
    "original": Text("Läs originalet hos {agency}", "Read the original at {agency}"),
    "address": Text("Adress", "Address"),
    "versions": Text(("{n} sparad lydelse", "{n} sparade lydelser"), ("{n} kept version", "{n} kept versions")),
    "as_data": Text("Som data", "As data"),
    # an address that leads nowhere
    "not_found": Text("Sidan finns inte", "There is no such page"),
    "not_found_hint": Text(
        "Adressen leder inte till något i arkivet. Pröva att söka i stället.",
        "The address leads to nothing in the archive. Try a search instead.",
    ),
}


ABOUT = {
    "about_title": Text("Om Myndighetsarkivet", "About Myndighetsarkivet"),
    "about_what": Text(
        "Myndigheter ändrar sina texter, flyttar dem och tar bort dem. Här finns de kvar. Arkivet läser svenska"
        " myndigheters nyhetssidor, sparar varje meddelande som det stod och berättar vad som hände med det sedan.",
        "Agencies change their texts, move them and take them away. Here they stay. The archive reads the news pages of"
        " Swedish government agencies, keeps every release as it stood and tells what became of it.",
    ),
    "about_source_title": Text("Varifrån texterna kommer", "Where the texts come from"),
    "about_source_text": Text(
        "Från myndigheternas egna flöden, webbplatskartor och nyhetslistor. Arkivet följer robots.txt och hämtar högst"
        " en sida i sekunden från samma webbplats. Varje meddelande länkar till sitt original.",
        "From the agencies’ own feeds, sitemaps and lists of news. The archive keeps to robots.txt and fetches at most"
        " one page a second from the same website. Every release links to its original.",
    ),
    "about_dates_title": Text("Så läses datum", "How dates are read"),
    "about_dates_own": Text(
        "Publicerad och uppdaterad är myndighetens egna uppgifter. De gissas aldrig, och det ena får aldrig stå för det"
        " andra. Säger sidan inget, står det att det inte framgår. Under datumet citeras de ord det lästes från.",
        "Published and updated are what the agency says. They are never guessed, and one never stands in for the other."
        " Where the page says nothing, that is told. Below the date stand the words it was read from.",
    ),
    "about_dates_ours": Text(
        "Först sedd och senast kontrollerad är arkivets egna iakttagelser, i svensk tid. Att något sågs först i maj"
        " betyder inte att det publicerades då.",
        "First seen and last checked are the archive’s own observations, in Swedish time. That something was first seen"
        " in May does not mean that it was published then.",
    ),
    "about_dates_order": Text(
        "Listor ordnas efter publicering. Saknas den gäller uppdateringen, och saknas också den när arkivet först såg"
        " texten. Månadsarkivet räknar bara det som har ett publiceringsdatum.",
        "Lists are ordered by publication. Where that is missing the update counts, and where that is missing too, when"
        " the archive first saw the text. The months count only what has a date of publication.",
    ),
    "about_weights_title": Text("Vad en ändrings tyngd betyder", "What an edit’s weight means"),
    "about_weights_text": Text(
        "Varje ändring får en tyngd mellan 0 och 100 av fasta regler, utan någon språkmodell. Ett ändrat belopp, datum,"
        " namn eller ett ”inte” väger tungt, en omformulering lite och ett rättat stavfel nästan inget. En ny"
        " formgivning av webbplatsen är ingen ändring.",
        "Fixed rules, no language model, give each edit a weight between 0 and 100. A changed amount, date, name or a"
        " “not” weighs much, a new wording little and a mended slip of the pen next to nothing. A new design of the"
        " website is no edit.",
    ),
    "about_weight_range": Text("{least} till {most}", "{least} to {most}"),
    "about_undated": Text(
        "Oannonserad kallas en ändring som gjordes utan att myndigheten ändrade sitt eget uppdateringsdatum. Det är en"
        " iakttagelse, ingen anklagelse.",
        "Unannounced is an edit made without moving the agency’s own update date. It is an observation, not an"
        " accusation.",
    ),
    "about_removed_title": Text("När något kallas borttaget", "When something is called removed"),
    "about_removed_text": Text(
        "När flera kontroller under minst ett dygn har funnit sidan borta. En server som inte svarar är ingen"
        " borttagning. Den sista texten finns kvar här.",
        "When several checks over at least a day have found the page gone. A server that does not answer is no removal."
        " The last text stays here.",
    ),
    "about_limits_title": Text("Vad arkivet inte vet", "What the archive does not know"),
    "about_limit_before": Text(
        "Det som togs bort innan arkivet kom dit, och de lydelser som stod dessförinnan.",
        "What was removed before the archive came by, and the wordings that stood before then.",
    ),
    "about_limit_between": Text(
        "Det som ändrades och ändrades tillbaka mellan två kontroller. Nya texter kontrolleras ofta, gamla omkring en"
        " gång i månaden.",
        "What was changed and changed back between two checks. New texts are checked often, old ones"
        " about once a month.",
    ),
    "about_limit_agencies": Text(
        "Vad andra myndigheter än de uppräknade har publicerat, och vad som aldrig stod i deras nyhetslistor.",
        "What agencies other than those listed have published, and what never stood in their lists of news.",
    ),
    "about_limit_import": Text(
        "Om det som hämtats ur en annan samling verkligen stod så hos myndigheten. Sådana texter säger själva att de"
        " aldrig har kontrollerats.",
        "Whether what was taken over from another collection truly stood so at the agency. Such texts say themselves"
        " that they were never checked.",
    ),
    "about_limit_files": Text(
        "Innehållet i bilder och bilagor: de länkas, men sparas inte.",
        "What pictures and attachments hold: they are linked to, not kept.",
    ),
    "about_limit_misread": Text(
        "Om en sida har lästs fel. Jämför med originalet innan du bygger något viktigt på en text härifrån.",
        "Whether a page was misread. Compare with the original before you build anything important on a text from"
        " here.",
    ),
    "about_licence_title": Text("Rätten till texterna", "Rights in the texts"),
    "about_licence_text": Text(
        "Texterna är myndigheternas. Mycket av det som myndigheter upprättar är undantaget från upphovsrätt enligt 9 §"
        " upphovsrättslagen, men inte allt: bedöm själv, och ange myndigheten som källa. Bilder och bilagor kan ha"
        " andra upphovsmän och finns kvar hos myndigheten.",
        "The texts are the agencies’. Much of what agencies draw up is excepted from copyright by section 9 of the"
        " Swedish Copyright Act, but not all of it: judge for yourself, and name the agency as the source. Pictures and"
        " attachments may be the work of others and stay with the agency.",
    ),
    "about_contact_title": Text("Kontakt", "Contact"),
    "about_contact_by": Text("Webbplatsen drivs av", "This site is run by"),
    "about_contact_none": Text(
        "Den som driver webbplatsen har inte angett någon adress.", "Whoever runs this site has given no address."
    ),
    "about_contact_text": Text(
        "Frågor om innehållet i ett meddelande besvaras av myndigheten: kontakten står i meddelandet.",
        "Questions about what a release says are answered by the agency: its contact stands in the release.",
    ),
}
HELP = {
    "help_title": Text("Hjälp", "Help"),
    "help_about": Text("Så hittar, läser och följer du meddelanden.", "How to find, read and follow releases."),
    "help_search_title": Text("Söka", "Search"),
    "help_search_text": Text(
        "Skriv ett eller flera ord. Du kan också klistra in en adress från en myndighets webbplats för att se vad som"
        " stod där.",
        "Type one or more words. You may also paste an address from an agency’s website to see what stood there.",
    ),
    "help_browse_title": Text("Bläddra", "Browse"),
    "help_browse_text": Text(
        "Varje myndighet har en sida med sina nyaste meddelanden, månader och ämnesord. Varje månad har en sida med"
        " allt som publicerades då.",
        "Each agency has a page with its newest releases, months and tags. Each month has a page with all that was"
        " published in it.",
    ),
    "help_read_title": Text("Läsa ett meddelande", "Read a release"),
    "help_read_text": Text(
        "Överst står fyra tider: publicerad och uppdaterad enligt myndigheten, först sedd och senast kontrollerad av"
        " arkivet. Frågor och svar har egna adresser. Under texten står om andra har publicerat samma text, varje"
        " ändring och vad myndigheten publicerade närmast före och efter.",
        "At the top stand four times: published and updated as the agency says, first seen and last checked by the"
        " archive. Questions and answers have addresses of their own. Below the text stand others who published the"
        " same, every edit, and what the agency published just before and after.",
    ),
    "help_follow_title": Text("Följa", "Follow"),
    "help_follow_text": Text(
        "Ändringar och borttagna meddelanden finns som Atom-flöden, för alla, för en myndighet eller för ett enda"
        " meddelande. Lägg adressen i en flödesläsare.",
        "Edits and removals come as Atom feeds, for all agencies, for one, or for a single release. Put the address in"
        " a feed reader.",
    ),
    "help_cite_title": Text("Hänvisa", "Cite"),
    "help_cite_text": Text(
        "Adressen till ett meddelande ändras aldrig. En jämförelse mellan två lydelser har också en fast adress, och"
        " varje lydelse som lästs från webben har ett bevis att ladda ner: sidans bytes, tid och kontrollsumma.",
        "The address of a release never changes. A comparison of two versions has a permanent address, too, and each"
        " version read from the web has evidence to download: the page’s bytes, the time and the checksum.",
    ),
    "help_data_title": Text("Använda uppgifterna", "Use the data"),
    "help_data_text": Text(
        "Allt kan hämtas som JSON och CSV utan nyckel. Tabeller och kolumner är beskrivna.",
        "Everything can be had as JSON and CSV without a key. Tables and columns are described.",
    ),
    "help_access_title": Text("Tangentbord, skärmläsare och utskrift", "Keyboard, screen reader and print"),
    "help_access_text": Text(
        "Allt kan göras med tangentbordet och utan skript. Den första länken på varje sida hoppar till innehållet."
        " Sidorna följer datorns ljusa eller mörka tema, och en utskrift visar bara meddelandet.",
        "Everything can be done with the keyboard and without scripts. The first link of each page skips to the"
        " content. Pages follow your light or dark theme, and a print shows the release alone.",
    ),
    "help_language_title": Text("Språk", "Language"),
    "help_language_text": Text(
        "Webbplatsen talar svenska eller engelska efter webbläsarens inställning; länken överst byter. Meddelandena"
        " visas på det språk de skrevs.",
        "The site speaks Swedish or English as your browser prefers; the link at the top switches. Releases are shown"
        " in the language they were written in.",
    ),
}


CITATION = {
    "cite": Text("Hänvisa till lydelsen", "Cite this version"),
    "cite_title": Text("Hänvisa till: {title}", "Cite: {title}"),
    "cite_about": Text(
        "Den fasta adressen leder alltid till just den här lydelsen, vad myndigheten än ändrar senare.",
        "The permanent address always leads to this very version, whatever the agency changes later.",
    ),
    "cite_permalink": Text("Fast adress till lydelsen", "Permanent address of the version"),
    "cite_captured": Text("Läst av arkivet", "Read by the archive"),
    "cite_imported": Text("Hämtad från en annan samling", "Taken over from another collection"),
    "cite_sha256": Text("SHA-256 av sidan som den kom", "SHA-256 of the page as it came"),
    "cite_state_sha256": Text("SHA-256 av uppgifterna", "SHA-256 of the fields"),
    "cite_sentence": Text("Som mening", "As a sentence"),
    "cite_more": Text("Alla former, att kopiera", "All forms, to copy"),
    "cite_download": Text("Hämta som fil:", "Download as a file:"),
    "cite_undated": Text("u.å.", "n.d."),
    "cite_read": Text(
        "Lydelsen som Myndighetsarkivet läste {when}, {permalink}",
        "Version read by Myndighetsarkivet on {when}, {permalink}",
    ),
    "cite_taken_over": Text(
        "Lydelsen som Myndighetsarkivet hämtade från en annan samling {when}, {permalink}",
        "Version that Myndighetsarkivet took over from another collection on {when}, {permalink}",
    ),
    "cite_hash": Text("SHA-256 av sidan: {hash}", "SHA-256 of the page: {hash}"),
    "cite_state_hash": Text("SHA-256 av uppgifterna: {hash}", "SHA-256 of the fields: {hash}"),
    "cite_original": Text("Ursprunglig adress: {url}", "Original address: {url}"),
    # a single revision
    "revision_title": Text("Lydelsen {when}: {title}", "Version of {when}: {title}"),
    "revision_older": Text("Det här är en äldre lydelse", "This is an older version"),
    "revision_taken_over": Text(
        "Den här lydelsen togs över från en annan samling {when}; arkivet har inte själv läst den.",
        "This version was taken over from another collection on {when}; the archive has not read it itself.",
    ),
    "revision_older_hint": Text(
        "Så här stod meddelandet när arkivet läste det {when}. Det har ändrats sedan dess.",
        "This is how the release stood when the archive read it on {when}. It has changed since.",
    ),
    "revision_newest": Text("Så här står meddelandet i dag", "The release as it stands today"),
    "revision_stands_hint": Text(
        "Den lydelse som gäller nu, läst av arkivet {when}.",
        "The version that stands now, read by the archive on {when}.",
    ),
    "revision_compare": Text("Jämför med dagens lydelse", "Compare with today’s version"),
    "revision_missing": Text("Arkivet har ingen lydelse {revision}.", "The archive holds no revision {revision}."),
}


DELTA = {
    "delta_title": Text("Det som ändrats i arkivet", "What has changed in the archive"),
    "delta_stranger": Text(
        "Markören {value} hör till en annan logg än det här arkivets. Börja om från början, utan since.",
        "The cursor {value} belongs to another log than this archive's. Begin anew, without since.",
    ),
    "delta_ahead": Text(
        "Markören {value} ligger längre fram än den här kopian av arkivet. Försök igen senare; består det har arkivet"
        " återställts från en säkerhetskopia: börja då om utan since.",
        "The cursor {value} is ahead of this copy of the archive. Try again later; if that lasts, the archive was"
        " restored from a back-up: then begin anew, without since.",
    ),
}


FEEDS = {
    "feed_new": Text("Nya meddelanden", "New releases"),
    "feed_new_of": Text("Nya meddelanden: {name}", "New releases: {name}"),
    "feed_new_tag": Text("Nya meddelanden om {tag}", "New releases on {tag}"),
    "feed_edits_of": Text("Ändringar: {name}", "Edits: {name}"),
    "feed_removed_of": Text("Borttaget: {name}", "Removed: {name}"),
    "new_atom": Text("Nya meddelanden som Atom", "New releases as Atom"),
    "no_such_agency": Text("Arkivet har ingen myndighet {agency}.", "The archive holds no agency {agency}."),
    "no_such_tag": Text("Arkivet har inget ämnesord {tag}.", "The archive holds no tag {tag}."),
    "of_one_tag": Text("Bara med ett visst ämnesord", "Only with one tag"),
}


STATES = {
    "failing": Text("ur funktion", "failing"),
    "never worked": Text("har aldrig fungerat", "never worked"),
    "suspect": Text("misstänkt", "suspect"),
    "quiet": Text("tyst", "quiet"),
    "healthy": Text("fungerar", "healthy"),
    "paused": Text("avstängd", "paused"),
}
REASONS = {  # by the reason's code: see the table in archive/health/__init__.py
    "paused": Text("Läsningen är avstängd tills vidare.", "Reading is switched off for the time being."),
    "unlisted": Text("Står inte på listan över dem som läses.", "Is not on the list of those that are read."),
    "never_crawled": Text("Arkivet har inte försökt läsa den än.", "The archive has not tried to read it yet."),
    "not_read": Text(
        "Arkivet har inte läst den sedan {last}. Felet är arkivets.",
        "The archive has not read it since {last}. The fault is the archive’s.",
    ),
    "all_fails": Text(
        "Inget har gått att läsa sedan {since}: {fault}.", "Nothing could be read since {since}: {fault}."
    ),
    "lists_nothing": Text(
        "Svarar, men listar inga meddelanden sedan {since}.", "Answers, but has listed no releases since {since}."
    ),
    "all_refused": Text(
        "Ingen av {bad} listade sidor gick att läsa: {fault}.", "None of {bad} listed pages could be read: {fault}."
    ),
    "none_held": Text("Listar meddelanden, men inget har lästs.", "Lists releases, but none was read."),
    "held_back": Text(
        (
            "{n} meddelande hålls undan tills någon har sett på det.",
            "{n} meddelanden hålls undan tills någon sett dem.",
        ),
        ("{n} release is kept aside until looked at.", "{n} releases are kept aside until looked at."),
    ),
    "fields": Text(
        "Sidorna säger inte längre {fields}: {now} % av dem, mot {before} % förr. De kan ha fått ny utformning.",
        "Pages no longer tell {fields}: {now}% of them, {before}% before. They may have a new design.",
    ),
    "many_refused": Text(
        "{bad} av {n} sidor gick inte att läsa: {fault}.", "{bad} of {n} pages could not be read: {fault}."
    ),
    "source_fails": Text(
        "En av källorna svarar inte sedan {since}: {url}", "One of the sources has not answered since {since}: {url}"
    ),
    "lists_fewer": Text("Listar {n} meddelanden, mot {before} som vanligt.", "Lists {n} releases; {before} are usual."),
    "too_few": Text(
        "Läsningen fungerar. Hur ofta den brukar publicera är inte känt än.",
        "Reading works. How often it usually publishes is not known yet.",
    ),
    "silent": Text(
        "Läsningen fungerar, men inget nytt sedan {newest}. Sällan dröjer det mer än {long} dagar.",
        "Reading works, but nothing new since {newest}. It seldom takes more than {long} days.",
    ),
    "quiet_season": Text(
        "Inget nytt sedan {newest}. Lika tyst har det varit vid samma tid förr om åren.",
        "Nothing new since {newest}. It was as silent at this time of earlier years.",
    ),
    "quiet_holiday": Text(
        "Inget nytt sedan {newest}, som hos många i semestertider.",
        "Nothing new since {newest}, as with many in the holidays.",
    ),
    "quiet": Text(
        "Inget nytt sedan {newest}. Så länge dröjer det ibland.",
        "Nothing new since {newest}. It sometimes takes so long.",
    ),
    "fewer": Text(
        "{n} meddelanden på tre månader, mot {before} samma tid förra året.",
        "{n} releases in three months; {before} at the same time last year.",
    ),
    "usual": Text("Kommer som vanligt.", "As usual."),
}
TOLD = {  # fields, as the middle of a sentence
    "title": Text("rubrik", "a title"),
    "lead": Text("ingress", "a lead"),
    "published": Text("publiceringsdatum", "when they were published"),
    "updated": Text("uppdateringsdatum", "when they were updated"),
    "tags": Text("ämnesord", "tags"),
    "questions": Text("frågor och svar", "questions and answers"),
}
FILLS = {  # fields, as a label
    "title": Text("rubrik", "title"),
    "lead": Text("ingress", "lead"),
    "published": Text("publicerad", "published"),
    "updated": Text("uppdaterad", "updated"),
    "tags": Text("ämnesord", "tags"),
    "questions": Text("frågor", "questions"),
}
ROBOTS = {
    "allowed": Text("robots.txt tillåter", "robots.txt allows"),
    "forbidden": Text("robots.txt förbjuder", "robots.txt forbids"),
    "unreachable": Text("robots.txt går inte att läsa", "robots.txt cannot be read"),
    "absent": Text("ingen robots.txt", "no robots.txt"),
}
STATUS = {
    "status": Text("Driftläge", "Status"),
    "status_title": Text("Vad arkivet läser, och vad som inte fungerar", "What the archive reads, and what fails"),
    "status_about": Text(
        "Varje myndighet bedöms efter vad som har kommit in, jämfört med dess egen vana. En tystnad här kan alltså vara"
        " myndighetens, eller vår.",
        "Each agency is judged by what came in, against its own habit. So a silence here may be the agency’s, or ours.",
    ),
    "status_none": Text("Ingen myndighet är bedömd än.", "No agency has been judged yet."),
    "status_none_hint": Text("Det sker efter varje insamling.", "That is done after each crawl."),
    "judged_when": Text("Bedömt {when}.", "Judged {when}."),
    "judged_late": Text(
        "Inget har lästs eller bedömts sedan {when}. Det nedan kan vara inaktuellt: felet är arkivets.",
        "Nothing has been read or judged since {when}. This may be out of date: the fault is the archive’s.",
    ),
    "n_faults": Text(
        ("{n} myndighet läses inte som den ska", "{n} myndigheter läses inte som de ska"),
        ("{n} agency is not read as it should be", "{n} agencies are not read as they should be"),
    ),
    "n_read": Text(
        ("{n} myndighet läses som den ska", "{n} myndigheter läses som de ska"),
        ("{n} agency is read as it should be", "{n} agencies are read as they should be"),
    ),
    "none_read": Text("Ingen myndighet läses just nu", "No agency is read at the moment"),
    "n_known": Text(("{n} känt fel", "{n} kända fel"), ("{n} known fault", "{n} known faults")),
    "since_when": Text("så sedan {when}", "so since {when}"),
    "status_all": Text("Alla myndigheters driftläge", "Status of all agencies"),
    "known_fault": Text("känt fel", "known fault"),
    "expected_by": Text("väntas senast {when}", "expected by {when}"),
    "newest_of": Text("nyast {when}", "newest {when}"),
    "worked_when": Text("senast läst {when}", "last read {when}"),
    "worked_never": Text("aldrig läst med framgång", "never read successfully"),
    "held_of_listed": Text("{held} i arkivet, {listed} listade", "{held} held, {listed} listed"),
    "head_quiet": Text("Tysta inom sin vana", "Quiet within their habit"),
    "head_healthy": Text("Fungerar", "Healthy"),
    "head_paused": Text("Avstängda", "Paused"),
    "head_untried": Text("Ännu inte prövade", "Not tried yet"),
    "fields_told": Text("Andel lästa sidor som anger", "Share of pages read that tell"),
    "field": Text("Uppgift", "Field"),
    "now": Text("Nu", "Now"),
    "before": Text("Förr", "Before"),
    "usual_gap": Text("Brukar dröja", "Usually takes"),
    "n_days": Text(("{n} dag", "{n} dagar"), ("{n} day", "{n} days")),
    "found_week": Text("Nya den senaste veckan", "New in the last week"),
    "refused_week": Text("Oläsliga den senaste veckan", "Unreadable in the last week"),
    "kept_aside": Text("Hålls undan", "Kept aside"),
    "tried_when": Text("Senast försökt", "Last tried"),
    "state_history": Text("Så har läget ändrats", "How the state changed"),
    "guest_one": Text("De senaste trettio dagarna.", "The last thirty days."),
    "faults_week": Text("Fel den senaste veckan", "Faults of the last week"),
    "col_agency": Text("Myndighet", "Agency"),
    "col_newest": Text("Nyast", "Newest"),
    "col_expected": Text("Väntas senast", "Expected by"),
    "col_held": Text("I arkivet", "Held"),
    "col_listed": Text("Listade", "Listed"),
    "col_read": Text("Senast läst med framgång", "Last read successfully"),
    "guest_title": Text("Hur arkivet uppför sig", "How the archive behaves"),
    "guest_about": Text("De senaste trettio dagarna hos alla myndigheter.", "The last thirty days at all agencies."),
    "guest_requests": Text("Frågor till webbplatser", "Requests to sites"),
    "guest_bytes": Text("Hämtat", "Received"),
    "guest_same": Text("Oförändrat enligt servern (304)", "Not modified, says the server (304)"),
    "guest_delay": Text("Kortaste paus mellan två frågor", "Shortest pause between two requests"),
    "guest_robots": Text("robots.txt", "robots.txt"),
    "seconds": Text("{n} sekunder", "{n} seconds"),
    "status_atom": Text("Driftläge: ändringar", "Status: changes"),
    "became": Text("{agency}: {state}", "{agency}: {state}"),
    "status_more": Text(
        "Vad som läses, och vad som just nu inte fungerar:", "What is read, and what fails at the moment:"
    ),
}


FIELDS = {  # as a comparison heads them
    "title": Text("Rubrik", "Title"),
    "lead": Text("Ingress", "Lead"),
    "kind": Text("Slag", "Kind"),
    "published": Text("Publicerad enligt myndigheten", "Published, says the agency"),
    "updated": Text("Uppdaterad enligt myndigheten", "Updated, says the agency"),
    "language": Text("Språk", "Language"),
    "body": Text("Text", "Text"),
    "body_html": Text("Text", "Text"),
    "questions": Text("Frågor och svar", "Questions and answers"),
    "tags": Text("Ämnesord", "Tags"),
    "images": Text("Bilder", "Pictures"),
    "attachments": Text("Bilagor", "Attachments"),
    "contacts": Text("Kontakt", "Contact"),
    "links": Text("Länkar i texten", "Links in the text"),
    "layout": Text("Utformning", "Layout"),
}
COMPARISON = {
    "diff_title": Text("Ändring: {title}", "Change: {title}"),
    "diff_other_title": Text("Jämförelse: {title}", "Comparison: {title}"),
    "diff_head": Text("Ändring:", "Change:"),
    "diff_other_head": Text("Jämförelse:", "Comparison:"),
    "two_versions": Text(
        "Lydelsen {one} jämförd med lydelsen {other}.", "The version of {one} compared with that of {other}."
    ),
    "diff_reread": Text(
        "Skillnaden kommer av att arkivet läste sidan på nytt. Den är ingen ändring av myndigheten.",
        "The difference comes from our reading the page anew. It is not an edit by the agency.",
    ),
    "legend": Text("Så visas det:", "How it is shown:"),
    "added": Text("tillagt", "added"),
    "deleted": Text("borttaget", "removed"),
    "added_from": Text("[tillagt: ", "[added: "),
    "deleted_from": Text("[borttaget: ", "[removed: "),
    "show_all": Text("Visa hela texten", "Show the whole text"),
    "show_changes": Text("Visa bara ändringarna", "Show only the changes"),
    "gap": Text(
        ("… {n} stycke oförändrat …", "… {n} stycken oförändrade …"),
        ("… {n} paragraph unchanged …", "… {n} paragraphs unchanged …"),
    ),
    "no_difference": Text(
        "Lydelserna är lika i allt som visas här.", "The versions are alike in all that is shown here."
    ),
    "note_reordered": Text("Samma innehåll i en annan ordning.", "The same content in another order."),
    "note_layout_only": Text(
        "Bara utformningen skiljer: rubriker, listor eller fetstil. Orden är desamma.",
        "Only the layout differs: headings, lists or emphasis. The words are the same.",
    ),
    "question_number": Text("Fråga {n}", "Question {n}"),
    "answered_by": Text("Svarar", "Answered by"),
    "told_above": Text("Samma ändring, bland frågorna", "The same change, among the questions"),
    "told_above_of": Text(
        "Frågor och svar: samma ändring som i texten ovan.", "Questions and answers: the same change as in the text."
    ),
    "what_changed": Text("Vad som ändrades", "What was changed"),
    "change_weight": Text("Tyngd", "Weight"),
    "more_changes": Text(("{n} ändring till", "{n} ändringar till"), ("{n} more change", "{n} more changes")),
    "neighbours": Text("Meddelandets andra ändringar", "The release’s other edits"),
    "previous_edit": Text("Föregående ändring", "Previous edit"),
    "next_edit": Text("Nästa ändring", "Next edit"),
    "permalink": Text("Fast adress", "Permanent address"),
    "evidence_for": Text("Underlag för lydelsen {when}", "Evidence for the version of {when}"),
    "to_release": Text("Meddelandet och dess historik", "The release and its history"),
}


WEIGHTS = (  # the least weight, the marks it gets of four, and how it is said
    (80, 4, Text("mycket tung", "very weighty")),
    (50, 3, Text("tung", "weighty")),
    (20, 2, Text("märkbar", "noticeable")),
    (0, 1, Text("liten", "slight")),
)
ABSENCES = {  # what was seen in a release's place (removals.kind)
    "gone": Text("Sidan svarade {status}.", "The page answered {status}."),
    "error page": Text("Sidan sade att den inte finns.", "The page said that it does not exist."),
    "redirected": Text("Adressen ledde till {target}", "The address led to {target}"),
    "replaced": Text("En annan text stod på adressen: ”{target}”.", "Another text stood at the address: “{target}”."),
    "moved": Text("Flyttad till {target}", "Moved to {target}"),
}
ABSENCE_CHOICES = {  # the same, as a choice
    "gone": Text("sidan svarade att den inte finns", "the page answered that it is not there"),
    "error page": Text("sidan sade att den inte finns", "the page said that it does not exist"),
    "redirected": Text("adressen ledde någon annanstans", "the address led elsewhere"),
    "replaced": Text("en annan text stod på adressen", "another text stood at the address"),
    "moved": Text("flyttad till en annan adress", "moved to another address"),
}
STAMP_CHOICES = {  # what the agency's own update stamp did at an edit (archive.history.STAMPS), as a choice
    "moved": Text("ändrades samtidigt", "moved with it"),
    "not moved": Text("ändrades inte", "did not move"),
    "none told": Text("anges inte", "is not told"),
}
HISTORY = {
    "edits": Text("Ändringar", "Edits"),
    "removed": Text("Borttaget", "Removed"),
    "edits_atom": Text("Ändringar som Atom", "Edits as Atom"),
    "removed_atom": Text("Borttaget som Atom", "Removed as Atom"),
    # an edit, wherever it is told
    "edited": Text("Ändrad", "Changed"),
    "edited_times": Text(
        ("Ändrad en gång sedan den först sågs här", "Ändrad {n} gånger sedan den först sågs här"),
        ("Changed once since first seen here", "Changed {n} times since first seen here"),
    ),
    "unannounced": Text("oannonserad", "unannounced"),
    "stamp_still": Text(
        "Oannonserad: gjord utan att myndigheten ändrade sitt uppdateringsdatum.",
        "Not announced: the agency’s own update date did not move.",
    ),
    "stamp_none": Text("Sidan anger inget uppdateringsdatum.", "The page states no update date."),
    "between_looks": Text(
        "Gjord mellan två kontroller: {after} och {when}.", "Made between two checks: {after} and {when}."
    ),
    "found_at_look": Text("Sedd {when}.", "Seen {when}."),
    "weight_of": Text("tyngd {n} av 100", "weight {n} of 100"),
    "back_to": Text("Tillbaka till lydelsen från {when}", "Back to the wording of {when}"),
    "show_change": Text("Visa ändringen", "Show the change"),
    "show_difference": Text("Visa skillnaden", "Show the difference"),
    "evidence": Text("Underlag (zip)", "Evidence (zip)"),
    # the timeline
    "history": Text("Historik", "History"),
    "history_of": Text("Historik: {title}", "History: {title}"),
    "event_first": Text("Först läst av arkivet", "First read by the archive"),
    "event_edit": Text("Ändrad av myndigheten", "Changed by the agency"),
    "event_reread": Text(
        "Arkivet läste sidan på nytt: ingen ändring av myndigheten",
        "We read the page anew: not an edit by the agency",
    ),
    "event_same": Text(
        "Läst på sin nya adress: ingen ändring av myndigheten", "Read at its new address: not an edit by the agency"
    ),
    "event_own": Text(
        "Först läst av arkivet självt; lydelsen före kom från en annan samling",
        "First read by the archive itself; the version before came from another collection",
    ),
    "event_import": Text("Hämtad från en annan samling", "Taken over from another collection"),
    "checked": Text(
        (
            "Kontrollerad {n} gång därefter, {when}: oförändrad.",
            "Kontrollerad {n} gånger därefter, senast {when}: oförändrad.",
        ),
        ("Checked {n} time since, {when}: unchanged.", "Checked {n} times since, last {when}: unchanged."),
    ),
    "not_checked": Text("Inte kontrollerad igen sedan dess.", "Not checked again since."),
    "not_seen": Text("Inte sedd igen sedan dess.", "Not seen again since."),
    "at_address": Text("På adressen {url}", "At the address {url}"),
    "moved_from": Text("Flyttad från {old} till {target}", "Moved from {old} to {target}"),
    "away_confirmed": Text("Borttagen av myndigheten", "Removed by the agency"),
    "away_doubt": Text("Kanske borttagen", "Perhaps removed"),
    "away_passed": Text("Tillfälligt borta", "Away for a while"),
    "away_checks": Text(
        ("Sett vid {n} kontroll.", "Sett vid {n} kontroller, senast {when}."),
        ("Seen by {n} check.", "Seen by {n} checks, last {when}."),
    ),
    "confirmed_when": Text("Bekräftad {when}.", "Confirmed {when}."),
    "not_confirmed": Text(
        "Inte bekräftad: flera kontroller under minst ett dygn krävs.",
        "Not confirmed: several checks over at least a day are needed.",
    ),
    "passed": Text("Blev aldrig bekräftad.", "Was never confirmed."),
    "back_when": Text("Tillbaka {when}.", "Back {when}."),
    "found_when": Text("Återfunnen på en annan adress {when}.", "Found again at another address {when}."),
    "show_older": Text(("{year}: {n} händelse", "{year}: {n} händelser"), ("{year}: {n} event", "{year}: {n} events")),
    "follow_release": Text("Följ ändringarna (Atom)", "Follow the edits (Atom)"),
    "all_edits_of": Text("Bara myndighetens ändringar", "Only the agency’s edits"),
    "whole_history": Text("Hela historiken som data", "The whole history as data"),
    # what stands in the way of reading it as today's
    "standing": Text("Meddelandets läge", "Where the release stands"),
    "stands_gone": Text("Borttagen av myndigheten", "Removed by the agency"),
    "stands_doubt": Text("Kanske borttagen, inte bekräftat", "Perhaps removed, not confirmed"),
    "stands_moved": Text("Flyttad", "Moved"),
    "stands_outage": Text("Kan inte kontrolleras just nu", "Cannot be checked at the moment"),
    "stands_forbidden": Text("Får inte längre kontrolleras", "May no longer be checked"),
    "stands_unread": Text("Kan inte läsas just nu", "Cannot be read at the moment"),
    "first_seen_so": Text("Upptäckt {when}.", "First seen {when}."),
    "last_text": Text(
        "Texten nedan är den sista som arkivet såg, den stod kvar {when}.",
        "The text below is the last that the archive saw; it stood {when}.",
    ),
    "record_goes_on": Text("Dess historik fortsätter på den nya adressen", "Its record goes on at the new address"),
    "outage_since": Text(
        "Myndighetens sida svarade senast som den ska {since}, senast prövad {when}. Det är inget tecken på att"
        " texten är borttagen.",
        "The agency’s page last answered as it should {since}, last tried {when}. That is no sign that the text was"
        " removed.",
    ),
    "forbidden_since": Text(
        "Myndighetens robots.txt har förbjudit arkivet att läsa sidan sedan {since}, senast prövat {when}. Det är"
        " inget tecken på att texten är borttagen.",
        "The agency’s robots.txt has forbidden the archive to read the page since {since}, last tried {when}. That is"
        " no sign that the text was removed.",
    ),
    "unread_since": Text(
        "Sedan {since} svarar sidan inte med något som arkivet kan läsa, senast prövat {when}.",
        "Since {since} the page has answered with nothing the archive can read, last tried {when}.",
    ),
    "moved_here": Text("Flyttad hit från {old}, sett {when}", "Moved here from {old}, seen {when}"),
    "last_seen": Text("Senast sedd", "Last seen standing"),
    "last_tried": Text("Senast prövad", "Last tried"),
    "removed_mark": Text("borttagen", "removed"),
    # the registers
    "edits_title": Text("Ändringar i publicerade meddelanden", "Edits to published releases"),
    "edits_about": Text(
        "Vad myndigheterna har ändrat i texter som redan var publicerade, nyast först.",
        "What agencies changed in texts that were already published, newest first.",
    ),
    "removed_title": Text("Borttagna meddelanden", "Removed releases"),
    "removed_about": Text(
        "Meddelanden som flera kontroller under minst ett dygn fann borta. Den sista texten finns kvar här.",
        "Releases that several checks over at least a day found gone. The last text is kept here.",
    ),
    "filter": Text("Visa", "Show"),
    "every_agency": Text("Alla myndigheter", "All agencies"),
    "every_weight": Text("Alla", "All"),
    "from_weight": Text("minst {n}: {word}", "at least {n}: {word}"),
    "only_unannounced": Text("Bara oannonserade", "Only unannounced"),
    "stamp_choice": Text("Uppdateringsdatumet", "The update date"),
    "every_stamp": Text("Oavsett", "Whatever it did"),
    "from_day": Text("Från och med", "From"),
    "to_day": Text("Till och med", "To"),
    "only_back": Text("Bara de som kom tillbaka", "Only those that came back"),
    "every_kind": Text("Alla borttagna", "All removed"),
    "absence_kind": Text("Vad som sågs", "What was seen"),
    "n_edits": Text(("{n} ändring", "{n} ändringar"), ("{n} edit", "{n} edits")),
    "n_removals": Text(("{n} borttagning", "{n} borttagningar"), ("{n} removal", "{n} removals")),
    "n_moves": Text(("{n} flytt", "{n} flyttar"), ("{n} move", "{n} moves")),
    "more_than": Text("fler än {n}", "more than {n}"),
    "of_one_release": Text("Bara ett meddelande", "Only one release"),
    "folded": Text(
        (
            "{n} ändring till av samma meddelande, tyngd {most}",
            "{n} ändringar till av samma meddelande, den tyngsta {most}",
        ),
        ("{n} more edit of the same release, weight {most}", "{n} more edits of the same release, the heaviest {most}"),
    ),
    "older": Text("Äldre", "Older"),
    "newest_again": Text("Till de nyaste", "To the newest"),
    "no_edits": Text("Inga ändringar att visa", "No edits to show"),
    "no_edits_hint": Text(
        "Arkivet har inte sett någon ändring som passar. Pröva färre avgränsningar.",
        "The archive has seen no edit that fits. Try fewer filters.",
    ),
    "no_edits_yet": Text("Ingen ändring har setts än;", "No edit has been seen yet;"),
    "no_removals_yet": Text("Ingen borttagning har setts än;", "No removal has been seen yet;"),
    "looks_for_them": Text("letar efter dem.", "looks for them."),
    "latest_edits": Text("Senaste ändringar", "Latest edits"),
    "all_edits": Text("Alla ändringar", "All edits"),
    "no_removals": Text("Inget borttaget att visa", "Nothing removed to show"),
    "no_removals_hint": Text(
        "Arkivet har inte sett någon borttagning som passar. Pröva färre avgränsningar.",
        "The archive has seen no removal that fits. Try fewer filters.",
    ),
    "without_choices": Text("Visa utan avgränsningar", "Show without filters"),
    "moves_apart": Text("Flyttade meddelanden visas för sig", "Moved releases are shown apart"),
    "last_text_link": Text("Läs den sista texten", "Read the last text"),
    # refusals
    "refused_404": Text("Sidan finns inte", "There is no such page"),
    "refused_400": Text("Avgränsningen går inte att använda", "The filter cannot be used"),
    "refused_503": Text("Det tog för lång tid", "It took too long"),
    "bad_filter": Text("Värdet ”{value}” för {name} kan inte läsas.", "The value “{value}” of {name} cannot be read."),
    "bad_agency": Text("Arkivet känner ingen myndighet ”{value}”.", "The archive knows no agency “{value}”."),
    "bad_days": Text(
        "Från och med ({value}) är senare än till och med ({until}).", "From ({value}) is later than to ({until})."
    ),
    "too_slow_list": Text("Listan tog för lång tid. Pröva en avgränsning.", "The list took too long. Try a filter."),
    "diff_same": Text(
        "Lydelsen {revision} kan inte jämföras med sig själv.", "Revision {revision} cannot be compared with itself."
    ),
    "diff_missing": Text("Arkivet har ingen lydelse {revision}.", "The archive holds no revision {revision}."),
    "no_such_removal": Text("Arkivet har ingen borttagning {removal}.", "The archive holds no removal {removal}."),
    "diff_other": Text(
        "Lydelserna {one} och {other} hör till olika meddelanden och kan inte jämföras.",
        "Revisions {one} and {other} belong to different releases and cannot be compared.",
    ),
    "no_such_release": Text("Arkivet har inget meddelande {release}.", "The archive holds no release {release}."),
    # search for an address
    "address_unknown": Text(
        "Arkivet har inget meddelande som stått på den adressen.",
        "The archive holds no release that stood at that address.",
    ),
}


SOURCE_KINDS = {
    "feed": Text("flöde", "feed"),
    "sitemap": Text("sajtkarta", "sitemap"),
    "listing": Text("lista", "list"),
    "archive": Text("arkivsida", "archive page"),
    "home": Text("startsida", "front page"),
    "robots": Text("robots.txt", "robots.txt"),
}
GAPS = {
    "unseen": Text("inte funnet av någon insamling", "not found by any crawl"),
    "due": Text("funnet, står på tur att läsas", "found, waits its turn to be read"),
    "failed": Text("sidan svarade inte", "the page did not answer"),
    "aside": Text("läst, men hålls undan tills någon sett på det", "read, but kept aside until looked at"),
}
LEDGER = {
    **{f"kind_{kind}": text for kind, text in SOURCE_KINDS.items()},
    **{f"gap_{state}": text for state, text in GAPS.items()},
    "ledger": Text("Fullständighet", "Completeness"),
    "ledger_title": Text(
        "Vad myndigheterna listar, och vad som saknas här", "What agencies list, and what is missing here"
    ),
    "ledger_about": Text(
        "Då och då läses myndigheternas egna listor, flöden och sajtkartor från början till slut, och varje adress i"
        " dem jämförs med arkivet.",
        "Now and then the agencies’ own lists, feeds and sitemaps are read from beginning to end, and every address in"
        " them is compared with the archive.",
    ),
    "ledger_none": Text("Ingen jämförelse är gjord än.", "No comparison has been made yet."),
    "ledger_none_hint": Text("Den görs av", "It is made by"),
    "ledger_all": Text("Alla myndigheters fullständighet", "Completeness of all agencies"),
    "ledger_more": Text(
        "Vad myndigheterna listar, jämfört med vad arkivet har:", "What agencies list, against what the archive holds:"
    ),
    "compared_when": Text("Jämfört {when}.", "Compared {when}."),
    "compared_last": Text("Senast jämfört {when}.", "Last compared {when}."),
    "n_missing": Text(
        ("{n} listat meddelande saknas", "{n} listade meddelanden saknas"),
        ("{n} listed release is missing", "{n} listed releases are missing"),
    ),
    "none_missing": Text("Inget listat meddelande saknas", "No listed release is missing"),
    "of_n_listed": Text("av {n} listade", "of {n} listed"),
    "n_delisted": Text(
        (
            "Minst {n} meddelande i arkivet listas inte längre, fast sidan står kvar.",
            "Minst {n} meddelanden i arkivet listas inte längre, fast sidorna står kvar.",
        ),
        (
            "At least {n} release held is no longer listed, though its page still stands.",
            "At least {n} releases held are no longer listed, though their pages still stand.",
        ),
    ),
    "broke_off": Text(
        "Läsningen av en källa avbröts, så det kan listas mer än här räknats.",
        "A source broke off while it was read, so more may be listed than was counted here.",
    ),
    "partly_read": Text("delvis läst", "partly read"),
    "never_compared": Text("Listorna har inte jämförts med arkivet än.", "Its lists have not been compared yet."),
    "head_gaps": Text("Något saknas", "Something is missing"),
    "head_broke_off": Text("Läsningen avbröts", "Reading broke off"),
    "head_complete": Text("Inget saknas", "Nothing is missing"),
    "n_uncompared": Text(
        ("{n} myndighet är inte jämförd än.", "{n} myndigheter är inte jämförda än."),
        ("{n} agency has not been compared yet.", "{n} agencies have not been compared yet."),
    ),
    "col_missing": Text("Saknas", "Missing"),
    "col_no_release": Text("Inget att läsa", "Nothing to read"),
    "col_delisted": Text("Ej längre listade", "No longer listed"),
    "col_month": Text("Publicerat", "Published"),
    "col_source": Text("Källa", "Source"),
    "gaps_by_name": Text("Det som saknas", "What is missing"),
    "by_source": Text("Källa för källa", "Source by source"),
    "month_unknown": Text("okänd månad", "month unknown"),
    "listed_as": Text("daterat {when} i källan", "dated {when} by the source"),
    "missed_since": Text("saknas sedan {when}", "missing since {when}"),
    "more_gaps": Text("Fler som saknas", "More that are missing"),
    "first_gaps": Text("Från början", "From the beginning"),
    "no_release_means": Text(
        "Inget att läsa: adressen är prövad, men där fanns inget meddelande som gick att läsa.",
        "Nothing to read: the address was tried, but no release could be read there.",
    ),
    "gaps_as_data": Text("Luckorna som tabell", "The gaps as a table"),
}


PAGES = {
    # every page
    "about": Text("Om arkivet", "About"),
    "help": Text("Hjälp", "Help"),
    "search_help": Text("Hjälp om sökning", "Help with searching"),
    "more_menu": Text("Om webbplatsen", "About the site"),
    # index
    "what_is_this": Text(
        "Arkivet läser myndigheternas nyhetssidor, sparar varje text som den stod och visar vad som senare ändrades"
        " eller togs bort.",
        "The archive reads the agencies’ news pages, keeps each text as it stood and shows what was later changed or"
        " removed.",
    ),
    "more_about": Text("Mer om arkivet", "More about the archive"),
    "all_agencies": Text(("Alla myndigheter", "Alla {n} myndigheter"), ("All agencies", "All {n} agencies")),
    "last_added": Text("Senast utökat {when}.", "Last added to {when}."),
    "by_month": Text("Månad för månad", "Month by month"),
    # agencies
    "agencies_about": Text("De myndigheter som arkivet läser.", "The agencies that the archive reads."),
    "no_agencies": Text("Arkivet läser ingen myndighet än.", "The archive reads no agency yet."),
    # one agency
    "agency_about": Text(
        "Vad {agency} har publicerat, som arkivet såg det.", "What {agency} has published, as the archive saw it."
    ),
    "agency_home": Text("Myndighetens webbplats", "The agency’s website"),
    "org_number": Text("Organisationsnummer {number}", "Organisation number {number}"),
    "search_agency": Text("Sök hos {agency}", "Search {agency}"),
    "record": Text("I arkivet", "In the archive"),
    "held": Text("Meddelanden", "Releases"),
    "edits_made": Text("Ändringar", "Edits"),
    "n_unannounced": Text("varav {n} oannonserade", "{n} of them unannounced"),
    "removed_count": Text("Borttagna", "Removed"),
    "last_crawl": Text("Senast läst", "Last read"),
    "crawl_good": Text("utan fel", "without errors"),
    "crawl_faults": Text(
        ("{n} adress svarade inte", "{n} adresser svarade inte"),
        ("{n} address did not answer", "{n} addresses did not answer"),
    ),
    "crawl_stopped": Text("avbruten i förtid", "ended early"),
    "never_crawled": Text("Ännu aldrig av arkivet", "Never yet by the archive"),
    "read_since": Text("Läst sedan", "Read since"),
    "agency_empty": Text(
        "Arkivet har inget meddelande från {agency} än.", "The archive has no release from {agency} yet."
    ),
    "agency_empty_hint": Text(
        "Så snart en insamling har hittat något visas det här.",
        "As soon as a crawl has found something it is shown here.",
    ),
    "months": Text("Månader", "Months"),
    "n_undated": Text(("{n} utan datum", "{n} utan datum"), ("{n} undated", "{n} undated")),
    "older_years": Text("Äldre år", "Earlier years"),
    "older_releases": Text("Äldre meddelanden", "Older releases"),
    "most_used_tags": Text("Vanliga ämnesord", "Common tags"),
    # one tag
    "tag_title": Text("Ämnesord: {tag}", "Tag: {tag}"),
    "tag_head": Text("Ämnesord", "Tag"),
    "tag_about": Text(
        "Meddelanden som myndigheterna själva har märkt så.", "Releases that the agencies themselves have tagged so."
    ),
    "search_tag": Text("Sök bland dem", "Search among them"),
    "used_by": Text("Används av", "Used by"),
    "tag_empty": Text("Inget meddelande har det ämnesordet längre.", "No release has that tag any more."),
    # one month
    "month_of": Text("{agency}: {month}", "{agency}: {month}"),
    "undated_title": Text("Utan datum", "Undated"),
    "undated_about": Text(
        "Sidor som inte säger när de publicerades. De står i ordning efter när de uppdaterades eller först sågs.",
        "Pages that do not say when they were published, in the order in which they were updated or first seen.",
    ),
    "month_about": Text("Publicerat enligt myndigheterna.", "Published, say the agencies."),
    "month_empty": Text("Inget meddelande från den månaden.", "No release from that month."),
    "month_empty_hint": Text(
        "Arkivet har inget som publicerades då. Pröva en annan månad.",
        "The archive has nothing that was published then. Try another month.",
    ),
    "every_month_of": Text("Alla månader från {agency}", "Every month of {agency}"),
    "everyone": Text("Alla myndigheter denna månad", "All agencies that month"),
    "other_months": Text("Andra månader", "Other months"),
    "other_years": Text("Andra år", "Other years"),
    # reading page
    "times": Text("Fyra tider", "Four times"),
    "taken_over": Text("Hämtad till arkivet ur en annan samling", "Taken over from another collection"),
    "in_given_words": Text("i den samlingen: ”{words}”", "in that collection: “{words}”"),
    "never_checked": Text("Ännu aldrig av arkivet", "Never yet by the archive"),
    "neighbours_of": Text("Fler från {agency}", "More from {agency}"),
    "earlier": Text("Tidigare", "Earlier"),
    "later": Text("Senare", "Later"),
}


SEARCH = {
    "search_title": Text("Sök i arkivet", "Search the archive"),
    "search_for": Text("Sök: {words}", "Search: {words}"),
    "search_label": Text("Ord att söka efter", "Words to search for"),
    # the help line beside the box
    "search_tips": Text(
        "Alla ord måste finnas med, i vilken böjning som helst.", "All words must occur, in any inflected form."
    ),
    "more_ways": Text("Fler sätt att söka", "More ways to search"),
    "way_phrase": Text("orden i just den följden", "the words in that very order"),
    "way_not": Text("utan det ordet", "without that word"),
    "way_or": Text("det ena eller det andra", "the one or the other"),
    "way_star": Text("ord som börjar så, minst tre bokstäver", "words that begin so, three letters at least"),
    "way_near": Text("högst fem ord emellan", "at most five words between"),
    "way_field": Text(
        "bara i rubriken; också ingress:, fråga:, svar:", "only in the title; also lead:, question:, answer:"
    ),
    "way_agency": Text("bara den myndigheten", "only that agency"),
    "way_tag": Text("bara med det ämnesordet", "only with that tag"),
    "way_days": Text("publicerat de dagarna, månaderna eller åren", "published on those days, months or years"),
    "ask_phrase": Text('"på natten"', '"på natten"'),
    "ask_not": Text("skola -förskola", "skola -förskola"),
    "ask_or": Text("polis OR åklagare", "polis OR åklagare"),
    "ask_star": Text("miljö*", "miljö*"),
    "ask_near": Text("barn NEAR/5 vård", "barn NEAR/5 vård"),
    "ask_field": Text("rubrik:budget", "title:budget"),
    "ask_agency": Text("myndighet:polisen", "agency:polisen"),
    "ask_tag": Text('ämne:"mänskliga rättigheter"', 'tag:"mänskliga rättigheter"'),
    "ask_days": Text("från:2023-09 till:2024", "from:2023-09 to:2024"),
    # what was read otherwise than it may have been meant
    "search_note_open_quote": Text(
        "Ett citattecken saknar sin andra hälft. Orden efter det söktes vart för sig.",
        "A quotation mark lacks its other half. The words after it were searched for one by one.",
    ),
    "search_note_short_star": Text(
        "Före en stjärna behövs minst tre bokstäver. {words} lästes som ett helt ord.",
        "A star needs at least three letters before it. {words} was read as a whole word.",
    ),
    "search_note_many_begin": Text(
        "Så många ord börjar som {words} att bara de vanligaste av dem söktes, och de nyaste träffarna står först.",
        "So many words begin like {words} that only the commonest of them were searched, the newest hits first.",
    ),
    "search_note_lone": Text(
        "{words} behöver ett ord på var sida. Här lästes det som ett vanligt ord.",
        "{words} needs a word on either side. Here it was read as an ordinary word.",
    ),
    "search_note_only_not": Text(
        "Sökningen säger bara vad som inte ska vara med. Allt annat visas.",
        "The search says only what must not be there. All else is shown.",
    ),
    "search_note_no_day": Text(
        "{words} är inget datum och lästes som vanliga ord. Datum skrivs 2024, 2024-03 eller 2024-03-15.",
        "{words} is no date and was read as ordinary words. Dates are written 2024, 2024-03 or 2024-03-15.",
    ),
    "search_note_no_time": Text(
        "Tiden {words} slutar innan den börjar, så inget kan vara publicerat då.",
        "The time {words} ends before it begins, so nothing can have been published in it.",
    ),
    "search_note_no_field": Text(
        "{words} är inget fält och lästes som vanliga ord. Fälten är rubrik, ingress, text, fråga, svar, myndighet,"
        " ämne, från och till.",
        "{words} is no field and was read as ordinary words. The fields are title, lead, body, question, answer,"
        " agency, tag, from and to.",
    ),
    "search_note_no_value_of": Text(
        "Efter {words} står inget att söka efter, så det lästes som ett vanligt ord.",
        "Nothing to search for stands after {words}, so it was read as an ordinary word.",
    ),
    "search_note_no_agency": Text(
        "Ingen myndighet i arkivet heter {words}.", "No agency in the archive is called {words}."
    ),
    "search_note_no_tag": Text("Inget ämnesord i arkivet heter {words}.", "No tag in the archive is called {words}."),
    "search_note_not_read": Text(
        "{words} i adressen går inte att läsa och räknas inte med.",
        "{words} in the address cannot be read and is left out.",
    ),
    "search_note_no_value": Text(
        "{words} i adressen: det värdet finns inte i arkivet.", "{words} in the address: the archive has no such value."
    ),
    "search_note_most_size": Text(
        "En sida rymmer högst 100 träffar; {words} i adressen är för mycket.",
        "A page holds 100 hits at most; {words} in the address is too much.",
    ),
    "search_note_no_page": Text(
        "Det finns ingen sida {words}: träffarna tar slut före den.",
        "There is no page {words}: the hits end before it.",
    ),
    "search_note_cut": Text(
        "Bara de första orden togs med i sökningen: högst 32 ord och 2\u00a0000 tecken.",
        "Only the first words were used in the search: 32 words and 2,000 characters at most.",
    ),
    "search_note_titled": Text(
        "Så vanliga ord vägs inte: meddelanden med alla ord i rubriken står först, sedan de nyaste.",
        "Words so common are not weighed: releases with all words in the title come first, then the newest.",
    ),
    "search_note_partial": Text(
        "Talen vid en vald avgränsning är räknade bland högst 10\u00a0000 meddelanden, de nyaste.",
        "The numbers beside a chosen filter are counted among 10,000 releases at most, the newest.",
    ),
    # what is shown, and in which order
    "show_releases": Text("Meddelanden", "Releases"),
    "show_questions": Text("Frågor och svar", "Questions and answers"),
    "what_to_show": Text("Vad som visas", "What is shown"),
    "order": Text("Ordning", "Order"),
    "best_first": Text("bäst först", "best first"),
    "newest_first": Text("nyast först", "newest first"),
    "hits": Text(("{n} meddelande", "{n} meddelanden"), ("{n} release", "{n} releases")),
    "hits_capped": Text("Fler än {n} meddelanden", "More than {n} releases"),
    "pairs": Text(("{n} fråga med svar", "{n} frågor med svar"), ("{n} question answered", "{n} questions answered")),
    "pairs_capped": Text("Fler än {n} frågor med svar", "More than {n} questions answered"),
    "capped_hint": Text(
        "Fler än så räknas inte, varken i allt eller efter myndighet, år och annat. Träffarna är de nyaste.",
        "No more than that are counted, in all or by agency, year and so on. The hits are the newest.",
    ),
    "capped_pairs": Text(
        "Fler än så räknas inte. Träffarna är de som arkivet läste in sist.",
        "No more than that are counted. The hits are those the archive read last.",
    ),
    "answered_in": Text("Ur {title}", "From {title}"),
    "in_question": Text("I fråga {n}:", "In question {n}:"),
    # facets
    "narrow": Text("Avgränsa", "Narrow down"),
    "facet_agency": Text("Myndighet", "Agency"),
    "facet_kind": Text("Slag", "Kind"),
    "facet_year": Text("År", "Year"),
    "facet_tag": Text("Ämnesord", "Tag"),
    "facet_questions": Text("Frågor och svar", "Questions and answers"),
    "value_year_none": Text("Utan datum", "Undated"),
    "value_kind_none": Text("Framgår inte", "Not told"),
    "value_questions_yes": Text("Med frågor och svar", "With questions and answers"),
    "value_questions_no": Text("Utan", "Without"),
    "exclude": Text("Uteslut {name}", "Leave out {name}"),
    "without_value": Text("Utan {name}", "Without {name}"),
    "more_choices": Text("Visa {n} till", "Show {n} more"),
    "choices_left": Text(
        "{n} till med färre träffar står i JSON. En myndighet väljs också med myndighet: i sökrutan.",
        "{n} more with fewer hits are in the JSON. An agency can be chosen with agency: in the search box, too.",
    ),
    "chosen": Text("Valda avgränsningar", "Chosen filters"),
    "remove_filter": Text("Ta bort avgränsningen {name}", "Remove the filter {name}"),
    # why a hit was found
    "why": Text("Varför den här träffen?", "Why this hit?"),
    "why_title": Text("rubriken", "the title"),
    "why_lead": Text("ingressen", "the lead"),
    "why_body": Text("texten", "the text"),
    "why_question": Text("en fråga", "a question"),
    "why_answer": Text("ett svar", "an answer"),
    "why_stands": Text("{asked} finns i", "{asked} is in"),
    # other spellings
    "did_you_mean": Text("Menade du", "Did you mean"),
    "apart": Text(
        "Orden finns, men inte tillsammans i den följden. Sök dem vart för sig:",
        "The words are there, but not together in that order. Search for them one by one:",
    ),
    # pages of hits
    "pages": Text("Sidor", "Pages"),
    "previous": Text("Föregående", "Previous"),
    "next": Text("Nästa", "Next"),
    "page_of": Text("Sida {page} av {pages}", "Page {page} of {pages}"),
    # nothing found
    "no_hits": Text("Inget meddelande hittades.", "No release was found."),
    "no_pairs": Text("Ingen fråga med svar hittades.", "No answered question was found."),
    "searched": Text(
        ("Sökningen gick igenom {n} meddelande från", "Sökningen gick igenom {n} meddelanden från"),
        ("The search went through {n} release from", "The search went through {n} releases from"),
    ),
    "searched_more": Text("{n} till", "{n} more"),
    "fresh_newest": Text("Det nyaste meddelandet är från {when}.", "The newest release is of {when}."),
    "fresh_status": Text("Så mår läsningen av varje myndighet", "How the reading of each agency fares"),
    "no_hits_advice": Text(
        "Pröva färre ord, ett annat ord för samma sak eller OR mellan två ord.",
        "Try fewer words, another word for the same thing, or OR between two words.",
    ),
    "without_filters": Text("Sök utan avgränsningar", "Search without filters"),
    "no_word": Text(
        "Det som skrevs innehåller inga bokstäver eller siffror att söka efter.",
        "What was typed holds no letters or digits to search for.",
    ),
    "too_slow": Text(
        "Sökningen tog för lång tid. Pröva ovanligare ord eller en avgränsning.",
        "The search took too long. Try rarer words or a filter.",
    ),
}


TAKEDOWNS = {
    "takedowns_title": Text("Dolt och överstruket", "Hidden and redacted"),
    "takedowns_about": Text(
        "Vad arkivet självt har dolt eller strukit över, när och varför. Vad myndigheterna tog bort står"
        " under Borttaget.",
        "What the archive itself has hidden or redacted, when and why. What agencies took away stands under Removed.",
    ),
    "takedowns_hashes": Text(
        "Varje lydelses kontrollsumma står kvar och visar vad som fanns.",
        "The hash of each version stays and proves what was there.",
    ),
    "takedowns_none": Text("Inget är dolt eller överstruket.", "Nothing is hidden or redacted."),
    "takedown_hide": Text("Dolt meddelande", "Hidden release"),
    "takedown_redact": Text("Överstruken passage", "Redacted passage"),
    "takedown_at": Text("Sedan {when}", "Since {when}"),
    "takedown_lifted": Text("Upphävt {when}: {why}", "Lifted {when}: {why}"),
    "takedown_hidden": Text("En annan post döljer meddelandet", "Another entry hides the release"),
    "takedown_redacted": Text(
        "En annan post stryker över delar av meddelandet", "Another entry redacts parts of the release"
    ),
    "takedown_log": Text("Allt som är dolt eller överstruket", "All that is hidden or redacted"),
    "release_number": Text("Meddelande {number}", "Release {number}"),
    "stands_hidden": Text("Arkivet visar inte det här meddelandet", "The archive does not show this release"),
    "stands_redacted": Text("Arkivet har strukit över delar av texten", "The archive has redacted parts of this text"),
}


LANGUAGES = ("sv", "en")  # the first is the default
ZONE = ZoneInfo("Europe/Stockholm")
NO_BREAK = "\u00a0"
SAID = {
    **TEXTS,
    **HISTORY,
    **COMPARISON,
    **PAGES,
    **ABOUT,
    **HELP,
    **CITATION,
    **FEEDS,
    **SEARCH,
    **TAKEDOWNS,
    **STATUS,
    **LEDGER,
    **DELTA,
}


def choose_language(asked: str | None, accepted: str | None) -> str:
    """The language a URL asks for, else the one a browser likes best (Accept-Language), else Swedish.

    >>> choose_language(None, "de, en-GB;q=0.8, sv;q=0.5")
    'en'
    """
    if asked in LANGUAGES:
        return asked
    liked: dict[str, float] = {}
    for part in (accepted or "").split(","):
        tag, _, quality = part.partition(";")
        language = tag.strip().lower().split("-")[0]
        weight = parse_quality(quality)
        if language in LANGUAGES and weight > 0:
            liked[language] = max(weight, liked.get(language, 0))
    return max(LANGUAGES, key=lambda language: liked.get(language, 0))


def parse_quality(text: str) -> float:
    """The weight in "q=0.8"; 1 where there is none, 0 where it cannot be read."""
    name, _, value = text.replace(" ", "").partition("=")
    if not name:
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def say(language: str, key: str, **values: object) -> str:
    """An interface text; `n` chooses between one and many, numbers are written the language's way."""
    text = getattr(SAID[key], language)
    if isinstance(text, tuple):
        text = text[0 if values.get("n") == 1 else 1]
    said = {name: say_number(language, v) if isinstance(v, int) else v for name, v in values.items()}
    return str(text.format(**said))


def say_number(language: str, number: int) -> str:
    """A whole number with its thousands parted.

    >>> say_number("en", 12345)
    '12,345'
    """
    return f"{number:,}" if language == "en" else f"{number:,}".replace(",", NO_BREAK)


def say_time(language: str, text: str | None) -> str:
    """A time of our own notes (seen, checked, crawled …), which are in UTC, in words and Swedish time.

    >>> say_time("en", "2021-05-18T10:57:00+00:00")
    '18 May 2021, 12:57'
    """
    value = parse_time(text)
    return _say_moment(language, at_clock(value, ZONE) if isinstance(value, datetime) else value)


def say_told(language: str, text: str | None) -> str:
    """A time that an agency tells (published, updated) in words: by the clock it is told by.

    >>> say_told("en", "2024-01-18T10:57:00+00:00"), say_told("sv", "2024-06")
    ('18 January 2024, 10:57', 'juni 2024')
    """
    return _say_moment(language, parse_time(text))


def _say_moment(language: str, value: date | None) -> str:
    """A moment by its own clock, a day or a month in words."""
    if value is None:
        return ""
    month = f"{getattr(MONTHS[value.month - 1], language)} {value.year}"
    if isinstance(value, Month):
        return month
    day = f"{value.day} {month}"
    if not isinstance(value, datetime):
        return day
    return f"{day}, {value:%H:%M}" if language == "en" else f"{day} kl.{NO_BREAK}{value:%H.%M}"


def say_kind(language: str, kind: str) -> str:
    """A release's kind in words.

    >>> say_kind("sv", "press release"), say_kind("sv", "telegram")
    ('pressmeddelande', 'telegram')
    """
    return str(getattr(RELEASE_KINDS[kind], language)) if kind in RELEASE_KINDS else kind


def say_weight(language: str, weight: int | None) -> str:
    """How much an edit matters, in words; "" where it was not weighed.

    >>> say_weight("en", 75), say_weight("sv", 8)
    ('weighty', 'liten')
    """
    return "" if weight is None else str(getattr(next(text for least, _, text in WEIGHTS if weight >= least), language))


def mark_weight(weight: int | None) -> str:
    """The same for the eye, without colour.

    >>> mark_weight(75), mark_weight(8), mark_weight(None)
    ('▮▮▮▯', '▮▯▯▯', '')
    """
    marks = 0 if weight is None else next(marks for least, marks, _ in WEIGHTS if weight >= least)
    return "▮" * marks + "▯" * (4 - marks) if marks else ""


def say_absence(language: str, kind: str, status: int | None, target: str | None) -> str:
    """What was seen in a release's place.

    >>> say_absence("en", "gone", 410, None)
    'The page answered 410.'
    """
    text = str(getattr(ABSENCES[kind], language))
    return text.format(status=status or 404, target=target or "?")


def say_value(language: str, field: str, text: str) -> str:
    """A field's value as a page says it: times and words of our own in words, what the agency wrote as it stands.

    >>> say_value("sv", "updated", "2024-06-03"), say_value("en", "language", "sv"), say_value("sv", "title", "Hej")
    ('3 juni 2024', 'Swedish', 'Hej')
    """
    if not text:
        return ""
    if field in ("published", "updated"):
        return say_told(language, text)
    if field == "kind":
        return say_kind(language, text)
    if field == "language" and text in LANGUAGES:
        return say(language, f"lang_{text}")
    return text


def say_field(language: str, name: str) -> str:
    """A release's field as a heading."""
    return str(getattr(FIELDS[name], language)) if name in FIELDS else name


def sort_key(name: str) -> str:
    """Orders names the Swedish way: å, ä and ö after z."""
    return name.casefold().translate(str.maketrans("åäö", "{|}"))
