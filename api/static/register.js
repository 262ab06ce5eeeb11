// <drop-files>: the form for many files. It takes dropped files and folders, sends them a few at a time, waits where the
// server is full, and leaves out what the drop has already. Without this script the form sends all files at once.
const AT_ONCE = 8; // files in one request
const AT_ONCE_BYTES = 8 * 1024 * 1024;
const HASHED_BYTES = 64 * 1024 * 1024; // larger files are not read before they are sent
const TABLE = /\.(csv|tsv|tab|xlsx|xlsm|xlsb|xls|ods|jsonl?|ndjson)$/i;
const TRIES = 8;
const MOST_PAUSES = 90; // of a server without room
const sleep = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

class DropFiles extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.file = this.querySelector("#file");
    this.folder = this.querySelector("#folder");
    this.bar = this.querySelector("progress");
    this.said = this.querySelector("[role=status]");
    this.waiting = [];
    this.toggleAttribute("ready", true);
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.folder.addEventListener("change", () => this.send([...this.folder.files]));
    document.addEventListener("dragover", (event) => this.drag(event));
    document.addEventListener("dragleave", (event) => event.relatedTarget || this.removeAttribute("over"));
    document.addEventListener("drop", (event) => this.drop(event));
    addEventListener("beforeunload", (event) => this.isSending && event.preventDefault());
    this.watch();
  }

  drag(event) {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    this.toggleAttribute("over", true);
  }

  async drop(event) {
    this.removeAttribute("over");
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const files = entries.length ? (await Promise.all(entries.map(walk))).flat() : [...event.dataTransfer.files];
    this.send(files);
  }

  submit(event) {
    if (!this.file.files.length) return; // the browser asks for a file
    event.preventDefault();
    this.send([...this.file.files]);
  }

  /** Send files, tables first: pictures wait for the rows of their table. */
  async send(files) {
    this.waiting.push(...files.sort((one, other) => TABLE.test(other.name) - TABLE.test(one.name)));
    if (this.isSending || !this.waiting.length) return;
    this.isSending = true;
    this.form.querySelector("[type=submit]").setAttribute("aria-disabled", "true");
    this.querySelector(".progress").hidden = false;
    const known = await this.known();
    let sent = 0, again = 0, large = [];
    try {
      while (this.waiting.length) {
        const batch = [];
        let size = 0;
        while (this.waiting.length && batch.length < AT_ONCE && size < AT_ONCE_BYTES) {
          const file = this.waiting.shift();
          if (file.size > Number(this.dataset.maxBytes) && !/\.zip$/i.test(file.name)) large.push(file.name);
          else if (known.has(await hash(file))) again += 1;
          else {
            batch.push(file);
            size += file.size;
          }
        }
        if (batch.length || !this.waiting.length) await this.post(batch);
        sent += batch.length;
        this.tell(sent + again, sent + again + this.waiting.length);
      }
      const notes = [this.dataset.done, again && `${this.dataset.again} ${again}`, large.length && `${this.dataset.large} ${large.join(", ")}`];
      this.said.textContent = notes.filter(Boolean).join(" ");
    } catch {
      this.said.textContent = this.dataset.failed;
    }
    this.isSending = false;
    this.form.querySelector("[type=submit]").removeAttribute("aria-disabled");
    this.file.value = this.folder.value = "";
  }

  tell(done, all) {
    this.bar.max = all || 1;
    this.bar.value = done;
    this.said.textContent = `${this.dataset.sending} ${done} / ${all}. ${this.dataset.left}`;
  }

  /** Send one request, again after a pause where the network fails or the server has no room. */
  async post(files) {
    let pauses = 0;
    for (let tries = 0; tries < TRIES && pauses < MOST_PAUSES; tries += 1) {
      const body = new FormData(this.form);
      body.delete("file");
      if (this.waiting.length) body.delete("last");
      files.forEach((file) => body.append("file", file, file.name));
      let response = null;
      try {
        response = await fetch(this.form.action, { method: "POST", body, headers: { Accept: "text/html" } });
      } catch {
        await sleep(2 ** tries);
        continue;
      }
      const pause = Number(response.headers.get("Retry-After"));
      const isFull = new URL(response.url).searchParams.get("notice") === "full";
      if (isFull || response.status === 429 || response.status === 503) {
        this.said.textContent = this.dataset.waiting;
        await sleep(Math.min(pause || 10, 60));
        if (!isFull) continue;
        tries -= 1; // the server works on the files: it will have room
        pauses += 1;
      }
      await this.show(response);
      if (!isFull) return;
    }
    throw new Error("not sent");
  }

  async show(response) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const form = page.querySelector("drop-files form");
    const address = new URL(response.url);
    if (!form || !response.ok) {
      const why = page.querySelector("[role=alert] p")?.textContent;
      if (why) this.dataset.failed = why;
      throw new Error("refused");
    }
    address.searchParams.delete("notice");
    if (location.pathname !== address.pathname) {
      history.replaceState(null, "", address); // whoever comes back sees this drop
      document.querySelector("#earlier")?.closest("section").remove();
    }
    this.form.action = form.action;
    this.dataset.known = page.querySelector("drop-files").dataset.known;
    replace(page);
  }

  async known() {
    if (!this.dataset.known || !globalThis.crypto?.subtle) return new Set();
    try {
      return new Set((await (await fetch(this.dataset.known)).json()).sha256);
    } catch {
      return new Set();
    }
  }

  /** Show what the server has done meanwhile. What somebody types in a row stays. */
  async watch() {
    for (;;) {
      await sleep(2);
      if (!document.querySelector("#drop[data-working=yes]") || document.hidden) continue;
      try {
        const response = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (response.ok) replace(new DOMParser().parseFromString(await response.text(), "text/html"));
      } catch {
        // the network is away for a moment
      }
    }
  }
}

function replace(page) {
  const old = document.querySelector("#drop"), fresh = page.querySelector("#drop");
  if (!fresh) return;
  for (const row of old.querySelectorAll(".drop-row")) {
    const isEdited = row.contains(document.activeElement) || [...row.querySelectorAll("input")].some(
      (field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked,
    );
    if (isEdited) fresh.querySelector(`#${row.id}`)?.replaceWith(row);
  }
  const focused = document.activeElement;
  old.replaceWith(fresh);
  if (fresh.contains(focused)) focused.focus();
}

/** Return all files below a dropped file or folder. */
async function walk(entry) {
  if (entry.isFile) return [await new Promise((done, failed) => entry.file(done, failed))];
  const reader = entry.createReader();
  const files = [];
  for (;;) {
    const entries = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!entries.length) return files;
    files.push(...(await Promise.all(entries.map(walk))).flat());
  }
}

async function hash(file) {
  if (!globalThis.crypto?.subtle || file.size > HASHED_BYTES) return "";
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

customElements.define("drop-files", DropFiles);
