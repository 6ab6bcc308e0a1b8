"""Queries that people and machines may type, none of which may be an error."""

from __future__ import annotations

from hypothesis import strategies as st

PRINTABLE = r'''
    - ¦ -- ¦ --- ¦ * ¦ ** ¦ *** ¦ ? ¦ ! ¦ . ¦ .. ¦ … ¦ , ¦ ; ¦ : ¦ :: ¦ / ¦ \ ¦ ' ¦ " ¦ "" ¦ """ ¦ “ ¦ ” ¦ »« ¦ ` ¦ ´
    ^ ¦ ~ ¦ | ¦ || ¦ & ¦ && ¦ + ¦ = ¦ < ¦ > ¦ <> ¦ ( ¦ ) ¦ () ¦ )( ¦ ((( ¦ ))) ¦ [ ¦ ] ¦ { ¦ } ¦ {} ¦ [] ¦ {title}
    {title}: ¦ {parts}: x ¦ % ¦ %% ¦ %00 ¦ %FF ¦ 100% ¦ § ¦ §§ 3-4 ¦ € ¦ $ ¦ # ¦ #tagg ¦ @ ¦ @namn ¦ © ¦ ½ ¦ ² ¦ № 5
    AND ¦ OR ¦ NOT ¦ NEAR ¦ AND AND ¦ OR OR ¦ NOT NOT ¦ NEAR NEAR ¦ a AND ¦ OR a ¦ a NOT ¦ NOT OR ¦ NEAR( ¦ NEAR()
    NEAR(a ¦ NEAR(a) ¦ NEAR(a b ¦ NEAR(a b, ¦ NEAR(a b, x) ¦ NEAR(a b, 99999) ¦ NEAR/x ¦ a NEAR/0 b ¦ a NEAR/999 b
    a NEAR -b ¦ NEAR(NEAR(a b) c) ¦ (a NEAR) b ¦ a OR OR b ¦ a | | b ¦ (a OR) b ¦ a* ¦ ab* ¦ abc* ¦ *abc ¦ a*b*c*
    "abc*" ¦ "abc"* ¦ "a b"* ¦ -abc* ¦ rubrik:abc* ¦ *-* ¦ s* t* u* ¦ -a ¦ - a ¦ a - ¦ --a ¦ -(-a) ¦ -(a OR b)
    -"a b" ¦ -rubrik:a ¦ -från:2024 ¦ -myndighet:x ¦ NOT (a) ¦ rubrik: ¦ rubrik:: ¦ rubrik:rubrik: ¦ :rubrik
    rubrik:-a ¦ rubrik:( ¦ rubrik:" ¦ rubrik:() ¦ title:* ¦ svar:(a OR b) fråga:c ¦ svar:a OR rubrik:b
    -(svar:a från:2024) ¦ ingress:NEAR(a b) ¦ fråga:a NEAR svar:b ¦ från: ¦ från:2024-13 ¦ från:2024-02-30 ¦ från:0000
    från:9999 ¦ till:i morgon ¦ till:-1 ¦ från:2024 till:2020 ¦ myndighet: ¦ myndighet:"" ¦ myndighet:%
    myndighet:'-- ¦ ämne: ¦ ämne:" ¦ ämne:(a) ¦ tag:🦆 ¦ agency:a OR tag:b ¦ A2021/01234 ¦ Ju2023/00001/L5
    SOU 2023:45 ¦ 2010:110 ¦ prop. 2022/23:1 ¦ (EU) 2016/679 ¦ 1 kap. 2 § ¦ anna.ek@verket.se ¦ https:// ¦ http://a
    www.verket.se/x?y=z#å ¦ file:///etc/passwd ¦ 010-123 45 67 ¦ ' OR 1=1 -- ¦ '; drop table releases; --
    1) union select 1 ¦ " OR ""=" ¦ */ x /* ¦ ${7*7} ¦ {{7*7}} ¦ <script>alert(1)</script> ¦ <b> ¦ &lt; ¦ &#0;
    ﬁnland ¦ ǅ ¦ İ ¦ ß ¦ ẞ ¦ 𝔸𝔹 ¦ １２３ ¦ 😀 ¦ 👩‍👩‍👧‍👦 ¦ 🇸🇪 ¦ 日本語 ¦ العربية ¦ עברית ¦ ไทย ¦ Ελλάδα ¦ кириллица
    människo-handel ¦ EU:s ¦ EU:S ¦ 12:e ¦ e-post ¦ covid-19 ¦ och/eller ¦ 5,3 miljoner ¦ 3.14 ¦ kl. 10.30 ¦ हिन्दी
'''
TYPED = (
    *(query.strip() for line in PRINTABLE.strip().splitlines() for query in line.split("¦")),
    *(
        "",
        " ",
        "\t\n",
        "\x00",
        "a\x00b",
        "\ud800",
        "a\ud800b",
        "\ufeffa",
        "\u202eabc",
        "\u00ad",
        "å\u00adr",
    ),
    *("\u200b", "a\u030angstrom", "a\u0301" * 50, "\u0e33" * 20),
)
LONG = (
    *(
        "a " * 5_000,
        "a" * 10_000,
        "(" * 10_000,
        '"' * 10_000,
        '"a" ' * 2_500,
        "-" * 10_000,
        "-a " * 3_333,
    ),
    *(
        "* " * 5_000,
        "abc* " * 2_000,
        "a OR " * 2_500,
        "a NEAR " * 1_400,
        "NEAR(" * 2_000,
        "rubrik:" * 1_400,
    ),
    *(
        "rubrik:a " * 1_100,
        "från:2024 " * 1_000,
        "myndighet:x " * 800,
        "ämne:x OR " * 1_000,
        "-(" * 5_000,
    ),
    *(
        "(a OR " * 1_600,
        "a." * 5_000,
        "å" * 10_000,
        "😀" * 5_000,
        "\x00" * 10_000,
        "abcdefghij " * 900,
    ),
    *("och " * 2_500, "a\u030a" * 5_000),
)
OPERATORS = (
    '"',
    "*",
    "(",
    ")",
    ":",
    "-",
    "+",
    "^",
    "NEAR(",
    " OR ",
    " AND ",
    " NOT ",
    "rubrik:",
    "svar:",
    "från:",
)
WORDS = (
    "2024",
    "vägarna",
    "fyrar",
    "å",
    "é",
    "xyz",
    "e-post",
    "A2021/01234",
    "och",
    "ämne:",
    ", 5)",
    " ",
)
SIGNS = ("%", "§", "'", "\\", "{title}", "\x00", "😀")
QUERIES = st.lists(st.sampled_from((*OPERATORS, *WORDS, *SIGNS)), min_size=1, max_size=25).map(
    "".join
)
