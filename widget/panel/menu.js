/** The menu in the head and the question before anything is ended. Rule: Escape closes, focus goes back. */

export class Menu {
  /** @param {{$button: HTMLButtonElement, $menu: HTMLElement, onPick: (name: string) => void}} parts */
  constructor ({ $button, $menu, onPick }) {
    if (!$button || !$menu) throw new Error('Menu: an element is missing')
    Object.assign(this, { $button, $menu })
    $button.addEventListener('click', () => this.toggle($menu.hidden))
    $menu.addEventListener('click', event => {
      const $item = event.target.closest('[data-menu]')
      if (!$item) return
      this.close()
      onPick($item.dataset.menu)
    })
    document.addEventListener('pointerdown', event => {
      if (!$menu.contains(event.target) && !$button.contains(event.target)) this.toggle(false)
    })
    $menu.addEventListener('focusout', event => {
      if (event.relatedTarget && !$menu.contains(event.relatedTarget)) this.toggle(false)
    })
  }

  get isOpen () { return !this.$menu.hidden }

  toggle (opens) {
    this.$menu.hidden = !opens
    this.$button.setAttribute('aria-expanded', String(opens))
  }

  close () {
    this.toggle(false)
    this.$button.focus()
  }

  press (name, isOn) { this.$menu.querySelector(`[data-menu="${name}"]`).setAttribute('aria-pressed', String(isOn)) }
}

/** Ask before something that cannot be undone. @returns {Promise<boolean>} */
export function confirmIn ($dialog, $text, $yes, question, yes) {
  $text.textContent = question
  $yes.textContent = yes
  $dialog.returnValue = 'no'
  $dialog.showModal()
  return new Promise(resolve => {
    $dialog.addEventListener('close', () => resolve($dialog.returnValue === 'yes'), { once: true })
  })
}
