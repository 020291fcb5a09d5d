/**
 * <script src="https://server/widget/loader.js" data-site data-lang data-phone data-emergency async></script>
 * Rule: never throws into the clinic's page, loads nothing until the chat is opened, leaves one name.
 */
(function () {
  'use strict'

  const $script = document.currentScript || document.querySelector('script[src*="/widget/loader.js"]')
  const early = window.FrontDesk
  if (!$script || (early && early.open)) return

  const HELLO_WITHIN_MS = 8000
  const WORDS = {
    en: {
      ask: 'Ask us', title: 'Chat with the clinic', unread: 'new messages: ', wait: 'Opening the chat…',
      sorry: 'The chat cannot be reached right now.', call: 'Please call us:',
      again: 'Try again', close: 'Close', emergency: 'Emergency? Call'
    },
    es: {
      ask: 'Pregúntenos', title: 'Chat con la clínica', unread: 'mensajes nuevos: ', wait: 'Abriendo el chat…',
      sorry: 'No se puede abrir el chat en este momento.', call: 'Por favor, llámenos:',
      again: 'Intentar de nuevo', close: 'Cerrar', emergency: '¿Emergencia? Llame al'
    }
  }
  // `!important` in here outranks the page's own.
  const CSS = `
:host{all:initial!important;display:block!important;--ink:#12302f;--paper:#fff;--accent:#0f5f5c;--on:#fff;--ring:#8a4b00}
*{box-sizing:border-box}
[hidden]{display:none!important}
button,.box{font:600 16px/1.4 system-ui,Roboto,Arial,sans-serif}
button{min-height:48px;padding:0 20px;border:1px solid var(--accent);border-radius:24px;background:var(--accent);color:var(--on);cursor:pointer}
button:hover{filter:brightness(.9)}
:focus-visible{outline:3px solid var(--ring);outline-offset:3px}
.launcher,dialog{position:fixed;inset:auto;inset-block-end:20px;inset-inline-end:20px;z-index:2147483647;box-shadow:0 6px 24px #12302f4d}
.launcher{display:flex;align-items:center;gap:10px}
.launcher::before{content:"";width:21px;height:17px;border:2px solid;border-radius:9px 9px 9px 2px}
.badge{min-width:24px;padding:1px 7px;border-radius:12px;background:#ffd9a0;color:#3d2200}
dialog{width:400px;height:min(680px,100dvh - 40px);max-width:none;max-height:none;margin:0;padding:0;border:0;border-radius:18px;background:var(--paper);color:var(--ink);overflow:hidden}
.large{width:min(720px,100vw - 40px);height:calc(100dvh - 40px)}
iframe{position:absolute;inset:0;width:100%;height:100%;border:0;color-scheme:light dark}
dialog:has(.box:not([hidden])){height:auto}
.box{padding:28px}
p{margin:0 0 16px}
a{display:inline-block;padding:10px 0;color:var(--accent);font-size:20px}
.plain{margin:0 8px;background:0;color:inherit}
@media (max-width:520px),(max-height:460px){dialog{inset:0;width:100%;height:100dvh;border-radius:0}}
@media (prefers-color-scheme:dark){:host{--paper:#15201f;--ink:#e6efed;--accent:#8fd6cb;--on:#06201e;--ring:#ffc16b}}
@media (forced-colors:active){button,.badge{border:2px solid}}
@media print{:host{display:none!important}}`

  const data = $script.dataset
  const server = new URL($script.src, location.href).origin
  const isPhone = matchMedia('(max-width:520px),(max-height:460px)')
  const $page = document.documentElement
  const hearers = {}
  let lang, words, $host, $launcher, $ask, $badge, $dialog, $frame, $box, $said, $again, timer, saidHello, pageOverflow, hasPushed
  let question = ''
  setLang(data.lang || $page.lang)

  function safely (act) {
    return (...rest) => {
      try { return act(...rest) } catch (error) { console.warn('FrontDesk:', error) }
    }
  }

  function setLang (wish) {
    lang = String(wish).slice(0, 2).toLowerCase()
    if (!WORDS[lang]) lang = 'en'
    words = WORDS[lang]
  }

  function url () {
    return server + '/chat?' + new URLSearchParams({ lang, ...(data.site && { site: data.site }), host: location.origin })
  }

  function emit (name, detail) { for (const act of hearers[name] || []) safely(act)(detail) }

  function make ($parent, name, className, text) {
    const $made = document.createElement(name)
    $made.className = className || ''
    $made.textContent = text || ''
    if ($parent) $parent.append($made)
    return $made
  }

  function makeButton ($parent, className, text, act) {
    const $made = make($parent, 'button', className, text)
    $made.type = 'button'
    $made.addEventListener('click', safely(() => act()))
    return $made
  }

  function draw () {
    $host = make(null, 'front-desk')
    const root = $host.attachShadow({ mode: 'open' })
    // The CSP may forbid inline style.
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(CSS)
    root.adoptedStyleSheets = [sheet]
    $launcher = makeButton(root, 'launcher', '', open)
    $ask = make($launcher, 'span')
    $badge = make($launcher, 'span', 'badge')
    showUnread(0)
    $dialog = make(root, 'dialog')
    $dialog.addEventListener('close', safely(closed))
    $dialog.addEventListener('keydown', event => { if (event.key === 'Escape') close() })
    speak()
    // Beside the body: a page may re-render that.
    $page.append($host)
  }

  function speak () {
    $host.lang = lang
    $ask.textContent = words.ask
    $dialog.ariaLabel = words.title
    if ($box) $box.remove()
    drawBox()
    $box.hidden = saidHello
  }

  function drawBox () {
    $box = make($dialog, 'div', 'box')
    $said = make($box, 'p')
    $said.setAttribute('role', 'status')
    for (const [text, phone] of [[words.call, data.phone], [words.emergency, data.emergency || '911']]) {
      if (!phone) continue
      make(make($box, 'p', '', text + ' '), 'a', '', phone).href = 'tel:' + phone.replace(/[^\d+]/g, '')
    }
    $again = makeButton($box, '', words.again, load)
    makeButton($box, 'plain', words.close, close)
  }

  function load () {
    show(false)
    $said.textContent = words.wait
    $again.hidden = true
    if ($frame) $frame.remove()
    $frame = make(null, 'iframe')
    $frame.title = words.title
    $frame.hidden = true
    $frame.src = url()
    $dialog.append($frame)
    clearTimeout(timer)
    timer = setTimeout(() => {
      $said.textContent = words.sorry
      $again.hidden = false
    }, HELLO_WITHIN_MS)
  }

  function show (isThere) {
    saidHello = isThere
    $box.hidden = isThere
    if ($frame) $frame.hidden = !isThere
  }

  function tell (message) {
    if (saidHello) $frame.contentWindow.postMessage({ frontDesk: 1, ...message }, server)
  }

  function tellOpen () {
    if (!saidHello) return
    $frame.focus()
    // "?" may hold what a patient typed.
    tell({ type: 'open', page: location.origin + location.pathname, question })
    question = ''
  }

  function open (text) {
    // No exact origin: file:, sandboxes.
    if (location.origin === 'null') return window.open(url(), '_blank', 'noopener')
    question = text || question
    if (!$host.isConnected) { $page.append($host); load() }
    if (!$frame) load()
    if (!$dialog.open) {
      pageOverflow = $page.style.overflow
      if (isPhone.matches) {
        $dialog.showModal()
        $page.style.overflow = 'hidden'
        // For the back button; the state stays the router's.
        history.pushState(history.state, '')
        hasPushed = true
      } else $dialog.show()
      fit()
      emit('open')
    }
    $launcher.hidden = true
    showUnread(0)
    tellOpen()
  }

  function close () { $dialog.close() }

  function closed () {
    $page.style.overflow = pageOverflow
    $launcher.hidden = false
    $launcher.focus()
    tell({ type: 'close' })
    if (hasPushed) history.back()
    hasPushed = false
    emit('close')
  }

  /** For a phone's keyboard. */
  function fit () {
    const view = visualViewport
    const follows = isPhone.matches && $dialog.open
    $dialog.style.height = follows ? view.height + 'px' : ''
    $dialog.style.top = follows ? view.offsetTop + 'px' : ''
  }

  function showUnread (count) {
    $badge.hidden = !count
    $badge.textContent = count
    $launcher.ariaLabel = count ? words.ask + ', ' + words.unread + count : null
  }

  const hear = safely(event => {
    if (event.origin !== server || !$frame || event.source !== $frame.contentWindow || event.data.frontDesk !== 1) return
    const { type, count, name } = event.data
    if (type === 'hello') {
      clearTimeout(timer)
      show(true)
      if ($dialog.open) tellOpen()
      emit('ready')
    }
    if (type === 'lang') locale(name)
    if (type === 'close') close()
    if (type === 'unread') {
      if (!$dialog.open) showUnread(count | 0)
      emit(type, count)
    }
    if (type === 'size') $dialog.classList.toggle('large', name === 'large')
  })

  /** <a href="/contact" data-front-desk="How do I get a refill?"> */
  const hearClick = safely(event => {
    const $link = event.target.closest('[data-front-desk]')
    if (!$link) return
    event.preventDefault()
    open($link.dataset.frontDesk)
  })

  function locale (wish) {
    setLang(wish)
    speak()
    tell({ type: 'lang', name: lang })
  }

  const hearBack = safely(() => {
    if (!hasPushed) return
    hasPushed = false
    close()
  })

  const ears = [[window, 'message', hear], [window, 'popstate', hearBack], [document, 'click', hearClick], [visualViewport, 'resize', safely(fit)]]

  function destroy () {
    for (const [$where, name, act] of ears) $where.removeEventListener(name, act)
    clearTimeout(timer)
    if ($dialog.open) $page.style.overflow = pageOverflow
    $host.remove()
    delete window.FrontDesk
  }

  function start () {
    draw()
    for (const [$where, name, act] of ears) $where.addEventListener(name, act)
    // FrontDesk = [['ask', 'Where do I park?']]
    if (Array.isArray(early)) for (const [name, ...rest] of early) window.FrontDesk[name](...rest)
  }

  function whenReady (act) {
    return safely((...rest) => {
      if (document.body) act(...rest)
      else document.addEventListener('DOMContentLoaded', safely(() => act(...rest)))
    })
  }

  const acts = { open: () => open(), close, ask: text => open(String(text)), locale, destroy }
  for (const name in acts) acts[name] = whenReady(acts[name])
  // ready, open, close, unread (count)
  acts.on = (name, act) => { (hearers[name] = hearers[name] || []).push(act) }
  window.FrontDesk = Object.freeze(acts)
  whenReady(start)()
})()
