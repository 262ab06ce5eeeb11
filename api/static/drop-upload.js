// <drop-upload>: a form's file field that also takes a dropped or pasted picture, shows it, and says what is going on.
// <your-photo>: the small copy of it that this tab kept, beside the answer. Without this script both pages still work.

const COPY_PX = 480;
const KEPT = "authcheck.photo.";

/** Whether a file may be a picture: no browser knows the type of every picture that the server reads. */
const mayBePicture = (file) => !file.type || file.type.startsWith("image/") || file.type === "application/pdf";

class DropUpload extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.input = this.querySelector("input[type=file]");
    this.label = this.querySelector(".drop-label");
    this.button = this.querySelector("[type=submit]");
    this.status = this.querySelector("[role=status]");
    this.figure = this.querySelector("figure");
    this.image = this.figure.querySelector("img");
    this.words = { label: this.label.textContent, button: this.button.textContent };
    this.leaving = new AbortController();
    const on = (target, type, listener) =>
      target.addEventListener(type, listener.bind(this), { signal: this.leaving.signal });
    on(this.input, "change", this.show);
    on(this.form, "submit", this.submit);
    on(document, "paste", this.paste);
    on(document, "dragover", this.drag);
    on(document, "dragleave", (event) => event.relatedTarget || this.removeAttribute("over"));
    on(document, "drop", this.drop);
    on(window, "pageshow", () => this.rest());
    if (/Mac|iP/.test(navigator.platform)) this.querySelector("kbd").textContent = "⌘V";
    this.toggleAttribute("ready", true);
    if (this.input.files.length) this.show();
  }

  disconnectedCallback() {
    this.leaving.abort();
    URL.revokeObjectURL(this.image.src);
  }

  drag(event) {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    this.toggleAttribute("over", !this.hasAttribute("busy"));
  }

  drop(event) {
    this.removeAttribute("over");
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    this.take(event.dataTransfer.files);
  }

  paste(event) {
    if (event.target.closest?.("input:not([type=file]), textarea")) return;
    this.take(event.clipboardData.files);
  }

  /** Put the first picture among `files` into the form's own field, as if it had been chosen. */
  take(files) {
    if (this.hasAttribute("busy")) return;
    const file = [...files].find(mayBePicture);
    if (!file) return this.explain(this.dataset.notPicture);
    const chosen = new DataTransfer();
    chosen.items.add(file);
    this.input.files = chosen.files;
    this.show();
  }

  /** Show what is chosen now; the next step, the button, gets the focus. */
  show() {
    const file = this.input.files[0];
    const isTooLarge = file && file.size > Number(this.dataset.maxBytes);
    if (isTooLarge || (file && !mayBePicture(file))) {
      this.input.value = "";
      this.show();
      return this.explain(isTooLarge ? this.dataset.tooLarge : this.dataset.notPicture);
    }
    URL.revokeObjectURL(this.image.src);
    this.toggleAttribute("chosen", Boolean(file));
    this.figure.hidden = !file;
    this.label.textContent = file ? this.dataset.another : this.words.label;
    this.explain("");
    if (!file) return this.image.removeAttribute("src");
    this.image.hidden = false;
    this.image.onerror = () => (this.image.hidden = true); // TIFF, say: the server reads it all the same
    this.image.src = URL.createObjectURL(file);
    this.figure.querySelector("figcaption").textContent = file.name;
    this.button.focus();
  }

  async submit(event) {
    event.preventDefault();
    if (this.hasAttribute("busy")) return;
    this.toggleAttribute("busy", true);
    this.button.setAttribute("aria-disabled", "true");
    this.button.textContent = this.status.textContent = this.dataset.checking;
    this.explain("");
    try {
      const body = new FormData(this.form);
      const response = await fetch(this.form.action, { method: "POST", body, headers: { Accept: "text/html" } });
      const check = new URL(response.url).pathname.match(/\/checks\/([^/]+)$/)?.[1];
      if (response.ok && check) {
        keep(check, this.image);
        return location.assign(response.url);
      }
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const problem = page.querySelector("#problem:not([hidden])");
      const code = problem?.querySelector("[data-code]").textContent;
      this.explain(problem?.querySelector("[data-say]").textContent ?? this.dataset.failed, code);
    } catch {
      this.explain(this.dataset.failed);
    }
    this.rest();
  }

  /** Ready for the next press; also when the page comes back out of the browser's history. */
  rest() {
    this.removeAttribute("busy");
    this.button.removeAttribute("aria-disabled");
    this.button.textContent = this.words.button;
    this.status.textContent = "";
  }

  /** Say what went wrong, and go there; nothing said puts the message away. */
  explain(sentence, code = "") {
    const problem = this.querySelector("#problem");
    problem.querySelector("[data-say]").textContent = sentence;
    problem.querySelector("[data-code]").textContent = code;
    problem.hidden = !sentence;
    if (sentence) problem.focus();
  }
}

/** Keep a small copy of the shown picture in this tab, under the check it was asked with. */
function keep(check, image) {
  if (!image.naturalWidth) return;
  const scale = Math.min(1, COPY_PX / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  const ground = canvas.getContext("2d");
  ground.fillStyle = "#fff"; // JPEG knows no transparency
  ground.fillRect(0, 0, canvas.width, canvas.height);
  ground.drawImage(image, 0, 0, canvas.width, canvas.height);
  try {
    const kept = Object.keys(sessionStorage).filter((key) => key.startsWith(KEPT)).sort(); // ids sort by time
    kept.slice(0, -19).forEach((key) => sessionStorage.removeItem(key));
    sessionStorage.setItem(KEPT + check, canvas.toDataURL("image/jpeg", 0.8));
  } catch {
    // storage full or switched off: the answer then stands without it
  }
}

class YourPhoto extends HTMLElement {
  connectedCallback() {
    let copy = null;
    try {
      copy = sessionStorage.getItem(KEPT + this.dataset.check);
    } catch {
      // storage switched off
    }
    if (!copy) return;
    this.querySelector("img").src = copy;
    this.hidden = false;
  }
}

customElements.define("drop-upload", DropUpload);
customElements.define("your-photo", YourPhoto);
