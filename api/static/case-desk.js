// <case-desk>: keeps the lease of an open case, asks once before a very quick decision, and counts the undo down.
// Without this script the lease lasts ten minutes, and the server still refuses what comes too late.
const RENEW_MS = 4 * 60 * 1000, SETTLE_MS = 400, HASTY_MS = 2000, TRIES = 3, TRY_MS = 1000

class CaseDesk extends HTMLElement {
  connectedCallback() {
    if (this.openedAt !== undefined) return
    this.openedAt = performance.now()
    this.leaving = false
    this.form = this.querySelector("[data-decides]")
    if (this.dataset.lease) this.keepLease()
    this.form?.addEventListener("submit", (event) => this.consider(event))
    this.form?.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.ctrlKey) this.form.requestSubmit()
    })
    for (const form of this.querySelectorAll("[data-leaves]"))
      form.addEventListener("submit", (event) => (this.leaving ||= !event.defaultPrevented))
    for (const button of this.querySelectorAll("[data-step]"))
      button.addEventListener("click", () => this.step(Number(button.dataset.step)))
    this.watchPictures()
    this.counted = this.querySelector("[data-counted]")
    if (this.counted) {
      this.addEventListener("change", () => this.count())
      this.count()
    }
    const undo = this.querySelector("[data-undo]")
    if (undo) this.countDown(undo, performance.now() + 1000 * Number(undo.dataset.undo))
  }

  // The old page of the same case may give the lease back after this page was made, so take it again at once.
  keepLease() {
    setTimeout(() => this.renew(), SETTLE_MS)
    setInterval(() => this.renew(), RENEW_MS)
    document.addEventListener("visibilitychange", () => this.renew())
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("a[href]")
      const stays = link && `${link.pathname}/`.startsWith(`${this.dataset.stay}/`) && link.target !== "_blank"
      if (stays) this.leaving = true
    })
    addEventListener("pagehide", () => {
      if (!this.leaving) fetch(this.dataset.lease, { method: "DELETE", keepalive: true }).catch(() => {})
    })
    addEventListener("pageshow", (event) => {
      if (!event.persisted) return
      this.leaving = false
      this.renew()
    })
  }

  async renew() {
    if (document.visibilityState !== "visible" || this.leaving) return
    try {
      const answer = await fetch(this.dataset.lease, { method: "POST" })
      await answer.text()
      const lost = this.querySelector("[data-lost]")
      if (lost && !this.leaving) lost.hidden = answer.status < 400 || answer.status >= 500 || answer.status === 429
    } catch {
      // the network is away: the next renewal tries again
    }
  }

  consider(event) {
    const seconds = Math.floor((performance.now() - this.openedAt) / 1000)
    const box = this.form.querySelector("[data-hasty]")
    if (event.submitter?.matches("[data-anyway]") || performance.now() - this.openedAt >= HASTY_MS) return
    event.preventDefault()
    const words = box.querySelector("[data-words]")
    words.textContent = words.dataset.words.replace("{s}", seconds)
    box.hidden = false
    box.querySelector("[data-anyway]").focus()
    box.querySelector("[data-wait]").onclick = () => this.lookAgain(box)
    box.onkeydown = (key) => {
      if (key.key === "Escape") this.lookAgain(box)
    }
  }

  // Move the focus from row to row.
  step(by) {
    const rows = [...this.querySelectorAll("[data-row]")], at = rows.indexOf(document.activeElement)
    rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))]?.focus()
  }

  // While the server is busy it draws no picture. Ask again a few times.
  watchPictures() {
    const again = (image) => {
      const tries = Number(image.dataset.tries ?? 0)
      if (tries >= TRIES) return
      image.dataset.tries = tries + 1
      setTimeout(() => (image.src = image.getAttribute("src")), TRY_MS * 2 ** tries)
    }
    for (const image of this.querySelectorAll(".stage img")) {
      image.addEventListener("error", () => again(image))
      if (image.complete && !image.naturalWidth && image.loading !== "lazy") again(image)
    }
  }

  // How many listings the button is about, and how many stay.
  count() {
    const all = this.querySelectorAll("[data-counts]").length, chosen = this.querySelectorAll("[data-counts]:checked").length
    this.counted.textContent = this.counted.dataset.words.replace("{n}", chosen).replace("{m}", all - chosen)
  }

  lookAgain(box) {
    box.hidden = true
    this.form.querySelector("[name=decision]:checked")?.focus()
  }

  countDown(bar, endsAt) {
    const left = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000))
    bar.querySelector("[data-count]").textContent = left
    const said = bar.querySelector("[data-left]")
    if (left === 5) said.textContent = said.dataset.words.replace("{s}", left)
    if (left > 0) setTimeout(() => this.countDown(bar, endsAt), 200)
    else this.drop(bar)
  }

  // The decision has left. Somebody whose focus is on the button gets it back at the heading.
  drop(bar) {
    if (bar.contains(document.activeElement)) document.querySelector("h1")?.focus()
    bar.remove()
  }
}

customElements.define("case-desk", CaseDesk)
