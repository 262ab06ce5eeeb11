// <scan-record data-to data-visit data-way>: says once that a person looks at this label. A GET counts nothing, so link
// previews and crawlers are no scans. A page that is prerendered or in the background waits until it is seen. When the
// network fails, the same visit is sent again: the service counts a visit once. Nothing is kept in the browser's storage.
// On the page of an unknown code, the numbers of the GS1 link are sent: their brand learns of labels that nobody has issued.

const WAITS_S = [2, 6, 18, 54]; // after each of the first tries; five tries in all

const once = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

async function seen() {
  if (document.prerendering) await once(document, "prerenderingchange");
  while (document.visibilityState !== "visible") await once(document, "visibilitychange");
}

/** Wait for so long, or until the network is back. */
const pause = (seconds) =>
  Promise.race([new Promise((resolve) => setTimeout(resolve, seconds * 1000)), once(window, "online")]);

/** Return the answer, {} for a refusal that another try does not change, null when another try may help. */
async function post(address, fields) {
  try {
    const body = new URLSearchParams(fields);
    const headers = { Accept: "application/json" };
    const answer = await fetch(address, { method: "POST", body, headers, keepalive: true });
    if (answer.ok) return await answer.json();
    return answer.status === 429 || answer.status >= 500 ? null : {};
  } catch {
    return null;
  }
}

class ScanRecord extends HTMLElement {
  connectedCallback() {
    if (this.started) return;
    this.started = true;
    this.send();
  }

  async send() {
    const { to, ...fields } = this.dataset; // visit and way, or the numbers of a label that nobody has issued
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? ""; // tells a VPN from a journey
    for (const wait of [...WAITS_S, 0]) {
      await seen();
      const answer = await post(to, { ...fields, zone });
      if (answer) return this.compare(answer.advice);
      if (wait) await pause(wait);
    }
  }

  /** The scan may have changed what a buyer is told: then load the page again, once for each entry of the history. */
  compare(advice) {
    const shown = this.closest("[data-advice]")?.dataset.advice;
    if (!advice || advice === shown || history.state?.scanned) return;
    history.replaceState({ ...history.state, scanned: true }, "");
    location.reload();
  }
}

customElements.define("scan-record", ScanRecord);
