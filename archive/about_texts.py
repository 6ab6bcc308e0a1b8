"""What the archive says of itself on /about and /help, in Swedish and English (see archive/texts.py)."""

from __future__ import annotations

from archive.texts import Text

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
