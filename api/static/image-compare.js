// <image-compare>: a listing's picture and the registered view in one frame. One mode at a time, no layout jump.
// Blinking lasts only while its key or button is held, and each side is shown for SIDE_MS: less than two flashes a
// second. Where the reader wants less motion, each press turns the view over once.
const SIDE_MS = 400, ZOOM = 2.5, STEP = 8
const calm = matchMedia("(prefers-reduced-motion: reduce)")

class ImageCompare extends HTMLElement {
  connectedCallback() {
    if (this.stages) return // moved in the document, not new
    this.stages = [...this.querySelectorAll(".stage")]
    this.frames = [...this.querySelectorAll("[data-frame]")]
    this.modes = this.querySelector(".modes")
    if (this.stages.length < 2 || !this.modes) return
    this.slider = this.querySelector("input[type=range]")
    this.share = this.slider.closest("label")
    this.over = this.addOver()
    this.at = { x: 50, y: 50 }
    this.turnedAt = -Infinity
    this.modes.hidden = false
    this.toggleAttribute("ready", true)
    for (const button of this.modes.querySelectorAll("[data-mode]")) this.listen(button)
    this.slider.addEventListener("input", () => this.show())
    this.addEventListener("keydown", (event) => this.pan(event))
    this.slider.addEventListener("pointerdown", (event) => event.stopPropagation())
    for (const frame of this.frames) {
      frame.addEventListener("pointermove", (event) => this.point(event, event.buttons > 0))
      frame.addEventListener("pointerdown", (event) => this.point(event, true))
    }
    addEventListener("blur", () => this.hold(false))
    this.show()
  }

  // The registered view once more, over the listing's picture. A reader of the page hears of it only once.
  addOver() {
    const view = this.querySelector(".view").cloneNode()
    view.className = "over"
    view.alt = ""
    view.hidden = true
    this.stages[0].querySelector("img").after(view)
    return view
  }

  listen(button) {
    if (button.dataset.mode !== "blink") {
      button.addEventListener("click", () => this.toggle(button.dataset.mode))
      return
    }
    button.addEventListener("pointerdown", (event) => {
      if (event.button === 0) this.hold(true)
    })
    for (const kind of ["pointerup", "pointercancel", "pointerleave", "blur"])
      button.addEventListener(kind, () => this.hold(false))
    // Space and Enter on the button, and the key of the page's key map
    button.addEventListener("keydown", (event) => {
      if (![" ", "Enter"].includes(event.key)) return
      event.preventDefault()
      if (!event.repeat) this.hold(true)
    })
    button.addEventListener("keyup", () => this.hold(false))
    button.addEventListener("hold", (event) => this.hold(event.detail))
  }

  hold(held) {
    if (calm.matches) {
      if (held) this.turn(this.over.hidden)
      return
    }
    if (held === Boolean(this.held)) return
    this.held = held
    this.modes.querySelector("[data-mode=blink]").setAttribute("aria-pressed", held)
    clearTimeout(this.timer)
    if (!held) return this.turn(false)
    this.turn(true)
  }

  // Turn to the view or back, never sooner than SIDE_MS after the last turn.
  turn(shown) {
    clearTimeout(this.timer)
    const wait = this.turnedAt + SIDE_MS - performance.now()
    if (wait > 0) {
      this.timer = setTimeout(() => this.turn(shown), wait)
      return
    }
    if (this.shows() !== shown) this.turnedAt = performance.now()
    this.blinked = shown
    this.show()
    if (this.held) this.timer = setTimeout(() => this.turn(!shown), SIDE_MS)
  }

  shows() {
    return !this.over.hidden
  }

  toggle(mode) {
    if (mode === "outlines" || mode === "zoom") {
      this.toggleAttribute(mode, !this.hasAttribute(mode))
    } else {
      const next = this.getAttribute("mode") === mode ? null : mode
      next ? this.setAttribute("mode", next) : this.removeAttribute("mode")
    }
    this.show()
  }

  show() {
    const mode = this.getAttribute("mode"), share = Number(this.slider.value)
    this.over.hidden = !this.blinked && !mode
    this.over.style.opacity = mode === "onion" && !this.blinked ? share / 100 : 1
    this.over.style.clipPath = mode === "swipe" && !this.blinked ? `inset(0 0 0 ${share}%)` : "none"
    this.style.setProperty("--share", `${share}%`)
    this.toggleAttribute("blinked", Boolean(this.blinked))
    const hasShare = mode === "onion" || mode === "swipe"
    this.share.classList.toggle("off", !hasShare)
    this.slider.disabled = !hasShare
    for (const stage of this.stages) {
      stage.style.transformOrigin = `${this.at.x}% ${this.at.y}%`
      stage.style.transform = this.hasAttribute("zoom") ? `scale(${ZOOM})` : "none"
    }
    for (const button of this.modes.querySelectorAll("[data-mode]:not([data-mode=blink])")) {
      const name = button.dataset.mode
      button.setAttribute("aria-pressed", name === mode || this.hasAttribute(name))
    }
  }

  // The pointer chooses the part that is enlarged, in both frames, or drags the edge of the swipe.
  point(event, pressed) {
    const box = event.currentTarget.getBoundingClientRect()
    const x = Math.min(100, Math.max(0, (100 * (event.clientX - box.left)) / box.width))
    const y = Math.min(100, Math.max(0, (100 * (event.clientY - box.top)) / box.height))
    if (this.hasAttribute("zoom")) this.at = { x, y }
    else if (this.getAttribute("mode") === "swipe" && pressed && event.currentTarget === this.frames[0])
      this.slider.value = x
    else return
    this.show()
  }

  pan(event) {
    const steps = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }
    const step = steps[event.key]
    if (!step || !this.hasAttribute("zoom") || event.target === this.slider) return
    event.preventDefault()
    const within = (value) => Math.min(100, Math.max(0, value))
    this.at = { x: within(this.at.x + step[0]), y: within(this.at.y + step[1]) }
    this.show()
  }
}

customElements.define("image-compare", ImageCompare)

// The strip below the pictures shows one pair at a time. Without this script all pairs are on the page.
const pairs = [...document.querySelectorAll("image-compare")]
const strip = document.querySelector(".strip")

function choose(number) {
  for (const pair of pairs) pair.hidden = pair.dataset.picture !== number
  for (const link of strip?.querySelectorAll("a") ?? []) {
    if (link.hash === `#picture-${number}`) link.setAttribute("aria-current", "true")
    else link.removeAttribute("aria-current")
  }
}

if (pairs.length) choose(pairs.find((pair) => `#${pair.id}` === location.hash)?.dataset.picture ?? pairs[0].dataset.picture)
for (const link of strip?.querySelectorAll("a") ?? [])
  link.addEventListener("click", (event) => {
    event.preventDefault()
    choose(link.hash.replace("#picture-", ""))
  })
for (const button of strip?.querySelectorAll("[data-turn]") ?? []) {
  button.hidden = false
  button.addEventListener("click", () => {
    const place = pairs.findIndex((pair) => !pair.hidden)
    choose(pairs[(place + Number(button.dataset.turn) + pairs.length) % pairs.length].dataset.picture)
  })
}
