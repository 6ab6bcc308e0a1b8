"""The interface's languages: texts in Swedish and English, the choice of a language, and formatting in it.

A text that depends on a number is a pair (one, many), chosen by the value `n`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from archive.dates import Month, parse_time, to_timezone

TextForms = str | tuple[str, str]


class Translation(NamedTuple):
    """A text of the interface in both languages."""

    sv: TextForms
    en: TextForms

    def in_language(self, language: str) -> TextForms:
        return self.en if language == "en" else self.sv


LANGUAGES = ("sv", "en")  # the first is the default
SWEDISH_TIME = ZoneInfo("Europe/Stockholm")
NO_BREAK_SPACE = "\u00a0"

MONTH_NAMES = (
    Translation("januari", "January"),
    Translation("februari", "February"),
    Translation("mars", "March"),
    Translation("april", "April"),
    Translation("maj", "May"),
    Translation("juni", "June"),
    Translation("juli", "July"),
    Translation("augusti", "August"),
    Translation("september", "September"),
    Translation("oktober", "October"),
    Translation("november", "November"),
    Translation("december", "December"),
)
RELEASE_KIND_TEXTS = {  # by releases.kind; other kinds are shown as they are
    "press release": Translation("pressmeddelande", "press release"),
    "opinion": Translation("debattartikel", "opinion"),
    "speech": Translation("tal", "speech"),
    "statement": Translation("uttalande", "statement"),
    "interview": Translation("intervju", "interview"),
    "notice": Translation("notis", "notice"),
    "consultation": Translation("remiss", "consultation"),
    "decision": Translation("beslut", "decision"),
    "report": Translation("rapport", "report"),
    "regulation": Translation("föreskrift", "regulation"),
    "blog": Translation("blogg", "blog"),
    "event": Translation("evenemang", "event"),
    "newsletter": Translation("nyhetsbrev", "newsletter"),
    "news": Translation("nyhet", "news"),
    "article": Translation("artikel", "article"),
}
COMMON_TEXTS = {
    # every page
    "site": Translation("Myndighetsarkivet", "Myndighetsarkivet"),
    "skip": Translation("Hoppa till innehållet", "Skip to the content"),
    "main_menu": Translation("Huvudmeny", "Main menu"),
    "search": Translation("Sök", "Search"),
    "data": Translation("Data", "Data"),
    "other_language": Translation("In English", "På svenska"),
    "about_source": Translation(
        "Texterna är myndigheternas egna och återges så som de stod på deras webbplatser.",
        "The texts are the agencies’ own, shown as they stood on their websites.",
    ),
    "powered": Translation("Byggt på Datasette", "Built on Datasette"),
    # lists of releases
    "published_on": Translation("Publicerad {when}", "Published {when}"),
    "updated_on": Translation("Uppdaterad {when}", "Updated {when}"),
    "seen_on": Translation("Först sedd {when}", "First seen {when}"),
    # index
    "tagline": Translation(
        "Svenska myndigheters pressmeddelanden och nyheter, samlade och sökbara. Varje senare ändring sparas.",
        "Press releases and news from Swedish government agencies, gathered and searchable. Every later edit is kept.",
    ),
    "holds": Translation(
        ("{n} meddelande från {agencies}.", "{n} meddelanden från {agencies}."),
        ("{n} release from {agencies}.", "{n} releases from {agencies}."),
    ),
    "n_agencies": Translation(("{n} myndighet", "{n} myndigheter"), ("{n} agency", "{n} agencies")),
    "fresh": Translation("Senast läst {when}.", "Last read {when}."),
    "newest": Translation("Senaste meddelanden", "Newest releases"),
    "all_releases": Translation("Alla meddelanden", "All releases"),
    "agencies": Translation("Myndigheter", "Agencies"),
    "silent": Translation(
        ("{n} myndighet utan meddelanden än", "{n} myndigheter utan meddelanden än"),
        ("{n} agency without releases yet", "{n} agencies without releases yet"),
    ),
    "empty_archive": Translation("Arkivet är tomt än så länge.", "The archive is still empty."),
    "empty_archive_hint": Translation(
        "Så snart en insamling har gått visas meddelandena här.",
        "Releases are shown here as soon as a crawl has run.",
    ),
    "use_data": Translation("Använd uppgifterna", "Use the data"),
    "use_data_hint": Translation(
        "Allt i arkivet går att hämta som JSON, CSV och Excel, och att fråga med SQL.",
        "Everything in the archive can be had as JSON, CSV and Excel, and queried with SQL.",
    ),
    "browse_tables": Translation("Alla tabeller", "All tables"),
    "releases_json": Translation("Meddelanden som JSON", "Releases as JSON"),
    "releases_csv": Translation("Alla meddelanden som CSV", "All releases as CSV"),
    "releases_xlsx": Translation("Alla meddelanden som Excel", "All releases as Excel"),
    # reading page
    "questions": Translation("Frågor och svar", "Questions and answers"),
    "answers_by": Translation("Svarar: {who}", "Answered by {who}"),
    "tags": Translation("Ämnesord", "Tags"),
    "joint": Translation("Också publicerad av", "Also published by"),
    "joint_earlier": Translation("före den här", "before this one"),
    "joint_nearly": Translation("nästan samma text", "nearly the same text"),
    "images": Translation("Bilder", "Pictures"),
    "image_link": Translation("Bild hos myndigheten", "Picture at the agency"),
    "credit": Translation("Foto/bild: {who}", "Credit: {who}"),
    "attachments": Translation("Bilagor", "Attachments"),
    "contacts": Translation("Kontakt", "Contact"),
    "facts": Translation("Om meddelandet", "About this release"),
    "agency": Translation("Myndighet", "Agency"),
    "kind": Translation("Slag", "Kind"),
    "published": Translation("Publicerad enligt myndigheten", "Published, says the agency"),
    "updated": Translation("Uppdaterad enligt myndigheten", "Updated, says the agency"),
    "not_told": Translation("Framgår inte av sidan", "The page does not say"),
    "in_its_words": Translation("på sidan: ”{words}”", "on the page: “{words}”"),
    "first_seen": Translation("Först sedd av arkivet", "First seen by the archive"),
    "last_checked": Translation("Senast kontrollerad", "Last checked"),
    "language": Translation("Språk", "Language"),
    "lang_sv": Translation("svenska", "Swedish"),
    "lang_en": Translation("engelska", "English"),
    "original": Translation("Läs originalet hos {agency}", "Read the original at {agency}"),
    "address": Translation("Adress", "Address"),
    "versions": Translation(("{n} sparad lydelse", "{n} sparade lydelser"), ("{n} kept version", "{n} kept versions")),
    "as_data": Translation("Som data", "As data"),
    # a URL that leads nowhere
    "not_found": Translation("Sidan finns inte", "There is no such page"),
    "not_found_hint": Translation(
        "Adressen leder inte till något i arkivet. Pröva att söka i stället.",
        "The address leads to nothing in the archive. Try a search instead.",
    ),
    # too many requests at once
    "busy": Translation("Just nu är det många som söker i arkivet", "Many people are using the archive right now"),
    "busy_hint": Translation(
        "Därför hinner arkivet inte svara. Försök igen om en liten stund.",
        "So the archive cannot answer this request in time. Please try again in a moment.",
    ),
    "try_again": Translation("Försök igen", "Try again"),
}

ABOUT_TEXTS = {
    "about_title": Translation("Om Myndighetsarkivet", "About Myndighetsarkivet"),
    "about_what": Translation(
        "Myndigheter ändrar sina texter, flyttar dem och tar bort dem. Här finns de kvar. Arkivet läser svenska"
        " myndigheters nyhetssidor, sparar varje meddelande som det stod och berättar vad som hände med det sedan.",
        "Agencies change their texts, move them and take them away. Here they stay. The archive reads the news pages of"
        " Swedish government agencies, keeps every release as it stood and tells what became of it.",
    ),
    "about_source_title": Translation("Varifrån texterna kommer", "Where the texts come from"),
    "about_source_text": Translation(
        "Från myndigheternas egna flöden, webbplatskartor och nyhetslistor. Arkivet följer robots.txt och hämtar högst"
        " en sida i sekunden från samma webbplats. Varje meddelande länkar till sitt original.",
        "From the agencies’ own feeds, sitemaps and lists of news. The archive keeps to robots.txt and fetches at most"
        " one page a second from the same website. Every release links to its original.",
    ),
    "about_dates_title": Translation("Så läses datum", "How dates are read"),
    "about_dates_own": Translation(
        "Publicerad och uppdaterad är myndighetens egna uppgifter. De gissas aldrig, och det ena får aldrig stå för det"
        " andra. Säger sidan inget, står det att det inte framgår. Under datumet citeras de ord det lästes från.",
        "Published and updated are what the agency says. They are never guessed, and one never stands in for the other."
        " Where the page says nothing, that is told. Below the date stand the words it was read from.",
    ),
    "about_dates_ours": Translation(
        "Först sedd och senast kontrollerad är arkivets egna iakttagelser, i svensk tid. Att något sågs först i maj"
        " betyder inte att det publicerades då.",
        "First seen and last checked are the archive’s own observations, in Swedish time. That something was first seen"
        " in May does not mean that it was published then.",
    ),
    "about_dates_order": Translation(
        "Listor ordnas efter publicering. Saknas den gäller uppdateringen, och saknas också den när arkivet först såg"
        " texten. Månadsarkivet räknar bara det som har ett publiceringsdatum.",
        "Lists are ordered by publication. Where that is missing the update counts, and where that is missing too, when"
        " the archive first saw the text. The months count only what has a date of publication.",
    ),
    "about_weights_title": Translation("Vad en ändrings tyngd betyder", "What an edit’s weight means"),
    "about_weights_text": Translation(
        "Varje ändring får en tyngd mellan 0 och 100 av fasta regler, utan någon språkmodell. Ett ändrat belopp, datum,"
        " namn eller ett ”inte” väger tungt, en omformulering lite och ett rättat stavfel nästan inget. En ny"
        " formgivning av webbplatsen är ingen ändring.",
        "Fixed rules, no language model, give each edit a weight between 0 and 100. A changed amount, date, name or a"
        " “not” weighs much, a new wording little and a mended slip of the pen next to nothing. A new design of the"
        " website is no edit.",
    ),
    "about_weight_range": Translation("{least} till {most}", "{least} to {most}"),
    "about_undated": Translation(
        "Oannonserad kallas en ändring som gjordes utan att myndigheten ändrade sitt eget uppdateringsdatum. Det är en"
        " iakttagelse, ingen anklagelse.",
        "Unannounced is an edit made without moving the agency’s own update date. It is an observation, not an"
        " accusation.",
    ),
    "about_removed_title": Translation("När något kallas borttaget", "When something is called removed"),
    "about_removed_text": Translation(
        "När flera kontroller under minst ett dygn har funnit sidan borta. En server som inte svarar är ingen"
        " borttagning. Den sista texten finns kvar här.",
        "When several checks over at least a day have found the page gone. A server that does not answer is no removal."
        " The last text stays here.",
    ),
    "about_limits_title": Translation("Vad arkivet inte vet", "What the archive does not know"),
    "about_limit_before": Translation(
        "Det som togs bort innan arkivet kom dit, och de lydelser som stod dessförinnan.",
        "What was removed before the archive came by, and the wordings that stood before then.",
    ),
    "about_limit_between": Translation(
        "Det som ändrades och ändrades tillbaka mellan två kontroller. Nya texter kontrolleras ofta, gamla omkring en"
        " gång i månaden.",
        "What was changed and changed back between two checks. New texts are checked often, old ones"
        " about once a month.",
    ),
    "about_limit_agencies": Translation(
        "Vad andra myndigheter än de uppräknade har publicerat, och vad som aldrig stod i deras nyhetslistor.",
        "What agencies other than those listed have published, and what never stood in their lists of news.",
    ),
    "about_limit_import": Translation(
        "Om det som hämtats ur en annan samling verkligen stod så hos myndigheten. Sådana texter säger själva att de"
        " aldrig har kontrollerats.",
        "Whether what was taken over from another collection truly stood so at the agency. Such texts say themselves"
        " that they were never checked.",
    ),
    "about_limit_files": Translation(
        "Innehållet i bilder och bilagor: de länkas, men sparas inte.",
        "What pictures and attachments hold: they are linked to, not kept.",
    ),
    "about_limit_misread": Translation(
        "Om en sida har lästs fel. Jämför med originalet innan du bygger något viktigt på en text härifrån.",
        "Whether a page was misread. Compare with the original before you build anything important on a text from"
        " here.",
    ),
    "about_licence_title": Translation("Rätten till texterna", "Rights in the texts"),
    "about_licence_text": Translation(
        "Texterna är myndigheternas. Mycket av det som myndigheter upprättar är undantaget från upphovsrätt enligt 9 §"
        " upphovsrättslagen, men inte allt: bedöm själv, och ange myndigheten som källa. Bilder och bilagor kan ha"
        " andra upphovsmän och finns kvar hos myndigheten.",
        "The texts are the agencies’. Much of what agencies draw up is excepted from copyright by section 9 of the"
        " Swedish Copyright Act, but not all of it: judge for yourself, and name the agency as the source. Pictures and"
        " attachments may be the work of others and stay with the agency.",
    ),
    "about_contact_title": Translation("Kontakt", "Contact"),
    "about_contact_by": Translation("Webbplatsen drivs av", "This site is run by"),
    "about_contact_none": Translation(
        "Den som driver webbplatsen har inte angett någon adress.", "Whoever runs this site has given no address."
    ),
    "about_contact_text": Translation(
        "Frågor om innehållet i ett meddelande besvaras av myndigheten: kontakten står i meddelandet.",
        "Questions about what a release says are answered by the agency: its contact stands in the release.",
    ),
}
HELP_TEXTS = {
    "help_title": Translation("Hjälp", "Help"),
    "help_about": Translation("Så hittar, läser och följer du meddelanden.", "How to find, read and follow releases."),
    "help_search_title": Translation("Söka", "Search"),
    "help_search_text": Translation(
        "Skriv ett eller flera ord. Du kan också klistra in en adress från en myndighets webbplats för att se vad som"
        " stod där.",
        "Type one or more words. You may also paste an address from an agency’s website to see what stood there.",
    ),
    "help_browse_title": Translation("Bläddra", "Browse"),
    "help_browse_text": Translation(
        "Varje myndighet har en sida med sina nyaste meddelanden, månader och ämnesord. Varje månad har en sida med"
        " allt som publicerades då.",
        "Each agency has a page with its newest releases, months and tags. Each month has a page with all that was"
        " published in it.",
    ),
    "help_read_title": Translation("Läsa ett meddelande", "Read a release"),
    "help_read_text": Translation(
        "Överst står fyra tider: publicerad och uppdaterad enligt myndigheten, först sedd och senast kontrollerad av"
        " arkivet. Frågor och svar har egna adresser. Under texten står om andra har publicerat samma text, varje"
        " ändring och vad myndigheten publicerade närmast före och efter.",
        "At the top stand four times: published and updated as the agency says, first seen and last checked by the"
        " archive. Questions and answers have addresses of their own. Below the text stand others who published the"
        " same, every edit, and what the agency published just before and after.",
    ),
    "help_follow_title": Translation("Följa", "Follow"),
    "help_follow_text": Translation(
        "Ändringar och borttagna meddelanden finns som Atom-flöden, för alla, för en myndighet eller för ett enda"
        " meddelande. Lägg adressen i en flödesläsare.",
        "Edits and removals come as Atom feeds, for all agencies, for one, or for a single release. Put the address in"
        " a feed reader.",
    ),
    "help_cite_title": Translation("Hänvisa", "Cite"),
    "help_cite_text": Translation(
        "Adressen till ett meddelande ändras aldrig. En jämförelse mellan två lydelser har också en fast adress, och"
        " varje lydelse som lästs från webben har ett bevis att ladda ner: sidans bytes, tid och kontrollsumma.",
        "The address of a release never changes. A comparison of two versions has a permanent address, too, and each"
        " version read from the web has evidence to download: the page’s bytes, the time and the checksum.",
    ),
    "help_data_title": Translation("Använda uppgifterna", "Use the data"),
    "help_data_text": Translation(
        "Allt kan hämtas som JSON och CSV utan nyckel. Tabeller och kolumner är beskrivna.",
        "Everything can be had as JSON and CSV without a key. Tables and columns are described.",
    ),
    "help_access_title": Translation("Tangentbord, skärmläsare och utskrift", "Keyboard, screen reader and print"),
    "help_access_text": Translation(
        "Allt kan göras med tangentbordet och utan skript. Den första länken på varje sida hoppar till innehållet."
        " Sidorna följer datorns ljusa eller mörka tema, och en utskrift visar bara meddelandet.",
        "Everything can be done with the keyboard and without scripts. The first link of each page skips to the"
        " content. Pages follow your light or dark theme, and a print shows the release alone.",
    ),
    "help_language_title": Translation("Språk", "Language"),
    "help_language_text": Translation(
        "Webbplatsen talar svenska eller engelska efter webbläsarens inställning; länken överst byter. Meddelandena"
        " visas på det språk de skrevs.",
        "The site speaks Swedish or English as your browser prefers; the link at the top switches. Releases are shown"
        " in the language they were written in.",
    ),
}

CITATION_TEXTS = {
    "cite": Translation("Hänvisa till lydelsen", "Cite this version"),
    "cite_title": Translation("Hänvisa till: {title}", "Cite: {title}"),
    "cite_about": Translation(
        "Den fasta adressen leder alltid till just den här lydelsen, vad myndigheten än ändrar senare.",
        "The permanent address always leads to this very version, whatever the agency changes later.",
    ),
    "cite_permalink": Translation("Fast adress till lydelsen", "Permanent address of the version"),
    "cite_captured": Translation("Läst av arkivet", "Read by the archive"),
    "cite_imported": Translation("Importerad från samlingen {collection}", "Imported from the collection {collection}"),
    "cite_sha256": Translation("SHA-256 av sidan som den kom", "SHA-256 of the page as it came"),
    "cite_state_sha256": Translation("SHA-256 av uppgifterna", "SHA-256 of the fields"),
    "cite_sentence": Translation("Som mening", "As a sentence"),
    "cite_more": Translation("Alla former, att kopiera", "All forms, to copy"),
    "cite_download": Translation("Hämta som fil:", "Download as a file:"),
    "cite_undated": Translation("u.å.", "n.d."),
    "cite_read": Translation(
        "Lydelsen som Myndighetsarkivet läste {when}, {permalink}",
        "Version read by Myndighetsarkivet on {when}, {permalink}",
    ),
    "cite_taken_over": Translation(
        "Version som Myndighetsarkivet importerade från samlingen {collection} {when}, {permalink}",
        "Version that Myndighetsarkivet imported from the collection {collection} on {when}, {permalink}",
    ),
    "cite_hash": Translation("SHA-256 av sidan: {hash}", "SHA-256 of the page: {hash}"),
    "cite_state_hash": Translation("SHA-256 av uppgifterna: {hash}", "SHA-256 of the fields: {hash}"),
    "cite_original": Translation("Ursprunglig adress: {url}", "Original address: {url}"),
    # a single revision
    "revision_title": Translation("Lydelsen {when}: {title}", "Version of {when}: {title}"),
    "revision_older": Translation("Det här är en äldre lydelse", "This is an older version"),
    "revision_taken_over": Translation(
        "Den här versionen importerades från samlingen {collection} {when}. Arkivet har inte läst den hos myndigheten.",
        "This version was imported from the collection {collection} on {when}. The archive has not read it itself.",
    ),
    "revision_older_hint": Translation(
        "Så här stod meddelandet när arkivet läste det {when}. Det har ändrats sedan dess.",
        "This is how the release stood when the archive read it on {when}. It has changed since.",
    ),
    "revision_newest": Translation("Så här står meddelandet i dag", "The release as it stands today"),
    "revision_stands_hint": Translation(
        "Den lydelse som gäller nu, läst av arkivet {when}.",
        "The version that stands now, read by the archive on {when}.",
    ),
    "revision_compare": Translation("Jämför med dagens lydelse", "Compare with today’s version"),
    "revision_missing": Translation(
        "Arkivet har ingen lydelse {revision}.", "The archive holds no revision {revision}."
    ),
}

CHANGES_TEXTS = {
    "delta_title": Translation("Det som ändrats i arkivet", "What has changed in the archive"),
    "delta_stranger": Translation(
        "Markören {value} hör till en annan logg än det här arkivets. Börja om från början, utan since.",
        "The cursor {value} belongs to another log than this archive's. Begin anew, without since.",
    ),
    "delta_ahead": Translation(
        "Markören {value} ligger längre fram än den här kopian av arkivet. Försök igen senare; består det har arkivet"
        " återställts från en säkerhetskopia: börja då om utan since.",
        "The cursor {value} is ahead of this copy of the archive. Try again later; if that lasts, the archive was"
        " restored from a back-up: then begin anew, without since.",
    ),
}

FEED_TEXTS = {
    "feed_new": Translation("Nya meddelanden", "New releases"),
    "feed_new_of": Translation("Nya meddelanden: {name}", "New releases: {name}"),
    "feed_new_tag": Translation("Nya meddelanden om {tag}", "New releases on {tag}"),
    "feed_edits_of": Translation("Ändringar: {name}", "Edits: {name}"),
    "feed_removed_of": Translation("Borttaget: {name}", "Removed: {name}"),
    "new_atom": Translation("Nya meddelanden som Atom", "New releases as Atom"),
    "no_such_agency": Translation("Arkivet har ingen myndighet {agency}.", "The archive holds no agency {agency}."),
    "no_such_tag": Translation("Arkivet har inget ämnesord {tag}.", "The archive holds no tag {tag}."),
    "of_one_tag": Translation("Bara med ett visst ämnesord", "Only with one tag"),
}

HEALTH_STATE_TEXTS = {
    "failing": Translation("ur funktion", "failing"),
    "never worked": Translation("har aldrig fungerat", "never worked"),
    "suspect": Translation("misstänkt", "suspect"),
    "quiet": Translation("tyst", "quiet"),
    "healthy": Translation("fungerar", "healthy"),
    "paused": Translation("avstängd", "paused"),
}
HEALTH_REASON_TEXTS = {  # by the code of the reason (archive.health)
    "paused": Translation("Läsningen är avstängd tills vidare.", "Reading is switched off for the time being."),
    "unlisted": Translation("Står inte på listan över dem som läses.", "Is not on the list of those that are read."),
    "never_crawled": Translation("Arkivet har inte försökt läsa den än.", "The archive has not tried to read it yet."),
    "not_read": Translation(
        "Arkivet har inte läst den sedan {last}. Felet är arkivets.",
        "The archive has not read it since {last}. The fault is the archive’s.",
    ),
    "pages_alike": Translation(
        "Sedan {since} visar {bad} av {n} kontrollerade sidor inte sina meddelanden, utan svarar likadant:"
        " {fault}{shown}. Det ser ut som ett fel på webbplatsen, och inget av dem räknas som borttaget så länge det"
        " varar.",
        "Since {since}, {bad} of {n} checked pages have not shown their releases but answered alike: {fault}{shown}."
        " This looks like a fault of the site, and none of them counts as removed while it lasts.",
    ),
    "all_fails": Translation(
        "Inget har gått att läsa sedan {since}: {fault}.", "Nothing could be read since {since}: {fault}."
    ),
    "lists_nothing": Translation(
        "Svarar, men listar inga meddelanden sedan {since}.", "Answers, but has listed no releases since {since}."
    ),
    "all_refused": Translation(
        (
            "Den enda listade sida som hämtades gick inte att läsa: {fault}.",
            "Ingen av {n} listade sidor gick att läsa: {fault}.",
        ),
        (
            "The only listed page that was fetched could not be read: {fault}.",
            "None of {n} listed pages could be read: {fault}.",
        ),
    ),
    "none_held": Translation("Listar meddelanden, men inget har lästs.", "Lists releases, but none was read."),
    "quarantined": Translation(
        (
            "{n} meddelande hålls undan tills någon har sett på det.",
            "{n} meddelanden hålls undan tills någon sett dem.",
        ),
        (
            "{n} release is quarantined until somebody has looked at it.",
            "{n} releases are quarantined until somebody has looked at them.",
        ),
    ),
    "fields": Translation(
        "Sidorna säger inte längre {fields}: {now} % av dem, mot {before} % förr. De kan ha fått ny utformning.",
        "Pages no longer tell {fields}: {now}% of them, {before}% before. They may have a new design.",
    ),
    "many_refused": Translation(
        "{n} sidor som hämtats de senaste två veckorna gick inte att läsa: {fault}.",
        "{n} pages that were fetched in the last two weeks could not be read: {fault}.",
    ),
    "source_fails": Translation(
        (
            "En av källorna har inte gått att läsa sedan {since}: {fault}.",
            "{n} av källorna har inte gått att läsa sedan {since}: {fault}.",
        ),
        (
            "One of the sources could not be read since {since}: {fault}.",
            "{n} of the sources could not be read since {since}: {fault}.",
        ),
    ),
    "lists_fewer": Translation(
        "Listar {n} meddelanden, mot {before} som vanligt.", "Lists {n} releases; {before} are usual."
    ),
    "too_few": Translation(
        "Läsningen fungerar. Hur ofta den brukar publicera är inte känt än.",
        "Reading works. How often it usually publishes is not known yet.",
    ),
    "silent": Translation(
        "Läsningen fungerar, men inget nytt sedan {newest}. Sällan dröjer det mer än {long} dagar.",
        "Reading works, but nothing new since {newest}. It seldom takes more than {long} days.",
    ),
    "quiet_season": Translation(
        "Inget nytt sedan {newest}. Lika tyst har det varit vid samma tid förr om åren.",
        "Nothing new since {newest}. It was as silent at this time of earlier years.",
    ),
    "quiet_holiday": Translation(
        "Inget nytt sedan {newest}, som hos många i semestertider.",
        "Nothing new since {newest}, as with many in the holidays.",
    ),
    "quiet": Translation(
        "Inget nytt sedan {newest}. Så länge dröjer det ibland.",
        "Nothing new since {newest}. It sometimes takes so long.",
    ),
    "fewer": Translation(
        "{n} meddelanden på tre månader, mot {before} samma tid förra året.",
        "{n} releases in three months; {before} at the same time last year.",
    ),
    "usual": Translation("Kommer som vanligt.", "As usual."),
}
FIELD_PHRASES = {  # fields, as the middle of a sentence
    "title": Translation("rubrik", "a title"),
    "lead": Translation("ingress", "a lead"),
    "published": Translation("publiceringsdatum", "when they were published"),
    "updated": Translation("uppdateringsdatum", "when they were updated"),
    "tags": Translation("ämnesord", "tags"),
    "questions": Translation("frågor och svar", "questions and answers"),
}
FIELD_LABELS = {  # fields, as a label
    "title": Translation("rubrik", "title"),
    "lead": Translation("ingress", "lead"),
    "published": Translation("publicerad", "published"),
    "updated": Translation("uppdaterad", "updated"),
    "tags": Translation("ämnesord", "tags"),
    "questions": Translation("frågor", "questions"),
}
ROBOTS_TEXTS = {
    "allowed": Translation("robots.txt tillåter", "robots.txt allows"),
    "forbidden": Translation("robots.txt förbjuder", "robots.txt forbids"),
    "unreachable": Translation("robots.txt går inte att läsa", "robots.txt cannot be read"),
    "absent": Translation("ingen robots.txt", "no robots.txt"),
}
STATUS_TEXTS = {
    "status": Translation("Driftläge", "Status"),
    "status_title": Translation(
        "Vad arkivet läser, och vad som inte fungerar", "What the archive reads, and what fails"
    ),
    "status_about": Translation(
        "Varje myndighet bedöms efter vad som har kommit in, jämfört med dess egen vana. En tystnad här kan alltså vara"
        " myndighetens, eller vår.",
        "Each agency is judged by what came in, against its own habit. So a silence here may be the agency’s, or ours.",
    ),
    "status_none": Translation("Ingen myndighet är bedömd än.", "No agency has been judged yet."),
    "status_none_hint": Translation("Det sker efter varje insamling.", "That is done after each crawl."),
    "judged_when": Translation("Bedömt {when}.", "Judged {when}."),
    "judged_late": Translation(
        "Inget har lästs eller bedömts sedan {when}. Det nedan kan vara inaktuellt: felet är arkivets.",
        "Nothing has been read or judged since {when}. This may be out of date: the fault is the archive’s.",
    ),
    "n_faults": Translation(
        ("{n} myndighet läses inte som den ska", "{n} myndigheter läses inte som de ska"),
        ("{n} agency is not read as it should be", "{n} agencies are not read as they should be"),
    ),
    "n_read": Translation(
        ("{n} myndighet läses som den ska", "{n} myndigheter läses som de ska"),
        ("{n} agency is read as it should be", "{n} agencies are read as they should be"),
    ),
    "none_read": Translation("Ingen myndighet läses just nu", "No agency is read at the moment"),
    "n_known": Translation(("{n} känt fel", "{n} kända fel"), ("{n} known fault", "{n} known faults")),
    "since_when": Translation("så sedan {when}", "so since {when}"),
    "status_all": Translation("Alla myndigheters driftläge", "Status of all agencies"),
    "known_fault": Translation("känt fel", "known fault"),
    "expected_by": Translation("väntas senast {when}", "expected by {when}"),
    "newest_of": Translation("nyast {when}", "newest {when}"),
    "worked_when": Translation("senast läst {when}", "last read {when}"),
    "worked_never": Translation("aldrig läst med framgång", "never read successfully"),
    "held_of_listed": Translation("{held} i arkivet, {listed} listade", "{held} held, {listed} listed"),
    "head_quiet": Translation("Tysta inom sin vana", "Quiet within their habit"),
    "head_healthy": Translation("Fungerar", "Healthy"),
    "head_paused": Translation("Avstängda", "Paused"),
    "head_untried": Translation("Ännu inte prövade", "Not tried yet"),
    "fields_told": Translation("Andel lästa sidor som anger", "Share of pages read that tell"),
    "field": Translation("Uppgift", "Field"),
    "now": Translation("Nu", "Now"),
    "before": Translation("Förr", "Before"),
    "usual_gap": Translation("Brukar dröja", "Usually takes"),
    "n_days": Translation(("{n} dag", "{n} dagar"), ("{n} day", "{n} days")),
    "listed_already_stored": Translation("Listade, redan i arkivet", "Listed, already stored"),
    "found_week": Translation("Nya den senaste veckan", "New in the last week"),
    "refused_week": Translation("Oläsliga den senaste veckan", "Unreadable in the last week"),
    "kept_aside": Translation("Hålls undan", "Kept aside"),
    "tried_when": Translation("Senast försökt", "Last tried"),
    "state_history": Translation("Så har läget ändrats", "How the state changed"),
    "guest_one": Translation("De senaste trettio dagarna.", "The last thirty days."),
    "faults_week": Translation("Fel den senaste veckan", "Faults of the last week"),
    "col_agency": Translation("Myndighet", "Agency"),
    "col_newest": Translation("Nyast", "Newest"),
    "col_expected": Translation("Väntas senast", "Expected by"),
    "col_held": Translation("I arkivet", "Held"),
    "col_listed": Translation("Listade", "Listed"),
    "col_read": Translation("Senast läst med framgång", "Last read successfully"),
    "guest_title": Translation("Hur arkivet uppför sig", "How the archive behaves"),
    "guest_about": Translation(
        "De senaste trettio dagarna hos alla myndigheter.", "The last thirty days at all agencies."
    ),
    "guest_requests": Translation("Frågor till webbplatser", "Requests to sites"),
    "guest_bytes": Translation("Hämtat", "Received"),
    "guest_same": Translation("Oförändrat enligt servern (304)", "Not modified, says the server (304)"),
    "guest_delay": Translation("Kortaste paus mellan två frågor", "Shortest pause between two requests"),
    "guest_robots": Translation("robots.txt", "robots.txt"),
    "seconds": Translation("{n} sekunder", "{n} seconds"),
    "status_atom": Translation("Driftläge: ändringar", "Status: changes"),
    "became": Translation("{agency}: {state}", "{agency}: {state}"),
    "status_more": Translation(
        "Vad som läses, och vad som just nu inte fungerar:", "What is read, and what fails at the moment:"
    ),
}

FIELD_HEADINGS = {  # in a comparison
    "title": Translation("Rubrik", "Title"),
    "lead": Translation("Ingress", "Lead"),
    "kind": Translation("Slag", "Kind"),
    "published": Translation("Publicerad enligt myndigheten", "Published, says the agency"),
    "updated": Translation("Uppdaterad enligt myndigheten", "Updated, says the agency"),
    "language": Translation("Språk", "Language"),
    "body": Translation("Text", "Text"),
    "body_html": Translation("Text", "Text"),
    "questions": Translation("Frågor och svar", "Questions and answers"),
    "tags": Translation("Ämnesord", "Tags"),
    "images": Translation("Bilder", "Pictures"),
    "attachments": Translation("Bilagor", "Attachments"),
    "contacts": Translation("Kontakt", "Contact"),
    "links": Translation("Länkar i texten", "Links in the text"),
    "layout": Translation("Utformning", "Layout"),
}
DIFF_TEXTS = {
    "diff_title": Translation("Ändring: {title}", "Change: {title}"),
    "diff_other_title": Translation("Jämförelse: {title}", "Comparison: {title}"),
    "diff_head": Translation("Ändring:", "Change:"),
    "diff_other_head": Translation("Jämförelse:", "Comparison:"),
    "two_versions": Translation(
        "Lydelsen {one} jämförd med lydelsen {other}.", "The version of {one} compared with that of {other}."
    ),
    "diff_reread": Translation(
        "Skillnaden kommer av att arkivet läste sidan på nytt. Den är ingen ändring av myndigheten.",
        "The difference comes from our reading the page anew. It is not an edit by the agency.",
    ),
    "legend": Translation("Så visas det:", "How it is shown:"),
    "added": Translation("tillagt", "added"),
    "deleted": Translation("borttaget", "removed"),
    "added_from": Translation("[tillagt: ", "[added: "),
    "deleted_from": Translation("[borttaget: ", "[removed: "),
    "show_all": Translation("Visa hela texten", "Show the whole text"),
    "show_changes": Translation("Visa bara ändringarna", "Show only the changes"),
    "gap": Translation(
        ("… {n} stycke oförändrat …", "… {n} stycken oförändrade …"),
        ("… {n} paragraph unchanged …", "… {n} paragraphs unchanged …"),
    ),
    "no_difference": Translation(
        "Lydelserna är lika i allt som visas här.", "The versions are alike in all that is shown here."
    ),
    "note_reordered": Translation("Samma innehåll i en annan ordning.", "The same content in another order."),
    "note_layout_only": Translation(
        "Bara utformningen skiljer: rubriker, listor eller fetstil. Orden är desamma.",
        "Only the layout differs: headings, lists or emphasis. The words are the same.",
    ),
    "question_number": Translation("Fråga {n}", "Question {n}"),
    "answered_by": Translation("Svarar", "Answered by"),
    "told_above": Translation("Samma ändring, bland frågorna", "The same change, among the questions"),
    "told_above_of": Translation(
        "Frågor och svar: samma ändring som i texten ovan.", "Questions and answers: the same change as in the text."
    ),
    "what_changed": Translation("Vad som ändrades", "What was changed"),
    "change_weight": Translation("Tyngd", "Weight"),
    "more_changes": Translation(("{n} ändring till", "{n} ändringar till"), ("{n} more change", "{n} more changes")),
    "neighbours": Translation("Meddelandets andra ändringar", "The release’s other edits"),
    "previous_edit": Translation("Föregående ändring", "Previous edit"),
    "next_edit": Translation("Nästa ändring", "Next edit"),
    "permalink": Translation("Fast adress", "Permanent address"),
    "evidence_for": Translation("Underlag för lydelsen {when}", "Evidence for the version of {when}"),
    "to_release": Translation("Meddelandet och dess historik", "The release and its history"),
}

IMPORTANCE_LEVELS = (  # least importance, number of marks (of four), text
    (80, 4, Translation("mycket tung", "very weighty")),
    (50, 3, Translation("tung", "weighty")),
    (20, 2, Translation("märkbar", "noticeable")),
    (0, 1, Translation("liten", "slight")),
)
REMOVAL_TEXTS = {  # what was seen in place of a release, by removals.kind
    "gone": Translation("Sidan svarade {status}.", "The page answered {status}."),
    "error page": Translation("Sidan sade att den inte finns.", "The page said that it does not exist."),
    "redirected": Translation("Adressen ledde till {target}", "The address led to {target}"),
    "replaced": Translation(
        "En annan text stod på adressen: ”{target}”.", "Another text stood at the address: “{target}”."
    ),
    "moved": Translation("Flyttad till {target}", "Moved to {target}"),
}
REMOVAL_CHOICES = {  # the same, as a filter
    "gone": Translation("sidan svarade att den inte finns", "the page answered that it is not there"),
    "error page": Translation("sidan sade att den inte finns", "the page said that it does not exist"),
    "redirected": Translation("adressen ledde någon annanstans", "the address led elsewhere"),
    "replaced": Translation("en annan text stod på adressen", "another text stood at the address"),
    "moved": Translation("flyttad till en annan adress", "moved to another address"),
}
# whether the agency's own update date changed with an edit (archive.history.UPDATE_STAMPS), as a filter
UPDATE_STAMP_CHOICES = {
    "moved": Translation("ändrades samtidigt", "moved with it"),
    "not moved": Translation("ändrades inte", "did not move"),
    "none told": Translation("anges inte", "is not told"),
}
HISTORY_TEXTS = {
    "edits": Translation("Ändringar", "Edits"),
    "removed": Translation("Borttaget", "Removed"),
    "edits_atom": Translation("Ändringar som Atom", "Edits as Atom"),
    "removed_atom": Translation("Borttaget som Atom", "Removed as Atom"),
    # an edit
    "edited": Translation("Ändrad", "Changed"),
    "edited_times": Translation(
        ("Ändrad en gång sedan den först sågs här", "Ändrad {n} gånger sedan den först sågs här"),
        ("Changed once since first seen here", "Changed {n} times since first seen here"),
    ),
    "unannounced": Translation("oannonserad", "unannounced"),
    "stamp_still": Translation(
        "Oannonserad: gjord utan att myndigheten ändrade sitt uppdateringsdatum.",
        "Not announced: the agency’s own update date did not move.",
    ),
    "stamp_none": Translation("Sidan anger inget uppdateringsdatum.", "The page states no update date."),
    "between_looks": Translation(
        "Gjord mellan två kontroller: {after} och {when}.", "Made between two checks: {after} and {when}."
    ),
    "found_at_look": Translation("Sedd {when}.", "Seen {when}."),
    "weight_of": Translation("tyngd {n} av 100", "weight {n} of 100"),
    "back_to": Translation("Tillbaka till lydelsen från {when}", "Back to the wording of {when}"),
    "show_change": Translation("Visa ändringen", "Show the change"),
    "show_difference": Translation("Visa skillnaden", "Show the difference"),
    "evidence": Translation("Underlag (zip)", "Evidence (zip)"),
    # the timeline
    "history": Translation("Historik", "History"),
    "history_of": Translation("Historik: {title}", "History: {title}"),
    "event_first": Translation("Först läst av arkivet", "First read by the archive"),
    "event_edit": Translation("Ändrad av myndigheten", "Changed by the agency"),
    "event_reread": Translation(
        "Arkivet läste sidan på nytt: ingen ändring av myndigheten",
        "We read the page anew: not an edit by the agency",
    ),
    "event_same": Translation(
        "Läst på sin nya adress: ingen ändring av myndigheten", "Read at its new address: not an edit by the agency"
    ),
    "event_own": Translation(
        "Först läst av arkivet självt; lydelsen före kom från en annan samling",
        "First read by the archive itself; the version before came from another collection",
    ),
    "event_import": Translation("Importerad från samlingen {collection}", "Imported from the collection {collection}"),
    "checked": Translation(
        (
            "Kontrollerad {n} gång därefter, {when}: oförändrad.",
            "Kontrollerad {n} gånger därefter, senast {when}: oförändrad.",
        ),
        ("Checked {n} time since, {when}: unchanged.", "Checked {n} times since, last {when}: unchanged."),
    ),
    "not_checked": Translation("Inte kontrollerad igen sedan dess.", "Not checked again since."),
    "not_seen": Translation("Inte sedd igen sedan dess.", "Not seen again since."),
    "at_address": Translation("På adressen {url}", "At the address {url}"),
    "moved_from": Translation("Flyttad från {old} till {target}", "Moved from {old} to {target}"),
    "away_confirmed": Translation("Borttagen av myndigheten", "Removed by the agency"),
    "away_doubt": Translation("Kanske borttagen", "Perhaps removed"),
    "away_passed": Translation("Tillfälligt borta", "Away for a while"),
    "away_checks": Translation(
        ("Sett vid {n} kontroll.", "Sett vid {n} kontroller, senast {when}."),
        ("Seen by {n} check.", "Seen by {n} checks, last {when}."),
    ),
    "confirmed_when": Translation("Bekräftad {when}.", "Confirmed {when}."),
    "not_confirmed": Translation(
        "Inte bekräftad: flera kontroller under minst ett dygn krävs.",
        "Not confirmed: several checks over at least a day are needed.",
    ),
    "passed": Translation("Blev aldrig bekräftad.", "Was never confirmed."),
    "back_when": Translation("Tillbaka {when}.", "Back {when}."),
    "found_when": Translation("Återfunnen på en annan adress {when}.", "Found again at another address {when}."),
    "show_older": Translation(
        ("{year}: {n} händelse", "{year}: {n} händelser"), ("{year}: {n} event", "{year}: {n} events")
    ),
    "follow_release": Translation("Följ ändringarna (Atom)", "Follow the edits (Atom)"),
    "all_edits_of": Translation("Bara myndighetens ändringar", "Only the agency’s edits"),
    "whole_history": Translation("Hela historiken som data", "The whole history as data"),
    # why the stored text may not be what the site shows today
    "standing": Translation("Meddelandets läge", "Where the release stands"),
    "stands_gone": Translation("Borttagen av myndigheten", "Removed by the agency"),
    "stands_doubt": Translation("Kanske borttagen, inte bekräftat", "Perhaps removed, not confirmed"),
    "stands_moved": Translation("Flyttad", "Moved"),
    "stands_outage": Translation("Kan inte kontrolleras just nu", "Cannot be checked at the moment"),
    "stands_forbidden": Translation("Får inte längre kontrolleras", "May no longer be checked"),
    "stands_unread": Translation("Kan inte läsas just nu", "Cannot be read at the moment"),
    "first_seen_so": Translation("Upptäckt {when}.", "First seen {when}."),
    "last_text": Translation(
        "Texten nedan är den sista som arkivet såg, den stod kvar {when}.",
        "The text below is the last that the archive saw; it stood {when}.",
    ),
    "record_goes_on": Translation(
        "Dess historik fortsätter på den nya adressen", "Its record goes on at the new address"
    ),
    "outage_since": Translation(
        "Myndighetens sida svarade senast som den ska {since}, senast prövad {when}. Det är inget tecken på att"
        " texten är borttagen.",
        "The agency’s page last answered as it should {since}, last tried {when}. That is no sign that the text was"
        " removed.",
    ),
    "forbidden_since": Translation(
        "Myndighetens robots.txt har förbjudit arkivet att läsa sidan sedan {since}, senast prövat {when}. Det är"
        " inget tecken på att texten är borttagen.",
        "The agency’s robots.txt has forbidden the archive to read the page since {since}, last tried {when}. That is"
        " no sign that the text was removed.",
    ),
    "unread_since": Translation(
        "Sedan {since} svarar sidan inte med något som arkivet kan läsa, senast prövat {when}.",
        "Since {since} the page has answered with nothing the archive can read, last tried {when}.",
    ),
    "moved_here": Translation("Flyttad hit från {old}, sett {when}", "Moved here from {old}, seen {when}"),
    "last_seen": Translation("Senast sedd", "Last seen standing"),
    "last_tried": Translation("Senast prövad", "Last tried"),
    "removed_mark": Translation("borttagen", "removed"),
    # the registers
    "edits_title": Translation("Ändringar i publicerade meddelanden", "Edits to published releases"),
    "edits_about": Translation(
        "Vad myndigheterna har ändrat i texter som redan var publicerade, nyast först.",
        "What agencies changed in texts that were already published, newest first.",
    ),
    "removed_title": Translation("Borttagna meddelanden", "Removed releases"),
    "removed_about": Translation(
        "Meddelanden som flera kontroller under minst ett dygn fann borta. Den sista texten finns kvar här.",
        "Releases that several checks over at least a day found gone. The last text is kept here.",
    ),
    "filter": Translation("Visa", "Show"),
    "every_agency": Translation("Alla myndigheter", "All agencies"),
    "every_weight": Translation("Alla", "All"),
    "from_weight": Translation("minst {n}: {word}", "at least {n}: {word}"),
    "only_unannounced": Translation("Bara oannonserade", "Only unannounced"),
    "stamp_choice": Translation("Uppdateringsdatumet", "The update date"),
    "every_stamp": Translation("Oavsett", "Whatever it did"),
    "from_day": Translation("Från och med", "From"),
    "to_day": Translation("Till och med", "To"),
    "only_back": Translation("Bara de som kom tillbaka", "Only those that came back"),
    "every_kind": Translation("Alla borttagna", "All removed"),
    "absence_kind": Translation("Vad som sågs", "What was seen"),
    "n_edits": Translation(("{n} ändring", "{n} ändringar"), ("{n} edit", "{n} edits")),
    "n_removals": Translation(("{n} borttagning", "{n} borttagningar"), ("{n} removal", "{n} removals")),
    "n_moves": Translation(("{n} flytt", "{n} flyttar"), ("{n} move", "{n} moves")),
    "more_than": Translation("fler än {n}", "more than {n}"),
    "of_one_release": Translation("Bara ett meddelande", "Only one release"),
    "folded": Translation(
        (
            "{n} ändring till av samma meddelande, tyngd {most}",
            "{n} ändringar till av samma meddelande, den tyngsta {most}",
        ),
        ("{n} more edit of the same release, weight {most}", "{n} more edits of the same release, the heaviest {most}"),
    ),
    "older": Translation("Äldre", "Older"),
    "newest_again": Translation("Till de nyaste", "To the newest"),
    "no_edits": Translation("Inga ändringar att visa", "No edits to show"),
    "no_edits_hint": Translation(
        "Arkivet har inte sett någon ändring som passar. Pröva färre avgränsningar.",
        "The archive has seen no edit that fits. Try fewer filters.",
    ),
    "no_edits_yet": Translation("Ingen ändring har setts än;", "No edit has been seen yet;"),
    "no_removals_yet": Translation("Ingen borttagning har setts än;", "No removal has been seen yet;"),
    "looks_for_them": Translation("letar efter dem.", "looks for them."),
    "latest_edits": Translation("Senaste ändringar", "Latest edits"),
    "all_edits": Translation("Alla ändringar", "All edits"),
    "no_removals": Translation("Inget borttaget att visa", "Nothing removed to show"),
    "no_removals_hint": Translation(
        "Arkivet har inte sett någon borttagning som passar. Pröva färre avgränsningar.",
        "The archive has seen no removal that fits. Try fewer filters.",
    ),
    "without_choices": Translation("Visa utan avgränsningar", "Show without filters"),
    "moves_apart": Translation("Flyttade meddelanden visas för sig", "Moved releases are shown apart"),
    "last_text_link": Translation("Läs den sista texten", "Read the last text"),
    # errors
    "refused_404": Translation("Sidan finns inte", "There is no such page"),
    "refused_400": Translation("Avgränsningen går inte att använda", "The filter cannot be used"),
    "refused_503": Translation("Det tog för lång tid", "It took too long"),
    "refused_403": Translation("Det är inte tillåtet här", "This is not allowed here"),
    "refused_500": Translation("Något gick fel", "Something went wrong"),
    "unknown_parameter": Translation(
        "Sidan känner inte till {name} i adressen. De här går att använda: {known}.",
        "The page does not know {name} in the address. These can be used: {known}.",
    ),
    "unknown_option": Translation(
        "Sidan känner inte till inställningen {name} i adressen. De här går att använda: {known}.",
        "The page does not know the option {name} in the address. These can be used: {known}.",
    ),
    "unknown_column": Translation(
        "Tabellen {table} har ingen kolumn {column}. Kolumnerna är: {known}.",
        "The table {table} has no column {column}. Its columns are: {known}.",
    ),
    "unknown_lookup": Translation(
        "Det finns ingen jämförelse som i {name}. De som finns är: {known}.",
        "There is no comparison as in {name}. These exist: {known}.",
    ),
    "no_search_here": Translation(
        "Tabellen {table} går inte att söka i med {name}.", "The table {table} cannot be searched with {name}."
    ),
    "bad_list_filter": Translation(
        "Värdet ”{value}” för {name} ska vara en lista av texter och tal i JSON.",
        "The value “{value}” of {name} must be a list of texts and numbers in JSON.",
    ),
    "bad_through": Translation(
        "_through= ska vara ett JSON-objekt med table, column och value, där tabellen har en nyckel hit.",
        "_through= is a JSON object with table, column and value, of a table that has a key to this one.",
    ),
    "no_arrays_here": Translation(
        "Kolumnen ”{value}” innehåller inga JSON-listor, så dess värden kan inte räknas med {name}.",
        "The column “{value}” holds no JSON arrays, so {name} cannot count its values.",
    ),
    "bad_blob": Translation(
        "Kolumnen ”{value}” innehåller inga sådana binärdata.", "The column “{value}” holds no such binary data."
    ),
    "nested_json": Translation(
        "Kolumnen ”{value}” innehåller värden som är för djupt nästlade för att läsas som JSON.",
        "The column “{value}” has values that are nested too deeply to be read as JSON.",
    ),
    "page_too_large": Translation(
        "{asked} rader ryms inte i ett svar, bara {rows}. Begär färre rader eller kolumner, eller skriv _size=max för"
        " så många som ryms; next_url leder vidare. Hela tabellen finns som .csv?_stream=on.",
        "{asked} rows do not fit in an answer; {rows} do. Ask for fewer rows or columns, or for _size=max, as many as"
        " fit; next_url leads to the rest. The whole table is there as .csv?_stream=on.",
    ),
    "data_refused": Translation("Frågan kunde inte besvaras. Databasens felmeddelande: {message}", "{message}"),
    "data_not_found": Translation(
        "Det finns inga data i det formatet på den här adressen.", "There is no data in this format at this address."
    ),
    "data_too_slow": Translation(
        "Frågan tog för lång tid. Begränsa den och försök igen.",
        "The statement took too long. Ask for less, or narrow it down.",
    ),
    "data_no_sql": Translation(
        "Här får besökare inte ställa egna SQL-frågor. Tabeller, filter och färdiga frågor går att använda.",
        "Visitors may not bring SQL of their own to this site. Tables, filters and the queries it names can be used.",
    ),
    "data_fault": Translation(
        "Något gick fel hos oss. Felet har antecknats.", "Something went wrong here; it has been noted."
    ),
    "bad_filter": Translation(
        "Värdet ”{value}” för {name} kan inte läsas.", "The value “{value}” of {name} cannot be read."
    ),
    "bad_agency": Translation("Arkivet känner ingen myndighet ”{value}”.", "The archive knows no agency “{value}”."),
    "bad_days": Translation(
        "Från och med ({value}) är senare än till och med ({until}).", "From ({value}) is later than to ({until})."
    ),
    "too_slow_list": Translation(
        "Listan tog för lång tid. Pröva en avgränsning.", "The list took too long. Try a filter."
    ),
    "diff_same": Translation(
        "Lydelsen {revision} kan inte jämföras med sig själv.", "Revision {revision} cannot be compared with itself."
    ),
    "diff_missing": Translation("Arkivet har ingen lydelse {revision}.", "The archive holds no revision {revision}."),
    "no_such_removal": Translation(
        "Arkivet har ingen borttagning {removal}.", "The archive holds no removal {removal}."
    ),
    "diff_other": Translation(
        "Lydelserna {one} och {other} hör till olika meddelanden och kan inte jämföras.",
        "Revisions {one} and {other} belong to different releases and cannot be compared.",
    ),
    "no_such_release": Translation(
        "Arkivet har inget meddelande {release}.", "The archive holds no release {release}."
    ),
    # search for a URL
    "address_unknown": Translation(
        "Arkivet har inget meddelande som stått på den adressen.",
        "The archive holds no release that stood at that address.",
    ),
}

SOURCE_KIND_TEXTS = {
    "feed": Translation("flöde", "feed"),
    "sitemap": Translation("sajtkarta", "sitemap"),
    "listing": Translation("lista", "list"),
    "archive": Translation("arkivsida", "archive page"),
    "home": Translation("startsida", "front page"),
    "robots": Translation("robots.txt", "robots.txt"),
}
MISSING_REASON_TEXTS = {
    "unseen": Translation("inte funnet av någon insamling", "not found by any crawl"),
    "due": Translation("funnet, står på tur att läsas", "found, waits its turn to be read"),
    "failed": Translation("sidan svarade inte", "the page did not answer"),
    "quarantined": Translation(
        "läst, men hålls undan tills någon sett på det", "read, but quarantined until somebody has looked at it"
    ),
}
COVERAGE_TEXTS = {
    **{f"kind_{kind}": text for kind, text in SOURCE_KIND_TEXTS.items()},
    **{f"gap_{state}": text for state, text in MISSING_REASON_TEXTS.items()},
    "coverage": Translation("Fullständighet", "Completeness"),
    "coverage_title": Translation(
        "Vad myndigheterna listar, och vad som saknas här", "What agencies list, and what is missing here"
    ),
    "coverage_about": Translation(
        "Då och då läses myndigheternas egna listor, flöden och sajtkartor från början till slut, och varje adress i"
        " dem jämförs med arkivet.",
        "Now and then the agencies’ own lists, feeds and sitemaps are read from beginning to end, and every address in"
        " them is compared with the archive.",
    ),
    "coverage_none": Translation("Ingen jämförelse är gjord än.", "No comparison has been made yet."),
    "coverage_none_hint": Translation(
        "Så snart en är gjord visas den här.", "It is shown here as soon as one has been made."
    ),
    "coverage_all": Translation("Alla myndigheters fullständighet", "Completeness of all agencies"),
    "coverage_more": Translation(
        "Vad myndigheterna listar, jämfört med vad arkivet har:", "What agencies list, against what the archive holds:"
    ),
    "compared_when": Translation("Jämfört {when}.", "Compared {when}."),
    "compared_last": Translation("Senast jämfört {when}.", "Last compared {when}."),
    "n_missing": Translation(
        ("{n} listat meddelande saknas", "{n} listade meddelanden saknas"),
        ("{n} listed release is missing", "{n} listed releases are missing"),
    ),
    "none_missing": Translation("Inget listat meddelande saknas", "No listed release is missing"),
    "of_n_listed": Translation("av {n} listade", "of {n} listed"),
    "n_unlisted": Translation(
        (
            "Minst {n} meddelande i arkivet listas inte längre, fast sidan står kvar.",
            "Minst {n} meddelanden i arkivet listas inte längre, fast sidorna står kvar.",
        ),
        (
            "At least {n} release held is no longer listed, though its page still stands.",
            "At least {n} releases held are no longer listed, though their pages still stand.",
        ),
    ),
    "broke_off": Translation(
        "Läsningen av en källa avbröts, så det kan listas mer än här räknats.",
        "A source broke off while it was read, so more may be listed than was counted here.",
    ),
    "partly_read": Translation("delvis läst", "partly read"),
    "never_compared": Translation(
        "Listorna har inte jämförts med arkivet än.", "Its lists have not been compared yet."
    ),
    "head_gaps": Translation("Något saknas", "Something is missing"),
    "head_broke_off": Translation("Läsningen avbröts", "Reading broke off"),
    "head_complete": Translation("Inget saknas", "Nothing is missing"),
    "n_uncompared": Translation(
        ("{n} myndighet är inte jämförd än.", "{n} myndigheter är inte jämförda än."),
        ("{n} agency has not been compared yet.", "{n} agencies have not been compared yet."),
    ),
    "col_missing": Translation("Saknas", "Missing"),
    "col_no_release": Translation("Inget att läsa", "Nothing to read"),
    "col_unlisted": Translation("Ej längre listade", "No longer listed"),
    "col_month": Translation("Publicerat", "Published"),
    "col_source": Translation("Källa", "Source"),
    "gaps_by_name": Translation("Det som saknas", "What is missing"),
    "by_source": Translation("Källa för källa", "Source by source"),
    "month_unknown": Translation("okänd månad", "month unknown"),
    "listed_as": Translation("daterat {when} i källan", "dated {when} by the source"),
    "missed_since": Translation("saknas sedan {when}", "missing since {when}"),
    "more_gaps": Translation("Fler som saknas", "More that are missing"),
    "first_gaps": Translation("Från början", "From the beginning"),
    "coverage_sum": Translation(
        "Listade är summan av de tre följande: i arkivet, inget att läsa (adressen är prövad, men där fanns inget"
        " meddelande som gick att läsa) och saknas.",
        "Listed is the sum of the next three: held, nothing to read (the address was tried, but no release could be"
        " read there) and missing.",
    ),
    "unlisted_hint": Translation(
        "Ej längre listade kommer till: meddelanden i arkivet som ingen källa nämner nu. Ett streck betyder att antalet"
        " inte är känt.",
        "No longer listed comes on top: releases held that no source names now. A dash means that the number is not"
        " known.",
    ),
    "listed_means": Translation("Meddelanden som källorna listar", "Releases that the sources list"),
    "stored_means": Translation("Av dem: finns i arkivet", "Of these: stored in the archive"),
    "rejected_means": Translation(
        "Av dem: adressen är prövad, men där fanns inget meddelande som gick att läsa",
        "Of these: the address was tried, but no release could be read there",
    ),
    "missing_means": Translation("Av dem: inte lästa än", "Of these: not read yet"),
    "unlisted_means": Translation(
        "Utöver de listade: finns i arkivet, men ingen källa listar dem nu; null om antalet inte är känt",
        "Beside the listed ones: stored, but no source lists them now; null if the number is not known",
    ),
    "gaps_as_data": Translation("Luckorna som tabell", "The gaps as a table"),
}

PAGE_TEXTS = {
    # every page
    "about": Translation("Om arkivet", "About"),
    "help": Translation("Hjälp", "Help"),
    "search_help": Translation("Hjälp om sökning", "Help with searching"),
    "more_menu": Translation("Om webbplatsen", "About the site"),
    # index
    "what_is_this": Translation(
        "Arkivet läser myndigheternas nyhetssidor, sparar varje text som den stod och visar vad som senare ändrades"
        " eller togs bort.",
        "The archive reads the agencies’ news pages, keeps each text as it stood and shows what was later changed or"
        " removed.",
    ),
    "more_about": Translation("Mer om arkivet", "More about the archive"),
    "all_agencies": Translation(("Alla myndigheter", "Alla {n} myndigheter"), ("All agencies", "All {n} agencies")),
    "last_added": Translation("Senast utökat {when}.", "Last added to {when}."),
    "by_month": Translation("Månad för månad", "Month by month"),
    # agencies
    "agencies_about": Translation("De myndigheter som arkivet läser.", "The agencies that the archive reads."),
    "no_agencies": Translation("Arkivet läser ingen myndighet än.", "The archive reads no agency yet."),
    # one agency
    "agency_about": Translation(
        "Vad {agency} har publicerat, som arkivet såg det.", "What {agency} has published, as the archive saw it."
    ),
    "agency_home": Translation("Myndighetens webbplats", "The agency’s website"),
    "org_number": Translation("Organisationsnummer {number}", "Organisation number {number}"),
    "search_agency": Translation("Sök hos {agency}", "Search {agency}"),
    "record": Translation("I arkivet", "In the archive"),
    "held": Translation("Meddelanden", "Releases"),
    "edits_made": Translation("Ändringar", "Edits"),
    "n_unannounced": Translation("varav {n} oannonserade", "{n} of them unannounced"),
    "removed_count": Translation("Borttagna", "Removed"),
    "last_crawl": Translation("Senast läst", "Last read"),
    "crawl_good": Translation("utan fel", "without errors"),
    "crawl_faults": Translation(
        ("{n} adress svarade inte", "{n} adresser svarade inte"),
        ("{n} address did not answer", "{n} addresses did not answer"),
    ),
    "crawl_stopped": Translation("avbruten i förtid", "ended early"),
    "never_crawled": Translation("Ännu aldrig av arkivet", "Never yet by the archive"),
    "read_since": Translation("Läst sedan", "Read since"),
    "agency_empty": Translation(
        "Arkivet har inget meddelande från {agency} än.", "The archive has no release from {agency} yet."
    ),
    "agency_empty_hint": Translation(
        "Så snart en insamling har hittat något visas det här.",
        "As soon as a crawl has found something it is shown here.",
    ),
    "months": Translation("Månader", "Months"),
    "n_undated": Translation(("{n} utan datum", "{n} utan datum"), ("{n} undated", "{n} undated")),
    "older_years": Translation("Äldre år", "Earlier years"),
    "older_releases": Translation("Äldre meddelanden", "Older releases"),
    "most_used_tags": Translation("Vanliga ämnesord", "Common tags"),
    # one tag
    "tag_title": Translation("Ämnesord: {tag}", "Tag: {tag}"),
    "tag_head": Translation("Ämnesord", "Tag"),
    "tag_about": Translation(
        "Meddelanden som myndigheterna själva har märkt så.", "Releases that the agencies themselves have tagged so."
    ),
    "search_tag": Translation("Sök bland dem", "Search among them"),
    "used_by": Translation("Används av", "Used by"),
    "tag_empty": Translation("Inget meddelande har det ämnesordet längre.", "No release has that tag any more."),
    # one month
    "month_of": Translation("{agency}: {month}", "{agency}: {month}"),
    "undated_title": Translation("Utan datum", "Undated"),
    "undated_about": Translation(
        "Sidor som inte säger när de publicerades. De står i ordning efter när de uppdaterades eller först sågs.",
        "Pages that do not say when they were published, in the order in which they were updated or first seen.",
    ),
    "month_about": Translation("Publicerat enligt myndigheterna.", "Published, say the agencies."),
    "month_empty": Translation("Inget meddelande från den månaden.", "No release from that month."),
    "month_empty_hint": Translation(
        "Arkivet har inget som publicerades då. Pröva en annan månad.",
        "The archive has nothing that was published then. Try another month.",
    ),
    "every_month_of": Translation("Alla månader från {agency}", "Every month of {agency}"),
    "everyone": Translation("Alla myndigheter denna månad", "All agencies that month"),
    "other_months": Translation("Andra månader", "Other months"),
    "other_years": Translation("Andra år", "Other years"),
    # reading page
    "times": Translation("Fyra tider", "Four times"),
    "published_in_collection": Translation(
        "Publicerad enligt samlingen {collection}", "Published, according to the collection {collection}"
    ),
    "updated_in_collection": Translation(
        "Uppdaterad enligt samlingen {collection}", "Updated, according to the collection {collection}"
    ),
    "taken_over": Translation("Importerad från samlingen {collection}", "Imported from the collection {collection}"),
    "not_in_collection": Translation("Anges inte där", "Not given there"),
    "in_given_words": Translation("angivet där: ”{words}”", "given there: “{words}”"),
    "never_checked": Translation("Ännu aldrig av arkivet", "Never yet by the archive"),
    "neighbours_of": Translation("Fler från {agency}", "More from {agency}"),
    "earlier": Translation("Tidigare", "Earlier"),
    "later": Translation("Senare", "Later"),
}

SEARCH_TEXTS = {
    "search_title": Translation("Sök i arkivet", "Search the archive"),
    "search_for": Translation("Sök: {words}", "Search: {words}"),
    "search_label": Translation("Ord att söka efter", "Words to search for"),
    # the help line beside the box
    "search_tips": Translation(
        "Alla ord måste finnas med, i vilken böjning som helst.", "All words must occur, in any inflected form."
    ),
    "more_ways": Translation("Fler sätt att söka", "More ways to search"),
    "way_phrase": Translation("orden i just den följden", "the words in that very order"),
    "way_not": Translation("utan det ordet", "without that word"),
    "way_or": Translation("det ena eller det andra", "the one or the other"),
    "way_star": Translation("ord som börjar så, minst tre bokstäver", "words that begin so, three letters at least"),
    "way_near": Translation("högst fem ord emellan", "at most five words between"),
    "way_field": Translation(
        "bara i rubriken; också ingress:, fråga:, svar:", "only in the title; also lead:, question:, answer:"
    ),
    "way_agency": Translation("bara den myndigheten", "only that agency"),
    "way_tag": Translation("bara med det ämnesordet", "only with that tag"),
    "way_days": Translation("publicerat de dagarna, månaderna eller åren", "published on those days, months or years"),
    "ask_phrase": Translation('"på natten"', '"på natten"'),
    "ask_not": Translation("skola -förskola", "skola -förskola"),
    "ask_or": Translation("polis OR åklagare", "polis OR åklagare"),
    "ask_star": Translation("miljö*", "miljö*"),
    "ask_near": Translation("barn NEAR/5 vård", "barn NEAR/5 vård"),
    "ask_field": Translation("rubrik:budget", "title:budget"),
    "ask_agency": Translation("myndighet:polisen", "agency:polisen"),
    "ask_tag": Translation('ämne:"mänskliga rättigheter"', 'tag:"mänskliga rättigheter"'),
    "ask_days": Translation("från:2023-09 till:2024", "from:2023-09 to:2024"),
    # what was read otherwise than it may have been meant
    "search_note_open_quote": Translation(
        "Ett citattecken saknar sin andra hälft. Orden efter det söktes vart för sig.",
        "A quotation mark lacks its other half. The words after it were searched for one by one.",
    ),
    "search_note_short_star": Translation(
        "Före en stjärna behövs minst tre bokstäver. {words} lästes som ett helt ord.",
        "A star needs at least three letters before it. {words} was read as a whole word.",
    ),
    "search_note_many_begin": Translation(
        "Så många ord börjar som {words} att bara de vanligaste av dem söktes, och de nyaste träffarna står först.",
        "So many words begin like {words} that only the commonest of them were searched, the newest hits first.",
    ),
    "search_note_lone": Translation(
        "{words} behöver ett ord på var sida. Här lästes det som ett vanligt ord.",
        "{words} needs a word on either side. Here it was read as an ordinary word.",
    ),
    "search_note_only_not": Translation(
        "Sökningen säger bara vad som inte ska vara med. Allt annat visas.",
        "The search says only what must not be there. All else is shown.",
    ),
    "search_note_no_day": Translation(
        "{words} är inget datum och lästes som vanliga ord. Datum skrivs 2024, 2024-03 eller 2024-03-15.",
        "{words} is no date and was read as ordinary words. Dates are written 2024, 2024-03 or 2024-03-15.",
    ),
    "search_note_no_time": Translation(
        "Tiden {words} slutar innan den börjar, så inget kan vara publicerat då.",
        "The time {words} ends before it begins, so nothing can have been published in it.",
    ),
    "search_note_no_field": Translation(
        "{words} är inget fält och lästes som vanliga ord. Fälten är rubrik, ingress, text, fråga, svar, myndighet,"
        " ämne, från och till.",
        "{words} is no field and was read as ordinary words. The fields are title, lead, body, question, answer,"
        " agency, tag, from and to.",
    ),
    "search_note_no_value_of": Translation(
        "Efter {words} står inget att söka efter, så det lästes som ett vanligt ord.",
        "Nothing to search for stands after {words}, so it was read as an ordinary word.",
    ),
    "search_note_no_agency": Translation(
        "Ingen myndighet i arkivet heter {words}.", "No agency in the archive is called {words}."
    ),
    "search_note_no_tag": Translation(
        "Inget ämnesord i arkivet heter {words}.", "No tag in the archive is called {words}."
    ),
    "search_note_not_read": Translation(
        "{words} i adressen går inte att läsa och räknas inte med.",
        "{words} in the address cannot be read and is left out.",
    ),
    "search_note_no_value": Translation(
        "{words} i adressen: det värdet finns inte i arkivet.", "{words} in the address: the archive has no such value."
    ),
    "search_note_most_size": Translation(
        "En sida rymmer högst 100 träffar; {words} i adressen är för mycket.",
        "A page holds 100 hits at most; {words} in the address is too much.",
    ),
    "search_note_no_page": Translation(
        "Det finns ingen sida {words}: träffarna tar slut före den.",
        "There is no page {words}: the hits end before it.",
    ),
    "search_note_cut": Translation(
        "Bara de första orden togs med i sökningen: högst 32 ord och 2\u00a0000 tecken.",
        "Only the first words were used in the search: 32 words and 2,000 characters at most.",
    ),
    "search_note_titled": Translation(
        "Så vanliga ord vägs inte: meddelanden med alla ord i rubriken står först, sedan de nyaste.",
        "Words so common are not weighed: releases with all words in the title come first, then the newest.",
    ),
    # what is shown, and in which order
    "show_releases": Translation("Meddelanden", "Releases"),
    "show_questions": Translation("Frågor och svar", "Questions and answers"),
    "what_to_show": Translation("Vad som visas", "What is shown"),
    "order": Translation("Ordning", "Order"),
    "best_first": Translation("bäst först", "best first"),
    "newest_first": Translation("nyast först", "newest first"),
    "hits": Translation(("{n} meddelande", "{n} meddelanden"), ("{n} release", "{n} releases")),
    "hits_capped": Translation("Fler än {n} meddelanden", "More than {n} releases"),
    "pairs": Translation(
        ("{n} fråga med svar", "{n} frågor med svar"), ("{n} question answered", "{n} questions answered")
    ),
    "pairs_capped": Translation("Fler än {n} frågor med svar", "More than {n} questions answered"),
    "capped_hint": Translation(
        "Så många räknas inte. De nyaste träffarna visas först, sedan de äldre.",
        "So many are not counted. The newest hits are shown first, then the older ones.",
    ),
    "capped_titled": Translation(
        "Så många räknas inte. Träffar med alla ord i rubriken visas först, sedan de nyaste.",
        "So many are not counted. Hits with all words in the title are shown first, then the newest.",
    ),
    "capped_pairs": Translation(
        "Så många räknas inte. De som arkivet läste in sist visas först, sedan de äldre.",
        "So many are not counted. Those that the archive read last are shown first, then the older ones.",
    ),
    "answered_in": Translation("Ur {title}", "From {title}"),
    "in_question": Translation("I fråga {n}:", "In question {n}:"),
    # facets
    "narrow": Translation("Avgränsa", "Narrow down"),
    "facet_agency": Translation("Myndighet", "Agency"),
    "facet_kind": Translation("Slag", "Kind"),
    "facet_year": Translation("År", "Year"),
    "facet_tag": Translation("Ämnesord", "Tag"),
    "facet_questions": Translation("Frågor och svar", "Questions and answers"),
    "value_year_none": Translation("Utan datum", "Undated"),
    "value_kind_none": Translation("Framgår inte", "Not told"),
    "value_questions_yes": Translation("Med frågor och svar", "With questions and answers"),
    "value_questions_no": Translation("Utan", "Without"),
    "exclude": Translation("Uteslut {name}", "Leave out {name}"),
    "without_value": Translation("Utan {name}", "Without {name}"),
    "more_choices": Translation("Visa {n} till", "Show {n} more"),
    "choices_left": Translation(
        "{n} till med färre träffar står i JSON. En myndighet väljs också med myndighet: i sökrutan.",
        "{n} more with fewer hits are in the JSON. An agency can be chosen with agency: in the search box, too.",
    ),
    "approximate_counts": Translation(
        "Ungefärligt: bara räknat bland de 10\u00a0000 nyaste träffarna.",
        "Approximate: counted only among the 10,000 newest hits.",
    ),
    "count_of_total": Translation("{n} av {total}", "{n} of {total}"),
    "year_totals": Translation(
        "Träffar av årets alla meddelanden, med valda myndigheter och slag.",
        "Hits of all releases of the year, of the agencies and kinds chosen.",
    ),
    "export_rows": Translation(
        ("Filen i CSV eller Excel har {n} rad.", "Filen i CSV eller Excel har alla {n} rader."),
        ("The CSV or Excel file has {n} row.", "The CSV or Excel file has all {n} rows."),
    ),
    "export_rows_capped": Translation(
        "Filen i CSV eller Excel har alla rader, fler än {n}.",
        "The CSV or Excel file has all rows, more than {n}.",
    ),
    "xlsx_rows": Translation(
        ("{n} rad, hämtad {when}.", "{n} rader, hämtade {when}."),
        ("{n} row, retrieved {when}.", "{n} rows, retrieved {when}."),
    ),
    "xlsx_continued": Translation(
        "En cell i Excel rymmer högst 32\u00a0767 tecken. Längre texter fortsätter i kolumnerna {columns}.",
        "A cell in Excel holds 32,767 characters at most. Longer texts continue in the columns {columns}.",
    ),
    "xlsx_texts": Translation(
        "Datum står som text, så som arkivet har dem. Styrtecken som Excel inte kan visa är utbytta mot \ufffd.",
        "Dates are text, as the archive has them. Control characters that Excel cannot show are replaced by \ufffd.",
    ),
    "chosen": Translation("Valda avgränsningar", "Chosen filters"),
    "remove_filter": Translation("Ta bort avgränsningen {name}", "Remove the filter {name}"),
    # why a hit was found
    "why": Translation("Varför den här träffen?", "Why this hit?"),
    "why_title": Translation("rubriken", "the title"),
    "why_lead": Translation("ingressen", "the lead"),
    "why_body": Translation("texten", "the text"),
    "why_question": Translation("en fråga", "a question"),
    "why_answer": Translation("ett svar", "an answer"),
    "why_stands": Translation("{asked} finns i", "{asked} is in"),
    # other spellings
    "did_you_mean": Translation("Menade du", "Did you mean"),
    "apart": Translation(
        "Orden finns, men inte tillsammans i den följden. Sök dem vart för sig:",
        "The words are there, but not together in that order. Search for them one by one:",
    ),
    # pages of hits
    "pages": Translation("Sidor", "Pages"),
    "previous": Translation("Föregående", "Previous"),
    "next": Translation("Nästa", "Next"),
    "page_of": Translation("Sida {page} av {pages}", "Page {page} of {pages}"),
    # nothing found
    "no_hits": Translation("Inget meddelande hittades.", "No release was found."),
    "no_pairs": Translation("Ingen fråga med svar hittades.", "No answered question was found."),
    "searched": Translation(
        ("Sökningen gick igenom {n} meddelande från", "Sökningen gick igenom {n} meddelanden från"),
        ("The search went through {n} release from", "The search went through {n} releases from"),
    ),
    "searched_limits": Translation(
        "Inom de valda gränserna har arkivet {n} av sina {stored} meddelanden.",
        "Within the chosen limits the archive has {n} of its {stored} releases.",
    ),
    "searched_more": Translation("{n} till", "{n} more"),
    "fresh_newest": Translation("Det nyaste meddelandet är från {when}.", "The newest release is of {when}."),
    "fresh_status": Translation("Så mår läsningen av varje myndighet", "How the reading of each agency fares"),
    "no_hits_advice": Translation(
        "Pröva färre ord, ett annat ord för samma sak eller OR mellan två ord.",
        "Try fewer words, another word for the same thing, or OR between two words.",
    ),
    "without_filters": Translation("Sök utan avgränsningar", "Search without filters"),
    "no_word": Translation(
        "Det som skrevs innehåller inga bokstäver eller siffror att söka efter.",
        "What was typed holds no letters or digits to search for.",
    ),
    "too_slow": Translation(
        "Sökningen tog för lång tid. Pröva ovanligare ord eller en avgränsning.",
        "The search took too long. Try rarer words or a filter.",
    ),
}

TAKEDOWN_TEXTS = {
    "takedowns_title": Translation("Dolt och överstruket", "Hidden and redacted"),
    "takedowns_about": Translation(
        "Vad arkivet självt har dolt eller strukit över, när och varför. Vad myndigheterna tog bort står"
        " under Borttaget.",
        "What the archive itself has hidden or redacted, when and why. What agencies took away stands under Removed.",
    ),
    "takedowns_hashes": Translation(
        "Varje lydelses kontrollsumma står kvar och visar vad som fanns.",
        "The hash of each version stays and proves what was there.",
    ),
    "takedowns_none": Translation("Inget är dolt eller överstruket.", "Nothing is hidden or redacted."),
    "takedown_hide": Translation("Dolt meddelande", "Hidden release"),
    "takedown_redact": Translation("Överstruken passage", "Redacted passage"),
    "takedown_at": Translation("Sedan {when}", "Since {when}"),
    "takedown_lifted": Translation("Upphävt {when}: {why}", "Lifted {when}: {why}"),
    "takedown_hidden": Translation("En annan post döljer meddelandet", "Another entry hides the release"),
    "takedown_redacted": Translation(
        "En annan post stryker över delar av meddelandet", "Another entry redacts parts of the release"
    ),
    "takedown_log": Translation("Allt som är dolt eller överstruket", "All that is hidden or redacted"),
    "release_number": Translation("Meddelande {number}", "Release {number}"),
    "stands_hidden": Translation("Arkivet visar inte det här meddelandet", "The archive does not show this release"),
    "stands_redacted": Translation(
        "Arkivet har strukit över delar av texten", "The archive has redacted parts of this text"
    ),
}

ALL_TEXTS = {
    **COMMON_TEXTS,
    **HISTORY_TEXTS,
    **DIFF_TEXTS,
    **PAGE_TEXTS,
    **ABOUT_TEXTS,
    **HELP_TEXTS,
    **CITATION_TEXTS,
    **FEED_TEXTS,
    **SEARCH_TEXTS,
    **TAKEDOWN_TEXTS,
    **STATUS_TEXTS,
    **COVERAGE_TEXTS,
    **CHANGES_TEXTS,
}


def choose_language(requested: str | None, accept_language: str | None) -> str:
    """Return the language of the parameter lang, else the best of Accept-Language, else Swedish.

    >>> choose_language(None, "de, en-GB;q=0.8, sv;q=0.5")
    'en'
    """
    if requested in LANGUAGES:
        return requested
    qualities: dict[str, float] = {}
    for part in (accept_language or "").split(","):
        tag, _, quality = part.partition(";")
        language = tag.strip().lower().split("-")[0]
        value = parse_quality_value(quality)
        if language in LANGUAGES and value > 0:
            qualities[language] = max(value, qualities.get(language, 0))
    return max(LANGUAGES, key=lambda language: qualities.get(language, 0))


def parse_quality_value(text: str) -> float:
    """Parse a quality value such as "q=0.8"; 1 if it is missing, 0 if it cannot be read."""
    name, _, value = text.replace(" ", "").partition("=")
    if not name:
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def translate(language: str, key: str, **values: object) -> str:
    """Return a text of the interface; `n` selects one or many, and whole numbers are formatted."""
    text = ALL_TEXTS[key].in_language(language)
    if isinstance(text, tuple):
        text = text[0 if values.get("n") == 1 else 1]
    formatted = {name: format_number(language, v) if isinstance(v, int) else v for name, v in values.items()}
    return text.format(**formatted)


def format_number(language: str, number: int) -> str:
    """Format a whole number with thousands separators.

    >>> format_number("en", 12345)
    '12,345'
    """
    return f"{number:,}" if language == "en" else f"{number:,}".replace(",", NO_BREAK_SPACE)


def format_time(language: str, text: str | None) -> str:
    """Format a time recorded by the archive (seen, checked …), which is in UTC, in Swedish time.

    >>> format_time("en", "2021-05-18T10:57:00+00:00")
    '18 May 2021, 12:57'
    """
    value = parse_time(text)
    return format_moment(language, to_timezone(value, SWEDISH_TIME) if isinstance(value, datetime) else value)


def format_stated_time(language: str, text: str | None) -> str:
    """Format a time stated by an agency (published, updated), in the time zone that it is stated in.

    >>> format_stated_time("en", "2024-01-18T10:57:00+00:00"), format_stated_time("sv", "2024-06")
    ('18 January 2024, 10:57', 'juni 2024')
    """
    return format_moment(language, parse_time(text))


def format_moment(language: str, value: date | None) -> str:
    """Format a moment in its own time zone, a day or a month; None becomes an empty text."""
    if value is None:
        return ""
    month = f"{MONTH_NAMES[value.month - 1].in_language(language)} {value.year}"
    if isinstance(value, Month):
        return month
    day = f"{value.day} {month}"
    if not isinstance(value, datetime):
        return day
    return f"{day}, {value:%H:%M}" if language == "en" else f"{day} kl.{NO_BREAK_SPACE}{value:%H.%M}"


def format_release_kind(language: str, kind: str) -> str:
    """Return a release's kind in words.

    >>> format_release_kind("sv", "press release"), format_release_kind("sv", "telegram")
    ('pressmeddelande', 'telegram')
    """
    return str(RELEASE_KIND_TEXTS[kind].in_language(language)) if kind in RELEASE_KIND_TEXTS else kind


def format_importance(language: str, importance: int | None) -> str:
    """Return an edit's importance in words; empty if it has none.

    >>> format_importance("en", 75), format_importance("sv", 8)
    ('weighty', 'liten')
    """
    if importance is None:
        return ""
    text = next(text for least, _, text in IMPORTANCE_LEVELS if importance >= least)
    return str(text.in_language(language))


def format_importance_bar(importance: int | None) -> str:
    """Return an edit's importance as a bar of four marks, which needs no colour.

    >>> format_importance_bar(75), format_importance_bar(8), format_importance_bar(None)
    ('▮▮▮▯', '▮▯▯▯', '')
    """
    marks = 0 if importance is None else next(marks for least, marks, _ in IMPORTANCE_LEVELS if importance >= least)
    return "▮" * marks + "▯" * (4 - marks) if marks else ""


def describe_removal(language: str, kind: str, status: int | None, target: str | None) -> str:
    """Describe what was seen in place of a release.

    >>> describe_removal("en", "gone", 410, None)
    'The page answered 410.'
    """
    text = str(REMOVAL_TEXTS[kind].in_language(language))
    return text.format(status=status or 404, target=target or "?")


def format_field_value(language: str, field: str, text: str) -> str:
    """Format a field's value: times, kinds and languages in words, other texts unchanged.

    >>> format_field_value("sv", "updated", "2024-06-03"), format_field_value("en", "language", "sv")
    ('3 juni 2024', 'Swedish')
    >>> format_field_value("sv", "title", "Hej")
    'Hej'
    """
    if not text:
        return ""
    if field in ("published", "updated"):
        return format_stated_time(language, text)
    if field == "kind":
        return format_release_kind(language, text)
    if field == "language" and text in LANGUAGES:
        return translate(language, f"lang_{text}")
    return text


def format_field_heading(language: str, name: str) -> str:
    """Return the heading of a release's field."""
    return str(FIELD_HEADINGS[name].in_language(language)) if name in FIELD_HEADINGS else name


def swedish_sort_key(name: str) -> str:
    """Return a key that sorts names in Swedish order: å, ä and ö after z."""
    return name.casefold().translate(str.maketrans("åäö", "{|}"))
