// What authcheck/proofs/bundle.py checks, once more in the reader's own browser: WebCrypto alone, no library.
// `verify(bundle, trust)` gives {outcome, steps}, names and codes as there; outcome "unsupported" where Ed25519 is missing.

const STEPS = ["signature", "entry", "inclusion", "checkpoint", "witnesses", "key", "status"];
const PLACES = 131072;
const encoder = new TextEncoder();

class NotTrue extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

const demand = (holds, code) => {
  if (!holds) throw new NotTrue(code);
};
const bytes = (...parts) => new Uint8Array(parts.flatMap((part) => [...part]));
const same = (one, other) => one.length === other.length && one.every((value, place) => value === other[place]);
const sha256 = async (data) => new Uint8Array(await crypto.subtle.digest("SHA-256", data));
const hex = (data) => [...data].map((value) => value.toString(16).padStart(2, "0")).join("");

// Base64 in the one spelling that these bytes have.
function base64(text, code) {
  try {
    const binary = atob(text);
    if (btoa(binary) === text) return Uint8Array.from(binary, (char) => char.charCodeAt(0));
  } catch {
    // told below
  }
  throw new NotTrue(code);
}

function base64url(text, code) {
  demand(/^[A-Za-z0-9_-]*$/.test(text), code);
  return base64(text.replaceAll("-", "+").replaceAll("_", "/") + "===".slice((text.length + 3) % 4), code);
}

async function signedBy(key, signature, data) {
  const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", imported, signature, data);
}

function credential(jws) {
  const code = "certificate.malformed";
  const parts = String(jws).split(".");
  demand(parts.length === 3, code);
  const [head, claims, signature] = parts.map((part) => base64url(part, code));
  let header, payload;
  try {
    [header, payload] = [head, claims].map((part) => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(part)));
  } catch {
    throw new NotTrue(code);
  }
  const known = Object.keys(header ?? {}).every((name) => ["alg", "kid", "typ", "cty"].includes(name));
  demand(known && header?.typ === "vc+jwt" && typeof header.kid === "string", code);
  demand(payload && typeof payload.id === "string" && typeof payload.issuer === "string", code);
  demand(!("vc" in payload || "vp" in payload), code); // VC-JOSE-COSE forbids them: readers of VC 1.1 look there
  demand(header.alg === "Ed25519" || header.alg === "EdDSA", "certificate.algorithm");
  return { jws, kid: header.kid, payload, signature, signed: encoder.encode(`${parts[0]}.${parts[1]}`) };
}

function keyOf(trust, { kid, payload }) {
  demand(kid.split("#")[0] === payload.issuer, "certificate.issuer");
  return trust.issuers[payload.issuer]?.keys.find((key) => key.kid === kid);
}

async function checkSignature(key, signed) {
  const holds = await signedBy(base64url(key.public_key, "bundle.trust"), signed.signature, signed.signed);
  demand(holds, "certificate.signature");
}

async function checkEntry(text, type, { jws, kid, payload }) {
  let entry;
  try {
    entry = JSON.parse(text);
  } catch {
    throw new NotTrue("ledger.entry");
  }
  const sorted = Object.entries(entry ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  demand(JSON.stringify(Object.fromEntries(sorted)) === text, "ledger.entry"); // RFC 8785, of a flat object
  const h = `sha256:${hex(await sha256(encoder.encode(jws)))}`;
  const expected = { t: type, id: payload.id, h, iss: payload.issuer, kid };
  demand(Object.entries(expected).every(([name, value]) => entry[name] === value), "bundle.entry");
}

// c2sp.org/tlog-proof@v1 around a c2sp.org/signed-note of a c2sp.org/tlog-checkpoint
function readProof(text) {
  const code = "proof.malformed";
  const split = text.indexOf("\n\n");
  const [head, index, ...hashes] = text.slice(0, split).split("\n");
  demand(split > 0 && head === "c2sp.org/tlog-proof@v1" && /^index (0|[1-9]\d{0,14})$/.test(index), code);
  const note = text.slice(split + 2);
  const below = note.lastIndexOf("\n\n");
  const signedText = note.slice(0, below + 1);
  const [origin, size, root, ...rest] = signedText.split("\n");
  demand(below > 0 && note.endsWith("\n") && rest.join() === "" && /^(0|[1-9]\d{0,14})$/.test(size), "note.checkpoint");
  const lines = note.slice(below + 2, -1).split("\n").map((line) => {
    const [dash, name, signature, ...more] = line.split(" ");
    demand(dash === "\u2014" && name && signature && !more.length, "note.malformed");
    const typed = base64(signature, "note.malformed");
    return { name, id: hex(typed.slice(0, 4)), signature: typed.slice(4) };
  });
  return {
    index: Number(index.slice(6)),
    hashes: hashes.map((hash) => base64(hash, code)),
    note, origin, text: signedText, lines,
    size: Number(size),
    root: base64(root, "note.checkpoint"),
  };
}

// RFC 9162 s2.1.3.2; numbers of up to 2^53, so divided instead of shifted
async function checkInclusion(entry, { index, size, hashes, root }) {
  const code = "proof.invalid";
  demand(index < size && hashes.every((hash) => hash.length === 32), code);
  const node = (left, right) => sha256(bytes([1], left, right));
  let [place, last, running] = [index, size - 1, await sha256(bytes([0], encoder.encode(entry)))];
  const up = () => {
    [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
  };
  for (const sibling of hashes) {
    demand(last > 0, code);
    if (place % 2 || place === last) {
      running = await node(sibling, running);
      while (place % 2 === 0 && place) up();
    } else {
      running = await node(running, sibling);
    }
    up();
  }
  demand(last === 0 && same(running, root), code);
}

// Whether a key, `name+id+base64(type, key)`, signed the checkpoint; a false signature of it is an error.
async function noteSignedBy(vkey, proof, type) {
  const [name, id] = vkey.split("+", 2);
  const typed = base64(vkey.slice(name.length + id.length + 2), "bundle.trust");
  let found = false;
  if (typed[0] !== type) return found;
  for (const line of proof.lines.filter((one) => one.name === name && one.id === id)) {
    let [message, signature] = [proof.text, line.signature];
    if (type === 4) {
      demand(signature.length === 72, "note.signature");
      const at = new DataView(signature.buffer).getBigUint64(0);
      [message, signature] = [`cosignature/v1\ntime ${at}\n${proof.text}`, signature.slice(8)];
    }
    demand(await signedBy(typed.slice(1), signature, encoder.encode(message)), "note.signature");
    found = true;
  }
  return found && hex(typed.slice(1));
}

async function witnessed(trust, proof) {
  if (!trust.quorum) return { state: "off" };
  const keys = new Set(); // of keys, not names: a cosignature does not commit to its name
  for (const vkey of trust.witnesses) keys.add(await noteSignedBy(vkey, proof, 4));
  keys.delete(false);
  return { state: keys.size >= trust.quorum ? "true" : "unknown" };
}

async function isRevoked(list, status) {
  const code = "certificate.malformed";
  const { statusPurpose, encodedList } = list.payload.credentialSubject ?? {};
  demand(statusPurpose === "revocation" && String(encodedList).startsWith("u"), code);
  const packed = base64url(encodedList.slice(1), code);
  const bits = [];
  try {
    for await (const part of chunks(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")))) {
      bits.push(...part);
      if (bits.length > PLACES / 8) break;
    }
  } catch {
    bits.length = 0;
  }
  demand(bits.length === PLACES / 8, code);
  const place = Number(status.statusListIndex);
  return ((bits[Math.floor(place / 8)] >> (7 - (place % 8))) & 1) === 1;
}

async function* chunks(stream) {
  const reader = stream.getReader(); // not every browser walks over a stream by itself
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}

async function status(bundle, certificate, issued, trust) {
  const place = certificate.payload.credentialStatus ?? {};
  const index = String(place.statusListIndex);
  demand(place.statusPurpose === "revocation" && typeof place.statusListCredential === "string", "certificate.malformed");
  demand(/^(0|[1-9]\d{0,5})$/.test(index) && Number(index) < PLACES, "certificate.malformed");
  const list = credential(bundle.status.list);
  const { id, issuer } = list.payload;
  demand(id === place.statusListCredential && issuer === certificate.payload.issuer, "bundle.status");
  const key = keyOf(trust, list);
  if (!key) return { state: "unknown" };
  await checkSignature(key, list);
  await checkEntry(bundle.status.entry, "statuslist.publish", list);
  const proof = readProof(bundle.status.proof);
  await checkInclusion(bundle.status.entry, proof);
  demand(proof.note === issued.note, "bundle.checkpoint");
  checkKey(key, proof.index);
  demand(!(await isRevoked(list, place)), "certificate.revoked");
  return { state: proof.index < Math.max(issued.index, trust.status_lists[id] ?? 0) ? "unknown" : "true" };
}

function checkKey(key, number) {
  demand(key.from <= number && (key.until === null || number < key.until), "certificate.key");
}

async function* walk(bundle, trust) {
  const certificate = credential(bundle.certificate);
  const key = keyOf(trust, certificate);
  if (key) await checkSignature(key, certificate);
  yield { state: key ? "true" : "unknown" };
  await checkEntry(bundle.entry, "cert.issue", certificate);
  yield { state: "true" };
  const proof = readProof(bundle.proof);
  await checkInclusion(bundle.entry, proof);
  yield { state: "true" };
  const { origin, vkey } = trust.log; // a plain signature has type 1, a witness's cosignature 4
  demand((await noteSignedBy(vkey, proof, 1)) && proof.origin === origin && vkey.startsWith(`${origin}+`), "bundle.checkpoint");
  yield { state: "true" };
  yield await witnessed(trust, proof);
  if (key) checkKey(key, proof.index);
  yield { state: key ? "true" : "unknown" };
  yield await status(bundle, certificate, proof, trust);
}

async function isSupported() {
  try {
    await crypto.subtle.generateKey("Ed25519", false, ["verify", "sign"]);
    return typeof DecompressionStream === "function";
  } catch {
    return false;
  }
}

export async function verify(bundle, trust) {
  if (!(await isSupported())) return { outcome: "unsupported", steps: [] };
  const steps = [];
  try {
    for await (const step of walk(bundle, trust)) steps.push({ name: STEPS[steps.length], ...step });
  } catch (error) {
    // What is neither is text of a shape that nothing good has.
    steps.push({ name: STEPS[steps.length], state: "false", code: error.code ?? "bundle.malformed" });
  }
  for (const name of STEPS.slice(steps.length)) steps.push({ name, state: "unknown" });
  const failed = steps.find((step) => step.state === "false");
  if (failed) return { outcome: failed.code === "certificate.revoked" ? "revoked" : "not_true", steps };
  return { outcome: steps.some((step) => step.state === "unknown") ? "unknown" : "good", steps };
}

// On the page: <verified-here data-bundle data-trust data-certificate>, with a sentence for each outcome in its data.
class VerifiedHere extends HTMLElement {
  async connectedCallback() {
    const { bundle, trust, certificate } = this.dataset;
    let outcome = "failed";
    try {
      const keys = await fetched(trust); // first: it must not know of a newer list than the proof can hold
      const proof = await fetched(bundle);
      ({ outcome } = await verify(proof, keys));
      // A good proof of another certificate would be as good as none.
      if (outcome !== "unsupported" && credential(proof.certificate).payload.id !== certificate) outcome = "not_true";
    } catch {
      // told as failed
    }
    this.setAttribute("outcome", outcome);
    this.textContent = this.dataset[outcome];
    this.hidden = false;
  }
}

async function fetched(address) {
  const answer = await fetch(address, { cache: "no-cache" });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.json();
}

customElements.define("verified-here", VerifiedHere);
