// <key-map>: the keys of a page. An element with data-act and data-key is pressed by its key, and shows it in <kbd>.
// The keys can be changed and switched off in the dialog (WCAG 2.1.4). They never act while somebody types, and never
// with Control, Alt or Meta. data-act="blink" is held, a field or a heading gets the focus, all else is clicked.
const KEYS = "authcheck.keys", OFF = "authcheck.keys.off"
const TYPING = "input:not([type=radio], [type=checkbox], [type=range], [type=submit], [type=button]), textarea, select, [contenteditable]"

class KeyMap extends HTMLElement {
  connectedCallback() {
    if (this.dialog) return
    this.dialog = this.querySelector("dialog")
    this.said = this.querySelector("[data-said]")
    this.hidden = false
    this.own = this.load()
    this.switch = this.querySelector("[data-off]")
    this.switch.checked = this.isOff()
    this.switch.addEventListener("change", () => this.store(OFF, this.switch.checked ? "1" : null))
    this.querySelector("[data-act=help]").addEventListener("click", () => this.open())
    this.querySelector("[data-close]").addEventListener("click", () => this.dialog.close())
    this.querySelector("[data-reset]").addEventListener("click", () => this.reset())
    addEventListener("keydown", (event) => this.press(event))
    addEventListener("keyup", (event) => this.release(event))
    this.write()
  }

  // A browser may forbid storage. Then the keys are those of the page.
  load() {
    try {
      const stored = JSON.parse(localStorage.getItem(KEYS) ?? "{}")
      return Object.fromEntries(Object.entries(stored).filter(([, key]) => typeof key === "string" && [...key].length === 1))
    } catch {
      return {}
    }
  }

  store(name, value) {
    try {
      value === null ? localStorage.removeItem(name) : localStorage.setItem(name, value)
    } catch {
      // the choice lasts until the page is left
    }
    this.offHere = name === OFF ? value !== null : this.offHere
    this.write()
  }

  isOff() {
    try {
      return this.offHere ?? localStorage.getItem(OFF) !== null
    } catch {
      return Boolean(this.offHere)
    }
  }

  keyOf(element) {
    return this.own[element.dataset.act] ?? element.dataset.key
  }

  acts() {
    const isThere = (element) => !element.disabled && element.closest("[hidden]:not([data-step])") === null
    return [...document.querySelectorAll("[data-act][data-key]")].filter(isThere)
  }

  find(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || this.isOff()) return null
    if (event.target.closest?.(TYPING) || document.querySelector("dialog[open]")) return null
    return this.acts().find((element) => this.keyOf(element) === event.key) ?? null
  }

  press(event) {
    const element = this.find(event)
    if (!element) return
    event.preventDefault()
    if (event.repeat) return
    if (element.dataset.act === "blink") {
      this.held = { element, key: event.key }
      element.dispatchEvent(new CustomEvent("hold", { detail: true }))
    } else if (element.matches("textarea, input:not([type=radio])")) element.focus()
    else if (element.matches("summary")) this.unfold(element)
    else {
      if (element.matches("input")) element.focus()
      element.click()
    }
  }

  release(event) {
    if (!this.held || event.key !== this.held.key) return
    this.held.element.dispatchEvent(new CustomEvent("hold", { detail: false }))
    this.held = null
  }

  unfold(summary) {
    const details = summary.parentElement
    details.open = !details.open
    const first = details.open && details.querySelector("textarea, select, input:not([type=hidden])")
    ;(first || summary).focus()
  }

  open() {
    this.list()
    this.dialog.showModal()
  }

  list() {
    const seen = new Map(this.acts().map((element) => [element.dataset.act, element]))
    const rows = [...seen].map(([act, element]) => this.row(act, element))
    this.querySelector("tbody").replaceChildren(...rows)
  }

  row(act, element) {
    const row = document.createElement("tr"), name = document.createElement("th"), cell = document.createElement("td")
    const field = document.createElement("input")
    name.scope = "row"
    name.textContent = wordsOf(element)
    field.value = this.keyOf(element)
    field.maxLength = 1
    field.autocomplete = "off"
    field.spellcheck = false
    field.setAttribute("aria-label", `${this.said.dataset.label} ${name.textContent}`)
    field.addEventListener("focus", () => field.select())
    field.addEventListener("input", () => this.change(act, field))
    cell.append(field)
    row.append(name, cell)
    return row
  }

  change(act, field) {
    const key = field.value.trim()
    if (!key) return
    const taken = this.acts().find((element) => element.dataset.act !== act && this.keyOf(element) === key)
    this.said.textContent = taken ? `${this.said.dataset.taken} ${wordsOf(taken)}` : ""
    if (taken) return
    this.own[act] = key
    this.store(KEYS, JSON.stringify(this.own))
  }

  reset() {
    this.own = {}
    this.said.textContent = ""
    this.store(KEYS, null)
    this.list()
  }

  // Show the keys in the buttons, or none while they are off.
  write() {
    for (const element of document.querySelectorAll("[data-act][data-key]")) {
      const shown = element.querySelector("kbd") ?? element.closest("label")?.querySelector("kbd")
      if (!shown) continue
      shown.textContent = this.keyOf(element)
      shown.hidden = this.isOff()
    }
  }
}

function wordsOf(element) {
  const named = element.closest("label") ?? element.labels?.[0] ?? element
  const words = named.cloneNode(true)
  for (const part of words.querySelectorAll("kbd, .small")) part.remove()
  return words.textContent.trim().replace(/\s+/g, " ") || element.getAttribute("aria-label") || ""
}

customElements.define("key-map", KeyMap)
