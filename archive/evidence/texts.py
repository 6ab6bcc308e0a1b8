"""What the guide in a bundle of evidence says, in Swedish and English side by side."""

from __future__ import annotations

from archive.texts import Text

GUIDE = {
    "title_version": Text(
        "Underlag för lydelse {number}: {title}",
        "Evidence for version {number}: {title}",
    ),
    "title_removal": Text(
        "Underlag för borttagning {number}: {title}",
        "Evidence for removal {number}: {title}",
    ),
    "title_move": Text("Underlag för flytt {number}: {title}", "Evidence for move {number}: {title}"),
    "moved_seen": Text("Arkivet såg att meddelandet hade flyttat", "The archive saw that the release had moved"),
    "away_since": Text("Meddelandet stod inte kvar vid kontrollen", "The release was seen away first"),
    "away_until": Text("och inte heller senast vid kontrollen", "and last"),
    "back": Text("Det stod där igen", "It stood again"),
    "removal.json": Text(
        "vad arkivets kontroller såg i meddelandets ställe",
        "what the archive's checks saw in the release's place",
    ),
    "move.json": Text(
        "vart meddelandet hade flyttat (target)",
        "where the release had moved to (target)",
    ),
    "from": Text("{name}, {url}", "{name_en}, {url}"),
    # times
    "times": Text("Tider", "Times"),
    "seen": Text("Lydelsen lästes av arkivet", "The archive read the version"),
    "taken_over": Text(
        "Lydelsen togs över från en annan samling", "The version was taken over from another collection"
    ),
    "last_seen": Text("Den stod kvar vid arkivets kontroll", "It still stood when the archive checked"),
    "captured": Text("Svaret hämtades", "The answer was fetched"),
    "status": Text("Svarets status (HTTP)", "The answer's status (HTTP)"),
    "date": Text("Serverns klocka (Date)", "The server's clock (Date)"),
    "last-modified": Text("Senast ändrad enligt servern", "Last modified, says the server"),
    "published": Text("Publicerad enligt myndigheten", "Published, says the agency"),
    "updated": Text("Uppdaterad enligt myndigheten", "Updated, says the agency"),
    "manifest": Text("Manifest som omfattar lydelsen (dag, UTC)", "Manifest that covers the version (day, UTC)"),
    "newest": Text("Nyaste manifest (dag, UTC)", "Newest manifest (day, UTC)"),
    "not_told": Text("framgår inte", "not told"),
    # files
    "files": Text("Filer", "Files"),
    "page": Text(
        "svaret som det kom, byte för byte (bara packningen för överföringen är borttagen)",
        "the answer as it came, byte for byte (only the coding for transfer was taken off)",
    ),
    "headers.json": Text("de svarshuvuden som har betydelse", "the answer's header fields that matter"),
    "release.json": Text(
        "lydelsen som arkivet läste den; det som inte framgick av sidan är utelämnat",
        "the version as the archive read it; what the page did not tell is left out",
    ),
    "parts": Text(
        "rader ur arkivets förteckning, med kontrollsummor",
        "lines of the archive's register, with digests",
    ),
    "chain": Text(
        "dagens manifest: kontrollsummor för förteckningens delar, och för manifestet före",
        "a day's manifest: digests of the register's parts, and of the manifest before",
    ),
    "SHA256SUMS": Text("de kontrollsummor som filerna ska ha", "the digests that the files must have"),
    # what is not here
    "withheld": Text(
        "Texten är borttagen ur arkivet sedan {taken_down}: {reason}\nSidans bytes och lydelsen lämnas därför inte ut."
        " Den som har originalet kan pröva det: sidans SHA-256 är {sha256}, lydelsens {hash}.",
        "The text has been taken down since {taken_down}: {reason_en}\nThe bytes of the page and the version are"
        " therefore not handed out. Who has the original can check it: the page's SHA-256 is {sha256}, the version's"
        " {hash}.",
    ),
    "no_capture_version": Text(
        "Till den här lydelsen finns inget sparat svar: den lästes innan svaren sparades, eller ur en annan källa. "
        "Bara arkivets egen läsning kan visas.",
        "No answer is kept for this version: it was read before answers were kept, or from another source. "
        "Only the archive's own reading can be shown.",
    ),
    "no_capture_removal": Text(
        "Till den här borttagningen finns inget sparat svar. Bara vad arkivets kontroller såg kan visas, och inget "
        "manifest omfattar det.",
        "No answer is kept for this removal. Only what the archive's checks saw can be shown, and no manifest covers "
        "it.",
    ),
    "no_capture_move": Text(
        "En flytt har inget eget svar: det som lästes på den nya adressen hör till lydelsernas underlag. Flytten själv "
        "intygar bara arkivet, och inget manifest omfattar den.",
        "A move has no answer of its own: what was read at the new address belongs to the evidence of the versions. "
        "The move itself only the archive attests, and no manifest covers it.",
    ),
    "no_bytes": Text(
        "Svarets bytes kan inte läsas här: {problem}",
        "The bytes of the answer cannot be read here: {problem}",
    ),
    "no_manifest": Text(
        "Inget manifest omfattar lydelsen än. Det nästa gör det; hämta underlaget på nytt i morgon.",
        "No manifest covers the version yet. The next one will; fetch the evidence again tomorrow.",
    ),
    "no_chain": Text(
        "Manifestens texter kan inte läsas här: {problem}",
        "The texts of the manifests cannot be read here: {problem}",
    ),
    # how to check
    "check": Text("Så kontrolleras det", "How to check it"),
    "check_files": Text(
        "Kör `sha256sum -c SHA256SUMS` i den här mappen (på en Mac `shasum -a 256 -c SHA256SUMS`; i Windows visar "
        "`certutil -hashfile FIL SHA256` summan för en fil i taget). Varje fil ska vara OK.",
        "Run `sha256sum -c SHA256SUMS` in this folder (on a Mac `shasum -a 256 -c SHA256SUMS`; on Windows "
        "`certutil -hashfile FILE SHA256` shows the digest of one file at a time). Each file must be OK.",
    ),
    "check_page": Text(
        "Summan för {page} står som sha256, och den för headers.json som headers_sha256, på raden för svaret: "
        "`grep '\"capture\":{capture},' {part}`",
        "The digest of {page} stands as sha256, and that of headers.json as headers_sha256, on the line of the "
        "answer: `grep '\"capture\":{capture},' {part}`",
    ),
    "check_release": Text(
        "Summan för release.json står som state_sha256 på raden för lydelsen: `grep '\"revision\":{revision},' {part}`",
        "The digest of release.json stands as state_sha256 on the line of the version: "
        "`grep '\"revision\":{revision},' {part}`",
    ),
    "check_parts": Text(
        "Summan för {part} står i {manifest}.",
        "The digest of {part} stands in {manifest}.",
    ),
    "check_chain": Text(
        "Summan för varje fil i chain/ står som previous i nästa dags fil. Den sista, {day}, har summan {digest}.",
        "The digest of each file in chain/ stands as previous in the next day's. The last one, {day}, has the digest "
        "{digest}.",
    ),
    "check_published": Text(
        "Jämför en av dessa summor med en som någon annan än arkivet har sparat eller offentliggjort. Stämmer den, "
        "så har inget av detta ändrats sedan dess.",
        "Compare one of these digests with one that somebody other than the archive kept or published. Where they "
        "agree, none of this was changed since then.",
    ),
    "alone": Text(
        "Summorna visar bara att filerna kom fram hela: här finns inget manifest att jämföra dem med.",
        "The digests only show that the files arrived whole: there is no manifest here to compare them with.",
    ),
    "limits": Text(
        "Det visar att arkivet inte har ändrat något i efterhand. Att myndighetens server sände just detta intygar "
        "bara arkivet.",
        "This shows that the archive changed nothing afterwards. That the agency's server sent exactly this, only the "
        "archive attests.",
    ),
}
