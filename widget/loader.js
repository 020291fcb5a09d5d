/** Rule: never throws into the clinic's page, loads nothing before the chat is opened, leaves one name. docs/website.md */
(function () {
  'use strict'

  const $script = document.currentScript
  if (!$script) return
  const early = window.FrontDesk ?? []
  const data = $script.dataset
  const site = data.site ?? ''
  const all = early.all ?? {}
  if (all[site]) return
  // Filled in by the server.
  const SITES = {}
  const look = SITES[site] ?? {}

  const HELLO_WITHIN_MS = 8000
  const WORDS = {
    en: {
      ask: 'Ask us', title: 'Chat with the clinic', unread: 'new messages: ', wait: 'Opening…',
      sorry: 'The chat cannot be reached right now.', call: 'Please call us:',
      again: 'Try again', close: 'Close', emergency: 'Emergency? Call'
    },
    es: {
      ask: 'Pregúntenos', title: 'Chat con la clínica', unread: 'mensajes nuevos: ', wait: 'Abriendo…',
      sorry: 'El chat no está disponible ahora.', call: 'Por favor, llámenos:',
      again: 'Reintentar', close: 'Cerrar', emergency: '¿Emergencia? Llame al'
    }
  }
  // `!important` here outranks the page's.
  const CSS = `
:host{all:initial!important;display:block!important;--ink:#12302f;--paper:#fff;--accent:#0f5f5c;--on:#fff;--ring:#b86e00}
*{box-sizing:border-box}
[hidden]{display:none!important}
button,.box{font:600 16px/1.4 system-ui,Roboto,Arial,sans-serif}
button{min-height:48px;padding:0 20px;border:0;border-radius:24px;background:var(--accent);color:var(--on);cursor:pointer}
:focus-visible{outline:3px solid var(--ring);outline-offset:3px}
.launcher,dialog{position:fixed;inset:auto;inset-block-end:20px;inset-inline-end:20px;z-index:2147483647;box-shadow:0 6px 24px #12302f4d}
.launcher{margin-block-end:calc(var(--up)*64px);display:flex;align-items:center;gap:10px}
.launcher::before{content:"";width:21px;height:17px;border:2px solid;border-radius:9px 9px 9px 2px}
.badge{min-width:24px;padding:1px 7px;border-radius:12px;background:#ffd9a0;color:#3d2200}
dialog{width:400px;height:min(680px,100dvh - 40px);max-width:none;max-height:none;margin:0;padding:0;border:0;border-radius:18px;background:var(--paper);color:var(--ink);overflow:hidden}
.large{width:min(720px,100vw - 40px);height:calc(100dvh - 40px)}
iframe{position:absolute;inset:0;width:100%;height:100%;border:0;color-scheme:light dark}
dialog:has(.box:not([hidden])){height:auto}
.box{padding:28px}
p{margin:0 0 16px}
a{display:inline-block;padding:10px 0;color:var(--accent);font-size:20px}
.plain{padding:0;background:0;color:inherit}
:not([hidden])+.plain{margin:0 20px}
@media (max-width:520px),(max-height:460px){dialog{inset:0;width:100%;height:100dvh;border-radius:0}}
@media (prefers-color-scheme:dark){:host{--paper:#15201f;--ink:#e6efed;--accent:#8fd6cb;--on:#06201e}}
@media (forced-colors:active){button,.badge{border:2px solid}}
@media print{:host{display:none!important}}`

  const server = new URL($script.src, location.href).origin
  const isPhone = matchMedia('(max-width:520px),(max-height:460px)')
  const $page = document.documentElement
  const hearers = {}
  let lang, words, $host, $launcher, $ask, $badge, $dialog, $frame, $box, $said, $again, timer, saidHello, pageOverflow, hasPushed
  let question = ''
  let context = {}
  setLang(data.lang || $page.lang)

  function safely (act) {
    return (...rest) => {
      try { return act(...rest) } catch (error) { console.warn(error) }
    }
  }

  function setLang (wish) {
    lang = String(wish).slice(0, 2).toLowerCase()
    if (!WORDS[lang]) lang = 'en'
    words = WORDS[lang]
  }

  function ask () { return look.ask?.[lang] ?? words.ask }

  function url () {
    return server + '/chat?' + new URLSearchParams({ lang, ...(site && { site }), host: location.origin })
  }

  function emit (name, detail) { hearers[name]?.forEach(act => safely(act)(detail)) }

  function make ($parent, name, className, text) {
    const $made = document.createElement(name)
    if (className) $made.className = className
    if (text) $made.textContent = text
    $parent?.append($made)
    return $made
  }

  function makeButton ($parent, className, text, act) {
    const $made = make($parent, 'button', className, text)
    $made.type = 'button'
    $made.onclick = safely(() => act())
    return $made
  }

  function draw () {
    $host = make(null, 'front-desk')
    const root = $host.attachShadow({ mode: 'open' })
    // A CSP may forbid <style>.
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(CSS + (look.css ?? ''))
    root.adoptedStyleSheets = [sheet]
    $launcher = makeButton(root, 'launcher', '', open)
    $ask = make($launcher, 'span')
    $badge = make($launcher, 'span', 'badge')
    showUnread(0)
    $dialog = make(root, 'dialog')
    $dialog.onclose = safely(closed)
    $dialog.onkeydown = event => { if (event.key === 'Escape') close() }
    speak()
      // Pages re-render their body.
    $host.style.setProperty('--up', document.querySelectorAll('front-desk').length)
    $page.append($host)
  }

  function speak () {
    $host.lang = lang
    $ask.textContent = ask()
    $dialog.ariaLabel = words.title
    $box?.remove()
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
    $said.textContent = words.wait
    $again.hidden = true
    $frame?.remove()
    $frame = make($dialog, 'iframe')
    $frame.title = words.title
    $frame.src = url()
    show(false)
    clearTimeout(timer)
    timer = setTimeout(() => {
      $said.textContent = words.sorry
      $again.hidden = false
    }, HELLO_WITHIN_MS)
  }

  function show (isThere) {
    saidHello = isThere
    $box.hidden = isThere
    $frame.hidden = !isThere
  }

  function tell (message) {
    if (saidHello) $frame.contentWindow.postMessage({ frontDesk: 1, ...message }, server)
  }

  function tellOpen () {
    if (!saidHello) return
    $frame.focus()
    // "?" may hold what was typed.
    tell({ type: 'open', context: { page_url: location.origin + location.pathname, ...context }, question })
    question = ''
  }

  function open (text) {
    // file:, sandboxes
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
    $dialog.style = follows ? `height:${view.height}px;top:${view.offsetTop}px` : ''
  }

  function showUnread (count) {
    $badge.hidden = !count
    $badge.textContent = count
    $launcher.ariaLabel = count ? ask() + ', ' + words.unread + count : null
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

  const hearClick = safely(event => {
    const $link = event.target.closest('[data-front-desk-open]')
    if (!$link || ($link.dataset.frontDeskSite ?? Object.keys(all)[0]) !== site) return
    event.preventDefault()
    open($link.dataset.frontDeskOpen)
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

  const ears = new AbortController()

  function destroy () {
    ears.abort()
    clearTimeout(timer)
    close()
    $host.remove()
    delete all[site]
    if (window.FrontDesk === acts) delete window.FrontDesk
  }

  function start () {
    draw()
    const { signal } = ears
    addEventListener('message', hear, { signal })
    addEventListener('popstate', hearBack, { signal })
    visualViewport.addEventListener('resize', safely(fit), { signal })
    addEventListener('click', hearClick, { signal })
    if (early.map) early.map(([name, ...rest]) => acts[name](...rest))
  }

  function whenReady (act) {
    return safely((...rest) => {
      if (document.body) act(...rest)
      else addEventListener('DOMContentLoaded', safely(() => act(...rest)))
    })
  }

  const acts = { open: () => open(), close, ask: text => open(String(text)), locale, destroy }
  for (const name in acts) acts[name] = whenReady(acts[name])
  acts.context = facts => { context = { ...facts } }
  acts.on = (name, act) => { (hearers[name] ??= []).push(act) }
  acts.all = all
  all[site] = Object.freeze(acts)
  if (!early.open) window.FrontDesk = acts
  whenReady(start)()
})()
