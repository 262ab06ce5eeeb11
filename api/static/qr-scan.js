// <qr-scan>: reads the QR code of a label with the camera. Nothing is loaded and no camera is asked for before the button is
// pressed. The browser's own BarcodeDetector reads, or else zxing-wasm from this site. What looks like a label goes to the
// box's address, where the service decides whether the label is ours. All else is only shown: it is never opened or sent.
// Without cameras or scripts the element stays hidden.

const LOOK_EVERY_MS = 150;
const LONGEST_PX = 1280;
const SHOWN_CHARS = 80;
const CODE = /^[\s-]*(?:[0-9A-Za-z][\s-]*){13}$/;
const LABEL = /^\/(?:c\/[^/]+|01\/\d{14}(?:\/10\/[^/]+)?\/21\/[^/]+)\/?$/i;

async function ownReader() {
  if (!("BarcodeDetector" in window)) return null;
  const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
  if (!formats.includes("qr_code")) return null;
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  return async (video) => (await detector.detect(video)).map((one) => one.rawValue);
}

async function wasmReader({ reader, wasm }) {
  if (!window.ZXingWASM) {
    const script = document.createElement("script");
    const loaded = new Promise((resolve, reject) => Object.assign(script, { onload: resolve, onerror: reject }));
    script.src = reader;
    document.head.append(script);
    await loaded;
  }
  const { prepareZXingModule, readBarcodes } = window.ZXingWASM;
  await prepareZXingModule({ overrides: { locateFile: () => wasm }, fireImmediately: true });
  const canvas = document.createElement("canvas");
  const ground = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const scale = Math.min(1, LONGEST_PX / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    ground.drawImage(video, 0, 0, canvas.width, canvas.height);
    const picture = ground.getImageData(0, 0, canvas.width, canvas.height);
    const found = await readBarcodes(picture, { formats: ["QRCode"], maxNumberOfSymbols: 1 });
    return found.filter((one) => one.isValid).map((one) => one.text);
  };
}

/** Return the address in a text, null for any other text. */
function addressIn(text) {
  try {
    const address = new URL(text);
    return /^https?:$/.test(address.protocol) ? address : null;
  } catch {
    return null;
  }
}

class QrScan extends HTMLElement {
  connectedCallback() {
    if (!navigator.mediaDevices?.getUserMedia) return;
    const part = (name) => this.querySelector(`[data-part=${name}]`);
    [this.startButton, this.stopButton, this.view, this.status, this.problem] =
      ["start", "stop", "view", "status", "problem"].map(part);
    this.video = this.querySelector("video");
    this.turn = 0;
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    this.startButton.addEventListener("click", () => this.start(), { signal });
    this.stopButton.addEventListener("click", () => this.rest(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden && this.rest(), { signal });
    window.addEventListener("pagehide", () => this.rest(), { signal });
    this.hidden = false;
  }

  disconnectedCallback() {
    this.leaving?.abort();
    this.release();
  }

  async start() {
    const turn = ++this.turn;
    this.explain("");
    this.show(true, this.dataset.starting);
    this.stopButton.focus();
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
    } catch (error) {
      return turn === this.turn && this.fail(error.name === "NotAllowedError" ? this.dataset.refused : this.dataset.missing);
    }
    if (turn !== this.turn) return stream.getTracks().forEach((track) => track.stop());
    this.stream = stream;
    this.video.srcObject = stream;
    this.view.hidden = false;
    try {
      await this.video.play();
      const read = (await ownReader()) ?? (await wasmReader(this.dataset));
      if (turn === this.turn) this.status.textContent = this.dataset.looking;
      await this.look(turn, read);
    } catch {
      if (turn === this.turn) this.fail(this.dataset.failed);
    }
  }

  async look(turn, read) {
    while (turn === this.turn) {
      const [text] = this.video.videoWidth ? await read(this.video) : [];
      if (turn !== this.turn) return;
      if (text) return this.take(text);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** Go to the label, or show what the QR code holds. */
  take(text) {
    const address = addressIn(text);
    if (!CODE.test(text) && !(address && LABEL.test(address.pathname))) {
      this.rest();
      const host = address ? this.dataset.host.replace("{host}", address.hostname) : "";
      return this.explain(this.dataset.foreign, [host, text.slice(0, SHOWN_CHARS)]);
    }
    this.rest();
    this.status.textContent = this.dataset.found;
    const fields = new URLSearchParams({ code: text, way: "scanner", ...(this.dataset.lang && { lang: this.dataset.lang }) });
    location.assign(`${this.dataset.look}?${fields}`);
  }

  fail(sentence) {
    this.rest();
    this.explain(sentence);
  }

  /** Turn the camera off, and be ready for the next press. */
  rest() {
    const hadFocus = this.contains(document.activeElement);
    this.turn += 1;
    this.release();
    this.show(false, "");
    if (hadFocus) this.startButton.focus();
  }

  release() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    if (this.video) this.video.srcObject = null;
  }

  show(isOn, sentence) {
    this.startButton.hidden = isOn;
    this.stopButton.hidden = !isOn;
    if (!isOn) this.view.hidden = true;
    this.status.textContent = sentence;
  }

  /** Say what went wrong and, as plain text, what was read. Nothing said puts the message away. */
  explain(sentence, lines = []) {
    const [say, host, code] = this.problem.querySelectorAll("[data-say], [data-host-line], code");
    say.textContent = sentence;
    [host.textContent, code.textContent] = [lines[0] ?? "", lines[1] ?? ""];
    this.problem.hidden = !sentence;
  }
}

customElements.define("qr-scan", QrScan);
