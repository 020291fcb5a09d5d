"""What a browser has worked out of a page: contrasts, sizes of targets, what does not fit.

Rule: read from computed styles and boxes, never from the style sheets; WCAG 2.2, level AA.
"""

from __future__ import annotations

from playwright.sync_api import Frame

# 2.5.8 asks for 24 px; what is needed in a hurry, or ends a step, has 44.
TARGET, MAIN_TARGET = 24, 44
MAIN = (
    *("[data-part=send]", "[data-part=person]", "[data-part=emergency]", "[data-part=agree]"),
    *(".kb-card a[href^='tel:']", ".kb-form__submit", ".kb-choices__button", ".kb-replies__button"),
    *("dialog .kb-button", ".kb-menu__item", ".launcher"),
)
# 1.4.12: a page has to stand this.
SPACED = """* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
  word-spacing: 0.16em !important } p { margin-block-end: 2em !important }"""

# Colours are painted one over the other and read back: the browser resolves every notation.
COLOURS = """
const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
const painted = layers => {
  canvas.globalAlpha = 1
  canvas.fillStyle = '#fff'
  canvas.fillRect(0, 0, 1, 1)
  for (const [colour, alpha] of layers) {
    canvas.globalAlpha = alpha
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
  }
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data
  const parts = [red, green, blue].map(each => each / 255)
    .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
}
const above = $each => $each.parentElement ?? $each.getRootNode().host ?? null
const layersOf = $each => {
  const layers = []
  for (; $each; $each = above($each)) {
    const { backgroundColor, opacity } = getComputedStyle($each)
    layers.unshift([backgroundColor, Number(opacity)])
    if ($each.matches('dialog')) break
  }
  return layers
}
const solid = $each => $each ? Number(getComputedStyle($each).opacity) * solid(above($each)) : 1
const ratio = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
const contrast = (colour, layers, alpha = 1) =>
  ratio(painted([...layers, [colour, alpha]]), painted(layers))
"""

MEASURE = """([main, target, mainTarget, site]) => {
%s
const faults = []
const named = $each => $each.outerHTML.slice(0, 90)
const isShown = $each => $each.checkVisibility({ visibilityProperty: true, opacityProperty: true })
  && !$each.closest('.kb-visually-hidden')
const within = root => [...root.querySelectorAll('*')]
  .flatMap($each => [$each, ...($each.shadowRoot ? within($each.shadowRoot) : [])])
const all = within(document.body).filter(isShown)
const least = ({ fontSize, fontWeight }) => {
  const size = parseFloat(fontSize)
  return size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700) ? 3 : 4.5
}

const judgeWords = look => {
  for (const $each of all) {
    const hasWords = [...$each.childNodes].some(node => node.nodeType === 3 && node.data.trim())
    if (!hasWords || $each.matches(':disabled, option')) continue
    const style = getComputedStyle($each)
    const found = contrast(style.color, layersOf($each), solid($each))
    if (found < least(style)) faults.push(`${look}words ${found.toFixed(2)}: ${named($each)}`)
  }
}
const judgeEdges = look => {
  for (const $each of all.filter($one => $one.matches('input, select, textarea'))) {
    const found = contrast(getComputedStyle($each).borderTopColor, layersOf($each.parentElement))
    if (found < 3) faults.push(`${look}edge ${found.toFixed(2)}: ${named($each)}`)
  }
}
const judgeTargets = () => {
  const controls = all.filter($each => $each.matches('button, a[href], input, select, textarea'))
  for (const $each of controls) {
    // A link in a sentence is as high as the sentence.
    if (getComputedStyle($each).display === 'inline' && $each.closest('p, li, pre')) continue
    const { width, height } = $each.getBoundingClientRect()
    const wanted = $each.matches(main) ? mainTarget : target
    if (Math.min(width, height) < wanted - 0.5) {
      faults.push(`${Math.round(width)} x ${Math.round(height)}, not ${wanted}: ${named($each)}`)
    }
  }
}

judgeTargets()
for (const [look, css] of [['', ''], ['own colour: ', site]]) {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(css)
  document.adoptedStyleSheets = [sheet]
  judgeWords(look)
  judgeEdges(look)
}
document.adoptedStyleSheets = []
return faults
}""".replace("%s", COLOURS)

FIT = """css => {
const faults = []
const isCut = $each => {
  const box = $each.getBoundingClientRect()
  const isBlock = getComputedStyle($each).display !== 'inline'
  return box.width && !$each.closest('.kb-visually-hidden')
    && (box.right > innerWidth + 1 || box.left < -1
      || (isBlock && $each.scrollWidth > $each.clientWidth + 2))
}
const judge = look => {
  const { scrollWidth } = document.documentElement
  if (scrollWidth > innerWidth) faults.push(`${look}scrolls sideways, ${scrollWidth} px`)
  const $$texts = document.querySelectorAll('button, a, h1, h2, h3, h4, li, p, label')
  const cut = [...$$texts].filter(isCut)
  for (const $each of cut) faults.push(`${look}cut: ${$each.outerHTML.slice(0, 90)}`)
}
judge('')
const sheet = new CSSStyleSheet()
sheet.replaceSync(css)
document.adoptedStyleSheets = [sheet]
judge('spaced: ')
document.adoptedStyleSheets = []
return faults
}"""


def measured(frame: Frame, site_css: str) -> list[str]:
    """Return what is too faint or too small, also in the colours of a site's own."""
    sizes = [", ".join(MAIN), TARGET, MAIN_TARGET, site_css]
    found: list[str] = frame.evaluate(MEASURE, sizes)
    return found


def not_fitting(frame: Frame) -> list[str]:
    """Return what runs out of the frame's width, also with the text spaced out."""
    found: list[str] = frame.evaluate(FIT, SPACED)
    return found
